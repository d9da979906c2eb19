"""Pass over ready rows in portions, so that a rule holds what it found and not what it looked at.

What a pass keeps is bounded by what it looks for: the gaps, the different keys of a register, the values of a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import polars as pl

PORTION = 250_000  # rows looked at together
ROW = "_row"  # the number of a row among those of its dataset, from 0

Reduce = Callable[[pl.DataFrame], pl.DataFrame]


class Rows:
    """The ready rows of one dataset with the columns that a rule names. They are read anew in each pass."""

    def __init__(self, scan: pl.LazyFrame) -> None:
        self.scan = scan
        self.schema = scan.collect_schema()

    @property
    def columns(self) -> list[str]:
        """The columns there are."""
        return self.schema.names()

    @cached_property
    def _counts(self) -> dict[str, int]:
        counts = [pl.len().alias(ROW), *(pl.col(name).null_count() for name in self.columns)]
        return self.scan.select(counts).collect(engine="streaming").row(0, named=True)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self._counts[ROW]

    def nulls(self, name: str) -> int:
        """How many rows have no value of a column."""
        return self._counts[name]

    def is_blank(self, name: str) -> bool:
        """Whether no row has a value of a column."""
        return self.nulls(name) == self.height

    def ends(self, name: str) -> tuple[Any, Any]:
        """The least and the greatest value of a column."""
        column = pl.col(name)
        return self.scan.select(column.min().alias("least"), column.max().alias("most")).collect(
            engine="streaming").row(0)  # fmt: skip

    def portions(self, *, least: int = 0) -> Iterator[pl.DataFrame]:
        """All rows in their order, each portion with the numbers of its rows; one without rows where there are none.

        A caller that joins each portion with a table gives that table's height as `least`, so that building the join
        costs no more than the rows do.
        """
        size = max(PORTION, least)
        for start in range(0, max(self.height, 1), size):
            yield self.scan.slice(start, size).collect().with_row_index(ROW, offset=start)

    def kept(self, reduce: Reduce, *, least: int = 0) -> pl.DataFrame:
        """What `reduce` keeps of each portion, in the order of the rows."""
        return joined([owned(reduce(rows)) for rows in self.portions(least=least)])

    def folded(self, reduce: Reduce, merge: Reduce) -> pl.DataFrame:
        """What `merge` makes of what `reduce` makes of the portions; merging what is merged must change nothing."""
        return folded((reduce(rows) for rows in self.portions()), merge)

    def different(self, reduce: Reduce) -> pl.DataFrame:
        """The different rows that `reduce` makes of all, in any order."""
        return self.folded(lambda rows: reduce(rows).unique(), lambda rows: rows.unique())

    def first(self, reduce: Reduce, names: Sequence[str]) -> pl.DataFrame:
        """Of what `reduce` makes of the rows, the first of each value of `names`, in their order."""

        def once(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.unique(subset=names, keep="first", maintain_order=True)

        return self.folded(lambda rows: once(reduce(rows)), once)

    def at(self, numbers: pl.Series, name: str) -> pl.DataFrame:
        """The values of a column in the rows with these numbers, beside the numbers."""
        wanted = numbers.unique().cast(pl.UInt32).to_frame(ROW)
        return self.kept(lambda rows: rows.select(ROW, name).join(wanted, on=ROW, how="semi", maintain_order="left"))


def folded(parts: Iterator[pl.DataFrame], merge: Reduce) -> pl.DataFrame:
    """What `merge` makes of all parts together; it is asked when as much waits as is merged, so it costs little."""
    total, waiting = pl.DataFrame(), list[pl.DataFrame]()
    for part in parts:
        waiting.append(owned(part))
        if sum(one.height for one in waiting) >= total.height:
            total, waiting = merge(joined([*([total] if total.width else []), *waiting])), []
    return merge(joined([total, *waiting])) if waiting else total


def joined(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The parts of one pass as one frame."""
    return pl.concat(parts, rechunk=True)


def owned(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with texts of their own, as `connectors.bounding` has it: views would keep those of a whole portion."""
    return pl.DataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), schema=rows.schema)
