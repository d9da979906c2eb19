"""XML Spreadsheets of Excel 2002 and 2003, which many systems export under the ending `.xls`.

Microsoft's "XML Spreadsheet Reference" (2003). Each cell declares its type: text, number, boolean, timestamp, error.
The file is parsed once, in pieces; the sheets are held.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from catalog.errors import FileRefused
from connectors.formats.excel.addresses import Area
from connectors.formats.excel.marks import LARGEST_AREA, LARGEST_MARKS, Marks, refuse_area
from connectors.formats.excel.workbook import Rows, Sheet, damage_refused

NAMESPACE = "{urn:schemas-microsoft-com:office:spreadsheet}"
MOST_ROWS, MOST_COLUMNS = 2**20, 2**14
TIME_ONLY = 1900  # a timestamp of an earlier year is a time of day


class Spreadsheet2003:
    """The sheets of a file; what `workbook.Workbook` is for the other kinds."""

    def __init__(self, path: Path) -> None:
        self.names: list[str] = []
        self.hidden: set[str] = set()
        self.epoch_1904 = False
        self._scans: dict[str, _Scan] = {}
        with damage_refused(), path.open("rb") as content:
            self._read(content)

    def sheet(self, name: str) -> Sheet:
        """A sheet. Raises FileRefused where it is larger than what is read."""
        return self._scans[name].sheet(name, name in self.hidden)

    def _read(self, content: Any) -> None:
        from lxml import etree

        tags = [f"{NAMESPACE}{name}" for name in ("Worksheet", "Column", "Row")]
        tags += ["{urn:schemas-microsoft-com:office:excel}Visible", "{urn:schemas-microsoft-com:office:excel}Date1904"]
        scan, name = _Scan(), ""
        for event, element in etree.iterparse(
            content, events=("start", "end"), tag=tags, resolve_entities=False, no_network=True
        ):
            kind = element.tag.rpartition("}")[2]
            if kind == "Worksheet" and event == "start":
                name = element.get(f"{NAMESPACE}Name", f"Sheet{len(self.names) + 1}")
                self.names.append(name)
                scan = self._scans[name] = _Scan()
            elif event == "end":
                if kind == "Date1904":
                    self.epoch_1904 = True
                elif kind == "Visible" and (element.text or "").startswith("Sheet"):
                    self.hidden.add(name)
                elif kind in ("Row", "Column"):
                    (scan.row if kind == "Row" else scan.column)(element)
                    element.clear()


class _Scan:
    """A sheet's cells and marks while its rows pass by."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], Any] = {}
        self._marks = Marks(merged=[])
        self._row = self._column = 0

    def column(self, element: Any) -> None:
        """Take in a column's declaration."""
        first = _number(element, "Index", self._column + 1, MOST_COLUMNS) - 1
        last = first + _number(element, "Span", 0, MOST_COLUMNS)
        if element.get(f"{NAMESPACE}Hidden") == "1":
            self._marks.hidden_columns.update(range(first, last + 1))
        self._column = last + 1

    def row(self, element: Any) -> None:
        """Take in a row's cells."""
        row = _number(element, "Index", self._row + 1, MOST_ROWS) - 1
        last = row + _number(element, "Span", 0, MOST_ROWS)
        if element.get(f"{NAMESPACE}Hidden") == "1":
            self._marks.hidden_rows.update(range(row, last + 1))
        column = 0
        for cell in element.iterchildren(f"{NAMESPACE}Cell"):
            column = _number(cell, "Index", column + 1, MOST_COLUMNS) - 1
            across, down = _number(cell, "MergeAcross", 0, MOST_COLUMNS), _number(cell, "MergeDown", 0, MOST_ROWS)
            if (across or down) and self._marks.merged is not None:
                self._marks.merged.append(Area(row, column, row + down, column + across))
            self._take(row, column, cell.find(f"{NAMESPACE}Data"))
            column += across + 1
        self._row = last + 1

    def _take(self, row: int, column: int, data: Any) -> None:
        if data is None:
            return
        text, kind = "".join(data.itertext()), data.get(f"{NAMESPACE}Type", "String")
        if kind == "Error":
            if len(self._marks.errors) < LARGEST_MARKS:
                self._marks.errors[row, column] = text
        elif text:
            self._cells[row, column] = READERS.get(kind, str)(text)
            if len(self._cells) > LARGEST_AREA:
                refuse_area(self._row + 1, MOST_COLUMNS)

    def sheet(self, name: str, hidden: bool) -> Sheet:
        """The sheet, its cells as a rectangle."""
        if not self._cells:
            return Sheet(name, Rows([], 0), 0, 0, (), hidden, self._marks)
        top, left = min(row for row, _ in self._cells), min(column for _, column in self._cells)
        height = max(row for row, _ in self._cells) - top + 1
        width = max(column for _, column in self._cells) - left + 1
        refuse_area(height, width)
        rows: list[list[Any]] = [[""] * width for _ in range(height)]
        for (row, column), value in self._cells.items():
            rows[row - top][column - left] = value
        return Sheet(name, Rows(rows, width), top, left, tuple(self._marks.merged or ()), hidden, self._marks)


def _moment(text: str) -> datetime | date | time:
    """A timestamp as calamine would give it: a date at midnight, a time where there is no date."""
    told = datetime.fromisoformat(text)
    if told.year < TIME_ONLY:
        return told.time()
    return told if told.time() != time() else told.date()


def _number(element: Any, name: str, default: int, most: int) -> int:
    text = element.get(f"{NAMESPACE}{name}", "")
    if not text:
        return default
    if not text.isdigit() or int(text) > most:
        raise FileRefused(
            "the workbook is damaged: a cell lies outside of what a sheet has", "Ask for the export again."
        )
    return int(text)


READERS: dict[str, Callable[[str], Any]] = {
    "String": str, "Number": float, "Boolean": lambda text: text.strip() in ("1", "true"), "DateTime": _moment,
}  # fmt: skip
