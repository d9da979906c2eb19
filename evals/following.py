"""A raw zone that follows a table, by the stage itself or by its reader alone, and is compared with a full read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from polars.testing import assert_frame_equal
from sqlalchemy import Engine, Table

import connectors
from catalog.errors import ChangeHeld
from catalog.home import Home
from catalog.models import Dataset, Field, Incremental, Place, Project, ReadMode, Source
from connectors.batch import Since, settled
from connectors.drifting import Drift, drift_of
from connectors.sql import feeds
from connectors.sql.engines import connected
from connectors.sql.tables import reflected
from connectors.sql.whole import whole
from evals.histories import KEY, History
from ledger import Ledger
from ledger.models import Approval
from pipelines.site import Site
from pipelines.stages.raw import pull
from pipelines.taking import taken_into

PLACE = Place(file="datasets/things.odcs.yaml", line=1)
UNSEEN = ("_position", "_row_hash")  # columns in which two readings of the same rows may differ


def source_at(location: str, **habits: Any) -> Source:
    """A database as a source."""
    return Source(name="plant", kind="sql", location=location, place=PLACE, **habits)


def dataset_of(table: str, keys: Sequence[str], incremental: Incremental) -> Dataset:
    """A contract with nothing but the key; any number of rows may go."""
    fields = tuple(
        Field(name=name, physical_name=name, type="string", key_position=at + 1, place=PLACE)
        for at, name in enumerate(keys)
    )
    return Dataset(
        name=table, version="1.0.0", title=table, source="plant", physical_name=table, fields=fields, fingerprint="",
        place=PLACE, incremental=incremental, deletion_threshold=1.0,
    )  # fmt: skip


def full_read(source: Source, dataset: Dataset, *, folder: Path, table: Table | None = None) -> pl.DataFrame:
    """All rows, as mode `full` reads them now; a `table` that was looked at already spares the looking."""
    plain = dataset.model_copy(update={"incremental": Incremental()})
    if table is None:
        return pl.concat([batch.frame for batch in settled(connectors.read(source, plain, folder=folder))])
    with connected(source, plain, folder) as connection:
        return pl.concat([batch.frame for batch in settled(whole(connection, source, plain, table))])


def assert_same_rows(held: pl.DataFrame, there: pl.DataFrame, keys: Sequence[str]) -> None:
    """The same columns, types and values; AssertionError says where they differ."""
    one, other = (frame.drop(UNSEEN, strict=False).sort(keys) for frame in (held, there))
    assert_frame_equal(one, other)


class Follower:
    """What is held of a dataset. `look` brings it up to date, as `pull` does or with the reader alone.

    `wholes` and `changes` count which looks read everything and which only what changed.
    """

    def __init__(
        self, folder: Path, source: Source, dataset: Dataset, *, ledger: Ledger, by: Literal["stage", "reader"]
    ) -> None:
        project = Project(name="followed", folder=folder, sources={"plant": source}, datasets={dataset.name: dataset})
        self.site = Site(project, Home(folder / ".landbridge"), ledger)
        self.source, self.dataset, self.by = source, dataset, by
        self.rows, self.rejects = self.site.home.raw(dataset.name), self.site.home.rejects(dataset.name)
        self.rows.parent.mkdir(parents=True, exist_ok=True)
        self.wholes = self.changes = 0
        self._cursor: dict[str, Any] = {}
        self._drift: Drift | None = None
        self._table: Table | None = None

    def altered(self) -> None:
        """The table has other columns than before; the stage finds out itself."""
        self._drift, self._table, self._cursor = None, None, {}

    def look(self) -> None:
        """Bring what is held up to date."""
        before = self._rejects_written()
        if self.by == "stage":
            run = f"run-{self.wholes + self.changes}"
            try:
                self._pull(run)
            finally:
                connectors.release(run)
        else:
            self._read()
        if self._rejects_written() != before:  # they are written beside all rows, and not beside changes
            self.wholes += 1
        else:
            self.changes += 1

    def _pull(self, run: str) -> None:
        """As a run does; that a table was emptied is held until a person agrees, and here somebody always does."""
        try:
            pull(self.site, self.dataset.name, run_id=run)
        except ChangeHeld:
            ledger = self.site.ledger
            agreed = Approval(by="history", reason="the history says so", allow_empty=True, at=self.site.clock())
            ledger.approve(ledger.held(), agreed)
            pull(self.site, self.dataset.name, run_id=run)

    def _rejects_written(self) -> tuple[int, int] | None:
        """When the rejected lines were last written; None where they never were."""
        told = self.rejects.stat() if self.rejects.exists() else None
        return None if told is None else (told.st_mtime_ns, told.st_ino)

    def check(self) -> None:
        """AssertionError unless what is held is what a full read gives."""
        folder = self.site.project.folder
        if self._table is None:
            with connected(self.source, self.dataset, folder) as connection:
                self._table = reflected(connection, self.dataset)
        there = full_read(self.source, self.dataset, folder=folder, table=self._table)
        assert_same_rows(pl.read_parquet(self.rows), there, [field.physical_name for field in self.dataset.fields])

    def _read(self) -> None:
        folder = self.site.project.folder
        if self._drift is None:
            shape = connectors.shape(self.source, self.dataset, folder=folder)
            self._drift = drift_of(self.source, self.dataset, shape, None)
        new = self.rows.with_suffix(".new")
        since = Since(self._cursor, self.rows) if self._cursor else None
        taken = taken_into(self.source, self.dataset, self._drift, folder, new, self.rejects, since)
        if taken.written:
            new.replace(self.rows)
        self._cursor = taken.cursor


def incremental_of(mode: ReadMode, seed: int) -> Incremental:
    """The mode with a watermark of numbers or of moments, with an overlap or without."""
    if mode != "watermark":
        return Incremental(mode=mode)
    column, overlap = (("stamp", "3"), ("changed", "3s"))[seed % 2]
    return Incremental(mode=mode, column=column, overlap=overlap if seed // 2 % 2 else "")


def live_through(
    seed: int, mode: ReadMode, *, location: str, engine: Engine, folder: Path, ledger: Ledger, steps: int
) -> Follower:
    """Follow the history of a seed; AssertionError where after any step what is held is not what is there.

    One in four is followed by the stage itself; one in five has values beyond their types, one in five a table that is
    altered. What the history made on the server is removed.
    """
    history = History(seed, f"history_{mode}_{seed}", odd=seed % 5 == 1, altered=seed % 5 == 3)
    dataset = dataset_of(history.table.name, KEY, incremental_of(mode, seed))
    source = source_at(location, retries=0)
    one = Follower(folder, source, dataset, ledger=ledger, by="stage" if seed % 4 == 0 else "reader")
    history.begin(engine)
    try:
        one.look()
        one.check()
        for _ in range(steps):
            if history.step(engine):
                one.altered()
            one.look()
            one.check()
    except Exception as error:
        error.add_note(f"history {seed} of mode {mode}, after step {history.steps}")
        raise
    finally:
        if mode == "feed":
            feeds.forget(source, dataset, folder=folder)
        history.end(engine)
    return one
