"""What a connector hands over: rows as the source holds them, and lines no row could be made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from ledger.models import Finding

REJECTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "_location": pl.String,
    "_position": pl.Int64,
    "reason": pl.String,
    "text": pl.String,
}
TEXT_SHOWN = 200  # characters of a rejected line that are kept


@cache
def no_rejects() -> pl.DataFrame:
    """The empty frame of rejects; one for all, since most batches have it."""
    return pl.DataFrame(schema=REJECTS)


@dataclass(frozen=True)
class Since:
    """What is held of a dataset already, for a reader that can tell what changed.

    `cursor` is what the last batch of the last read gave (JSON); `rows` is the Parquet file that holds all rows as
    they were then, with the source's column names, and `rejects` the one that holds the lines that were no rows.
    """

    cursor: Mapping[str, Any]
    rows: Path
    rejects: Path | None = None


@dataclass(frozen=True)
class Batch:
    """Rows with the source's own column names plus `_location` and `_position`, and the rejected lines among them.

    `rejects`: `_location`, `_position`, `reason`, and `text` (the first characters of the line, null where the dataset
    holds personal data). `whole` is the same in all batches of a read: together they are everything the source holds,
    or, when False, the rows that are new or changed since, and `gone` names the keys (the source's key columns) that
    it no longer holds. `cursor` stands on the last batch of a read that can be taken up from there; it counts once
    the rows are safely kept. `path` names the way the rows took, for the record. `anew` says that the read began again
    (a lost connection, a value that made its column text): the batches before this one are void.

    A reader of files tells `kept`, on the last batch, instead of `gone`: held rows whose `_location` is a key of it
    stay, under the new name (a renamed file); held rows of all other files are gone. The rows then stand in the order
    of `cursor["files"]`. `findings` are what was noticed in the source; they are recorded with the run.
    """

    frame: pl.DataFrame
    rejects: pl.DataFrame = field(default_factory=no_rejects)
    whole: bool = True
    gone: pl.DataFrame | None = None
    cursor: Mapping[str, Any] | None = None
    path: str = ""
    anew: bool = False
    kept: Mapping[str, str] | None = None
    findings: tuple[Finding, ...] = ()


def without_empty(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches that hold something, or one empty one, so that the columns are known also where there are no rows."""
    last, told = None, False
    for batch in batches:
        speaks = batch.gone is not None or batch.kept is not None or batch.cursor is not None or batch.findings
        if batch.frame.height or batch.rejects.height or speaks:
            told = True
            yield batch
        last = batch
    if last is not None and not told:
        yield last


def settled(batches: Iterable[Batch]) -> list[Batch]:
    """The batches that count: those from the last one that began the read anew."""
    told: list[Batch] = []
    for batch in batches:
        if batch.anew:
            told.clear()
        told.append(batch)
    return told


def rejected(rows: list[tuple[str, int, str, str]], *, personal: bool) -> pl.DataFrame:
    """Rejects from (location, position, reason, text)."""
    if not rows:
        return no_rejects()
    told = [(place, at, why, None if personal else text[:TEXT_SHOWN]) for place, at, why, text in rows]
    return pl.DataFrame(told, schema=REJECTS, orient="row")
