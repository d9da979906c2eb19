"""What a connector hands over: rows as the source holds them, and lines no row could be made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

REJECTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "_location": pl.String,
    "_position": pl.Int64,
    "reason": pl.String,
    "text": pl.String,
}
TEXT_SHOWN = 200  # characters of a rejected line that are kept


def no_rejects() -> pl.DataFrame:
    """An empty frame of rejects."""
    return pl.DataFrame(schema=REJECTS)


@dataclass(frozen=True)
class Batch:
    """Rows with the source's own column names plus `_location` and `_position`, and the rejected lines among them.

    `rejects`: `_location`, `_position`, `reason`, and `text` (the first characters of the line, null where the dataset
    holds personal data).
    """

    frame: pl.DataFrame
    rejects: pl.DataFrame = field(default_factory=no_rejects)


def without_empty(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches that hold something, or one empty one, so that the columns are known also where there are no rows."""
    last, told = None, False
    for batch in batches:
        if batch.frame.height or batch.rejects.height:
            told = True
            yield batch
        last = batch
    if last is not None and not told:
        yield last


def rejected(rows: list[tuple[str, int, str, str]], *, personal: bool) -> pl.DataFrame:
    """Rejects from (location, position, reason, text)."""
    told = [(place, at, why, None if personal else text[:TEXT_SHOWN]) for place, at, why, text in rows]
    return pl.DataFrame(told, schema=REJECTS, orient="row")
