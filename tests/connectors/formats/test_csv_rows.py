"""Rows of delimited files: each line in a row, in a reject with its number, or told as no row."""

import csv
import io
import tracemalloc

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.formats import text_blocks
from connectors.formats.delimited import rows as reading
from connectors.formats.tables import Limits
from tests.connectors.formats.delimited_under_test import AS_WRITTEN, Delimited

CELL = st.text(st.sampled_from("ab1 ,;\"\n\r'é|"), max_size=5)
PIECE = st.sampled_from(
    ["", "a", 'b"c', '"q"', '"q,r"', '"q\nr"', '"x""y"', "1", "é", '"', 'a"', '""', '"\r\n"', '"a"b']
)


@pytest.fixture(params=[4 * 1024 * 1024, 7])
def csv_file(tmp_path, request, monkeypatch):
    """A file read once in one block and once in blocks of a few bytes: where a block ends must make no difference."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)
    return lambda content, **options: Delimited(tmp_path, content, **options)


def test_every_line_is_a_row_with_its_number(csv_file):
    told = csv_file("a,b\n1,x\n2,y\n")
    assert (told.rows(), told.positions()) == ([("1", "x"), ("2", "y")], [2, 3])


def test_every_column_is_text_as_the_file_spells_it(csv_file):
    told = csv_file("a,b\n007,1.50\n")
    assert told.table.schema == pl.Schema({"a": pl.String, "b": pl.String})
    assert told.table.declared == {"a": "text", "b": "text"}
    assert told.rows() == [("007", "1.50")]


def test_a_row_that_lost_a_separator_is_no_row_though_its_cells_count_right(csv_file):
    told = csv_file('a,b,c\n1,"x, y",z\n2"p, q",r\n4,48",50"\n5,6"x8",y\n')
    assert told.rows() == [("1", "x, y", "z"), ("4", '48"', '50"'), ("5", '6"x8"', "y")]
    assert [at for at, _ in told.rejects()] == [3]


def test_a_quoted_cell_may_hold_line_breaks_separators_and_doubled_quotes_as_written(csv_file):
    told = csv_file('a,b\n1,"x\r\ny, ""z"""\n2,"p\rq"\n3,r\n')
    assert told.rows() == [("1", 'x\r\ny, "z"'), ("2", "p\rq"), ("3", "r")]
    assert told.positions() == [2, 4, 6]


def test_a_quote_inside_an_unquoted_cell_is_text(csv_file):
    assert csv_file('a,b\n1,5" pipe\n2,6" pipe\n').rows() == [("1", '5" pipe'), ("2", '6" pipe')]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_counts_lines_alike(csv_file, end):
    told = csv_file(end.join(["a,b", "1,x", "2,y,z", "3,w"]))
    assert told.rows() == [("1", "x"), ("3", "w")]
    assert told.rejects() == [(3, "3 cells where the header has 2")]


def test_line_ends_of_several_kinds_may_be_mixed(csv_file):
    assert csv_file("a,b\r\n1,2\n3,4\r5,6\r\n").positions() == [2, 3, 4]


def test_characters_that_only_look_like_line_ends_are_text(csv_file):
    assert csv_file("a,b\n1,x\u2028y\x0bz\x85\n").rows() == [("1", "x\u2028y\x0bz\x85")]


@pytest.mark.parametrize("quoted", ["", '"q",r\n'])
def test_a_line_with_too_few_or_too_many_cells_is_a_reject_and_never_a_shifted_row(csv_file, quoted):
    told = csv_file(f"a,b\n1,x\n2\n3,y,z\n4,w\n{quoted}")
    assert [row for row in told.rows() if row[0] != "q"] == [("1", "x"), ("4", "w")]
    assert told.rejects() == [(3, "1 cells where the header has 2"), (4, "3 cells where the header has 2")]


