from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import hl7_messages
from connectors.formats.tables import File, Limits

REAL = Path(__file__).parents[4] / "shared" / "data" / "hl7" / "fhir-converter"
MSH = "MSH|^~\\&|LAB|ELAB^1.2^ISO|EHR||202402150930||ORU^R01^ORU_R01|C-1|P|2.5"
PID = "PID|1||555^^^A^MR~777^^^B^SS||DOE&VAN^EVE^E||19620320|F"
OBX = "OBX|1|TX|1554-5^GLUCOSE||high\\.br\\see R\\T\\D 5\\S\\2||||||F"
MESSAGE = "\r".join([MSH, PID, OBX, ""])


@pytest.fixture
def read(tmp_path):
    def tables(content, limits=None, **options):
        path = tmp_path / "feed.hl7"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        told = hl7_messages.tables(File(path, "feed.hl7"), hl7_messages.Options(**options), limits=limits or Limits())
        return {table.name: table for table in told}

    return tables


def rows(table):
    return [row for piece in table.pieces() for row in piece.frame.rows(named=True)]


def rejects(table):
    return [reject for piece in table.pieces() for reject in piece.rejects]


def rules(tables):
    return [noticed.rule for noticed in tables["messages"].noticed]


def test_a_message_is_a_row_with_its_header_its_patient_and_its_text(read):
    tables = read(MESSAGE)
    (row,) = rows(tables["messages"])
    assert row | {
        "control_id": "C-1", "type": "ORU", "trigger": "R01", "structure": "ORU_R01", "version": "2.5",
        "sent_at": "202402150930", "sending_application": "LAB", "sending_facility": "ELAB^1.2^ISO",
        "receiving_facility": None, "patient_id": "555", "patient_family_name": "DOE", "patient_given_name": "EVE",
        "patient_birth_date": "19620320", "patient_sex": "F", "segments": 3, "text": "\n".join([MSH, PID, OBX]),
    } == row  # fmt: skip
    assert list(tables) == ["messages", "MSH", "PID", "OBX"]
    assert rules(tables) == []


def test_a_segment_has_columns_for_fields_components_and_subcomponents(read):
    (row,) = rows(read(MESSAGE)["PID"])
    assert row["PID.5"] == "DOE&VAN^EVE^E"
    assert (row["PID.5.1"], row["PID.5.1.1"], row["PID.5.1.2"], row["PID.5.2"]) == ("DOE&VAN", "DOE", "VAN", "EVE")
    assert (row["message"], row["reference"], row["segment"], row["_position"]) == (1, "C-1", 2, 2)


def test_the_header_holds_the_separators_as_its_first_fields(read):
    (row,) = rows(read(MESSAGE)["MSH"])
    assert (row["MSH.1"], row["MSH.2"], row["MSH.9.2"], row["MSH.12"]) == ("|", "^~\\&", "R01", "2.5")


def test_an_escaped_separator_is_part_of_its_value(read):
    assert rows(read(MESSAGE)["OBX"])[0]["OBX.5"] == "high\nsee R&D 5^2"


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [("a\\F\\b\\R\\c\\E\\d", "a|b~c\\d"), ("\\X41420D\\", "AB\r"), ("\\XE9\\", "\\XE9\\"),
     ("\\H\\loud\\N\\", "\\H\\loud\\N\\"),
     ('""', '""'), (" x ", " x "), ("a\\b", "a\\b")],
)  # fmt: skip
def test_a_value_is_decoded_where_its_meaning_is_sure(read, spelled, meant):
    assert rows(read(MESSAGE.replace("high\\.br\\see R\\T\\D 5\\S\\2", spelled))["OBX"])[0]["OBX.5"] == meant


def test_repetitions_are_joined_as_in_the_file_or_lists(read):
    assert rows(read(MESSAGE)["PID"])[0]["PID.3.5"] == "MR~SS"
    row = rows(read(MESSAGE, repetitions="lists")["PID"])[0]
    assert (row["PID.3.1"], row["PID.3.4"], row["PID.7"]) == (["555", "777"], ["A", "B"], ["19620320"])


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_end_with_any_line_end(read, end):
    tables = read(MESSAGE.replace("\r", end))
    assert [row["segments"] for row in rows(tables["messages"])] == [3]


def test_each_message_has_its_own_separators(read):
    other = MESSAGE.replace("C-1", "C-2").replace("^", "#").replace("|", "*")
    assert [row["PID.5.2"] for row in rows(read(MESSAGE + other)["PID"])] == ["EVE", "EVE"]


def test_framed_messages_are_read_and_a_cut_frame_is_refused(read):
    framed = f"\x0b{MESSAGE}\x1c\r"
    assert len(rows(read(framed * 3)["messages"])) == 3
    with pytest.raises(FileRefused, match="ends inside message 3"):
        read(framed * 2 + framed[:-20])


def test_a_batch_counts_its_messages(read):
    def batch(count):
        return f"FHS|^~\\&|A\rBHS|^~\\&|A\r{MESSAGE}{MESSAGE}BTS|{count}\rFTS|1\r"

    tables = read(batch(2))
    assert rules(tables) == []
    assert [row["message"] for row in rows(tables["messages"])] == [1, 2]
    assert rules(read(batch(3))) == ["batch-count-differs"]
    assert rules(read(batch(2).replace("BTS|2\rFTS|1\r", ""))) == ["batch-not-closed"]


