from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import edifact
from connectors.formats.tables import File, Limits

REAL = Path(__file__).parents[4] / "shared" / "data" / "edi" / "pydifact" / "tests" / "data"
ORDER = (
    "UNA:+.? '\r\n"
    "UNB+UNOC:3+SENDER:14+RECEIVER:14+240102:0915+REF1++++++1'\r\n"
    "UNH+1+ORDERS:D:96A:UN:EAN008'\r\n"
    "BGM+220+PO-1+9'\r\n"
    "NAD+BY+++Bolts ?+ Nuts?'s+M?:Street'\r\n"
    "LIN+1++4711:EN'\r\n"
    "LIN+2++4712'\r\n"
    "UNT+6+1'\r\n"
    "UNZ+1+REF1'\r\n"
)


@pytest.fixture
def read(tmp_path):
    def tables(content, limits=None, **options):
        path = tmp_path / "night.edi"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
        told = edifact.tables(File(path, "night.edi"), edifact.Options(**options), limits=limits or Limits())
        return {table.name: table for table in told}

    return tables


def rows(table):
    return [row for piece in table.pieces() for row in piece.frame.rows(named=True)]


def rules(tables):
    return [noticed.rule for noticed in tables["messages"].noticed]


def test_a_message_is_a_row_with_its_interchange(read):
    tables = read(ORDER)
    (row,) = rows(tables["messages"])
    assert row | {
        "reference": "1", "type": "ORDERS", "version": "D", "release": "96A", "agency": "UN", "association": "EAN008",
        "sender": "SENDER", "recipient": "RECEIVER", "prepared_date": "240102", "prepared_time": "0915",
        "interchange": "REF1", "document_code": "220", "document_number": "PO-1", "test": "1", "segments": 6,
    } == row  # fmt: skip
    assert list(tables)[:2] == ["messages", "segments"]
    assert rules(tables) == []


def test_a_segment_has_columns_for_its_elements_and_components(read):
    lines = rows(read(ORDER)["LIN"])
    assert [(row["LIN.1"], row.get("LIN.2"), row["LIN.3"], row["LIN.3.1"], row["LIN.3.2"])
            for row in lines] == [("1", None, "4711:EN", "4711", "EN"), ("2", None, "4712", "4712", None)]  # fmt: skip
    assert [(row["message"], row["reference"], row["segment"], row["_position"]) for row in lines] == [
        (1, "1", 4, 5), (1, "1", 5, 6),
    ]  # fmt: skip


def test_a_released_character_stands_for_itself(read):
    (party,) = rows(read(ORDER)["NAD"])
    assert (party["NAD.4"], party["NAD.5"]) == ("Bolts + Nuts's", "M:Street")
    assert "NAD.5.2" not in party


def test_every_segment_stands_in_the_table_of_segments_as_it_is_spelled(read):
    told = rows(read(ORDER)["segments"])
    assert [row["tag"] for row in told] == ["UNB", "UNH", "BGM", "NAD", "LIN", "LIN", "UNT", "UNZ"]
    assert told[3]["text"] == "NAD+BY+++Bolts ?+ Nuts?'s+M?:Street"
    assert told[3]["elements"] == ["BY", None, None, "Bolts + Nuts's", "M:Street"]


def test_a_declared_field_is_a_column_also_where_no_segment_has_it(read):
    tables = read(ORDER, fields=("LIN.3.5", "QTY.1.2"))
    assert "LIN.3.5" in tables["LIN"].schema
    assert rows(tables["QTY"]) == []


def test_repetitions_of_syntax_version_4_are_joined_or_lists(read):
    content = "UNB+UNOC:4+S+R+20240101:1200+1'UNH+1+X:D:1:UN'ABC+a:1*b'UNT+3+1'UNZ+1+1'"
    assert rows(read(content)["ABC"])[0]["ABC.1.1"] == "a*b"
    assert rows(read(content, repetitions="lists")["ABC"])[0]["ABC.1.2"] == ["1", None]
    assert rows(read(content.replace("UNOC:4", "UNOC:3"))["ABC"])[0]["ABC.1.2"] == "1*b"


def test_other_separators_are_told_by_the_service_string(read):
    content = ORDER.replace("UNA:+.? '\r\n", "").replace("?+", "\0").replace("?'", "\1").replace("?:", "\2")
    content = content.replace("+", "|").replace(":", "^").replace("'", "~").replace("\0", "+").replace("\1", "'")
    (party,) = rows(read("UNA^|.? ~" + content.replace("\2", ":"))["NAD"])
    assert (party["NAD.4"], party["NAD.5"]) == ("Bolts + Nuts's", "M:Street")


@pytest.mark.parametrize(("character_set", "codec"), [("UNOC", "latin-1"), ("UNOE", "iso8859-5"), ("UNOY", "utf-8")])
def test_text_is_read_in_the_character_set_that_the_file_declares(read, character_set, codec):
    text = "Ж" if codec == "iso8859-5" else "é"
    content = ORDER.replace("UNOC", character_set).replace("PO-1", "\0").encode().replace(b"\0", text.encode(codec))
    assert rows(read(content)["BGM"])[0]["BGM.2"] == text