def test_short_rows_are_filled_where_that_is_declared_and_long_ones_are_rejects(csv_file):
    told = csv_file("a,b,c\n1,2\n3,4,5\n6,7,8,9\n", ragged="fill")
    assert told.rows() == [("1", "2", None), ("3", "4", "5")]
    assert told.rejects() == [(4, "4 cells where the header has 3")]


def test_a_quote_that_is_never_closed_rejects_its_line_and_not_the_rest_of_the_file(csv_file):
    told = csv_file('a,b\n1,x\n2,"y\n3,z\n4,w\n')
    assert told.rows() == [("1", "x"), ("3", "z"), ("4", "w")]
    assert told.rejects() == [(3, "broken quoting: a quote is never closed")]


def test_reading_goes_on_behind_a_line_whose_quoting_is_broken(csv_file):
    told = csv_file('a,b\n1,"x"y\n2,"z"\n')
    assert told.rows() == [("2", "z")]
    assert [number for number, _ in told.rejects()] == [2]


def test_a_stray_quote_that_closes_at_the_next_one_takes_no_row_along(csv_file):
    told = csv_file('a,b,c\n1,x,"\n2,"y",z\n3,w,"v"\n')
    assert told.rows() == [("2", "y", "z"), ("3", "w", "v")]
    assert [number for number, _ in told.rejects()] == [2]


def test_blank_lines_are_no_rows_and_are_counted_as_lines(csv_file):
    told = csv_file("a,b\n\n1,x\n\n\n2,y\n\n")
    assert (told.positions(), told.rejects()) == ([3, 6], [])


def test_the_header_alone_gives_one_empty_piece_with_the_columns(csv_file):
    told = csv_file("a,b\n")
    assert told.frame().schema == pl.Schema({"a": pl.String, "b": pl.String, "_position": pl.Int64})
    assert told.rows() == []


def test_the_header_among_the_rows_is_no_row_and_told(csv_file):
    told = csv_file("id,n\n1,2\nid,n\n3,4\n")
    assert told.rows() == [("1", "2"), ("3", "4")]
    assert "header-repeated" in told.noticed()


def test_the_last_line_needs_no_end_and_a_dos_end_of_file_is_no_row(csv_file):
    assert csv_file("a,b\n1,x").rows() == [("1", "x")]
    assert csv_file("a,b\r\n1,x\r\n\x1a").rejects() == []


def test_a_nul_stays_in_its_cell_and_a_line_of_nuls_is_a_reject(csv_file):
    told = csv_file("a,b\n1,x\0y\n2,z\n" + "\0" * 100)
    assert told.rows() == [("1", "x\0y"), ("2", "z")]
    assert told.rejects() == [(4, "nothing but NULs")]


def test_a_separator_behind_every_row_makes_no_column(csv_file):
    told = csv_file("a,b,\n1,x,\n2,y,\n")
    assert (told.columns, told.rows()) == (["a", "b"], [("1", "x"), ("2", "y")])
    assert "separator-trailing" in told.noticed()


def test_a_value_behind_the_last_separator_makes_a_reject_where_nobody_expected_one(csv_file, monkeypatch):
    monkeypatch.setattr("connectors.formats.delimited.sampling.SAMPLE_CHARACTERS", 100)
    monkeypatch.setattr("connectors.formats.delimited.sampling.HEAD_CHARACTERS", 50)
    told = csv_file("a,b,\n" + "1,x,\n" * 50 + "2,y,z\n3,w,\n")
    assert (len(told.rows()), told.rejects()) == (51, [(52, "3 cells where the header has 2")])


def test_a_header_with_fewer_names_than_the_rows_have_cells_is_told_and_shifts_nothing(csv_file):
    told = csv_file("a,b\n1,2,3\n4,5,6\n")
    assert (told.rows(), len(told.rejects())) == ([], 2)
    assert "header-mismatch" in told.noticed()


def test_names_are_made_up_where_they_lack_and_numbered_where_they_repeat(csv_file):
    told = csv_file("a,,a,b\n1,2,3,4\n")
    assert told.columns == ["a", "column_2", "a_2", "b"]
    assert {"column-unnamed", "column-repeated"} <= set(told.noticed())


