from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats.mainframe import Options, recognises, records, rows, tables
from connectors.formats.tables import File, Limits
from tests.connectors.mainframe.mainframe_files import ebcdic, fixed

NAME = fixed("NAME PIC X(4)")
COUNTED = """
       01  RECORD.
           05  N PIC 9.
           05  GROUPS OCCURS 0 TO 3 TIMES DEPENDING ON N.
               10  M PIC 9.
               10  LETTER PIC X OCCURS 0 TO 4 TIMES DEPENDING ON M.
           05  AFTER-THEM PIC X(2).
"""


def names(read, content: bytes, copybook: str = NAME, **options) -> list[str]:
    return [row["NAME"] for row in read.rows(content, copybook, **options)]


def with_words(*texts: str, form: str = "<HH", swap: bool = True, extra: int = 0) -> bytes:
    """Records with an RDW before each: length in the second half, little-endian, unless told otherwise."""
    told = b""
    for text in texts:
        length = len(text) + extra
        told += struct.pack(form, *((0, length) if swap else (length, 0))) + ebcdic(text)
    return told


def test_nothing_in_bytes_says_that_they_are_a_mainframe_file(tmp_path):
    assert not recognises(b"\xc1\xc2", File(tmp_path / "a.dat", "a.dat"))


def test_records_of_one_length_need_no_more_than_the_copybook(read):
    frame, noticed = read(ebcdic("Ada Ben Cleo"), NAME)
    assert frame["NAME"].to_list() == ["Ada", "Ben", "Cleo"]
    assert frame["_position"].to_list() == [1, 2, 3]
    assert not noticed


def test_a_length_that_does_not_divide_is_refused_with_both_numbers(read):
    with pytest.raises(FileRefused, match=r"holds 10 bytes: 2 records of 4 bytes, and 2 more"):
        read(ebcdic("Ada Ben Cl"), NAME)


def test_a_rest_is_a_record_only_where_that_is_declared(read):
    frame, noticed = read(ebcdic("Ada Ben Cl"), fixed("NAME PIC X(2)", "KIND PIC 9(2)"), allow_partial_records=True)
    assert frame.rows()[-1] == ("Cl", None, 3)
    assert noticed["record-cut"].count == 1


@pytest.mark.parametrize("content", [b"", b"\x00\x00"])
def test_a_file_of_no_record_is_refused(read, content):
    with pytest.raises(FileRefused):
        read(content, NAME, record_format="V")


def test_headers_and_trailers_of_a_file_are_passed_over(read):
    content = b"HEADER" + ebcdic("Ada Ben ") + b"END"
    assert names(read, content, file_start_offset=6, file_end_offset=3) == ["Ada", "Ben"]
    assert names(read, content, file_header_length=6, file_trailer_length=3) == ["Ada", "Ben"]
    described = "       01 HEAD.\n           05 H PIC X(6).\n" + NAME + "\n       01 TAIL.\n           05 T PIC X(3)."
    assert names(read, content, described, record_header_name="HEAD", record_trailer_name="TAIL") == ["Ada", "Ben"]


def test_bytes_around_each_record_are_passed_over(read):
    assert names(read, ebcdic("<Ada >><Ben >>"), record_start_offset=1, record_end_offset=2) == ["Ada", "Ben"]
    assert names(read, ebcdic("Ada >Ben >"), record_length=5) == ["Ada", "Ben"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (with_words("Ada ", "Be"), {}),
        (with_words("Ada ", "Be", swap=False), {}),
        (with_words("Ada ", "Be", form=">HH", swap=False), {"is_rdw_big_endian": True}),
        (with_words("Ada ", "Be", extra=4), {"is_rdw_part_of_record_length": True}),
        (with_words("Ada ", "Be", extra=2), {"rdw_adjustment": -2}),
    ],
)
def test_record_descriptor_words_come_in_both_orders_and_may_count_themselves(read, content, options):
    assert names(read, content, record_format="V", **options) == ["Ada", "Be"]


