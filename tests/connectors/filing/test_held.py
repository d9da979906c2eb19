"""A workbook that was opened for its columns is not opened again for its rows, and what is kept of it is bounded."""

import polars as pl
import pytest
import xlsxwriter

import connectors
from catalog.models import Dataset, Place, Source
from connectors.filing.held import HELD, Held
from connectors.formats.excel import reading
from connectors.formats.tables import Table

PLACE = Place(file="sources/drop.yaml", line=1)


@pytest.fixture
def opened(monkeypatch):
    """The names of the workbooks in the order they were opened."""
    names, tables_of = [], reading.tables_of

    def counted(file, options, limits):
        names.append(file.name)
        return tables_of(file, options, limits)

    monkeypatch.setattr(reading, "tables_of", counted)
    return names


def _written(path, rows):
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    for at, row in enumerate(rows):
        sheet.write_row(at, 0, row)
    book.close()


def _asked(folder, name="*.xlsx", **options):
    source = Source(name="drop", kind="excel", location=str(folder), place=PLACE, options=options)
    dataset = Dataset(
        name="d", version="1.0.0", title="D", source="drop", physical_name=name, fingerprint="", fields=(), place=PLACE
    )
    return source, dataset


def _rows(folder, **options):
    source, dataset = _asked(folder, **options)
    return pl.concat([batch.frame for batch in connectors.read(source, dataset, folder=folder)]).rows()


def _table(size):
    return Table("t", pl.Schema(), {}, lambda: iter(()), held=size)


def test_each_workbook_is_opened_once_for_its_columns_and_its_rows(tmp_path, opened):
    _written(tmp_path / "a.xlsx", [["id", "city"], [1, "Ulm"]])
    _written(tmp_path / "b.xlsx", [["id", "city"], [2, "Rom"]])

    rows = _rows(tmp_path)

    assert [row[:2] for row in rows] == [(1, "Ulm"), (2, "Rom")]
    assert len(opened) == 2


def test_a_second_read_finds_nothing_kept_and_tells_the_same_rows(tmp_path, opened):
    _written(tmp_path / "once.xlsx", [["id", "city"], [3, "Bari"]])

    assert _rows(tmp_path) == _rows(tmp_path)
    assert len(opened) == 2


def test_rows_kept_for_one_declaration_are_not_given_to_another(tmp_path):
    _written(tmp_path / "totals.xlsx", [["id", "amount"], ["a", 4.5], ["b", 5.5], ["Total", 10.0]])
    source, dataset = _asked(tmp_path)
    connectors.shape(source, dataset, folder=tmp_path)

    assert len(_rows(tmp_path, totals="skip")) == 2
    assert len(_rows(tmp_path)) == 3


def test_a_workbook_that_changed_after_the_look_at_its_columns_is_opened_anew(tmp_path):
    _written(tmp_path / "new.xlsx", [["id", "city"], [1, "Ulm"]])
    source, dataset = _asked(tmp_path)
    connectors.shape(source, dataset, folder=tmp_path)
    _written(tmp_path / "new.xlsx", [["id", "city"], [1, "Ulm"], [2, "Oslo"]])

    assert len(_rows(tmp_path)) == 2


def test_what_is_kept_is_given_out_once():
    held, table = Held(), _table(10)
    held.put(("a",), table)

    assert held.take(("a",)) is table
    assert held.take(("a",)) is None


def test_the_tables_that_have_waited_longest_make_room():
    held = Held(most=100)
    for key in ("a", "b", "c"):
        held.put((key,), _table(40))

    assert [held.take((key,)) is not None for key in ("a", "b", "c")] == [False, True, True]


@pytest.mark.parametrize("size", [0, 101])
def test_a_table_that_reads_its_file_anew_or_is_too_large_is_not_kept(size):
    held = Held(most=100)
    held.put(("a",), _table(size))

    assert held.take(("a",)) is None


def test_nothing_stays_behind_when_a_read_has_ended(tmp_path):
    _written(tmp_path / "gone.xlsx", [["id"], [1]])
    before = len(HELD._tables)

    _rows(tmp_path)

    assert len(HELD._tables) == before
