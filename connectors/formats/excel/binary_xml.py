"""What a binary workbook (.xlsb) says beside its cells' values, found record by record.

[MS-XLSB] 2.1.4: a record is its number and its length, both in groups of seven bits, and its content. A look at each
record is a loop, because only a record tells where the next one begins.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from connectors.formats.excel.addresses import Area
from connectors.formats.excel.marks import ERRORS, LARGEST_MARKS, Cell, Marks, refuse_area, refuse_count

ROW, LAST_CELL, ERROR, FAILED = 0, 11, 3, 11
COLUMN, MERGED, PROPERTIES, SHEET = 60, 176, 153, 156
TEXTS = 159  # how many there are
REAL, RK, RESULT = 5, 2, 9  # cells that may hold a day
BLOCK = 4 * 2**20
MOST_COLUMNS = 16_384

Record = tuple[int, bytes]


class BinaryXml:
    """The parts of a workbook that `marks` reads. A context: it holds the archive open."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self._names = {name.lower().lstrip("/"): name for name in self._archive.namelist()}
        self._book = next(name for name in self._names if name.startswith("xl/workbook") and name.endswith(".bin"))
        self.epoch_1904 = False
        self._sheets = dict(self._declared())
        self._refuse_counted_texts()

    def __enter__(self) -> BinaryXml:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @property
    def names(self) -> list[str]:
        """The sheets in order, those without cells, too."""
        return list(self._sheets)

    def marks(self, sheet: str) -> Marks:
        """Of the sheet of that name. Raises FileRefused where it is larger than what is read."""
        found, rows, columns, at = Marks(merged=[]), 0, 0, 0
        for kind, content in self._records(self._sheets.get(sheet, "")):
            if kind == ROW and len(content) >= 12:
                at = struct.unpack_from("<I", content)[0]
                rows = max(rows, at + 1)
                if content[11] & 0x10:
                    found.hidden_rows.add(at)
            elif kind <= LAST_CELL and len(content) >= 8:
                column = struct.unpack_from("<I", content)[0]
                columns = max(columns, column + 1)
                if kind in (ERROR, FAILED) and len(content) > 8 and len(found.errors) < LARGEST_MARKS:
                    found.errors[at, column] = ERRORS.get(content[8], "an error")
            else:
                _note(kind, content, found)
            refuse_area(rows, columns)
        return found

    def day_60(self, sheet: str) -> set[Cell]:
        """The cells of a sheet that hold day 60, a 29 February 1900."""
        found, at = set(), 0
        for kind, content in self._records(self._sheets.get(sheet, "")):
            if kind == ROW and len(content) >= 4:
                at = struct.unpack_from("<I", content)[0]
            elif _is_day_60(kind, content):
                found.add((at, struct.unpack_from("<I", content)[0]))
        return found

    def _declared(self) -> Iterator[tuple[str, str]]:
        """The sheets' names and parts; notes the epoch on the way."""
        links = self._links()
        for kind, content in self._records(self._book):
            if kind == PROPERTIES and content:
                self.epoch_1904 = bool(content[0] & 1)
            elif kind == SHEET and len(content) >= 12:
                link, rest = _wide(content[8:])
                name, _ = _wide(rest)
                yield name, links.get(link, "").lower()

    def _refuse_counted_texts(self) -> None:
        """Look at the number of texts that the shared texts begin with."""
        for part in (name for name in self._names if name.endswith("sharedstrings.bin")):
            kind, content = next(self._records(part), (0, b""))
            if kind == TEXTS and len(content) >= 8:
                refuse_count(
                    struct.unpack_from("<I", content, 4)[0], self._archive.getinfo(self._names[part]).file_size
                )

    def _links(self) -> dict[str, str]:
        from lxml import etree

        folder, name = posixpath.split(self._book)
        part = self._names.get(f"{folder}/_rels/{name}.rels")
        if part is None:
            return {}
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        root: Any = etree.fromstring(self._archive.read(part), parser)
        found = {}
        for link in root.iter("{*}Relationship"):
            target = posixpath.normpath(posixpath.join("/", folder, link.get("Target", ""))).lstrip("/")
            found[link.get("Id", "")] = target
        return found

    def _records(self, part: str) -> Iterator[Record]:
        if part in self._names:
            with self._archive.open(self._names[part]) as content:
                yield from _walk(content)


def _is_day_60(kind: int, content: bytes) -> bool:
    if kind == RK and len(content) >= 12:
        return bool(struct.unpack_from("<I", content, 8)[0] == 60 << 2 | 2)  # a whole number in 30 bits
    return kind in (REAL, RESULT) and len(content) >= 16 and 60 <= struct.unpack_from("<d", content, 8)[0] < 61


def _note(kind: int, content: bytes, found: Marks) -> None:
    """A sheet's hidden columns and merged cells."""
    if kind == COLUMN and len(content) >= 18:
        first, last = struct.unpack_from("<II", content)
        if content[16] & 1:
            found.hidden_columns.update(range(first, min(last, MOST_COLUMNS - 1) + 1))
    elif kind == MERGED and len(content) >= 16 and found.merged is not None:
        top, bottom, left, right = struct.unpack_from("<IIII", content)
        found.merged.append(Area(top, left, bottom, right))


def _walk(part: IO[bytes]) -> Iterator[Record]:
    """The records of a part, up to one that is cut."""
    held = b""
    while block := part.read(BLOCK):
        held += block
        at = 0
        while (found := _head(held, at)) and found[2] + found[1] <= len(held):
            kind, length, start = found
            yield kind, held[start : start + length]
            at = start + length
        held = held[at:]


def _head(held: bytes, at: int) -> tuple[int, int, int] | None:
    """A record's number, its length, and where its content begins; None where that is not yet there."""
    if len(held) - at < 6 and (len(held) - at < 2 or held[-1] & 0x80):
        return None
    kind = held[at]
    at += 1
    if kind & 0x80:
        kind = kind & 0x7F | (held[at] & 0x7F) << 7
        at += 1
    length = 0
    for shift in (0, 7, 14, 21):
        if at >= len(held):
            return None
        byte = held[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return kind, length, at


def _wide(content: bytes) -> tuple[str, bytes]:
    """A text with its number of characters before it, and what follows."""
    count = struct.unpack_from("<I", content)[0]
    return content[4 : 4 + 2 * count].decode("utf-16-le", "replace"), content[4 + 2 * count :]