def test_padding_after_the_last_record_is_counted_and_anything_else_is_refused(read):
    frame, noticed = read(with_words("Ada ") + bytes(9), NAME, record_format="V")
    assert (frame.height, noticed["padding-bytes"].count) == (1, 9)
    with pytest.raises(FileRefused, match="no record descriptor word"):
        read(with_words("Ada ") + b"\x01", NAME, record_format="V")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (with_words("Ada ", "Ben ")[:-1], "says that it is 4 bytes long, but 3 are left"),
        (with_words("Ada ", form=">HH", swap=False), "but 4 are left"),
        (b"\x01\x02\x03\x04Ada ", "both of their halves hold something"),
    ],
)
def test_words_that_cannot_be_are_refused_with_their_place(read, content, told):
    with pytest.raises(FileRefused, match=told):
        read(content, NAME, record_format="V")


def test_a_cut_record_is_read_only_where_that_is_declared(read):
    frame, noticed = read(with_words("Ada ", "Ben ")[:-2], NAME, record_format="V", allow_partial_records=True)
    assert frame["NAME"].to_list() == ["Ada", "Be"]
    assert "record-cut" in noticed


def test_blocks_hold_records_of_differing_or_of_one_length(read):
    inner = with_words("Ada ", "Be", form=">HH", swap=False)
    big = {"is_rdw_big_endian": True, "is_bdw_big_endian": True}
    block = struct.pack(">HH", len(inner), 0) + inner
    assert names(read, block * 2, record_format="VB", **big) == ["Ada", "Be"] * 2
    whole = struct.pack(">HH", len(inner) + 4, 0) + inner
    assert names(read, whole, record_format="VB", bdw_adjustment=-4, **big) == ["Ada", "Be"]
    extended = struct.pack(">I", 0x80000000 + len(inner)) + inner
    assert names(read, extended, record_format="VB", **big) == ["Ada", "Be"]
    assert names(read, struct.pack("<HH", 0, 8) + ebcdic("Ada Ben "), record_format="FB") == ["Ada", "Ben"]
    assert names(read, ebcdic("Ada Ben "), record_format="FB", block_length=8) == ["Ada", "Ben"]
    with pytest.raises(FileRefused, match="no multiple"):
        names(read, ebcdic("Ada Ben "), record_format="FB", block_length=7)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_records_and_keep_the_numbers_of_their_lines(read, newline):
    content = newline.join(["Ada", "", "Cleopatra", "Ben"]).encode() + b"\x1a"
    frame, noticed = read(content, NAME, record_format="D")
    assert frame.rows() == [("Ada", 1), ("Cleo", 3), ("Ben", 4)]
    assert noticed["lines-too-long"].count == 1


def test_lines_may_be_ebcdic(read):
    assert names(read, ebcdic("Ada\x85Ben"), record_format="D", encoding="ebcdic") == ["Ada", "Ben"]


def test_a_header_of_ones_own_tells_length_and_worth(read):
    content = b"".join(
        bytes([worth, 0, len(text), 0]) + ebcdic(text) for worth, text in ((1, "Ada"), (0, "??"), (1, "Ben"))
    )
    header = {"size": 4, "length_at": 2, "big_endian": False, "valid_at": 0}
    frame, _ = read(content, NAME, record_header=header)
    assert frame.rows() == [("Ada", 1), ("Ben", 3)]


@pytest.mark.parametrize(
    ("said", "extra"),
    [("LEN", {}), ("@LEN", {}), ("LEN*2 - LEN", {}), ("KIND", {"record_length_map": {"a": 3, "_": 5}})],
)
def test_a_records_length_may_stand_in_its_fields(read, said, extra):
    copybook = fixed("LEN PIC 9", "KIND PIC X", "NAME PIC X(4)")
    options = {"encoding": "ascii", "record_length_field": said, **extra}
    assert names(read, b"3aA5bBen", copybook, **options) == ["A", "Ben"]


@pytest.mark.parametrize("said", ["NONE", "LEN +", "LEN ** 2", "__import__('os')", "NAME"])
def test_a_length_that_nothing_says_is_refused(read, said):
    with pytest.raises(FileRefused):
        read(b"3aA", fixed("LEN PIC 9", "NAME PIC X(4)"), encoding="ascii", record_length_field=said)


def test_records_that_are_too_short_or_too_long_are_skipped_and_counted(read):
    lengths = {"minimum_record_length": 2, "maximum_record_length": 3}
    frame, noticed = read(b"A\nBen\nCleo\nDo\n", NAME, record_format="D", generate_record_id=True, **lengths)
    assert frame.select("Record_Id", "NAME", "_position").rows() == [(0, "Ben", 2), (1, "Do", 4)]
    assert noticed["records-skipped"].count == 2


