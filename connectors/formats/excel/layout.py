"""Where the tables of a sheet lie: cut at blank rows, and at blank columns where both sides end in different rows.

People put titles above a table, notes below it, a second table under or beside it, and blank rows inside it. What
belongs together is told by the columns that blocks share and by whether a block begins with a header of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import eq
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.formats.excel.addresses import Area
from connectors.formats.excel.headers import Header, header_of, is_text
from connectors.formats.excel.marks import Declared
from connectors.formats.excel.workbook import Rows, Sheet

MOST_BLOCKS = 500  # a sheet with more runs of rows than this is one table with blank rows in it
NOTE_ROWS = 6  # a block of more single cells than this is a list, not a note
LONG_TEXT = 60  # characters of a text that is a sentence, not a value
NOTE = re.compile(
    r"^\s*(\*|†|©|\(?[1-9a-z]\)|notes?\b|remarks?\b|sources?\b|quellen?\b|hinweise?\b|anmerkung|bemerkung|stand\b|"
    r"erstellt\b|printed\b|created\b|generated\b|remarque|nota\b|fuentes?\b|fonte\b|bron\b|źródło|примечани|источник)",
    re.IGNORECASE,
)
LOOKED_AT = 200  # rows of a block that tell what kind of values its columns hold

Mask = npt.NDArray[np.bool_]
Columns = Sequence[Sequence[Any]]


@dataclass
class Layout:
    """One table in a sheet: its header, its rows (counted from the sheet's first loaded row), and what surrounds it."""

    left: int
    right: int
    header: Header
    body: list[tuple[int, int]]  # first row and the row after the last
    titles: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)  # rows that say the header again
    totals: list[int] = field(default_factory=list)
    blank_rows: int = 0
    name: str = ""

    @property
    def height(self) -> int:
        """Rows below the header."""
        return sum(bottom - top for top, bottom in self.body)

    @property
    def bottom(self) -> int:
        """The last row."""
        last = self.body[-1][1] - 1 if self.body else -1
        return max(last, *self.header.rows, *self.header.skipped, -1)

    @property
    def top(self) -> int:
        """The first row, the header's or the first of the body."""
        first = self.header.rows[0] if self.header.rows else None
        return first if first is not None else (self.body[0][0] if self.body else 0)


def filled_cells(sheet: Sheet, columns: Columns) -> Mask:
    """Which cells hold something, by row and column; an error is something, too."""
    mask: Mask = np.ones((len(sheet.rows), sheet.width), np.bool_)
    for at, cells in enumerate(columns):
        if "" in cells:  # only then is each cell looked at, which is a loop over Python's values
            mask[:, at] = ~np.frombuffer(bytes(map(eq, cells, repeat(""))), np.bool_)
    for row, column in sheet.marks.errors:
        if 0 <= row - sheet.top < len(sheet.rows) and 0 <= column - sheet.left < sheet.width:
            mask[row - sheet.top, column - sheet.left] = True
    return mask


def layouts(sheet: Sheet, columns: Columns, filled: Mask, header_rows: int | None) -> list[Layout]:
    """The tables of a sheet from the top. `header_rows` None: where the header is, is found out."""
    declared = [(table, _within(table.area, sheet)) for table in sheet.marks.declared]
    found = [_declared(sheet, filled, table, area) for table, area in declared if area is not None]
    rest = filled.copy() if found else filled
    for _, area in declared:
        if area is not None:
            rest[area.top : area.bottom + 1, area.left : area.right + 1] = False
    loose = _joined(sheet, rest, list(_blocks(rest)), header_rows)
    for one in loose:
        _drop_repeated(one, sheet.rows, columns)
        _settle_tail(one, sheet.rows)
    return sorted((table for table in found + loose if table.height or table.header.rows), key=lambda one: one.top)


def _declared(sheet: Sheet, filled: Mask, table: Declared, area: Area) -> Layout:
    """A table as the workbook declares it."""
    first = area.top + table.header_rows
    last = area.bottom + 1 - table.totals_rows
    header = header_of(sheet, filled, area, table.header_rows)
    body = _runs(filled[first:last, area.left : area.right + 1].any(axis=1), first)
    laid = Layout(area.left, area.right, header, body, name=table.name)
    laid.totals = list(range(last, area.bottom + 1))
    laid.blank_rows = max(0, last - first - laid.height)
    return laid


