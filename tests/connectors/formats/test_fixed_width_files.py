import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import fixed_width, text_blocks
from connectors.formats.fixed_width import splitting
from connectors.formats.fixed_width.splitting import lines_of
from connectors.formats.tables import File, Limits

USUAL = Limits()
ID = {"name": "ID", "start": 1, "length": 3, "trimmed": False}
NAME = {"name": "NAME", "start": 4, "length": 5}
TRAILED = {"header_lines": 1, "footer_pattern": "^TRAILER"}


@pytest.fixture(params=[4 * 1024 * 1024, 5])
def opened(tmp_path, request, monkeypatch):
    """The one table of a fixed-width file, read once in one block and once in blocks of a few bytes."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)

    def made(content, columns=(ID, NAME), limits=USUAL, **options):
        (tmp_path / "a.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
        told = fixed_width.Options(columns=columns, **options)
        return fixed_width.tables(File(tmp_path / "a.txt", "a.txt"), told, limits=limits)[0]

    return made


def frame(table):
    return pl.concat([piece.frame for piece in table.pieces()])


def rows(table):
    return frame(table).drop("_position").rows()


def rejects(table):
    return [(at, why) for piece in table.pieces() for at, why, _ in piece.rejects]


def test_records_are_cut_at_the_declared_positions(opened):
    table = opened("001Ada  \r\n002Ben  \n003Cleo \n")
    assert rows(table) == [("001", "Ada  "), ("002", "Ben  "), ("003", "Cleo ")]
    assert frame(table)["_position"].to_list() == [1, 2, 3]


def test_positions_count_characters_and_not_bytes(opened):
    assert rows(opened("001Zoë漢x\n")) == [("001", "Zoë漢x")]
    assert rows(opened("001ソ表  x\n".encode("shift_jis"), encoding="shift_jis")) == [("001", "ソ表  x")]


def test_text_in_the_last_column_may_have_lost_its_trailing_blanks_and_a_number_may_not(opened):
    assert rows(opened("001Ada\n002Benny\n")) == [("001", "Ada"), ("002", "Benny")]
    number = {"name": "N", "start": 4, "length": 5, "trimmed": False}
    table = opened("00112345\n002123\n", columns=(ID, number))
    assert (rows(table), rejects(table)) == ([("001", "12345")], [(2, "6 characters where the record has 8")])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("001Ada  \n002\n", (2, "3 characters where the record has 8")),
        ("001Ada  \n002Be", (2, "5 characters where the record has 8")),
        ("001Ada  \n002 Benny\n", (2, "9 characters where the record has 8")),
        (b"001Ada  \n002\xff    \n", (2, "not utf-8 text")),
    ],
)
def test_a_record_that_is_cut_or_shifted_or_no_text_is_a_reject(opened, content, fault):
    table = opened(content, encoding="utf-8")
    assert (rows(table), rejects(table)) == ([("001", "Ada  ")], [fault])


def test_records_may_all_hold_more_than_is_declared(opened):
    assert rows(opened("001Ada  more\n002Ben  \n")) == [("001", "Ada  "), ("002", "Ben  ")]


def test_a_trailer_that_counts_its_records_ends_a_whole_file(opened):
    table = opened("HEADER\n001Ada  \n002Ben  \nTRAILER 0002\n\n", **TRAILED)
    assert rows(table) == [("001", "Ada  "), ("002", "Ben  ")]
    assert frame(table)["_position"].to_list() == [2, 3]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("HEADER\n001Ada  \n002Ben  \n", "ends after 2 records without a trailer"),
        ("HEADER\n001Ada  \nTRAILER 2\n", "holds 1 records and its trailer says 2"),
        ("HEADER\n001Ada  \nTRAILER 1\n002Ben  \n", "has lines behind its trailer"),
        ("HEADER\n001Ada  \nTRAILER 1\nTRAILER 1\n", "has lines behind its trailer"),
    ],
)
def test_an_export_that_is_not_whole_is_refused_however_few_lines_are_gone(opened, content, told):
    with pytest.raises(FileRefused, match=told):
        rows(opened(content, **TRAILED))


def test_records_that_could_not_be_read_count_for_the_trailer(opened):
    table = opened(b"HEADER\n001Ada  \n\xff\xff\xff\n002\nTRAILER 3\n", encoding="utf-8", **TRAILED)
    assert [at for at, _ in rejects(table)] == [3, 4]


def test_the_pattern_may_say_which_number_of_the_trailer_counts(opened):
    options = {**TRAILED, "footer_pattern": "^TRAILER[0-9]{8}([0-9]{4})"}
    assert rows(opened("HEADER\n001Ada  \nTRAILER201301310001\n", **options)) == [("001", "Ada  ")]
    with pytest.raises(FileRefused, match="its trailer says 2"):
        rows(opened("HEADER\n001Ada  \nTRAILER201301310002\n", **options))


def test_a_trailer_alone_gives_one_empty_piece_with_the_columns(opened):
    assert frame(opened("HEADER\nTRAILER 0\n", **TRAILED)).schema == {
        "ID": pl.String,
        "NAME": pl.String,
        "_position": pl.Int64,
    }


def test_an_encoding_that_nobody_declared_is_detected(opened):
    text = "".join(f"{number:03}Zoë é\n" for number in range(1, 40))
    table = opened(text.encode("utf-16"))
    assert (rows(table)[0], table.meta["encoding"]) == (("001", "Zoë é"), "utf-16-le")


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b" \n \n"])
def test_an_empty_file_is_refused(opened, content):
    with pytest.raises(FileRefused):
        rows(opened(content))


def test_names_given_twice_or_taken_and_wrong_positions_are_refused(opened):
    with pytest.raises(FileRefused, match="two declared columns have one name"):
        opened("x\n", columns=(ID, ID))
    with pytest.raises(FileRefused, match="taken by provenance"):
        opened("x\n", columns=({**ID, "name": "_position"},))
    with pytest.raises(ValueError, match="start"):
        fixed_width.Options(columns=({**ID, "start": 0},))


LISTING = """\
id   name        amount
---- ---------- -------
   1 Ada Love      1.50
  20 Ben          22.00
