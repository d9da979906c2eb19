"""Text files as blocks of numbered lines, in bounded memory: decoded strictly, a broken line with its number.

A line ends with LF, CRLF or CR and keeps its ending in `Block.text`, so that a quoted cell that spans lines comes out
as it was written.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.files import opened

BLOCK_BYTES = 4 * 1024 * 1024  # or what a batch may hold, where that is less
LEAST_BLOCK = 64 * 1024  # a line is looked for in everything read since the last one, so not too often
LONGEST_LINE = 16 * 1024 * 1024  # characters; a longer line is no row, whatever it is
END_OF_FILE = "\x1a"  # Ctrl-Z, the last character of a DOS text file
MARK = "\udc80"  # stands where bytes could not be decoded; no encoding gives a lone surrogate
SURROGATE = re.compile("[\ud800-\udfff]")
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

codecs.register_error("landbridge.mark", lambda error: (MARK, getattr(error, "end")))  # noqa: B009 - a decoding error's own attribute, untyped

Broken = tuple[int, str, str]  # line number, reason, text


@dataclass(frozen=True)
class Block:
    """Whole lines with their endings; `first` is the number of the first, from 1. `last`: the file ends here."""

    text: str
    first: int
    encoding: str
    last: bool = False

    def lines(self) -> list[str]:
        """The lines with their endings."""
        return list(io.StringIO(self.text, newline=""))

    def frame(self) -> tuple[pl.DataFrame, list[Broken]]:
        """The lines without their endings (`line` String, `_position` Int64), and those that could not be decoded."""
        split = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if split[-1] == "":
            split.pop()
        broken: list[Broken] = []
        if is_broken(self.text) or len(self.text) > LONGEST_LINE:
            faults = [(number, fault_of(line, self.encoding), line) for number, line in enumerate(split, self.first)]
            broken = [(number, fault, shown(line)) for number, fault, line in faults if fault]
            kept = [(line, number) for number, fault, line in faults if not fault]
            return pl.DataFrame(kept, schema={"line": pl.String, "_position": pl.Int64}, orient="row"), broken
        numbers = pl.int_range(self.first, self.first + len(split), dtype=pl.Int64, eager=True)
        return pl.DataFrame({"line": pl.Series(split, dtype=pl.String), "_position": numbers}), broken


def blocks(path: Path, source: Source, dataset: Dataset) -> Iterator[Block]:
    """The file in blocks of whole lines. Raises SourceUnreadable where it holds nothing but blanks."""
    portion = min(BLOCK_BYTES, max(LEAST_BLOCK, source.batch_bytes))
    with opened(path, source, dataset) as file:
        start = file.read(4)
        mark, encoding = next(((mark, name) for mark, name in BOMS if start.startswith(mark)), (b"", source.encoding))
        file.seek(len(mark))
        decoder = codecs.getincrementaldecoder(encoding)(errors="landbridge.mark")
        rest, number, blank = "", 1, True
        while True:
            content = file.read(portion)
            rest += decoder.decode(content, final=not content)
            if not content:
                break
            end = max(rest.rfind("\n"), rest.rfind("\r", 0, -1)) + 1  # a CR at the end may be half of a CRLF
            if end:
                block = Block(rest[:end], number, encoding)
                rest, number = rest[end:], number + _count(rest, end)
                blank = blank and not block.text.strip()
                yield block
            elif len(rest) > LONGEST_LINE:
                rest = rest[: LONGEST_LINE + 1]  # enough to know that it is too long
    rest = rest.rstrip(END_OF_FILE)
    if blank and not rest.strip("\ufeff \t\r\n\0"):
        raise SourceUnreadable(
            source.name, dataset.name, f"'{path.name}' is empty", "Ask for the export again; the last good rows stay."
        )
    yield Block(rest, number, encoding, last=True)


def is_broken(text: str) -> bool:
    """Whether something in `text` could not be decoded."""
    return not text.isascii() and SURROGATE.search(text) is not None


def fault_of(line: str, encoding: str) -> str:
    """Why a line is no text; empty where it is."""
    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE:,} characters"
    return f"not {encoding} text" if is_broken(line) else ""


def shown(line: str) -> str:
    """A line with a replacement character where it could not be decoded."""
    return SURROGATE.sub("\ufffd", line)


def _count(text: str, end: int) -> int:
    """Lines in `text[:end]`."""
    return text.count("\n", 0, end) + text.count("\r", 0, end) - text.count("\r\n", 0, end)
