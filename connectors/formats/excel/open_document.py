"""What an OpenDocument spreadsheet (.ods) says beside its cells' values, in one pass over its content.

OpenDocument 1.3 part 3, 9. Rows and cells may be repeated by a number, so that a few bytes can stand for a whole sheet:
what they would unpack to is counted before anything is loaded.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from connectors.formats.excel.addresses import Area
from connectors.formats.excel.marks import LARGEST_MARKS, Cell, Marks, refuse_area

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
HIDDEN = ("collapse", "filter")
MOST_ROWS, MOST_COLUMNS = 2**20, 2**14


class OpenDocument:
    """The marks of all sheets, read at once. A context, like its siblings."""

    epoch_1904 = False  # dates are written out

    def __init__(self, path: Path) -> None:
        self._marks: dict[str, Marks] = {}
        with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
            self._read(content)

    def __enter__(self) -> OpenDocument:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    @property
    def names(self) -> list[str]:
        """The sheets in order."""
        return list(self._marks)

    def marks(self, sheet: str) -> Marks:
        """Of the sheet of that name."""
        return self._marks.get(sheet, Marks())

    def day_60(self, sheet: str) -> set[Cell]:
        """None: dates are written out, and there is no 29 February 1900."""
        return set()

    def _read(self, content: Any) -> None:
        from lxml import etree

        tags = (f"{TABLE}table", f"{TABLE}table-row", f"{TABLE}table-column")
        walked = etree.iterparse(content, events=("start", "end"), tag=tags, resolve_entities=False, no_network=True)
        scan = _Scan()
        for event, element in walked:
            if element.tag == tags[0]:
                scan = _Scan() if event == "start" else scan
                self._marks[element.get(f"{TABLE}name", "")] = scan.found
            elif event == "end":
                scan.row(element) if element.tag == tags[1] else scan.column(element)
                element.clear()


class _Scan:
    """A sheet's marks while its rows pass by."""

    def __init__(self) -> None:
        self.found = Marks(merged=[])
        self._rows = self._columns = self._filled_rows = self._filled_columns = 0

    def column(self, element: Any) -> None:
        """Take in columns' declaration."""
        count = _count(element, "number-columns-repeated", MOST_COLUMNS)
        if element.get(f"{TABLE}visibility") in HIDDEN:
            self.found.hidden_columns.update(range(self._columns, min(self._columns + count, MOST_COLUMNS)))
        self._columns += count

    def row(self, element: Any) -> None:
        """Take in a row, as often as it is repeated. Raises FileRefused where the sheet would not fit."""
        count = _count(element, "number-rows-repeated", MOST_ROWS)
        if element.get(f"{TABLE}visibility") in HIDDEN and count < MOST_ROWS // 2:
            self.found.hidden_rows.update(range(self._rows, self._rows + count))
        at = 0
        for cell in element:
            repeated = _count(cell, "number-columns-repeated", MOST_COLUMNS)
            if cell.get(f"{OFFICE}value-type") or len(cell):
                self._filled_rows = self._rows + count
                self._filled_columns = max(self._filled_columns, at + repeated)
                self._cell(cell, at)
            at += repeated
        self._rows += count
        refuse_area(self._filled_rows, self._filled_columns)

    def _cell(self, cell: Any, column: int) -> None:
        if cell.get(f"{CALC}value-type") == "error" and len(self.found.errors) < LARGEST_MARKS:
            text = "".join(cell.itertext()).strip()
            self.found.errors[self._rows, column] = text if text.startswith(("#", "Err:")) else "an error"
        down, across = (_count(cell, name, MOST_ROWS) for name in ("number-rows-spanned", "number-columns-spanned"))
        if (down > 1 or across > 1) and self.found.merged is not None:
            self.found.merged.append(Area(self._rows, column, self._rows + down - 1, column + across - 1))


def _count(element: Any, name: str, most: int) -> int:
    text = element.get(f"{TABLE}{name}", "1")
    return max(1, min(int(text), most)) if text.isdigit() else 1