def test_bytes_of_another_character_set_than_the_declared_are_noticed(read):
    tables = read(ORDER.replace("PO-1", "Größe").encode())
    assert rows(tables["BGM"])[0]["BGM.2"] == "Größe"
    assert rules(tables) == ["character-set-differs"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("UNT+6+1", "UNT+5+1"), "envelope-count-differs"), (("UNT+6+1", "UNT+6+2"), "envelope-reference-differs"),
        (("UNZ+1+REF1", "UNZ+2+REF1"), "envelope-count-differs"), (("UNZ+1+REF1'\r\n", ""), "envelope-not-closed"),
        (("UNZ+1+REF1", "UNZ+1+REF2"), "envelope-reference-differs"), (("LIN+2++4712'", ""), "envelope-count-differs"),
    ],
)  # fmt: skip
def test_what_an_envelope_counts_wrongly_is_critical(read, change, rule):
    tables = read(ORDER.replace(*change))
    assert rules(tables) == [rule]
    assert tables["messages"].noticed[0].severity == "critical"


def test_groups_are_counted_by_the_interchange(read):
    grouped = ORDER.replace("UNH+", "UNG+ORDERS+A+B+240102:0915+G1+UN+D:96A'UNH+", 1).replace("UNZ+", "UNE+1+G1'UNZ+")
    tables = read(grouped)
    assert rules(tables) == []
    assert rows(tables["messages"])[0]["group"] == "G1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "does not begin"), ("\0" * 50, "does not begin"), ("UNA:+.? '", "does not begin"),
        (ORDER[: ORDER.index("4711")], "middle of segment 5"), (ORDER[: ORDER.index("UNT")], "ends inside message 1"),
        (ORDER.replace("UNT+6+1'", ""), "message 1 has no UNT"), (ORDER.replace("UNH", "UNX", 1), "outside a message"),
        (ORDER.replace("LIN+1", "H`1"), "begins with no tag"), (ORDER.replace("PO-1", "\0"), "NUL"),
        (ORDER.replace("UNA:+.? '", "UNA:*.? '"), "do not agree"), (ORDER + "UNA:*.? 'UNB*", "other separators"),
        ("UNB+UNOC:3+A+B+240101:1200+1'UNZ+0+1'UNT+1+1'", "closes nothing"),
        (ORDER.replace("PO-1", "é").encode("utf-16-le")[:-1], "not utf-16"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_a_reason(read, content, reason):
    with pytest.raises(FileRefused, match=reason):
        read(content)


def test_a_reason_holds_no_value_of_the_file(read):
    with pytest.raises(FileRefused) as refused:
        read(ORDER.replace("LIN+1", "secret`1"))
    assert "secret" not in str(refused.value)


def test_a_segment_above_the_limit_is_refused(read):
    with pytest.raises(FileRefused, match="longer than 1,000"):
        read(ORDER.replace("PO-1", "x" * 2_000_000), limits=Limits(cell_bytes=1_000))


def test_pieces_hold_no_more_than_the_limits_allow(read):
    message = "UNH+{0}+ORDERS:D:96A:UN'BGM+220+{0}'UNT+3+{0}'"
    content = "UNB+UNOA:3+A+B+240101:1200+1'" + "".join(message.format(at) for at in range(25)) + "UNZ+25+1'"
    pieces = list(read(content, limits=Limits(batch_rows=10))["messages"].pieces())
    assert [piece.frame.height for piece in pieces] == [10, 10, 5]


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (ORDER, True), ("\r\nUNB+UNOA:1+A", True), ("UNA:+.? 'XYZ", True), ("DOC+01=x'UNA:+.? 'UNB+UNOL:3+", True),
        ("UNB;Name\n1;2", False), ("UNA,UNB\n", False), ("unb+unoa", False), ("UNBOUND+1", False), ("ISA*00*", False),
    ],
)  # fmt: skip
def test_it_is_recognised_by_its_first_segment(tmp_path, head, known):
    assert edifact.recognises(head.encode(), File(tmp_path / "a", "a")) is known


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=1), min_size=1))
def test_what_is_released_comes_back(tmp_path_factory, segments):
    def released(text):
        return "".join(f"?{one}" if one in ":+'?" else one for one in text)

    body = "".join("ABC+" + "+".join(map(released, elements)) + "'" for elements in segments)
    content = f"UNB+UNOY:3+A+B+240101:1200+1'UNH+1+X:D:1:UN'{body}UNT+{len(segments) + 2}+1'UNZ+1+1'"
    path = tmp_path_factory.mktemp("edi") / "a.edi"
    path.write_bytes(content.encode())
    tables = {table.name: table for table in edifact.tables(File(path, "a"), edifact.Options(), limits=Limits())}
    assert [row["elements"] for row in rows(tables["segments"]) if row["tag"] == "ABC"] == segments
    assert rules(tables) == []


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared data is not here")
def test_real_interchanges_are_read_or_refused_with_a_reason(tmp_path):
    refused = {}
    for path in sorted(one for one in REAL.rglob("*") if one.is_file()):
        try:
            edifact.tables(File(path, path.name), edifact.Options(), limits=Limits())
        except FileRefused as error:
            refused[path.name] = error.what
    assert refused == {
        "hl7.lab": "segment 2 begins with no tag", "patient3.edi": "it ends in the middle of segment 53",
        "sage_coala.ped": "it does not begin with UNA or UNB",
    }  # fmt: skip
