"""Each cell has its own value: exact texts, types only where every cell is of it."""

import datetime
import warnings
from datetime import date

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.excel.texts import text_of
from connectors.formats.tables import Limits
from tests.connectors.formats.excel_under_test import DATA, one, positions, rows, rules, tables, written

VALUES = st.one_of(
    st.integers(-(10**14), 10**14), st.booleans(), st.text("abc Ä0-/", max_size=6).map(str.strip),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 6)),
    st.dates(date(1950, 1, 1), date(2099, 1, 1)),
)  # fmt: skip


def test_a_column_of_one_kind_has_its_type(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [
        ["id", "price", "on", "flag", "note"],
        [1, 1.5, date(2024, 1, 2), True, "x"],
        [2, 2, date(2024, 2, 3), False, "y"],
    ]}))  # fmt: skip
    assert list(table.schema.values()) == [pl.Int64, pl.Float64, pl.Date, pl.Boolean, pl.String]
    assert table.declared["price"] == "number"
    assert rows(table)[1] == (2, 2.0, date(2024, 2, 3), False, "y")


def test_blanks_are_null_and_do_not_change_a_columns_type(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["id", "n"], [1, 5], [2, None], [3, 7]]}))
    assert table.schema["n"] == pl.Int64
    assert [row[1] for row in rows(table)] == [5, None, 7]


def test_a_mixed_column_is_text_with_each_value_as_it_is(tmp_path):
    told = [5, 1.5, "x", True, date(2024, 1, 2), 12345678901, 1e22]
    table = one(written(tmp_path / "a.xlsx", {"S": [["k", "v"], *[["a", value] for value in told]]}))
    assert [row[1] for row in rows(table)] == ["5", "1.5", "x", "true", "2024-01-02", "12345678901", "1e+22"]
    assert rules(table)["mixed-types"].count == 3


def test_timestamps_and_dates_in_one_column_are_timestamps(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [
        ["k", "t"], ["a", datetime.datetime(2024, 1, 2, 3, 4, 5)], ["b", datetime.datetime(2024, 1, 3)],
    ]}))  # fmt: skip
    assert [row[1] for row in rows(table)] == [datetime.datetime(2024, 1, 2, 3, 4, 5), datetime.datetime(2024, 1, 3)]


def test_times_of_day_are_times(tmp_path):
    table = one(
        written(tmp_path / "a.xlsx", {"S": [["k", "t"], ["a", datetime.time(6, 30)], ["b", datetime.time(0, 0)]]})
    )
    assert [row[1] for row in rows(table)] == [datetime.time(6, 30), datetime.time(0, 0)]


def test_days_of_a_1904_workbook_are_right_and_it_is_told(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["k", "d"], ["a", date(2024, 1, 2)]]}, date_1904=True))
    assert rows(table) == [("a", date(2024, 1, 2))]
    assert "epoch-1904" in rules(table)


def test_positions_are_the_sheets_rows(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [[], [], ["a", "b"], [1, 2], [], [3, 4]]}))
    assert positions(table) == [4, 6]
    assert rules(table)["blank-rows"].count == 1


def test_texts_give_the_header_and_the_rows_as_they_stand(tmp_path):
    table = one(written(tmp_path / "a.xlsx", {"S": [["a", "b"], [1, "x"], [2.5, None]]}))
    assert list(table.texts()) == [["a", "b"], ["1", "x"], ["2.5", None]]


def test_pieces_are_bounded_and_read_anew(tmp_path):
    path = written(tmp_path / "a.xlsx", {"S": [["a"], *[[n] for n in range(25)]]})
    table = tables(path, limits=Limits(batch_rows=10))["S"]
    assert [piece.frame.height for piece in table.pieces()] == [10, 10, 5]
    assert rows(table) == rows(table)


