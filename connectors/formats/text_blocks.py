"""Text files as blocks of numbered lines, in bounded memory: decoded strictly, a broken line with its number.

A line ends with LF, CRLF or CR and keeps its ending in `Block.text`, so that a quoted cell that spans lines comes out
as it was written.
"""

from __future__ import annotations

import codecs
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import AnyStr, BinaryIO

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.tables import Limits, Reject

BLOCK_BYTES = 4 * 2**20
COUNTED_AT_ONCE = 64 * 1024  # bytes that a processor's cache holds; the memory of more is got anew each time
LOOKED_BACK = 64 * 1024  # bytes before the end of a portion in which its last line end is looked for
LEAST_BLOCK = 64 * 1024  # a line is looked for in everything read since the last one, so not too often
LONGEST_LINE = 16 * 2**20  # characters; a longer line is no row, whatever it is
END_OF_FILE = "\x1a"  # Ctrl-Z, the last character of a DOS text file
MARK = "\udc80"  # stands where bytes could not be decoded; no encoding gives a lone surrogate
FILLING = END_OF_FILE + "\0"  # behind the end, up to the end of a DOS system's last block
BLANKS = "\ufeff \t\r\n\0\x1a"
BLANK_BYTES = b" \t\r\n\0\x1a"
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LINE_END, LINE_END_BYTES = re.compile("\r\n?|\n"), re.compile(b"\r\n?|\n")
SURROGATE = re.compile("[\ud800-\udfff]")

codecs.register_error("landbridge.mark", lambda error: (MARK, getattr(error, "end")))  # noqa: B009 - a decoding error's own attribute, untyped


@dataclass
class Block:
    """Whole lines with their endings. `last`: the file ends here.

    `content` is text, or the bytes of UTF-8, which are decoded only where somebody asks for `text`. `after` tells where
    the block stands: the number of its first line, from 1, or the block before it, whose lines are counted only where
    somebody asks for `first`.
    """

    content: str | bytes
    after: int | Block
    encoding: str
    last: bool = False
    longest: int = LONGEST_LINE  # characters of a line

    @property
    def first(self) -> int:
        """The number of the first line, from 1."""
        before = self.after
        if isinstance(before, Block):
            self.after = before = before.first + before.line_ends  # the block before is let go, with all its lines
        return before

    @cached_property
    def text(self) -> str:
        """The lines as text, with MARK where bytes could not be decoded."""
        return self.content if isinstance(self.content, str) else self.content.decode("utf-8", "landbridge.mark")

    @cached_property
    def data(self) -> bytes:
        """The lines as UTF-8; not well formed where something in them could not be decoded."""
        return self.content if isinstance(self.content, bytes) else self.content.encode("utf-8", "surrogatepass")

    @cached_property
    def line_feeds(self) -> int:
        """How many LF stand in the block."""
        return counted(self.data, b"\n")

    @cached_property
    def line_ends(self) -> int:
        """How many lines end in the block, by LF, CRLF or CR."""
        returns = counted(self.data, b"\r")
        return self.line_feeds + returns - self.data.count(b"\r\n") if returns else self.line_feeds

    def counted_as(self, line_ends: int) -> None:
        """Take a count of the lines that somebody has made on the way."""
        self.__dict__["line_ends"] = line_ends

    def lines(self) -> list[str]:
        """The lines with their endings."""
        return list(io.StringIO(self.text, newline=""))

    def below(self, count: int) -> Block:
        """The block without its first `count` lines, empty where it has no more."""
        content: str | bytes
        if isinstance(self.content, str):
            content = _below(self.content, LINE_END, count)
        else:
            content = _below(self.content, LINE_END_BYTES, count)
        return Block(content, self.first + count, self.encoding, self.last, self.longest)

    def frame(self) -> tuple[pl.DataFrame, list[Reject]]:
        """The lines without their endings (`line` String, `_position` Int64), and those that are no text."""
        split = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if split[-1] == "":
            split.pop()
        if is_broken(self.text) or len(self.text) > self.longest:
            return self._checked(split)
        numbers = pl.int_range(self.first, self.first + len(split), dtype=pl.Int64, eager=True)
        return pl.DataFrame({"line": pl.Series(split, dtype=pl.String), "_position": numbers}), []

    def fault_of(self, line: str) -> str:
        """Why a line of this block is no text; empty where it is."""
        return fault_of(line, self.encoding, self.longest)

    def _checked(self, split: list[str]) -> tuple[pl.DataFrame, list[Reject]]:
        """Line by line, only where something in the block is broken: a lone surrogate is no text to Polars."""
        faults = [(number, self.fault_of(line), line) for number, line in enumerate(split, self.first)]
        kept = [(line, number) for number, fault, line in faults if not fault]
        broken = [(number, fault, shown(line)) for number, fault, line in faults if fault]
        return pl.DataFrame(kept, schema={"line": pl.String, "_position": pl.Int64}, orient="row"), broken


