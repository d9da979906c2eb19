import pytest

from catalog.errors import FileRefused
from connectors.formats import x12
from connectors.formats.tables import File, Limits

ISA = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240101*1253*^*00501*000000905*0*P*:~"
CLAIM = (
    ISA + "\n"
    "GS*HC*APP*PAYER*20240101*1253*1*X*005010X222A1~\n"
    "ST*837*0001*005010X222A1~\n"
    "NM1*85*2*CLINIC*****XX*1234567893~\n"
    "SV1*HC:99213:25*125.50*UN*1**1:2~\n"
    "SVD*A^B*1~\n"
    "SE*5*0001~\n"
    "GE*1*1~\n"
    "IEA*1*000000905~\n"
)


@pytest.fixture
def read(tmp_path):
    def tables(content, limits=None, **options):
        path = tmp_path / "claims.x12"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        told = x12.tables(File(path, "claims.x12"), x12.Options(**options), limits=limits or Limits())
        return {table.name: table for table in told}

    return tables


def rows(table):
    return [row for piece in table.pieces() for row in piece.frame.rows(named=True)]


def rules(tables):
    return [noticed.rule for noticed in tables["messages"].noticed]


def test_a_transaction_set_is_a_row_with_its_envelopes(read):
    tables = read(CLAIM)
    (row,) = rows(tables["messages"])
    assert row | {
        "reference": "0001", "type": "837", "version": "005010X222A1", "interchange": "000000905", "sender": "SENDER",
        "recipient": "RECEIVER", "usage": "P", "group": "1", "group_type": "HC", "segments": 5, "_position": 3,
    } == row  # fmt: skip
    assert rules(tables) == []


def test_a_segment_has_columns_for_its_elements_and_components(read):
    tables = read(CLAIM)
    (service,) = rows(tables["SV1"])
    assert (service["SV1.1"], service["SV1.1.2"], service["SV1.1.3"], service["SV1.2"]) == (
        "HC:99213:25", "99213", "25", "125.50",
    )  # fmt: skip
    assert rows(tables["NM1"])[0]["NM1.9"] == "1234567893"
    assert rows(tables["ISA"])[0]["ISA.16"] == ":"


def test_a_value_keeps_its_zeros_and_blanks(read):
    (header,) = rows(read(CLAIM)["ISA"])
    assert (header["ISA.6"], header["ISA.13"]) == ("SENDER         ", "000000905")


def test_a_repetition_separator_counts_only_in_versions_that_have_one(read):
    assert rows(read(CLAIM, repetitions="lists")["SVD"])[0]["SVD.1"] == ["A", "B"]
    older = CLAIM.replace("*^*00501*", "*U*00401*")
    assert rows(read(older)["SVD"])[0]["SVD.1"] == "A^B"


@pytest.mark.parametrize("end", ["~", "~\r\n", "\n", "\r\n", "\x1c"])
def test_any_terminator_is_taken_from_the_first_segment(read, end):
    (row,) = rows(read(CLAIM.replace("~\n", end))["messages"])
    assert row["segments"] == 5


def test_a_header_of_other_widths_is_read_and_noticed(read):
    tables = read(CLAIM.replace("SENDER         ", "SENDER"))
    assert rules(tables) == ["isa-not-fixed"]
    assert rows(tables["messages"])[0]["sender"] == "SENDER"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("SE*5*", "SE*6*"), "envelope-count-differs"), (("SE*5*0001", "SE*5*0002"), "envelope-reference-differs"),
        (("GE*1*1", "GE*2*1"), "envelope-count-differs"), (("IEA*1*", "IEA*2*"), "envelope-count-differs"),
        (("IEA*1*000000905~\n", ""), "envelope-not-closed"), (("GE*1*1~\n", ""), "envelope-not-closed"),
        (("SVD*A^B*1~\n", ""), "envelope-count-differs"),
    ],
)  # fmt: skip
def test_what_an_envelope_counts_wrongly_is_critical(read, change, rule):
    tables = read(CLAIM.replace(*change))
    assert rules(tables) == [rule]
    assert tables["messages"].noticed[0].severity == "critical"


def test_a_trailer_without_terminator_is_whole(read):
    assert rules(read(CLAIM.rstrip("~\n"))) == []


def test_several_interchanges_are_read_where_their_separators_are_alike(read):
    assert [row["message"] for row in rows(read(CLAIM + CLAIM)["messages"])] == [1, 2]
    with pytest.raises(FileRefused, match="other separators"):
        read(CLAIM + CLAIM.replace(":", ">"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "does not begin with an ISA"), ("\0" * 200, "does not begin"), (ISA[:50], "does not begin"),
        (ISA.replace(":~", "::"), "does not tell"), (CLAIM[:200], "middle of segment"),
        (CLAIM[: CLAIM.index("SE*5")], "ends inside message 1"), (CLAIM.replace("SE*5*0001~\n", ""), "has no SE"),
        (CLAIM.replace("ST*837", "XX*837"), "outside a message"), (CLAIM.replace("CLINIC", "\0"), "NUL"),
        (CLAIM.replace("SV1*", "sv1*"), "begins with no tag"),
        (CLAIM.replace("GE*1*1~\n", "GE*1*1~\nGE*1*1~\n"), "closes nothing"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_a_reason(read, content, reason):
    with pytest.raises(FileRefused, match=reason):
        read(content)


@pytest.mark.parametrize(
    ("head", "known"),
    [(CLAIM, True), ("\ufeff" + CLAIM, True), (CLAIM.replace("*", "|"), True), ("ISA*cut", True),
     ("ISA,NAME\n1,2", False), ("ISABEL*1", False), ("", False)],
)  # fmt: skip
def test_it_is_recognised_by_its_first_segment(tmp_path, head, known):
    assert x12.recognises(head.encode(), File(tmp_path / "a", "a")) is known


def test_pieces_hold_no_more_than_the_limits_allow(read):
    body = "".join(f"ST*850*{at:04}~BEG*00*SA*P{at}~SE*3*{at:04}~" for at in range(25))
    content = ISA + "GS*PO*A*B*20240101*1200*7*X*005010~" + body + "GE*25*7~IEA*1*000000905~"
    pieces = list(read(content, limits=Limits(batch_rows=10))["BEG"].pieces())
    assert [piece.frame.height for piece in pieces] == [10, 10, 5]
