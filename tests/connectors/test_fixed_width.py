import pytest

from catalog.errors import SourceUnreadable
from connectors.formats import text_blocks

ID = {"type": "integer", "start": 1, "length": 3}
NAME = {"type": "string", "start": 4, "length": 5}
FIELDS = {"ID": ID, "NAME": NAME}
TRAILED = {"header_lines": 1, "footer_pattern": "^TRAILER"}


@pytest.fixture(params=[4 * 1024 * 1024, 5])
def fixed(export, request, monkeypatch):
    """A fixed-width export, read once in one block and once in blocks of a few bytes."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)
    return lambda content, fields=FIELDS, **habits: export("fixed_width", "a.txt", fields, **habits).holds(
        content, "a.txt"
    )


def test_records_are_cut_at_the_declared_positions(fixed):
    told = fixed("001Ada  \n002Ben  \n")
    assert told.rows() == [("001", "Ada  "), ("002", "Ben  ")]
    assert told.positions() == [1, 2]


def test_positions_count_characters_and_not_bytes(fixed):
    assert fixed("001Zoë漢x\n").rows() == [("001", "Zoë漢x")]
    assert fixed("001ソ表  x\n".encode("shift_jis"), encoding="shift_jis").rows() == [("001", "ソ表  x")]


def test_text_in_the_last_field_may_have_lost_its_trailing_blanks(fixed):
    assert fixed("001Ada\n002Benny\n").rows() == [("001", "Ada"), ("002", "Benny")]


def test_a_record_that_does_not_reach_its_last_field_is_a_reject(fixed):
    assert fixed("001Ada  \n002\n003Cleo \n").rejects() == [(2, "3 characters where the record has 8")]


def test_a_number_that_is_cut_is_a_reject_and_not_a_smaller_number(fixed):
    told = fixed(
        "Ada 12345\nBen 123\n", {"NAME": {**NAME, "start": 1, "length": 4}, "N": {**ID, "start": 5, "length": 5}}
    )
    assert told.rows() == [("Ada ", "12345")]
    assert told.rejects() == [(2, "7 characters where the record has 9")]


def test_a_last_line_that_breaks_off_is_a_reject(fixed):
    told = fixed("001Ada  \n002Be")
    assert told.rows() == [("001", "Ada  ")]
    assert told.rejects() == [(2, "5 characters where the record has 8")]


def test_a_record_that_is_too_long_is_a_reject_because_something_shifted_it(fixed):
    told = fixed("001Ada  \n002 Benny\n003Cleo    \n")
    assert told.rows() == [("001", "Ada  "), ("003", "Cleo ")]
    assert told.rejects() == [(2, "9 characters where the record has 8")]


def test_records_may_all_hold_more_than_the_contract_reads(fixed):
    assert fixed("001Ada  more\n002Ben  \n").rows() == [("001", "Ada  "), ("002", "Ben  ")]


def test_a_trailer_that_counts_its_records_ends_a_whole_file(fixed):
    told = fixed("HEADER\n001Ada  \n002Ben  \nTRAILER 0002\n\n", **TRAILED)
    assert told.rows() == [("001", "Ada  "), ("002", "Ben  ")]
    assert told.positions() == [2, 3]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("HEADER\n001Ada  \n002Ben  \n", "ends after 2 records without a trailer"),
        ("HEADER\n001Ada  \nTRAILER 2\n", "holds 1 records and its trailer says 2"),
        ("HEADER\n001Ada  \nTRAILER 1\n002Ben  \n", "has lines behind its trailer"),
        ("HEADER\n001Ada  \nTRAILER 1\nTRAILER 1\n", "has lines behind its trailer"),
    ],
)
def test_an_export_that_is_not_whole_is_refused_however_few_lines_are_gone(fixed, content, told):
    with pytest.raises(SourceUnreadable, match=told):
        fixed(content, **TRAILED).batches()


def test_records_that_could_not_be_read_count_for_the_trailer(fixed):
    told = fixed(b"HEADER\n001Ada  \n\xff\xff\xff\n002\nTRAILER 3\n", **TRAILED, encoding="utf-8")
    assert [number for number, _ in told.rejects()] == [3, 4]


def test_the_pattern_may_say_which_number_of_the_trailer_counts(fixed):
    habits = {**TRAILED, "footer_pattern": "^TRAILER[0-9]{8}([0-9]{4})"}
    assert fixed("HEADER\n001Ada  \nTRAILER201301310001\n", **habits).rows() == [("001", "Ada  ")]
    with pytest.raises(SourceUnreadable, match="its trailer says 2"):
        fixed("HEADER\n001Ada  \nTRAILER201301310002\n", **habits).batches()


def test_a_trailer_alone_gives_one_empty_batch_with_the_columns(fixed):
    frame = fixed("HEADER\nTRAILER 0\n", **TRAILED).frame()
    assert frame.columns == ["ID", "NAME", "_location", "_position"]
    assert frame.height == 0


def test_a_line_of_other_bytes_is_a_reject(fixed):
    assert fixed(b"001Ada  \n002\xff    \n", encoding="utf-8").rejects() == [(2, "not utf-8 text")]


def test_an_empty_file_is_refused(fixed):
    with pytest.raises(SourceUnreadable, match="is empty"):
        fixed("").batches()


def test_batches_are_bounded_and_the_columns_are_those_declared(fixed):
    told = fixed("001Ada  \n" * 25, batch_rows=10)
    assert sum(batch.frame.height for batch in told.batches()) == 25
    assert told.drift() == []
