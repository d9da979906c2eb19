"""A block of delimited text split into columns at once, where counting proves that the split is right.

Polars splits; what it made is accepted only where every byte of the block is accounted for: the bytes of all cells, one
separator between any two cells of a row, one end per row, and the quotes that were taken off, all of which stand where
quotes may. A short or blank line upsets the sum, a long one is an error; then the block is read record by record.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from connectors.formats.delimited.dialects import STAND_INS, Dialect
from connectors.formats.text_blocks import Block, counted

LINE_FEED, RETURN = 10, 13

Ragged = list[tuple[int, int, str]]  # line number, cells, line


def split_at_once(block: Block, dialect: Dialect, columns: Sequence[str]) -> pl.DataFrame | None:
    """The rows of a block of whole records with `_position`, or None where it must be read record by record."""
    data = block.data
    if len(data) > block.longest or b"\0" in data or (dialect.escape and dialect.escape.encode() in data):
        return None
    quoted = _opens_a_cell(data, dialect)
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
    return _split(data, separator, dialect.quote if quoted else "", columns, block.first)


def split_without_ragged(block: Block, dialect: Dialect, columns: Sequence[str]) -> tuple[pl.DataFrame, Ragged] | None:
    """As `split_at_once`, for a block in which lines are ragged or blank, and nothing is quoted."""
    data = block.data
    odd = len(data) > block.longest or b"\0" in data or (dialect.escape and dialect.escape.encode() in data)
    if odd or len(columns) == 1 or _opens_a_cell(data, dialect):
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
    frame = split_at_once(whole, dialect, columns)
    if frame is None or frame.height != good.height:
        return None
    return frame.with_columns(good["_position"]), list(ragged.select("_position", "cells", "line").iter_rows())


def _opens_a_cell(data: bytes, dialect: Dialect) -> bool:
    """Whether a quote stands where a cell begins; anywhere else it is text."""
    quote = dialect.quote.encode()
    if not quote or quote not in data:
        return False
    before = (dialect.separator.encode(), b"\n", b"\r")
    return data.startswith(quote) or any(sign + quote in data for sign in before)


def _lines(block: Block, column: str) -> pl.DataFrame | None:
    frame, broken = block.frame()
    if broken:
        return None
    return frame.filter(pl.col("line") != "").select(pl.col("line").alias(column), "_position")


def _split(data: bytes, separator: str, quote: str, columns: Sequence[str], first: int) -> pl.DataFrame | None:
    returns = counted(data, b"\r")
    if returns and returns != data.count(b"\r\n"):
        return None
    quotes = _quotes(data, separator, quote) if quote else (0, 0)
    if quotes is None:
        return None
    names = [f"{at}" for at in range(len(columns))]
    try:
        frame = pl.read_csv(
            data, has_header=False, schema=dict.fromkeys(names, pl.String()), separator=separator,
            quote_char=quote or None, empty_string_is_null=False,
        )  # fmt: skip
    except pl.exceptions.PolarsError:
        return None
    except BaseException as error:  # a Rust panic is no Exception; anything else goes on
        if type(error).__name__ != "PanicException":
            raise
        return None
    positions = _positions(frame, data, quotes[1], quotes[0], returns, first)
    if positions is None:
        return None
    return frame.rename(dict(zip(names, columns, strict=True))).with_columns(positions.alias("_position"))


def _positions(
    frame: pl.DataFrame, data: bytes, doubled: int, quotes: int, returns: int, first: int
) -> pl.Series | None:
    """The first line of each row, or None where the bytes do not add up."""
    rows, ends = frame.height, counted(data, b"\n")
    inside = ends - rows  # line ends within cells
    returns_inside = _total(frame, pl.all().str.count_matches("\r", literal=True)) if inside and returns else 0
    told = _total(frame, pl.all().str.len_bytes()) + (frame.width - 1) * rows + rows + returns - returns_inside
    if told + quotes - doubled != len(data):
        return None
    if not inside:
        return pl.int_range(first, first + rows, dtype=pl.Int64, eager=True)
    taken = (
        frame.select(1 + pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True))).to_series().cast(pl.Int64)
    )
    return first + taken.cum_sum() - taken


def _quotes(data: bytes, separator: str, quote: str) -> tuple[int, int] | None:
    """How many quotes there are and how many pairs of them stand for one, or None where one stands where none may.

    Quotes open and close in turn. One that opens stands behind a separator, a line end or a quote; one that closes,
    before one of them. Polars does not check that: it drops such quotes from a cell.
    """
    import numpy as np

    signs = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(signs == ord(quote))
    if not len(at) or len(at) % 2:
        return None if len(at) else (0, 0)
    opens, closes = at[::2], at[1::2]
    doubled = opens[1:] - closes[:-1] == 1
    before, behind = signs[opens - 1], signs[closes + 1]  # the last byte is a line end: index -1 is one, too
    starts = (before == ord(separator)) | (before == LINE_FEED) | (before == RETURN)
    stops = (behind == ord(separator)) | (behind == LINE_FEED) | (behind == RETURN)
    starts[1:] |= doubled
    stops[:-1] |= doubled
    return (len(at), int(np.count_nonzero(doubled))) if starts.all() and stops.all() else None


def _total(frame: pl.DataFrame, counted: pl.Expr) -> int:
    return sum(int(one or 0) for one in frame.select(counted.cast(pl.Int64).sum()).row(0))