def test_tables_that_take_the_room_of_their_elements_move_what_follows_them(read):
    content = b"0zz" + b"22ab0yy" + b"11cxx"
    told = read.rows(content, COUNTED, encoding="ascii", variable_size_occurs=True)
    assert [(row["N"], [group["LETTER"] for group in row["GROUPS"]], row["AFTER_THEM"]) for row in told] == [
        (0, [], "zz"),
        (2, [["a", "b"], []], "yy"),
        (1, [["c"]], "xx"),
    ]


def test_records_padded_to_their_full_length_are_moved_in_the_same_way(read):
    content = b"0zz".ljust(18) + b"22ab0yy".ljust(18)
    told = read.rows(content, COUNTED, encoding="ascii", variable_size_occurs="pad_record")
    assert [row["AFTER_THEM"] for row in told] == ["zz", "yy"]


def test_tables_of_full_size_hold_as_many_elements_as_are_counted(read):
    copybook = fixed("N PIC 9", "A OCCURS 1 TO 3 DEPENDING ON N PIC X", "B PIC X")
    frame, noticed = read(b"1abcz" + b"9abcz", copybook, encoding="ascii")
    assert frame["A"].to_list() == [["a"], ["a", "b", "c"]]
    assert frame["B"].to_list() == ["z", "z"]
    assert noticed["counts-out-of-range"].count == 1


def test_a_text_may_stand_for_a_number_of_elements(read):
    copybook = fixed("K PIC X", "A OCCURS 0 TO 3 DEPENDING ON K PIC X")
    told = read.rows(b"NabcTabc", copybook, encoding="ascii", occurs_mappings={"A": {"N": 0, "T": 2}})
    assert [row["A"] for row in told] == [[], ["a", "b"]]


def test_a_text_that_stands_for_no_number_means_all_elements(read):
    copybook = fixed("K PIC X", "A OCCURS 0 TO 3 DEPENDING ON K PIC X")
    assert read.rows(b"Nabc", copybook, encoding="ascii")[0]["A"] == ["a", "b", "c"]
    number = copybook.replace("05  K PIC X", "05  K PIC 9")
    assert read.rows(b"2abc", number, encoding="ascii", occurs_mappings={"A": {"N": 0}})[0]["A"] == ["a", "b"]


def test_many_blocks_and_padding_after_them_are_read(read):
    block = struct.pack(">HH", 8, 0) + with_words("Ada ", form=">HH", swap=False)
    big = {"is_rdw_big_endian": True, "is_bdw_big_endian": True, "record_format": "VB"}
    frame, noticed = read(block * 500 + bytes(10), NAME, **big)
    assert (frame.height, noticed["padding-bytes"].count) == (500, 10)


def test_what_lies_beyond_a_records_end_is_null_and_a_cut_text_is_what_is_there(read):
    copybook = fixed("A PIC X(3)", "B PIC 9(3)", "C PIC X(2)")
    frame, noticed = read(with_words("abc123de", "ab", "abc12", "abc123d"), copybook, record_format="V")
    assert frame.drop("_position").rows() == [
        ("abc", 123, "de"),
        ("ab", None, None),
        ("abc", None, None),
        ("abc", 123, "d"),
    ]
    assert noticed["numbers-cut"].count == 1


def test_numbers_that_are_none_are_null_and_counted_by_field_and_blank_ones_are_not(read):
    frame, noticed = read(ebcdic("12  xy12    1234"), fixed("A PIC 99", "B PIC 99"))
    assert frame["A"].to_list() == [12, None, None, 12]
    assert frame["B"].to_list() == [None, 12, None, 34]
    assert noticed["numbers-undecodable"].evidence == {"fields": {"A": 1}}


def test_a_copybook_that_fits_few_numbers_is_reported_as_doubtful(read):
    _, noticed = read(ebcdic("Ada Ben Cleo"), fixed("A PIC 9(4)"))
    assert noticed["copybook-doubtful"].severity == "critical"
    assert "3 of 3 numbers" in noticed["copybook-doubtful"].message


