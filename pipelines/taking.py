"""Take a reader's batches into a file of the raw zone: all rows anew, or what changed merged into the rows held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

import connectors
from catalog.models import Dataset, Source
from connectors.batch import REJECTS, Batch, Since
from connectors.drifting import Drift
from pipelines.drifting import asked, watched
from pipelines.merging import Changes, fits, folded, held_of, merged
from pipelines.progress import tell

MOST_CHANGES = 256 * 2**20  # bytes of changed rows held at once; above it everything is read


@dataclass(frozen=True)
class Taken:
    """What was taken. `written` is false where nothing changed and no file was made. `fetched` counts the rows read."""

    rows: int
    rejected: int
    fetched: int
    path: str
    cursor: dict[str, Any] = field(default_factory=dict)
    written: bool = True


def taken_into(
    source: Source, dataset: Dataset, drift: Drift, folder: Path, target: Path, rejects: Path, since: Since | None
) -> Taken:
    """Read the dataset into `target` and the lines that are no rows into `rejects`, both Parquet.

    With `since` a connector may tell only what changed; where that is too much to hold, or has other columns than the
    rows held, everything is read.
    """
    contract = asked(dataset, drift)
    if since is not None:
        with closing(connectors.read(source, contract, folder=folder, since=since)) as reading:
            first = next(reading)
            batches = watched(chain([first], reading), source, dataset, drift)
            if first.whole:
                return _all(batches, dataset, target, rejects)
            taken = _changed(batches, dataset, since, target)
        if taken is not None:
            return taken
    with closing(connectors.read(source, contract, folder=folder)) as reading:
        return _all(watched(reading, source, dataset, drift), dataset, target, rejects)


def _all(batches: Iterator[Batch], dataset: Dataset, target: Path, rejects: Path) -> Taken:
    """Write rows and rejected lines as they come; a batch that begins anew voids what was written."""
    rows = rejected = 0
    path, cursor = "", dict[str, Any]()
    writer: pq.ParquetWriter | None = None
    refused = _rejects_writer(rejects)
    try:
        for batch in batches:
            if batch.anew:
                if writer is not None:
                    writer.close()
                refused.close()
                writer, refused, rows, rejected = None, _rejects_writer(rejects), 0, 0
            table = batch.frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=1)
            writer.write_table(table)
            rows += batch.frame.height
            if batch.rejects.height:
                refused.write_table(batch.rejects.to_arrow())
                rejected += batch.rejects.height
            path, cursor = batch.path or path, dict(batch.cursor or cursor)
            tell("raw", dataset.name, rows)
    finally:
        refused.close()
        if writer is not None:
            writer.close()
    tell("raw", dataset.name, rows, rows)
    return Taken(rows, rejected, rows, path, cursor)


def _rejects_writer(rejects: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(rejects, pl.DataFrame(schema=REJECTS).to_arrow().schema)


def _changed(batches: Iterator[Batch], dataset: Dataset, since: Since, target: Path) -> Taken | None:
    """Merge what changed into the rows held; None where everything has to be read."""
    parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    size, path, cursor = 0, "", dict[str, Any]()
    for batch in batches:
        if batch.anew:
            parts, size = [], 0
        if batch.whole:  # begun anew, and now all rows are told
            return None
        if batch.gone is None:
            raise ValueError("a batch of changes names the keys that are gone, also where there are none")
        parts.append((batch.frame, batch.gone))
        size += int(batch.frame.estimated_size())
        if size > MOST_CHANGES:
            return None
        path, cursor = batch.path or path, dict(batch.cursor or cursor)
    if len({tuple(frame.schema.items()) for frame, _ in parts}) > 1:  # a value made its column text
        return None
    held = pq.read_metadata(since.rows).num_rows
    changes = folded(parts)
    if not fits(since.rows, changes):
        return None
    known = held_of(since.rows, pl.concat([changes.upserts.select(changes.gone.columns), changes.gone]))
    if known.select(changes.gone.columns).is_duplicated().any():  # a key that was repeated when all rows were read
        return None
    changes = _without_unchanged(changes, known)
    rows = held if changes.nothing else merged(since.rows, changes, target)
    tell("raw", dataset.name, rows, rows)
    fetched = sum(frame.height for frame, _ in parts)
    return Taken(rows, 0, fetched, path, cursor, written=not changes.nothing)


def _without_unchanged(changes: Changes, known: pl.DataFrame) -> Changes:
    """The changes without rows that are held as they are: a log or an overlap tells many of those."""
    new = changes.upserts.join(known, on=known.columns, how="anti", nulls_equal=True)
    return Changes(new, changes.gone.join(known, on=changes.gone.columns, how="semi"))