def test_a_quoted_header_may_span_lines_and_any_name_is_a_name(csv_file):
    told = csv_file('"a\nb",line,cells\n1,2,3\n')
    assert (told.columns, told.rows(), told.positions()) == (["a\nb", "line", "cells"], [("1", "2", "3")], [3])


def test_pieces_are_bounded(tmp_path):
    told = Delimited(tmp_path, "a,b\n" + "1,x\n" * 25, limits=Limits(batch_rows=10))
    assert [piece.frame.height for piece in told.table.pieces()] == [10, 10, 5]
    told = Delimited(tmp_path, "a,b\n" + f"1,{'x' * 100}\n" * 50, limits=Limits(batch_bytes=1_000))
    assert max(piece.frame.estimated_size() for piece in told.table.pieces()) < 2_000


@pytest.mark.parametrize("row", ["1,x\n", '1,"x\ny"\n', '1,5" p\n'])
def test_a_file_ten_times_larger_takes_the_same_memory(tmp_path, monkeypatch, row):
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr("connectors.formats.delimited.sampling.SAMPLE_CHARACTERS", 10_000)
    monkeypatch.setattr("connectors.formats.delimited.sampling.HEAD_CHARACTERS", 5_000)
    peaks, counts = [], []
    for times in (5_000, 50_000):
        told = Delimited(tmp_path, "a,b\n" + row * times)
        tracemalloc.start()
        counts.append(sum(piece.frame.height for piece in told.table.pieces()))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert counts == [5_000, 50_000]
    assert peaks[1] < 1.5 * peaks[0]


def test_the_texts_are_the_rows_as_they_stand_there(csv_file):
    told = csv_file("title\n\na,b\n1,x\n2\n3,y,z\n4,w\n\nSource: us\n")
    assert told.texts() == [["a", "b"], ["1", "x"], ["2"], ["3", "y", "z"], ["4", "w"]]


def test_a_line_with_a_stray_quote_is_shown_the_one_way_that_fits_and_is_a_reject(csv_file):
    told = csv_file('a,b,c\n1,"x, y",z\n2,"w,"v, u"\n3,t,s\n')
    assert told.texts()[2] == ["2", '"w', "v, u"]
    assert [number for number, _ in told.rejects()] == [3]


def written(rows, separator, ends):
    told = io.StringIO()
    csv.writer(told, delimiter=separator, lineterminator=ends, quoting=csv.QUOTE_ALL).writerows(rows)
    return told.getvalue()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.integers(2, 4), st.sampled_from([",", ";", "\t", "||"]), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read_cell_by_cell(tmp_path, data, width, separator, ends):
    rows = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6))
    header = [f"h{at}" for at in range(width)]
    text = separator.join(f'"{name}"' for name in header) + ends
    text += "".join(separator.join('"' + cell.replace('"', '""') + '"' for cell in row) + ends for row in rows)
    told = Delimited(tmp_path, text, **{**AS_WRITTEN, "separator": separator})
    assert told.rows() == [tuple(row) for row in rows]
    assert told.rejects() == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(PIECE, min_size=2, max_size=3), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 40),
)
def test_column_speed_and_small_blocks_change_nothing(tmp_path, rows, ends, portion):
    text = ends.join(["h,k", *(",".join(row) for row in rows)])
    with pytest.MonkeyPatch.context() as patch:
        told = []
        for split, at_once in ((True, 2**22), (False, 2**22), (True, portion), (False, portion)):
            patch.setattr(reading, "portion_of", lambda _, at_once=at_once: at_once)
            if not split:
                patch.setattr(reading, "split_at_once", lambda *_: None)
            one = Delimited(tmp_path, text, **AS_WRITTEN)
            told.append((one.frame().rows(), one.rejects()))
            patch.undo()
    assert all(other == told[0] for other in told)