def portion_of(limits: Limits) -> int:
    """Bytes to read at once, so that what is handed over stays within the limits."""
    return min(BLOCK_BYTES, max(LEAST_BLOCK, min(limits.batch_bytes // 4, limits.cell_bytes)))


def longest_of(limits: Limits) -> int:
    """Characters that a line may have."""
    return min(LONGEST_LINE, limits.cell_bytes)


def blocks(path: Path, *, encoding: str, portion: int = BLOCK_BYTES, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """The file in blocks of whole lines, at least one. A byte order mark overrules `encoding`.

    Of a line longer than `longest` only the beginning is kept, enough to know that it is too long. A Ctrl-Z at the end
    is left out. Raises FileRefused where the file cannot be opened or decoded, or holds nothing but blanks.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            mark, name = next(((mark, name) for mark, name in BOMS if start.startswith(mark)), (b"", encoding))
            file.seek(len(mark))
            portions = _portions(file, portion)
            if codecs.lookup(name).name == "utf-8":
                yield from _utf8_blocks(portions, name, longest)
            else:
                yield from _blocks(portions, decoder(name), name, longest)
    except LookupError:
        raise FileRefused(f"no encoding is called '{encoding}'", "Use a name such as utf-8 or cp1252.") from None
    except OSError as error:
        raise FileRefused(f"it cannot be read: {error.strerror}", "Check the file and the right to read it.") from None
    except UnicodeError:
        raise FileRefused(f"it is not {encoding} text", "Declare the file's encoding.") from None


def is_broken(text: str) -> bool:
    """Whether something in `text` could not be decoded."""
    return MARK in text


def fault_of(line: str, encoding: str, longest: int = LONGEST_LINE) -> str:
    """Why a line is no text; empty where it is."""
    if len(line) > longest:
        return f"longer than {longest:,} characters"
    return f"not {encoding} text" if is_broken(line) else ""


def shown(line: str) -> str:
    """A line with a replacement character where it could not be decoded."""
    return SURROGATE.sub("\ufffd", line)


def _below(content: AnyStr, line_end: re.Pattern[AnyStr], count: int) -> AnyStr:
    ends = [found.end() for found in itertools.islice(line_end.finditer(content), count)]
    return content[(ends[-1] if ends else 0) if len(ends) == count else len(content) :]


def _portions(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The rest of a file, `size` bytes at once or a little less, so that a portion ends with a line where it can.

    Such a portion is a block as it is: cutting its last line off would copy all the others.
    """
    looked = min(LOOKED_BACK, size // 4)
    while True:
        start = file.tell()
        file.seek(start + size - looked)
        tail = file.read(looked)
        cut = max(tail.rfind(b"\n"), tail.rfind(b"\r", 0, -1)) + 1
        file.seek(start)
        content = file.read(size - looked + cut if len(tail) == looked and cut else size)
        if not content:
            return
        yield content


def _utf8_blocks(portions: Iterator[bytes], encoding: str, longest: int) -> Iterator[Block]:
    """As `_blocks`, without decoding: a line end is one byte in UTF-8, and no part of another character."""
    rest, blank = b"", True
    after: int | Block = 1
    for content in portions:
        if len(rest) > 4 * longest and rest[-1:] != b"\r" and b"\n" not in content and b"\r" not in content:
            continue  # of a line without end no more is kept
        rest = rest + content if rest else content
        end = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, -1)) + 1
        if end:
            after = block = Block(rest[:end], after, encoding, longest=longest)  # no copy where nothing is cut off
            rest = rest[end:]
            blank = blank and not block.data.strip(BLANK_BYTES)
            yield block
        elif len(rest) > 4 * longest:  # bytes of a character, at most
            rest = rest[: 4 * longest + 1]
    rest = rest.rstrip(FILLING.encode()) if rest[-1:] in (b"\x1a", b"\0") and b"\x1a" in rest else rest
    yield _last(Block(rest, after, encoding, last=True, longest=longest), blank=blank)


def _blocks(
    portions: Iterator[bytes], decoding: codecs.IncrementalDecoder, encoding: str, longest: int
) -> Iterator[Block]:
    rest, blank = "", True
    after: int | Block = 1
    for content in portions:
        rest += decoding.decode(content)
        end = max(rest.rfind("\n"), rest.rfind("\r", 0, -1)) + 1  # a CR at the end may be half of a CRLF
        if end:
            after = block = Block(rest[:end], after, encoding, longest=longest)
            rest = rest[end:]
            blank = blank and not block.text.strip(BLANKS)
            yield block
        elif len(rest) > longest:
            rest = rest[: longest + 1]
    rest += decoding.decode(b"", final=True)
    rest = rest.rstrip(FILLING) if rest[-1:] in (END_OF_FILE, "\0") and END_OF_FILE in rest else rest
    yield _last(Block(rest, after, encoding, last=True, longest=longest), blank=blank)


def _last(block: Block, *, blank: bool) -> Block:
    if blank and not block.text.strip(BLANKS):
        raise FileRefused("the file is empty, or holds nothing but blanks", "Ask for the export again.")
    return block


def decoder(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder that puts MARK where bytes are none of the encoding. Raises LookupError where it is not of text."""
    codec = codecs.lookup(encoding)
    if not getattr(codec, "_is_text_encoding", True) or codec.incrementaldecoder is None:
        raise LookupError(encoding)
    return codec.incrementaldecoder(errors="landbridge.mark")


def counted(data: bytes, sign: bytes) -> int:
    """How often a byte stands in `data`; where it stands everywhere, many times as fast as `bytes.count`."""
    if sign not in data:  # as carriage returns are in most files, and that is seen at once
        return 0
    import numpy as np

    signs, found = np.frombuffer(data, np.uint8), 0
    for start in range(0, len(signs), COUNTED_AT_ONCE):
        found += int(np.count_nonzero(signs[start : start + COUNTED_AT_ONCE] == sign[0]))
    return found
