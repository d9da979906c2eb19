"""Hand rows over in pieces of bounded size, so that long values take no more memory than short ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import polars as pl

CELL_BYTES = 16  # what Polars keeps for a text beside its characters, and more than most numbers take


class Portions(Protocol):
    """How much may be handed over at once: a source says it, and so do a format's limits."""

    @property
    def batch_rows(self) -> int:
        """Rows."""
        ...

    @property
    def batch_bytes(self) -> int:
        """Bytes."""
        ...


def bounded(frame: pl.DataFrame, portions: Portions) -> Iterator[pl.DataFrame]:
    """The rows in order, at most `batch_rows` and `batch_bytes` at once, one row however large; at least one piece."""
    if frame.estimated_size() <= portions.batch_bytes:
        for start in range(0, max(frame.height, 1), portions.batch_rows):
            yield frame.slice(start, portions.batch_rows)
        return
    ends = _sizes(frame).cum_sum()
    start = 0
    while start < frame.height:
        before = ends[start - 1] if start else 0
        fits = int(ends.search_sorted(before + portions.batch_bytes, side="right"))
        end = min(max(fits, start + 1), start + portions.batch_rows)
        yield frame.slice(start, end - start)
        start = end


def owned(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with texts of their own: Polars' views would keep those of all rows alive that they were taken from."""
    return pl.DataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), schema=rows.schema)


def _sizes(frame: pl.DataFrame) -> pl.Series:
    """Bytes of each row: of text and binary values as they are, of nested ones as they are on average."""
    told = [pl.repeat(CELL_BYTES * frame.width, pl.len(), dtype=pl.Int64)]
    for name, dtype in frame.schema.items():
        if dtype == pl.String:
            told.append(pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64))
        elif dtype == pl.Binary:
            told.append(pl.col(name).bin.size().fill_null(0).cast(pl.Int64))
        elif dtype.is_nested():
            told.append(pl.repeat(int(frame[name].estimated_size()) // frame.height, pl.len(), dtype=pl.Int64))
    return frame.select(pl.sum_horizontal(told)).to_series()