@settings(max_examples=25, deadline=None)
@given(cells=st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=8))
def test_every_cell_comes_back_as_the_text_of_its_value(cells, tmp_path_factory):
    header = ["first", "second", "third"]
    path = written(tmp_path_factory.mktemp("law") / "a.xlsx", {"S": [header, *cells]})
    table = one(path, header_rows=1, range="A1:C50")
    wanted = [[text_of(float(v)) if isinstance(v, int) and not isinstance(v, bool) else text_of(v) for v in row]
              for row in cells]  # fmt: skip
    told = {number: list(row) for number, row in zip(positions(table), list(table.texts())[1:], strict=True)}
    for number, row in enumerate(wanted, start=2):
        assert told.get(number, [None] * 3) == [text or None for text in row]


def workbooks():
    return sorted([*DATA.glob("excel/**/*.xlsx"), *DATA.glob("docs/**/*.xlsx")])


@pytest.mark.skipif(not workbooks(), reason="the shared data is not here")
def test_every_cell_of_real_workbooks_is_what_openpyxl_reads():
    warnings.simplefilter("ignore")
    compared, different = 0, []
    for path in workbooks():
        try:
            book = openpyxl.load_workbook(path, data_only=True)
        except IndexError:  # a style that is not there
            continue
        for table in tables(path).values():
            sheet = book[table.meta["sheet"]]
            left = openpyxl.utils.cell.coordinate_to_tuple(table.meta["range"].split(":")[0])[1]
            for piece in table.pieces():
                for *values, position in piece.frame.rows():
                    for column, value in enumerate(values, start=left):
                        compared += 1
                        cell = sheet.cell(position, column)
                        if not same(value, cell):
                            different.append((path.name, cell.coordinate))
    assert compared > 30_000
    assert {name for name, _ in different} <= {"dates-leap-year-1900-xlsx.xlsx"}  # a day that never was
    assert len(different) <= 2


def same(value, cell):
    """Whether a value is the cell's. Excel drops blanks around a text that is not marked to keep them."""
    wanted = None if cell.data_type == "e" or cell.value == "" else cell.value
    if isinstance(wanted, datetime.datetime) and wanted.time() == datetime.time(0):
        wanted = wanted.date()
    if isinstance(value, datetime.datetime) and value.time() == datetime.time(0):
        value = value.date()
    if isinstance(value, str) and wanted is not None and not isinstance(wanted, str):
        return value == text_of(float(wanted) if isinstance(wanted, int) and not isinstance(wanted, bool) else wanted)
    return value == wanted or (isinstance(wanted, str) and wanted.strip() == value)


@pytest.mark.skipif(not workbooks(), reason="the shared data is not here")
@pytest.mark.parametrize(("name", "wanted"), [
    ("dates-1904.xls", [(date(2000, 1, 1),) * 5]),
    ("iris-excel-xls.xls", [(5.1, 3.5, 1.4, 0.2, "setosa")]),
    ("names-need-repair-xls.xls", [(1, "a", "one", 1.1), (2, "b", "two", 2.2)]),
    ("style-only-cells.xls", [("val1,1", None, "aa", None, 1)]),
    ("utf8-sheet-names.xls", [(1,)]),
    ("geometry.xls", [("B4", "C4", "D4"), ("B5", "C5", "D5"), ("B6", "C6", "D6")]),
])  # fmt: skip
def test_old_workbooks_have_the_values_that_their_names_promise(name, wanted):
    path = next(DATA.glob(f"excel/**/{name}"))
    assert rows(one(path))[: len(wanted)] == wanted


@pytest.mark.skipif(not workbooks(), reason="the shared data is not here")
@pytest.mark.parametrize("name", ["dates-leap-year-1900-xls.xls", "dates-leap-year-1900-xlsx.xlsx"])
def test_the_29_february_1900_is_unknown_and_told(name):
    table = one(next(DATA.glob(f"excel/**/{name}")))
    for told, said, possible in rows(table):
        assert told == (datetime.datetime.fromisoformat(said) if possible else None)
    assert rules(table)["zero-dates"].count == 1


def test_one_number_at_the_end_makes_a_column_of_texts_a_mixed_one(tmp_path):
    table = one(written(tmp_path / "late.xlsx", {"Data": [["code", "n"], ["a", 1], ["", 2], ["b", 3], [7, 4]]}))

    assert [row[0] for row in rows(table)] == ["a", None, "b", "7"]
    assert rules(table)["mixed-types"].count == 1