"""


def test_a_ruler_of_dashes_tells_the_columns_and_the_line_above_their_names(opened):
    table = opened(LISTING, columns=())
    assert table.schema.names() == ["id", "name", "amount"]
    assert [tuple(cell.strip() for cell in row) for row in rows(table)] == [
        ("1", "Ada Love", "1.50"), ("20", "Ben", "22.00")
    ]  # fmt: skip
    assert [one.rule for one in table.noticed] == ["columns-guessed"]


def test_without_a_ruler_blanks_in_the_same_places_tell_the_columns(opened):
    lines = "".join(f"{number:04} {'name':10}{number * 7:>8}\n" for number in range(50))
    table = opened(lines, columns=())
    assert table.schema.names() == ["column_1", "column_2", "column_3"]
    assert [cell.strip() for cell in rows(table)[49]] == ["0049", "name", "343"]


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (LISTING * 2, True), ("".join(f"{n:04} {'name':10}{n * 7:>8}\n" for n in range(50)), True),
        ("a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n", False),
        ("Dear all,\n\nthis is a letter.\nIt has lines.\n\nBye\n", False),
        ("one line only", False), ("", False), ("a b c\n" * 9, False),
    ],
)  # fmt: skip
def test_a_file_is_recognised_only_where_the_columns_are_plain_to_see(tmp_path, content, known):
    (tmp_path / "a.txt").write_text(content)
    file = File(tmp_path / "a.txt", "a.txt")
    assert fixed_width.recognises(file.head(), file) is known


def test_pieces_are_bounded(opened):
    heights = [piece.frame.height for piece in opened("001Ada  \n" * 25, limits=Limits(batch_rows=10)).pieces()]
    assert (max(heights) <= 10, sum(heights)) == (True, 25)


def test_blank_lines_are_no_records_and_keep_their_numbers(opened):
    table = opened("  1Ada  \n\n \t\0\n  2Ben  \n        \n")
    assert rows(table) == [("  1", "Ada  "), ("  2", "Ben  ")]
    assert frame(table)["_position"].to_list() == [1, 4]


ODD = st.text(st.sampled_from('a x^\x01\0\t"é漢\ufeff\x1f\x9c'), max_size=5)


@given(st.lists(st.tuples(ODD, st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n", "\r\r\n"])), max_size=9), ODD)
@settings(max_examples=60, deadline=None)
def test_lines_are_split_alike_whoever_splits_them(tmp_path_factory, lines, rest):
    content = "a\n" + "".join(line + end for line, end in lines) + rest
    path = tmp_path_factory.mktemp("odd") / "a.txt"
    path.write_bytes(content.encode())
    told = pl.concat([block.frame for block in lines_of(path, "utf-8", USUAL)])
    assert told.equals(text_blocks.Block(content, 1, "utf-8").frame()[0])


RECORD = st.text(st.sampled_from("ab 19\t\0é"), min_size=3, max_size=5) | st.text(
    st.sampled_from("ab 19"), min_size=4, max_size=4
)


@given(
    st.lists(RECORD, max_size=12), st.sampled_from(["\n", "\r\n"]), st.integers(0, 2), st.integers(1, 16),
    st.booleans(), st.integers(2, 14),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_grid_gives_what_lines_give(tmp_path_factory, records, ends, header_lines, portion, trimmed, length):
    path = tmp_path_factory.mktemp("grid") / "a.txt"
    path.write_bytes("".join(f"{one:4}{'x' * 14}{ends}" for one in ["abcd", "a", *records]).encode())
    columns = ({"name": "a", "start": 2, "length": 3}, {"name": "b", "start": 5, "length": length, "trimmed": trimmed})
    options = fixed_width.Options(columns=columns, encoding="utf-8", header_lines=header_lines)
    told = []
    for found in (splitting.grid_of, lambda _: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(splitting, "grid_of", found)
            patch.setattr(splitting, "portion_of", lambda _: portion * 8)
            pieces = list(fixed_width.tables(File(path, "a.txt"), options, limits=Limits())[0].pieces())
            told.append(
                (pl.concat([one.frame for one in pieces]).rows(), [bad for one in pieces for bad in one.rejects])
            )
    assert told[0] == told[1]


CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_every_record_comes_back_as_it_was_written(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("round") / "a.txt"
    path.write_bytes("".join(f"{one:6}{other:6}\n" for one, other in records).encode())
    columns = ({"name": "a", "start": 1, "length": 6}, {"name": "b", "start": 7, "length": 6})
    options = fixed_width.Options(columns=columns, encoding="utf-8")
    table = fixed_width.tables(File(path, "a.txt"), options, limits=Limits())[0]
    assert [tuple(cell.rstrip(" ") for cell in row) for row in rows(table)] == records
