"""What an Excel 97 to 2003 workbook says beside its cells' values, found by the records' shapes.

[MS-XLS] 2.4: a record is its number and its length, two bytes each, and its content. The global part is read record by
record; of the sheets only records of four shapes are looked for, and a cell counts only if its value is blank.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from connectors.formats.excel import compound
from connectors.formats.excel.marks import ERRORS, LARGEST_AREA, Cell, Marks, refuse_area

BOUNDSHEET, EPOCH, END = 0x0085, 0x0022, 0x000A
CODES = b"[" + b"".join(re.escape(bytes([code])) for code in ERRORS) + b"]"
ERROR = re.compile(rb"\x05\x02\x08\x00(....)..(" + CODES + rb")\x01", re.S)  # BoolErr
FAILED = re.compile(rb"\x06\x00..(....)..\x02.(" + CODES + rb")...\xff\xff", re.S)  # Formula with an error's value
ROW = re.compile(rb"\x08\x02\x10\x00(..).{10}[\x20-\x3f\x60-\x7f\xa0-\xbf\xe0-\xff]", re.S)  # Row, fDyZero set
COLUMNS = re.compile(rb"\x7d\x00[\x0b\x0c]\x00(..)(..)....[\x01\x03\x05\x07\x09\x0b\x0d\x0f]", re.S)  # ColInfo, fHidden
EXTENT = re.compile(rb"\x00\x02(?:\x0e\x00(.{12})|\x0a\x00(.{8}))", re.S)  # Dimensions, of BIFF8 and BIFF5
NUMBER_60 = re.compile(rb"\x03\x02\x0e\x00(....).{7}[\x00-\x7f]\x4e\x40", re.S)
RK_60 = re.compile(rb"\x7e\x02\x0a\x00(....)..\xf2\x00\x00\x00", re.S)
MOST_COLUMNS = 256


class OldBinary:
    """The stream of a workbook, and where its sheets begin."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            is_compound = file.read(8) == compound.MARK
        self._content = compound.stream(path, "Workbook", "Book") if is_compound else b""
        self.epoch_1904 = False
        self._starts: dict[str, int] = {}
        self._read_globals()
        self._refuse_extents()

    def _refuse_extents(self) -> None:
        """Look at the extents that sheets declare: the reader takes memory for as many cells."""
        told = {match.start(): _extent(match) for match in EXTENT.finditer(self._content)}
        if any(rows * columns > LARGEST_AREA for rows, columns in told.values()):
            for start in self._starts.values():  # what looks like an extent may be part of another record
                for at in self._records_from(start):
                    refuse_area(*told.get(at, (0, 0)))

    def _records_from(self, at: int) -> Iterator[int]:
        """Where the records from here on begin."""
        while at + 4 <= len(self._content):
            yield at
            at += 4 + struct.unpack_from("<H", self._content, at + 2)[0]

    @property
    def names(self) -> list[str]:
        """The sheets in order, those without cells, too."""
        return list(self._starts)

    def marks(self, sheet: str) -> Marks:
        """Of the sheet of that name."""
        found, content = Marks(), self._content_of(sheet)
        for pattern in (ERROR, FAILED):
            for match in pattern.finditer(content):
                row, column = struct.unpack("<HH", match[1])
                if column < MOST_COLUMNS:
                    found.errors[row, column] = ERRORS[match[2][0]]
        found.hidden_rows.update(struct.unpack("<H", match[1])[0] for match in ROW.finditer(content))
        for match in COLUMNS.finditer(content):
            first, last = struct.unpack("<HH", match[1] + match[2])
            found.hidden_columns.update(range(first, min(last, MOST_COLUMNS - 1) + 1))
        return found

    def day_60(self, sheet: str) -> set[Cell]:
        """The cells of a sheet that hold day 60, a 29 February 1900."""
        content = self._content_of(sheet)
        found = [match[1] for pattern in (NUMBER_60, RK_60) for match in pattern.finditer(content)]
        return {(row, column) for row, column in (struct.unpack("<HH", place) for place in found)}

    def _content_of(self, sheet: str) -> bytes:
        start = self._starts.get(sheet)
        if start is None:
            return b""
        end = min((at for at in self._starts.values() if at > start), default=len(self._content))
        return self._content[start:end]

    def _read_globals(self) -> None:
        """Note the epoch and the sheets' places, up to the end of the global part."""
        at = 0
        while at + 4 <= len(self._content):
            number, length = struct.unpack_from("<HH", self._content, at)
            record = self._content[at + 4 : at + 4 + length]
            at += 4 + length
            if number == EPOCH and length >= 2:
                self.epoch_1904 = record[0] == 1
            elif number == BOUNDSHEET and length >= 8:
                self._starts[_sheet_name(record)] = struct.unpack_from("<I", record)[0]
            elif number == END:
                break


def _extent(match: re.Match[bytes]) -> tuple[int, int]:
    """The rows and columns that a sheet declares."""
    first, last, left, right = struct.unpack("<IIHH", match[1]) if match[1] else struct.unpack("<HHHH", match[2])
    return max(last - first, 0), max(right - left, 0)


def _sheet_name(record: bytes) -> str:
    """A BoundSheet8's name: one or two bytes a character."""
    count, wide = record[6], record[7] & 1
    return record[8 : 8 + count * (1 + wide)].decode("utf-16-le" if wide else "latin-1", "replace")
