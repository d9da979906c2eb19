"""The tables of a workbook: sheet by sheet, laid out, typed, and with what was odd about them."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.excel.addresses import Area, area
from connectors.formats.excel.columns import Column, column
from connectors.formats.excel.containers import Kind, kind_of
from connectors.formats.excel.layout import Layout, filled_cells, layouts
from connectors.formats.excel.oddities import oddities
from connectors.formats.excel.texts import text_of
from connectors.formats.excel.workbook import Rows, Sheet, Sheets, opened
from connectors.formats.slices import refuse_reserved, refuse_too_large, sliced
from connectors.formats.tables import File, Limits, Noticed, Piece, Reject, Table, empty

TOTAL = re.compile(
    r"^\s*(grand[ -]?total|sub-?total|totals?|sums?|summe|gesamt\w*|insgesamt|zwischensumme|total g[ée]n[ée]ral|totaux|"
    r"totale|totaal|suma|soma|razem|ogółem|celkem|summa|yhteensä|toplam|итого|всего|合计|总计|小计|合計|小計|総計|합계|총계)\b",
    re.IGNORECASE,
)
COVER = re.compile(
    r"^\s*(read[ _-]?me|about|info|information|notes?|legend|cover|title|contents?|index|toc|deckblatt|inhalt|"
    r"hinweise|legende|impressum|sommaire|lisez[ _-]?moi|portada|leyenda)\s*$", re.IGNORECASE
)  # fmt: skip
DAY_59 = date(1900, 2, 28)
TEXT_ROWS = 10_000  # that become texts at once
NOTE = "a note below the table, not one of its rows"


def tables_of(file: File, options: Any, limits: Limits) -> list[Table]:
    """The tables of a workbook. Raises FileRefused where there is none, or nothing in it can be read."""
    kind = kind_of(file)
    wanted, cells = _wanted(options)
    with _cells_uncollected(), opened(file, kind, wanted) as book:
        names = _sheets(book, options, wanted, cells)
        found: list[Table] = []
        lost: list[str] = []
        for name in names:
            try:
                found.extend(_tables_of_sheet(book, name, cells, options, kind, limits))
            except FileRefused:
                if wanted or len(names) == 1:
                    raise
                lost.append(name)
        noticed = _of_the_book(book, lost, options)
    return _chosen(found, noticed, book.names, options, lost)


@contextmanager
def _cells_uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking over all cells again and again: none of them refers to another."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _wanted(options: Any) -> tuple[str, Area | None]:
    """The sheet and the cells that the options name."""
    sheet, _, cells = options.table.rpartition("!")
    if sheet and area(cells):
        return sheet, area(cells)
    return options.table, area(options.range) if options.range else None


def _sheets(book: Sheets, options: Any, wanted: str, cells: Area | None) -> list[str]:
    """The names of the sheets to read, those about the others and those that are hidden last."""
    if not book.names:
        raise FileRefused("the workbook has no sheet with cells", "Ask for the export again.")
    if wanted in book.names:
        return [wanted]
    if wanted and cells and not options.range:
        raise FileRefused(f"it has no sheet '{wanted}'; its sheets are {_quoted(book.names)}", "Name one of them.")
    skipped = book.hidden if options.hidden == "skip" else set()
    names = [name for name in book.names if name not in skipped]
    return sorted(names, key=lambda name: (name in book.hidden, COVER.match(name) is not None))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _chosen(
    found: list[Table], noticed: list[Noticed], names: Sequence[str], options: Any, lost: list[str]
) -> list[Table]:
    told = _quoted(names)
    if options.table and "!" not in options.table:
        found = [table for table in found if options.table in (table.name, table.meta.get("declared_table"))] or found
        if found and options.table not in (found[0].name, found[0].meta.get("declared_table"), found[0].meta["sheet"]):
            raise FileRefused(f"it has no table '{options.table}'; its sheets are {told}", "Name one of them.")
    if not found and lost:
        raise FileRefused(f"none of its sheets can be read: {told}", "Ask for the export again.")
    if not found:
        raise FileRefused(f"there is nothing to read: its sheets are empty: {told}", "Ask for the export again.")
    return [replace(found[0], noticed=[*noticed, *found[0].noticed]), *found[1:]]


def _of_the_book(book: Sheets, lost: list[str], options: Any) -> list[Noticed]:
    """What is odd about the workbook as a whole; it is told with its first table."""
    told = []
    if lost:
        message = f"sheets that are damaged or too large are not read: {', '.join(lost)}"
        told.append(Noticed("sheets-unreadable", message, "critical", len(lost), "sheets", "Ask for the export again."))
    if book.hidden:
        done = "not read" if options.hidden == "skip" else "read like the others"
        message = f"hidden sheets are {done}: {', '.join(sorted(book.hidden))}"
        told.append(Noticed("hidden-sheets", message, count=len(book.hidden), unit="sheets",
                            remedy="Say with `hidden` whether they belong to the export."))  # fmt: skip
    if book.epoch_1904:
        told.append(Noticed("epoch-1904", "days are counted from 1904, and are read so", "info", unit="files"))
    return told


def _tables_of_sheet(
    book: Sheets, name: str, cells: Area | None, options: Any, kind: Kind, limits: Limits
) -> Iterator[Table]:
    """The tables of one sheet, the largest first."""
    sheet = _cropped(book.sheet(name), cells, options.skip_rows)
    if not sheet.rows:
        return
    columns = sheet.rows.columns()
    found = layouts(sheet, columns, filled_cells(sheet, columns), options.header_rows)
    found = [laid for laid in found if _across(sheet, laid, options)]  # else all its columns are hidden, and left out
    largest = max(found, key=lambda one: one.height * (one.right - one.left + 1), default=None)
    for laid in sorted(found, key=lambda one: one is not largest):
        where = _area_of(sheet, laid)
        main = options.table if options.table.startswith(f"{name}!") else name
        title = main if laid is largest else f"{name}!{where}"
        yield _table(title, sheet, columns, laid, where, options, kind, limits)


def _cropped(sheet: Sheet, cells: Area | None, skip_rows: int) -> Sheet:
    """The sheet without what lies outside of the wanted cells."""
    wanted = cells or Area(0, 0, sheet.top + len(sheet.rows), sheet.left + sheet.width)
    top, left = max(wanted.top, skip_rows, sheet.top), max(wanted.left, sheet.left)
    if (top, left) == (sheet.top, sheet.left) and not cells:
        return sheet
    rows = sheet.rows[top - sheet.top : max(0, wanted.bottom + 1 - sheet.top)]
    kept = [row[left - sheet.left : max(0, wanted.right + 1 - sheet.left)] for row in rows]
    return replace(sheet, rows=Rows(kept, len(kept[0]) if kept else 0), top=top, left=left)


def _area_of(sheet: Sheet, laid: Layout) -> Area:
    return Area(sheet.top + laid.top, sheet.left + laid.left, sheet.top + laid.bottom, sheet.left + laid.right)


def _table(
    name: str, sheet: Sheet, cells: Sequence[Sequence[Any]], laid: Layout, where: Area, options: Any, kind: Kind,
    limits: Limits,
) -> Table:  # fmt: skip
    refuse_reserved(laid.header.names)
    rows = _rows(sheet, laid, cells, options)
    across = _across(sheet, laid, options)
    named = dict(zip(range(laid.left, laid.right + 1), laid.header.names, strict=True))
    fills = _merged_fills(sheet) if options.merged == "fill" else {}
    columns = [_column(named[at], sheet, _values(cells[at], rows, at, fills), rows, at) for at in across]
    positions = _shifted(rows, sheet.top)
    frame = pl.DataFrame([one.series for one in columns]) if columns else pl.DataFrame()
    refuse_too_large(frame, limits)
    noticed = oddities(sheet, laid, columns, [sheet.left + at for at in across], positions, options.hidden)
    rejects = _notes(sheet, laid)
    meta = _meta(sheet, laid, where, kind)
    numbered = frame.with_columns(pl.Series("_position", _shifted(positions, 1), dtype=pl.Int64))
    declared = {one.series.name: one.declared for one in columns}
    pieces, held = _Pieces(numbered, rejects, limits), int(numbered.estimated_size())
    return Table(name, frame.schema, declared, pieces, meta, noticed, _Texts(frame), held)


def _shifted(rows: Sequence[int], by: int) -> Sequence[int]:
    return range(rows.start + by, rows.stop + by) if isinstance(rows, range) else [row + by for row in rows]


def _rows(sheet: Sheet, laid: Layout, cells: Sequence[Sequence[Any]], options: Any) -> Sequence[int]:
    """The rows of a table that are handed over, counted from the first loaded one; a range where none is left out."""
    stretches = [range(top, bottom) for top, bottom in laid.body]
    rows: Sequence[int] = stretches[0] if len(stretches) == 1 else list(chain.from_iterable(stretches))
    if rows and not laid.totals:
        text = next((cells[at][rows[-1]] for at in range(laid.left, laid.right + 1) if cells[at][rows[-1]] != ""), "")
        if len(rows) > 1 and isinstance(text, str) and TOTAL.match(text):
            laid.totals.append(rows[-1])
    if options.totals == "skip" and laid.totals:
        rows = [row for row in rows if row not in laid.totals]
    if options.hidden == "skip" and sheet.marks.hidden_rows:
        rows = [row for row in rows if sheet.top + row not in sheet.marks.hidden_rows]
    return rows


def _across(sheet: Sheet, laid: Layout, options: Any) -> list[int]:
    """The columns of a table that are handed over."""
    hidden = sheet.marks.hidden_columns if options.hidden == "skip" else set()
    return [at for at in range(laid.left, laid.right + 1) if sheet.left + at not in hidden]


def _column(name: str, sheet: Sheet, values: Sequence[Any], rows: Sequence[int], at: int) -> Column:
    """A column, without the 29 February 1900, which the reader takes for the 28th."""
    told = column(name, values)
    if not told.kinds["date"] or not _may_hold_28th(told):
        return told
    never = sheet.day_60()
    lost = [index for index, row in enumerate(rows) if (sheet.top + row, sheet.left + at) in never]
    kept = list(values)
    for index in lost:
        kept[index] = ""
    again = column(name, kept)
    return replace(again, zero_dates=[*again.zero_dates, *lost])


def _may_hold_28th(told: Column) -> bool:
    """Whether a date of the column is the 28 February 1900."""
    if told.series.dtype.is_temporal():
        first = told.series.cast(pl.Date).min()
        return isinstance(first, date) and first <= DAY_59
    return any(isinstance(value, date) and value.timetuple()[:3] == DAY_59.timetuple()[:3] for value in told.values)


def _values(cells: Sequence[Any], rows: Sequence[int], column: int, fills: dict[tuple[int, int], Any]) -> Sequence[Any]:
    if fills:
        return [fills.get((row, column), cells[row]) for row in rows]
    if rows and rows[-1] - rows[0] + 1 == len(rows):
        return cells[rows[0] : rows[-1] + 1]
    return [cells[row] for row in rows]


def _merged_fills(sheet: Sheet) -> dict[tuple[int, int], Any]:
    """What the cells that are merged into another one stand for."""
    found = {}
    for span in sheet.merged:
        top, left = span.top - sheet.top, span.left - sheet.left
        if 0 <= top < len(sheet.rows) and 0 <= left < sheet.width:
            value = sheet.rows[top][left]
            bottom = min(span.bottom - sheet.top, len(sheet.rows) - 1)
            right = min(span.right - sheet.left, sheet.width - 1)
            found.update({(r, c): value for r in range(top, bottom + 1) for c in range(left, right + 1)})
    return found


def _notes(sheet: Sheet, laid: Layout) -> list[Reject]:
    """The texts below the table that are none of its rows."""
    told = []
    for row in laid.notes:
        cells = [text_of(value) for value in sheet.rows[row] if value != ""]
        told.append((sheet.top + row + 1, NOTE, " ".join(cells)))
    return told


def _meta(sheet: Sheet, laid: Layout, where: Area, kind: Kind) -> dict[str, Any]:
    meta: dict[str, Any] = {"format": "excel", "container": kind, "sheet": sheet.name, "range": str(where)}
    meta["header_rows"] = len(laid.header.rows)
    if laid.name:
        meta["declared_table"] = laid.name
    titles = [text_of(value) for row in laid.titles for value in sheet.rows[row] if value != ""]
    if titles:
        meta["title"] = " ".join(titles)[:200]
    return meta


class _Pieces:
    """A table's rows in bounded slices; the notes below it are rejects of the first."""

    def __init__(self, frame: pl.DataFrame, rejects: list[Reject], limits: Limits) -> None:
        self._frame, self._rejects, self._limits = frame, rejects, limits

    def __call__(self) -> Iterator[Piece]:
        """The slices, anew."""
        rejects = self._rejects
        if not self._frame.height:
            nothing = empty(pl.Schema({n: t for n, t in self._frame.schema.items() if n != "_position"}))
            yield replace(nothing, rejects=rejects)
            return
        for frame in sliced(self._frame, self._limits):
            yield Piece(frame, rejects)
            rejects = []


class _Texts:
    """A table's rows as the texts that its cells stand for, the header first."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __call__(self) -> Iterator[Sequence[str | None]]:
        """The rows, anew."""
        yield self._frame.columns
        for rows in self._frame.iter_slices(TEXT_ROWS):
            # one row after the other, as texts are asked for: that is a loop
            for row in rows.iter_rows():
                yield [None if value is None else text_of(value) for value in row]