def _within(area: Area, sheet: Sheet) -> Area | None:
    """An area of the sheet in the loaded cells' own rows and columns; None where it lies outside of them."""
    top, left = max(area.top - sheet.top, 0), max(area.left - sheet.left, 0)
    bottom, right = min(area.bottom - sheet.top, len(sheet.rows) - 1), min(area.right - sheet.left, sheet.width - 1)
    return Area(top, left, bottom, right) if top <= bottom and left <= right else None


def _blocks(filled: Mask) -> Iterator[Area]:
    """The sheet cut at blank rows, and at blank columns where what lies on both sides ends in different rows."""
    runs = _runs(filled.any(axis=1), 0)
    if len(runs) > MOST_BLOCKS:
        runs = [(runs[0][0], runs[-1][1])]
    for top, bottom in runs:
        across = _runs(filled[top:bottom].any(axis=0), 0)
        parts = [_trimmed(filled, Area(top, left, bottom - 1, right - 1)) for left, right in across]
        if len(parts) > 1 and _lie_side_by_side(parts):
            yield from parts
        elif parts:
            yield Area(top, parts[0].left, bottom - 1, parts[-1].right)


def _lie_side_by_side(parts: Sequence[Area]) -> bool:
    """Whether the parts are tables of their own: each of several rows, and not all of the same ones."""
    ends = {(part.top, part.bottom) for part in parts}
    return len(ends) > 1 and all(part.bottom > part.top and part.right > part.left for part in parts)


def _trimmed(filled: Mask, area: Area) -> Area:
    rows = np.flatnonzero(filled[area.top : area.bottom + 1, area.left : area.right + 1].any(axis=1))
    return Area(area.top + int(rows[0]), area.left, area.top + int(rows[-1]), area.right)


def _runs(mask: Any, offset: int) -> list[tuple[int, int]]:
    """The stretches of true values of a mask, as first and one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(start) + offset, int(end) + offset) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _joined(sheet: Sheet, filled: Mask, blocks: list[Area], header_rows: int | None) -> list[Layout]:
    """The blocks as tables: a note goes with the table beside it, a block that goes on with a table becomes part.

    Where the header's lines are declared, all blocks are one table.
    """
    if header_rows is not None and blocks:
        whole = _around(blocks)
        return [_laid(filled, whole, header_of(sheet, filled, whole, header_rows), [])]
    found: list[Layout] = []
    titles: list[int] = []
    wide = any(block.right > block.left for block in blocks)
    for block in blocks:
        above = next((one for one in reversed(found) if one.left <= block.right and block.left <= one.right), None)
        if wide and _is_note(sheet.rows, filled, block) and (above is not None or block is not blocks[-1]):
            (titles if above is None else above.notes).extend(range(block.top, block.bottom + 1))
        elif above is not None and _goes_on(above, sheet, filled, block):
            _go_on(above, filled, block)
        else:
            header = header_of(sheet, filled, block, None)
            found.append(_laid(filled, block, header, titles))
            titles = []
    if titles and found:
        found[-1].notes.extend(titles)
    return found


def _around(blocks: Sequence[Area]) -> Area:
    """The least area that holds all blocks."""
    return Area(
        min(one.top for one in blocks), min(one.left for one in blocks),
        max(one.bottom for one in blocks), max(one.right for one in blocks),
    )  # fmt: skip


def _laid(filled: Mask, block: Area, header: Header, titles: list[int]) -> Layout:
    first = max([block.top, *(row + 1 for row in header.rows + header.skipped)])
    body = _runs(filled[first : block.bottom + 1, block.left : block.right + 1].any(axis=1), first)
    laid = Layout(block.left, block.right, header, body, titles=[*titles, *header.skipped])
    laid.blank_rows = block.bottom + 1 - first - laid.height
    return laid


def _is_note(rows: Rows, filled: Mask, block: Area) -> bool:
    """Whether a block is a title or a note: few rows of one text each."""
    if block.bottom - block.top >= NOTE_ROWS:
        return False
    if int(filled[block.top : block.bottom + 1, block.left : block.right + 1].sum(axis=1).max()) > 1:
        return False
    return all(isinstance(value, str) for row in _of(rows, block) for value in row[block.left : block.right + 1])


def _of(rows: Rows, block: Area) -> list[list[Any]]:
    return rows[block.top : block.bottom + 1]


def _goes_on(table: Layout, sheet: Sheet, filled: Mask, block: Area) -> bool:
    """Whether a block below a table holds more of its rows."""
    if block.left < table.left or block.right > table.right:
        return False
    cells = filled[block.top : block.bottom + 1, table.left : table.right + 1]
    rows = _of(sheet.rows, block)
    first = rows[0][table.left : table.right + 1]
    if _says(table.header, first) or len(rows) == 1:
        return True
    if int(cells.any(axis=0).sum()) * 2 < table.right - table.left + 1:
        return False  # narrower than half of the table: a summary of its own
    speaks = [column for column in _typed_columns(table, sheet.rows) if rows[0][column] != ""]
    is_header = sum(value != "" for value in first) > 1 and all(isinstance(value, str) for value in first)
    return not (speaks and is_header)


def _go_on(table: Layout, filled: Mask, block: Area) -> None:
    """Add a block's rows to a table."""
    table.blank_rows += max(0, block.top - table.bottom - 1)
    table.body.extend(_runs(filled[block.top : block.bottom + 1].any(axis=1), block.top))
    table.left, table.right = min(table.left, block.left), max(table.right, block.right)