def test_the_bytes_of_records_and_fields_can_be_shown(read):
    told = read.rows(b"A1", fixed("A PIC X", "N PIC 9"), encoding="ascii", debug=True, generate_record_bytes=True)
    assert told == [{"Record_Bytes": b"A1", "A": "A", "A_debug": "41", "N": 1, "N_debug": "31"}]


def test_groups_can_be_read_as_text_as_well(read):
    text = fixed("G").replace("G.", "G.\n              10 A PIC X.\n              10 B PIC 9.")
    assert read.rows(b"A1", text, encoding="ascii", non_terminals="G") == [{"G": {"A": "A", "B": 1}, "G_NT": "A1"}]


def test_fields_may_have_a_code_page_of_their_own(read):
    copybook = fixed("A PIC X", "B PIC X")
    told = read.rows("ä".encode("cp273") * 2, copybook, ebcdic_code_page="cp037", field_code_page={"cp273": "B"})
    assert told[0]["B"] == "ä" != told[0]["A"]


def test_an_unknown_code_page_is_refused(read):
    with pytest.raises(FileRefused, match="cp99999"):
        read(b"Ada ", NAME, ebcdic_code_page="cp99999")


def test_copybooks_come_from_files_also_where_their_comments_are_in_an_8_bit_code_page(tmp_path):
    data, copybook, part = tmp_path / "a.dat", tmp_path / "a.cpy", tmp_path / "part.cpy"
    data.write_bytes(ebcdic("Ada "))
    copybook.write_bytes("      * für alle\n       01 RECORD.\n       COPY PART.".encode("latin-1"))
    part.write_text("       05  NAME PIC X(4).")
    options = Options(copybook=str(copybook), copies={"PART": str(part)})
    (table,) = tables(File(data, "a.dat"), options, limits=Limits())
    assert (table.name, dict(table.declared)) == ("RECORD", {"NAME": "PIC X(4) text"})
    assert table.meta["record_length"] == 4


@pytest.mark.parametrize(
    "declared", [{}, {"copybook": "no/such/file.cpy"}, {"copybook": "DATA"}, {"copybook_text": " "}]
)
def test_without_a_copybook_nothing_is_read(tmp_path, declared):
    data = tmp_path / "a.dat"
    data.write_bytes(bytes(4))
    if declared.get("copybook") == "DATA":
        declared = {"copybook": str(data)}
    with pytest.raises(FileRefused, match="copybook"):
        tables(File(data, "a.dat"), Options(**declared), limits=Limits())


def test_level_66_and_fields_of_one_name_are_reported(read):
    _, noticed = read(b"ab", fixed("A PIC X", "A PIC X") + "\n       66  B RENAMES A.", encoding="ascii")
    assert (noticed["renames-left-out"].severity, noticed["columns-renamed"].count) == ("info", 1)


def test_pieces_keep_within_the_limits(read):
    table = read.table(ebcdic("Ada Ben Cleo") * 100, NAME, limits=Limits(batch_rows=7))
    pieces = list(table.pieces())
    assert sum(piece.frame.height for piece in pieces) == 300
    assert max(piece.frame.height for piece in pieces) <= 7
    with pytest.raises(FileRefused, match="more than 3"):
        read.table(b"Ada ", NAME, limits=Limits(cell_bytes=3))


FORMS = [
    {"record_format": "V"},
    {"record_format": "D"},
    {"allow_partial_records": True},
    {"record_format": "VB"},
    {"record_format": "FB"},
    {"variable_size_occurs": True},
    {"record_header": {"size": 5, "length_at": 3}},
    {"record_length_field": "N"},
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.sampled_from(FORMS))
def test_any_bytes_are_read_or_refused(read, content, options):
    try:
        read(content, COUNTED, encoding="ascii", **options)
    except FileRefused as refused:
        assert refused.what


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("abc", max_size=9).map(lambda text: text + "."), min_size=1, max_size=40), st.integers(1, 50))
def test_rows_do_not_depend_on_how_much_is_read_at_once(read, texts, portion):
    content, copybook = with_words(*texts), fixed("NAME PIC X(10)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "PORTION", portion)
        patch.setattr(rows, "LEAST_PORTION", portion)
        assert names(read, content, copybook, record_format="V") == texts
    assert portion < records.PORTION
