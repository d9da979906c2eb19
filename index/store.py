"""The LanceDB table of chunks: one writer at a time, readers on the `live` tag, and nothing half-done in between.

A run does, with one lock held: `with store.writer(): store.begin(); reconcile(...); publish(...)`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import polars as pl

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace
from index.faults import faults_told
from index.locking import PATIENCE, Still, Waiting, lock_for, waiting_told
from index.object_storage import lance_options
from index.publications import LIVE, renumber
from index.schema import CHUNKS, MODEL, STATE, stored_schema
from index.tuning import Parameters, parameters_of
from index.version import Version

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.expr import Expr
    from lancedb.table import LanceTable

TABLE = "chunks"
UNMADE = "was not found: Not found"  # of a folder too that lacks a version, as a killed first write leaves it


class Serving(NamedTuple):
    """One version of the table, and how it is to be searched: all that one answer may rest on."""

    table: LanceTable
    parameters: Parameters

    def serving(self) -> Serving:
        """The version itself: so it can be asked like a store."""
        return self

    def live(self) -> LanceTable:
        """The same, without the parameters."""
        return self.table


class Tables(Protocol):
    """Anything that questions can be asked of: a store, a reader of it, or one version."""

    def serving(self) -> Serving | None:
        """The version to ask; None where there is none."""
        ...

    def live(self) -> LanceTable | None:
        """The same, without the parameters."""
        ...


class Store:
    """One index: a LanceDB database with the table `chunks`. Cheap to make; connects when first used.

    `place` is a folder, or a place in an S3-compatible store; a mere `s3://bucket/prefix` is asked as AWS programs do.
    """

    def __init__(self, place: Path | str | ObjectPlace) -> None:
        self.place = place if isinstance(place, ObjectPlace) else _place(str(place))
        self.uri = str(self.place)
        self.options = lance_options(self.place) if isinstance(self.place, ObjectPlace) else None
        self._local = self.place if isinstance(self.place, Path) else None
        self._depth = 0
        self._lock = threading.RLock()
        self._still: Still = _alone

    @cached_property
    def _database(self) -> DBConnection:
        import lancedb

        with faults_told(self.uri):
            if self._local:
                self._local.mkdir(parents=True, exist_ok=True)
            return lancedb.connect(self.uri, storage_options=self.options)

    @property
    def exists(self) -> bool:
        """Whether the table of chunks has been made."""
        return self.latest() is not None

    def latest(self) -> Version | None:
        """The newest version, published or not; None before the first write."""
        if self._local and not (self._local / f"{TABLE}.lance").is_dir():
            return None
        # else statistics of a vector index carry its centroids, and warn of it
        os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")
        import lance

        with faults_told(self.uri):
            try:
                dataset = lance.dataset(f"{self.uri}/{TABLE}.lance", storage_options=self.options)
            except ValueError as error:
                if UNMADE not in str(error):
                    raise
                return None
        return self._sound(Version(dataset, self._searchable))

    def published(self) -> Version | None:
        """The version that is served, deaf to what writers do; None if nothing is published."""
        newest = self.latest()
        return None if newest is None or self._tagged(newest, LIVE) is None else self._checked_out(newest, LIVE)

    def live(self) -> LanceTable | None:
        """The same, to be searched."""
        version = self.published()
        return None if version is None else version.table()

    def serving(self) -> Serving | None:
        """The same, with its parameters."""
        version = self.published()
        return None if version is None else Serving(version.table(), parameters_of(version))

    def at(self, version: int) -> Version:
        """The table at one version. IndexStoreError where it is not kept."""
        kept = self.versions
        if version not in kept:
            raise IndexStoreError(
                f"version {version} of the index is not kept",
                f"Kept are {', '.join(str(one) for one in kept) or 'none'}: landbridge index stats.",
            )
        return self._checked_out(self._open(), version)

    def create(self, *, dimension: int, model: str) -> Version:
        """Make the empty table for vectors of `model`."""
        self.fence()
        with faults_told(self.uri):
            self._database.create_table(TABLE, schema=stored_schema(dimension, model))
        return self._open()

    def tag(self, name: str) -> int | None:
        """The version a tag points to."""
        table = self.latest()
        return None if table is None else self._tagged(table, name)

    def set_tag(self, name: str, version: int) -> None:
        """Move a tag, or make it. IndexStoreError if another run took over the writing meanwhile."""
        self.fence()
        tags = self._open().to_lance().tags
        if name in tags.list():
            tags.update(name, version)
        else:
            tags.create(name, version)

    def drop_tag(self, name: str) -> None:
        """Remove a tag."""
        self.fence()
        self._open().to_lance().tags.delete(name)

    def tags(self) -> dict[str, dict[str, Any]]:
        """All tags: version, when made and moved, and the notes written on them."""
        table = self.latest()
        with faults_told(self.uri):
            return {} if table is None else dict(table.to_lance().tags.list())

    def note(self, name: str, notes: dict[str, str]) -> None:
        """Write notes on a tag; they replace those before."""
        self._open().to_lance().tags.replace_metadata(name, notes)

    @property
    def version(self) -> int:
        """The newest version; 0 before the first write."""
        table = self.latest()
        return 0 if table is None else table.version

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions still kept, oldest first."""
        table = self.latest()
        return () if table is None else tuple(int(entry["version"]) for entry in table.to_lance().versions())

    @property
    def model(self) -> str | None:
        """The name of the model whose vectors are stored; None before the first write."""
        table = self.latest()
        return None if table is None else (table.schema.metadata or {}).get(MODEL, b"").decode()

    def read(self, columns: Sequence[str], *, at: Literal["latest", "live"] = "latest") -> pl.DataFrame:
        """Columns of all chunks, at the newest or the published version; empty where there is none."""
        return self._read(columns, at=at)

    def chunk_state(
        self, dataset: str, *, at: Literal["latest", "live"] = "latest", columns: Sequence[str] = STATE
    ) -> pl.DataFrame:
        """What is stored of a dataset: id, hash, document_id, key, rows, text_hash, or other columns."""
        import pyarrow.compute as pc

        return self._read(columns, at=at, filter=pc.field("dataset") == dataset)

    def _read(self, columns: Sequence[str], *, at: Literal["latest", "live"], **more: Any) -> pl.DataFrame:
        version = self.published() if at == "live" else self.latest()
        if version is None:
            return pl.DataFrame(schema={name: CHUNKS.get(name, pl.String) for name in columns})
        with faults_told(self.uri):
            return pl.DataFrame(version.to_lance().to_table(columns=list(columns), **more)).select(columns)

    @contextmanager
    def writer(self, *, run: str = "", patience: float = PATIENCE, waiting: Waiting | None = None) -> Iterator[Store]:
        """Hold the one writer's lock; nests within a process' store.

        Waits its turn for up to `patience` seconds while another run writes, and tells `waiting`, else the log, for
        whom; IndexStoreError after that.
        """
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield self
                finally:
                    self._depth -= 1
                return
            with lock_for(self.place).hold(run=run, patience=patience, waiting=waiting or waiting_told()) as still:
                self._depth, self._still = 1, still
                try:
                    yield self
                finally:
                    self._depth, self._still = 0, _alone

    def fence(self) -> None:
        """IndexStoreError if this writer's turn was lost: to be asked right before what must not be done without."""
        self._still()

    def begin(self, *, moving: Callable[[int], object] | None = None) -> None:
        """Forget what a broken-off run left: the newest content becomes the published content, or nothing at all.

        The published content may get another number by it; `moving` hears it right before it is served so.
        """
        with self.writer():
            table = self.latest()
            if table is None:
                return
            live = self.tag(LIVE)
            self.fence()
            if live is None:
                self._database.drop_table(TABLE)
            elif live != table.version:
                with faults_told(self.uri):
                    table.to_lance().checkout_version(live).restore()
                newest = self.version
                if moving:
                    moving(newest)
                renumber(self, live, newest)
                # the same content under a new number: so the next begin finds nothing to do
                self.set_tag(LIVE, newest)

    def _open(self) -> Version:
        table = self.latest()
        if table is None:
            raise IndexStoreError(f"there is no index at {self.uri}", "Run the pipeline: landbridge run.")
        return table

    def _searchable(self, version: int | None) -> LanceTable:
        """The table in LanceDB, at a version or at the newest."""
        with faults_told(self.uri):
            table: Any = self._database.open_table(TABLE)
            if version is not None:
                table.checkout(version)
            opened: LanceTable = table
            return opened

    def _tagged(self, table: Version, name: str) -> int | None:
        with faults_told(self.uri):
            tag = table.to_lance().tags.list().get(name)
            return None if tag is None else int(tag["version"])

    def _checked_out(self, table: Version, version: int | str) -> Version:
        with faults_told(self.uri):
            dataset = table.to_lance().checkout_version(version)
        return self._sound(Version(dataset, self._searchable))

    def _sound(self, table: Version) -> Version:
        """The version, if it has its columns: a manifest of zeros, as a crash can leave it, reads as an empty table."""
        with faults_told(self.uri):
            if "vector" not in table.schema.names:
                raise ValueError("a version without columns, which is a damaged file")
        return table


def _place(told: str) -> Path | ObjectPlace:
    """Where a store lies that is named by a text."""
    if "://" not in told:
        return Path(told)
    if not told.startswith("s3://"):
        raise IndexStoreError(f"an index cannot lie at {told}", "Name a folder, or s3://bucket/prefix.")
    return ObjectPlace(told.rstrip("/"))


def _alone() -> None:
    """Outside a writer's turn there is none to lose."""


def read_table(table: LanceTable | None, columns: Sequence[str], where: Expr | None = None) -> pl.DataFrame:
    """The rows of a table handle that match a predicate, as a frame."""
    if table is None:
        return pl.DataFrame(schema={name: CHUNKS.get(name, pl.String) for name in columns})
    query = table.search().select(list(columns)).limit(max(1, table.count_rows()))
    found = (query.where(where) if where is not None else query).to_arrow()
    return pl.DataFrame(found).select(columns)