def _says(header: Header, row: Sequence[Any]) -> bool:
    """Whether a row is the header once more."""
    return bool(header.rows) and header.texts == [str(value).strip() if value != "" else "" for value in row]


def _typed_columns(table: Layout, rows: Rows) -> list[int]:
    """The columns that mostly hold something other than text."""
    found = []
    sample = [row for top, bottom in table.body for row in rows[top : min(bottom, top + LOOKED_AT)]][:LOOKED_AT]
    for column in range(table.left, table.right + 1):
        values = [row[column] for row in sample if row[column] != ""]
        if values and sum(not isinstance(value, str) for value in values) * 2 > len(values):
            found.append(column)
    return found


def _settle_tail(table: Layout, rows: Rows) -> None:
    """Take notes off the body's end: stray texts where the table holds other values."""
    width = table.right - table.left + 1
    typed = _typed_columns(table, rows)
    if width < 3 or not typed:
        return
    stray: list[int] = []
    for row in (row for top, bottom in reversed(table.body) for row in range(bottom - 1, top - 1, -1)):
        cells = rows[row][table.left : table.right + 1]
        texts = sum(is_text(value) for value in cells)
        if texts * 3 > width or any(value != "" and not is_text(value) for value in cells):
            break
        stray.insert(0, row)
    if len(stray) < table.height and any(_is_stray(rows[row][table.left : table.right + 1]) for row in stray):
        table.notes[:0] = stray
        table.body = [run for stretch in table.body for run in _without(stretch, stray)]


def _is_stray(cells: Sequence[Any]) -> bool:
    """Whether a row of few texts is a note: it begins as one, is long, or leaves the first column blank."""
    text = next((value for value in cells if value != ""), "")
    return cells[0] == "" or len(text) > LONG_TEXT or NOTE.match(text) is not None


def _drop_repeated(table: Layout, rows: Rows, columns: Columns) -> None:
    """Take rows that say the header again out of the body: a printed report says it on every page."""
    at = next((index for index, text in enumerate(table.header.texts) if text), None)
    if at is None:
        return
    said, column = table.header.texts[at], columns[table.left + at]
    if column.count(said) < 2:
        return
    again = [
        number
        for top, bottom in table.body
        for number in range(top, bottom)
        if column[number] == said and _says(table.header, rows[number][table.left : table.right + 1])
    ]
    table.repeated.extend(again)
    table.body = [run for stretch in table.body for run in _without(stretch, again)]


def _without(stretch: tuple[int, int], rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """What remains of a stretch of rows."""
    top, bottom = stretch
    for row in (row for row in rows if stretch[0] <= row < stretch[1]):
        if top < row:
            yield top, row
        top = row + 1
    if top < bottom:
        yield top, bottom
