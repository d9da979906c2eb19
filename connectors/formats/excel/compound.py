"""Compound files, the container of Excel 97 to 2003: the names of their streams, and a stream's bytes.

The format is [MS-CFB] version 3 and 4: sectors chained by a table, a directory of 128-byte entries, and small streams
in sectors of their own. Only what a workbook needs is read, and no chain is followed for longer than the file is.
"""

from __future__ import annotations

import struct
from pathlib import Path

from catalog.errors import FileRefused

MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LARGEST = 1024 * 2**20  # bytes; Excel 97 to 2003 holds 65,536 rows of 256 columns a sheet, and this is plenty
HEADER_ENTRIES = 109  # of the table of tables, in the header
END = 0xFFFFFFFA  # this and above are no sectors
STREAM, ROOT = 2, 5


def stream_names(path: Path) -> set[str]:
    """The names of the streams. Raises FileRefused where the file is no whole compound file."""
    return {name for name, kind, _, _ in _directory(_Sectors(path)) if kind == STREAM}


def stream(path: Path, *names: str) -> bytes:
    """The bytes of the first stream of one of the names. Raises FileRefused where there is none, or it is cut."""
    sectors = _Sectors(path)
    entries = _directory(sectors)
    for wanted in names:
        for name, kind, start, size in entries:
            if kind == STREAM and name == wanted:
                return sectors.small(start, size, entries) if size < sectors.cutoff else sectors.chain(start)[:size]
    raise FileRefused("it is an Office file without a workbook in it", "Declare the kind that it is.")


class _Sectors:
    """A compound file's content as its sectors, and the table that chains them."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > LARGEST:
            raise FileRefused(f"it is larger than {LARGEST:,} bytes", "Ask for the export as CSV, or in several files.")
        self.content = path.read_bytes()
        if not self.content.startswith(MARK) or len(self.content) < 512:
            raise _damaged()
        shift, small_shift = struct.unpack_from("<HH", self.content, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise _damaged()
        self.size = 1 << shift
        self.directory_start, self.cutoff, self.small_table_start = (
            struct.unpack_from("<I", self.content, at)[0] for at in (48, 56, 60)
        )
        self.table = self._table()

    def sector(self, number: int) -> bytes:
        """A sector's bytes. Raises FileRefused where it lies beyond the file's end."""
        start = (number + 1) * self.size
        if start >= len(self.content):
            raise _damaged()
        return self.content[start : start + self.size]

    def chain(self, number: int) -> bytes:
        """The sectors of a chain, joined."""
        found, seen = [], 0
        while number < END:
            found.append(self.sector(number))
            seen += 1
            if number >= len(self.table) or seen > len(self.table):
                raise _damaged()
            number = self.table[number]
        return b"".join(found)

    def small(self, number: int, size: int, entries: list[tuple[str, int, int, int]]) -> bytes:
        """A stream that lies in the small sectors of the root entry."""
        root = next((self.chain(start) for _, kind, start, _ in entries if kind == ROOT), b"")
        table = _numbers(self.chain(self.small_table_start))
        found: list[bytes] = []
        while number < END and len(found) * 64 < size:
            if number >= len(table):
                raise _damaged()
            found.append(root[number * 64 : number * 64 + 64])
            number = table[number]
        return b"".join(found)[:size]

    def _table(self) -> list[int]:
        """Which sector follows which."""
        places = list(struct.unpack_from(f"<{HEADER_ENTRIES}I", self.content, 76))
        following, count = struct.unpack_from("<II", self.content, 68)
        for _ in range(min(count, len(self.content) // self.size)):
            if following >= END:
                break
            *more, following = _numbers(self.sector(following))
            places.extend(more)
        return _numbers(b"".join(self.sector(place) for place in places if place < END))


def _directory(sectors: _Sectors) -> list[tuple[str, int, int, int]]:
    """Name, kind, first sector and size of each entry."""
    content = sectors.chain(sectors.directory_start)
    entries = []
    for at in range(0, len(content) - 127, 128):
        length, kind = struct.unpack_from("<HB", content, at + 64)
        start, size = struct.unpack_from("<IQ", content, at + 116)
        name = content[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
        entries.append((name, kind, start, size & 0xFFFFFFFF if sectors.size == 512 else size))
    return entries


def _numbers(content: bytes) -> list[int]:
    whole = len(content) // 4
    return list(struct.unpack(f"<{whole}I", content[: whole * 4]))


def _damaged() -> FileRefused:
    return FileRefused("the file is damaged: it was cut off, or its sectors lead nowhere", "Ask for the export again.")