def test_a_line_without_segment_identifier_goes_on_the_segment_before_it(read):
    tables = read(MESSAGE.replace("see", "\rthe second line "))
    assert rows(tables["OBX"])[0]["OBX.5"] == "high\n\nthe second line  R&D 5^2"
    assert rules(tables) == ["segment-continued"]


def test_a_segment_outside_a_message_is_a_reject(read):
    tables = read(f"BHS|^~\\&|A\r{PID}\r{MESSAGE}BTS|1\r")
    assert rejects(tables["messages"]) == [(2, "the segment stands outside a message", PID)]
    assert rules(tables) == ["outside-message"]


def test_a_header_without_control_id_is_noticed(read):
    tables = read(MESSAGE.replace("C-1", ""))
    assert rules(tables) == ["header-incomplete"]
    assert rows(tables["messages"])[0]["control_id"] is None


@pytest.mark.parametrize(
    ("name", "codec"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("GB 18030-2000", "gb18030"), ("", "utf-8")]
)
def test_text_is_read_in_the_character_set_of_the_header(read, name, codec):
    text = "Müller" if codec == "latin-1" else "王"
    content = MESSAGE.replace(MSH, f"{MSH}||||||{name}").replace("EVE", text).encode(codec)
    assert rows(read(content)["PID"])[0]["PID.5.2"] == text


def test_a_declared_field_is_a_column_also_where_no_segment_has_it(read):
    tables = read(MESSAGE, fields=("PID.11.3", "AL1.2"))
    assert rows(tables["PID"])[0]["PID.11.3"] is None
    assert rows(tables["AL1"]) == []
    with pytest.raises(FileRefused, match="names no field"):
        read(MESSAGE, fields=("PID-3",))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "does not begin"), ("\0" * 90, "does not begin"), ("MSH", "does not begin"),
        ("MSH|^^^^|A\r", "does not begin"),
        ("PID|1\r", "does not begin"), ("FHS|^~\\&|A\rFTS|0\r", "holds no message"), (MESSAGE + "\0", "NUL"),
        (MESSAGE + "MSH|||||\r", "does not tell the separators"),
        (MESSAGE.encode() + b"NTE|\xff\xfe\x81\x00", "NUL|encoding"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_a_reason(read, content, reason):
    with pytest.raises(FileRefused, match=reason):
        read(content)


def test_a_message_above_the_limit_is_refused_or_a_reject(read):
    with pytest.raises(FileRefused, match="longer than 1,000"):
        read(MESSAGE.replace("high", "x" * 2_000), limits=Limits(cell_bytes=1_000))
    tables = read(MESSAGE + MSH + "\r" + f"{OBX}\r" * 30, limits=Limits(cell_bytes=1_000))
    assert len(rows(tables["messages"])) == 1
    assert [reason for _, reason, _ in rejects(tables["messages"])] == ["the message is longer than 1,000 characters"]


def test_pieces_hold_no_more_than_the_limits_allow(read):
    tables = read(MESSAGE * 25, limits=Limits(batch_rows=10))
    assert [piece.frame.height for piece in tables["messages"].pieces()] == [10, 10, 5]
    assert [piece.frame.height for piece in tables["PID"].pieces()] == [10, 10, 5]


@pytest.mark.parametrize(
    ("head", "known"),
    [(MESSAGE, True), (f"\x0b{MESSAGE}", True), ("\ufeff" + MESSAGE, True), ("FHS|^~\\&|", True), ("BHS|^~\\&|", True),
     ("MSH,NAME\n", False), ("MSHX|", False), ("PID|1", False), ("", False)],
)  # fmt: skip
def test_it_is_recognised_by_its_first_segment(tmp_path, head, known):
    assert hl7_messages.recognises(head.encode(), File(tmp_path / "a", "a")) is known


def test_utf_16_is_read(read):
    assert len(rows(read(MESSAGE.encode("utf-16"))["messages"])) == 1


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.lists(VALUES, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_is_escaped_comes_back(tmp_path_factory, fields):
    def escaped(text):
        return "".join(f"\\{'FSTRE'['|^&~'.find(one)]}\\" if one in "|^&~\\" else one for one in text)

    spelled = "|".join("^".join("&".join(map(escaped, subs)) for subs in components) for components in fields)
    path = tmp_path_factory.mktemp("hl7") / "a.hl7"
    path.write_bytes(f"{MSH}\rZZZ|{spelled}\r".encode())
    tables = {one.name: one for one in hl7_messages.tables(File(path, "a"), hl7_messages.Options(), limits=Limits())}
    (row,) = rows(tables["ZZZ"])
    for number, components in enumerate(fields, 1):
        for part, subs in enumerate(components, 1):
            for below, value in enumerate(subs, 1):
                names = [f"ZZZ.{number}", f"ZZZ.{number}.{part}", f"ZZZ.{number}.{part}.{below}"]
                deepest = next(name for name in reversed(names) if name in row)
                assert row[deepest] == value


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared data is not here")
def test_every_real_message_is_read(tmp_path):
    paths = sorted(REAL.rglob("*.hl7"))
    for path in paths:
        tables = hl7_messages.tables(File(path, path.name), hl7_messages.Options(), limits=Limits())
        assert len(rows(tables[0])) == 1
        assert rejects(tables[0]) == []
