"""Take a reader's batches into a file of the raw zone: all rows anew, or what changed merged into the rows held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from ledger import Finding
from pipelines.by_file import Portions, same_columns, woven
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
    findings: tuple[Finding, ...] = ()


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
            if first.gone is None:
                taken = _changed_files(batches, dataset, since, target, rejects)
            else:
                taken = _changed(batches, dataset, since, target)
        if taken is not None:
            return taken
    with closing(connectors.read(source, contract, folder=folder)) as reading:
        return _all(watched(reading, source, dataset, drift), dataset, target, rejects)


def _all(batches: Iterator[Batch], dataset: Dataset, target: Path, rejects: Path) -> Taken:
    """Write rows and rejected lines as they come."""
    told = _written(batches, dataset, target, rejects)
    tell("raw", dataset.name, told.rows, told.rows)
    return Taken(told.rows, told.rejected, told.rows, told.path, told.cursor, findings=told.findings)


@dataclass
class _Told:
    """What the batches of a read told, beside their rows. It grows while they come."""

    rows: int = 0
    rejected: int = 0
    path: str = ""
    cursor: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, str] | None = None
    findings: tuple[Finding, ...] = ()

    def add(self, batch: Batch) -> None:
        """Take note of one more."""
        self.rows += batch.frame.height
        self.rejected += batch.rejects.height
        self.path, self.cursor = batch.path or self.path, dict(batch.cursor or self.cursor)
        self.kept = self.kept if batch.kept is None else dict(batch.kept)
        self.findings += batch.findings


def _written(batches: Iterator[Batch], dataset: Dataset, target: Path, rejects: Path) -> _Told:
    """Write rows and rejected lines as they come; a batch that begins anew voids what was written."""
    told = _Told()
    writer: Portions | None = None
    refused = _rejects_writer(rejects)
    try:
        for batch in batches:
            if batch.anew:
                if writer is not None:
                    writer.close()
                refused.close()
                writer, refused, told = None, _rejects_writer(rejects), _Told()
            table = batch.frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = Portions(target, table.schema)
            writer.write(table)
            if batch.rejects.height:
                refused.write_table(batch.rejects.to_arrow())
            told.add(batch)
            tell("raw", dataset.name, told.rows)
    finally:
        refused.close()
        if writer is not None:
            writer.close()
    return told


def _rejects_writer(rejects: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(rejects, pl.DataFrame(schema=REJECTS).to_arrow().schema)


def _changed(batches: Iterator[Batch], dataset: Dataset, since: Since, target: Path) -> Taken | None:
    """Merge what changed into the rows held; None where everything has to be read."""
    parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    told, size = _Told(), 0
    for batch in batches:
        if batch.anew:
            parts, told, size = [], _Told(), 0
        if batch.whole:  # begun anew, and now all rows are told
            return None
        if batch.gone is None:
            raise ValueError("a batch of changes names the keys that are gone, also where there are none")
        parts.append((batch.frame, batch.gone))
        size += int(batch.frame.estimated_size())
        if size > MOST_CHANGES:
            return None
        told.add(batch)
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
    return Taken(rows, 0, told.rows, told.path, told.cursor, written=not changes.nothing, findings=told.findings)


def _changed_files(
    batches: Iterator[Batch], dataset: Dataset, since: Since, target: Path, rejects: Path
) -> Taken | None:
    """Weave the rows of new and changed files into those held; None where everything has to be read."""
    rows, lines = _beside(target), _beside(rejects)
    try:
        whole: list[Batch] = []
        told = _written(_until_whole(batches, whole), dataset, rows, lines)
        if whole:  # begun anew, and now all rows are told
            return _all(chain(whole, batches), dataset, target, rejects)
        if told.kept is None:
            raise ValueError("a batch of changes names the keys that are gone, or the files that are kept")
        if not same_columns(since.rows, rows):
            return None
        held, order = since.cursor.get("files", ()), [str(one["name"]) for one in told.cursor["files"]]
        if not told.rows and not told.rejected and _all_stay(told.kept, held, order):
            counts = pq.read_metadata(since.rows).num_rows, _lines_held(since)
            tell("raw", dataset.name, counts[0], counts[0])
            return Taken(*counts, 0, told.path, told.cursor, written=False, findings=told.findings)
        count = woven(since.rows, rows, target, kept=told.kept, order=order)
        refused = woven(since.rejects or lines, lines, rejects, kept=told.kept, order=order)
        if (count, refused) != _counted(told.cursor["files"]):  # what is held is not what the cursor speaks of
            return None
        tell("raw", dataset.name, count, count)
        return Taken(count, refused, told.rows, told.path, told.cursor, findings=told.findings)
    finally:
        rows.unlink(missing_ok=True)
        lines.unlink(missing_ok=True)


def _until_whole(batches: Iterator[Batch], whole: list[Batch]) -> Iterator[Batch]:
    """The batches of what changed; the first one that tells all rows ends them, and is put into `whole`."""
    for batch in batches:
        if batch.whole:
            whole.append(batch)
            return
        yield batch


def _all_stay(kept: Mapping[str, str], held: Sequence[Mapping[str, Any]], order: Sequence[str]) -> bool:
    """Whether all rows and lines that are held stay where they are, under their names."""
    before = {str(one["name"]): None for one in held if one["rows"] or one["rejects"]}
    return all(kept.get(name) == name for name in before) and list(before) == [name for name in order if name in before]


def _counted(files: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Rows and rejected lines of all files of a cursor."""
    return sum(int(one["rows"]) for one in files), sum(int(one["rejects"]) for one in files)


def _lines_held(since: Since) -> int:
    return int(pq.read_metadata(since.rejects).num_rows) if since.rejects is not None else 0


def _beside(target: Path) -> Path:
    """A temporary file beside one, that is swept away with it after a crash."""
    return target.with_name(f".{target.name.strip('.').removesuffix('.tmp')}.new.tmp")


def _without_unchanged(changes: Changes, known: pl.DataFrame) -> Changes:
    """The changes without rows that are held as they are: a log or an overlap tells many of those."""
    new = changes.upserts.join(known, on=known.columns, how="anti", nulls_equal=True)
    return Changes(new, changes.gone.join(known, on=changes.gone.columns, how="semi"))
