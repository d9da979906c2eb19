"""A block of delimited text split into columns at once, where counting proves that the split is right.

Polars splits; what it made is accepted only where every byte of the block is accounted for: the bytes of all cells, one
separator between any two cells of a row, one end per row, and the quotes that were taken off, all of which stand where
quotes may. A short or blank line upsets the sum, a long one is an error; then the block is read record by record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from connectors.formats.delimited.dialects import STAND_INS, Dialect
from connectors.formats.delimited.records import Reading
from connectors.formats.text_blocks import COUNTED_AT_ONCE, Block, counted

if TYPE_CHECKING:
    import numpy as np

    Places = np.ndarray[tuple[int], np.dtype[np.intp]]

LINE_FEED, RETURN = 10, 13

Ragged = list[tuple[int, int, str]]  # line number, cells, line


@dataclass(frozen=True)
class Split:
    """The rows of a block as columns. `lines`: how many come before each row; None where each row is one line.

    `ends` is the number of lines in the block, where it is known.
    """

    frame: pl.DataFrame
    ends: int | None
    lines: pl.Series | None = None

    def numbered(self, block: Block) -> pl.DataFrame:
        """The rows with `_position`, the number of their first line in the file."""
        if self.ends is not None and not block.last:
            block.counted_as(self.ends)
        if self.lines is not None:
            return self.frame.with_columns(_position=block.first + self.lines)
        rows = self.frame.height
        return self.frame.with_columns(_position=pl.int_range(block.first, block.first + rows, dtype=pl.Int64))


def split_at_once(block: Block, reading: Reading, columns: Sequence[str]) -> Split | None:
    """The rows of a block of whole records, or None where it must be read record by record."""
    data, dialect = block.data, reading.dialect
    if len(data) > block.longest or b"\0" in data or (dialect.escape and dialect.escape.encode() in data):
        return None
    quoted = _opens_a_cell(data, dialect)
    if not quoted and reading.begins_inside_of(block):
        return None
    if len(columns) == 1:
        return None if quoted or dialect.separator.encode() in data else _lines(block, columns[0])
    separator = dialect.separator
    if len(separator.encode()) > 1:
        if quoted:
            return None
        separator = next((sign for sign in STAND_INS[:4] if sign.encode() not in data), "")
        if not separator:
            return None
        data = data.replace(dialect.separator.encode(), separator.encode())
    if not quoted and b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    return _quoted(data, separator, dialect.quote, columns) if quoted else _bare(data, separator, columns)


def split_without_ragged(block: Block, reading: Reading, columns: Sequence[str]) -> tuple[pl.DataFrame, Ragged] | None:
    """As `split_at_once`, for a block in which lines are ragged or blank, and nothing is quoted."""
    data, dialect = block.data, reading.dialect
    odd = len(data) > block.longest or b"\0" in data or (dialect.escape and dialect.escape.encode() in data)
    if odd or len(columns) == 1 or _opens_a_cell(data, dialect) or reading.begins_inside_of(block):
        return None
    lines, broken = block.frame()
    if broken:
        return None
    told = lines.with_columns(
        cells=pl.col("line").str.count_matches(dialect.separator, literal=True).cast(pl.Int64) + 1
    )
    good = told.filter((pl.col("cells") == len(columns)) & (pl.col("line") != ""))
    ragged = told.filter((pl.col("cells") != len(columns)) & (pl.col("line") != ""))
    whole = Block("\n".join([*good["line"], ""]), 1, block.encoding, block.last, block.longest)
    split = split_at_once(whole, reading, columns)
    if split is None or split.frame.height != good.height:
        return None
    return split.frame.with_columns(good["_position"]), list(ragged.select("_position", "cells", "line").iter_rows())


def _opens_a_cell(data: bytes, dialect: Dialect) -> bool:
    """Whether a quote stands where a cell begins; anywhere else it is text."""
    quote = dialect.quote.encode()
    if not quote or quote not in data:
        return False
    before = (dialect.separator.encode(), b"\n", b"\r")
    return data.startswith(quote) or any(sign + quote in data for sign in before)


def _lines(block: Block, column: str) -> Split | None:
    frame, broken = block.frame()
    if broken:
        return None
    filled = frame.filter(pl.col("line") != "")
    return Split(filled.select(pl.col("line").alias(column)), None, filled["_position"] - block.first)


def _bare(data: bytes, separator: str, columns: Sequence[str]) -> Split | None:
    """Of data without quotes, with nothing but LF at the ends of lines: all bytes are cells and what parts them."""
    frame = _parsed(data, separator, "", columns)
    if frame is None or _bytes(frame) + frame.width * frame.height != len(data):
        return None
    return Split(frame, frame.height)


def _quoted(data: bytes, separator: str, quote: str, columns: Sequence[str]) -> Split | None:
    returns = counted(data, b"\r")
    if returns and returns != data.count(b"\r\n"):
        return None
    outer = _outer_quotes(data, separator, quote, returns=returns > 0)
    quotes = None if outer else _quotes(data, separator, quote)
    frame = _parsed(data, separator, quote, columns) if outer or quotes else None
    if frame is None:
        return None
    cells, parting = _bytes(frame), frame.width * frame.height + returns
    if outer and outer.ends == parting and cells + parting + outer.count == len(data):
        return Split(frame, frame.height)
    quotes = quotes or _quotes(data, separator, quote)
    return _with_line_ends(frame, data, quotes, cells, returns) if quotes else None


def _parsed(data: bytes, separator: str, quote: str, columns: Sequence[str]) -> pl.DataFrame | None:
    """What Polars makes of the data, right or wrong; no cell is null, the missing ones of a short row are empty."""
    try:
        return pl.read_csv(
            data, has_header=False, schema=dict.fromkeys(columns, pl.String()), separator=separator,
            quote_char=quote or None, empty_string_is_null=False,
        )  # fmt: skip
    except pl.exceptions.PolarsError:
        return None
    except BaseException as error:  # a Rust panic is no Exception; anything else goes on
        if type(error).__name__ != "PanicException":
            raise
        return None


def _with_line_ends(frame: pl.DataFrame, data: bytes, quotes: Quotes, cells: int, returns: int) -> Split | None:
    """The rows of data in whose cells line ends may stand, or None where the bytes do not add up."""
    import numpy as np

    rows, ends = frame.height, counted(data, b"\n")
    lines, returns_inside = None, 0
    if ends != rows:
        outside, returns_inside = _line_ends(data, quotes)
        if len(outside) != rows:
            return None
        lines = pl.Series(np.concatenate([[0], outside[:-1] + 1]), dtype=pl.Int64)
    told = cells + frame.width * rows + returns - returns_inside
    return Split(frame, ends, lines) if told + len(quotes.at) - quotes.doubled == len(data) else None


def _line_ends(data: bytes, quotes: Quotes) -> tuple[Places, int]:
    """Which of the LF in `data`, counted from 0, are in no cell, and how many CR stand in cells, each before an LF."""
    import numpy as np

    signs = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(signs == LINE_FEED)
    inside = np.searchsorted(quotes.at, at) % 2 == 1  # an odd number of quotes comes before
    return np.flatnonzero(~inside), int(np.count_nonzero(signs[at[inside] - 1] == RETURN))


@dataclass(frozen=True)
class Quotes:
    """Where quotes stand, and how many pairs of them stand for one."""

    at: Places
    doubled: int


@dataclass(frozen=True)
class Outer:
    """How many quotes there are, each beside a byte that can end a cell, and how many such bytes."""

    count: int
    ends: int


def _outer_quotes(data: bytes, separator: str, quote: str, *, returns: bool) -> Outer | None:
    """The quotes of data in which each one has a neighbour that can end a cell; None where one has not.

    Where as many bytes can end a cell as cells were found, and all quotes were taken off, a cell had two of them, one
    at its beginning and one at its end, or none. For a cell that begins with a quote goes on to the next quote that an
    end follows; were that another cell's, an end would stand inside the cell, and one would be too many.
    """
    import numpy as np

    signs = np.frombuffer(data, np.uint8)
    parting = (ord(separator), LINE_FEED, *((RETURN,) if returns else ()))
    found, ends = int(data[0] == ord(quote)), 1 + int(data[0] in parting)  # the first sign, and the last: a line end
    for start in range(0, len(signs), COUNTED_AT_ONCE):
        step = signs[max(start - 1, 0) : start + COUNTED_AT_ONCE + 1]  # with a neighbour on either side
        halts = step == parting[0]
        for sign in parting[1:]:
            halts |= step == sign
        marks = (step == ord(quote))[1:-1]
        count = int(np.count_nonzero(marks))
        marks &= halts[:-2] | halts[2:]
        if np.count_nonzero(marks) != count:
            return None
        found += count
        ends += int(np.count_nonzero(halts[1:-1]))
    return Outer(found, ends)


def _quotes(data: bytes, separator: str, quote: str) -> Quotes | None:
    """The quotes of data, wherever they stand, or None where one stands where none may.

    Quotes open and close in turn. One that opens stands behind a separator, a line end or a quote; one that closes,
    before one of them. Polars does not check that: it drops such quotes from a cell.
    """
    import numpy as np

    signs = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(signs == ord(quote))
    if len(at) % 2:
        return None
    opens, closes = at[::2], at[1::2]
    doubled = opens[1:] - closes[:-1] == 1
    before, behind = signs[opens - 1], signs[closes + 1]  # the last byte is a line end: index -1 is one, too
    starts = (before == ord(separator)) | (before == LINE_FEED) | (before == RETURN)
    stops = (behind == ord(separator)) | (behind == LINE_FEED) | (behind == RETURN)
    starts[1:] |= doubled
    stops[:-1] |= doubled
    return Quotes(at, int(np.count_nonzero(doubled))) if starts.all() and stops.all() else None


def _bytes(frame: pl.DataFrame) -> int:
    """Bytes of all cells."""
    return _total(frame, pl.all().str.len_bytes())


def _total(frame: pl.DataFrame, counted: pl.Expr) -> int:
    return sum(int(one or 0) for one in frame.select(counted.sum()).row(0))
