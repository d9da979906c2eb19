"""Memo files: long texts and pictures that a table's records point into.

`.fpt` is FoxPro's ([Memo File Structure], Microsoft), `.dbt` dBase's: III ends a text with 0x1A, IV begins it with its
length. The file is mapped, not read: memory grows with the memos of one block of records.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connectors.formats.dbf.headers import DBASE_3_MEMO, SMT_MEMO, Header

END_OF_TEXT = b"\x1a"
DBASE_BLOCK = 512
LENGTH_FOLLOWS = b"\xff\xff\x08\x00"  # begins a memo of dBase IV
SUFFIXES = (".fpt", ".dbt")
CONTAINERS = {".dbc": ".dct", ".vcx": ".vct", ".scx": ".sct", ".frx": ".frt", ".mnx": ".mnt", ".pjx": ".pjt"}


def memo_file(path: Path, header: Header) -> Path | None:
    """The memo file beside a table, whatever the case of its name; None where there is none."""
    if header.version == SMT_MEMO:
        return None  # HiPer-Six wrote another kind, .smt
    wanted = {
        suffix: rank for rank, suffix in enumerate((CONTAINERS.get(path.suffix.lower(), ""), *SUFFIXES)) if suffix
    }
    stem = path.stem.lower()
    beside = [one for one in path.parent.iterdir() if one.stem.lower() == stem and one.suffix.lower() in wanted]
    return min(beside, key=lambda one: wanted[one.suffix.lower()], default=None)


class Memos:
    """A memo file's values by the number of their first block. None stands for a pointer that leads nowhere."""

    def __init__(self, content: mmap.mmap | bytes, *, is_foxpro: bool, is_dbase_3: bool) -> None:
        self._content = content
        self._is_foxpro = is_foxpro
        self._is_dbase_3 = is_dbase_3
        self._block = self._block_bytes()

    def size(self, block: int) -> int:
        """Bytes of a memo, or of a block where only its end tells."""
        start, length = self._place(block)
        return min(length, len(self._content) - start) if length is not None else DBASE_BLOCK

    def value(self, block: int, longest: int) -> bytes | None:
        """The memo's bytes, or None where the pointer or the length leads outside of the file, or above `longest`."""
        start, length = self._place(block)
        if start >= len(self._content) or length is None:
            return None if start >= len(self._content) else self._text(start, longest)
        if length > longest or start + length > len(self._content):
            return None
        return self._content[start : start + length]

    def _place(self, block: int) -> tuple[int, int | None]:
        """Where a memo's value begins and how long it is; None: up to its end mark."""
        at = block * self._block
        begin = self._content[at : at + 8]
        if self._is_dbase_3 and not self._is_foxpro:  # its text begins at once, and may be shorter than any head
            return at, None
        if len(begin) < 8:
            return len(self._content), 0
        if self._is_foxpro:
            return at + 8, struct.unpack(">I", begin[4:])[0]
        if begin[:4] == LENGTH_FOLLOWS:
            return at + 8, max(struct.unpack("<I", begin[4:])[0] - 8, 0)
        return at, None

    def _text(self, start: int, longest: int) -> bytes | None:
        end = self._content.find(END_OF_TEXT, start, start + longest + 1)
        if end < 0:
            end = len(self._content)
        return self._content[start:end] if end - start <= longest else None

    def _block_bytes(self) -> int:
        head = self._content[:24]
        if self._is_foxpro:
            return struct.unpack(">H", head[6:8])[0] or 1 if len(head) >= 8 else DBASE_BLOCK
        if self._is_dbase_3 or len(head) < 24:
            return DBASE_BLOCK
        told = struct.unpack("<H", head[20:22])[0]
        return told if told and told % DBASE_BLOCK == 0 else DBASE_BLOCK


@contextmanager
def opened(path: Path | None, header: Header) -> Iterator[Memos | None]:
    """The memo file, mapped; None where there is none, or it is empty."""
    if path is None or not path.stat().st_size:
        yield None
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        is_foxpro = path.suffix.lower() != ".dbt"
        yield Memos(content, is_foxpro=is_foxpro, is_dbase_3=header.version == DBASE_3_MEMO)


def portions(memos: Memos, columns: Sequence[Sequence[int]], most: int) -> Iterator[tuple[int, int]]:
    """Stretches of records whose memos together stay below `most` bytes, one record however large."""
    start = held = 0
    for at, blocks in enumerate(zip(*columns, strict=True)):
        size = sum(memos.size(block) for block in blocks if block > 0)
        if held and held + size > most:
            yield start, at
            start, held = at, 0
        held += size
    yield start, len(columns[0])
