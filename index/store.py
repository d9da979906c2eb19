"""The LanceDB table of chunks: one writer at a time, readers on the `live` tag, and nothing half-done in between.

A run does, with one lock held: `with store.writer(): store.begin(); reconcile(...); publish(...)`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import polars as pl
import pyarrow as pa

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace
from index.locking import PATIENCE, Still, Waiting, lock_for, waiting_told
from index.object_storage import fault_of, lance_options
from index.publications import renumber
from index.tuning import Parameters, parameters_of

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.expr import Expr
    from lancedb.table import LanceTable

TABLE = "chunks"
LIVE, PREVIOUS = "live", "previous"
SEPARATOR = "\x1f"  # around every role and key in the text forms that filters look into
UNMADE = f"Table '{TABLE}' was not found"  # of a folder too that lacks a version, as a killed first write leaves it
RECHECK_SECONDS = 5.0  # how long a reader may serve the version before the newest publish

CHUNKS: dict[str, Any] = {
    "id": pl.String,
    "document_id": pl.String,
    "dataset": pl.String,
    "kind": pl.String,
    "key": pl.String,
    "ordinal": pl.Int32,
    "title": pl.String,
    "text": pl.String,
    "breadcrumb": pl.String,
    "source": pl.String,
    "location": pl.String,
    "classification": pl.Int8,
    "roles": pl.List(pl.String),
    "keys": pl.List(pl.String),
    "rows": pl.Int64,
    "gaps": pl.List(pl.String),
    "hash": pl.String,
}
READABLE = tuple(CHUNKS)  # what a reader is given; never the vector
STATE = ("id", "hash", "document_id", "key", "rows", "text_hash")
MODEL, DIMENSION = b"landbridge.model", b"landbridge.dimension"


def stored_schema(dimension: int, model: str) -> pa.Schema:
    """The table's schema: the chunk's columns, what searching needs, and the model the vectors came from."""
    texts, lists = pa.string(), pa.list_(pa.string())
    types = {"ordinal": pa.int32(), "classification": pa.int8(), "rows": pa.int64()}
    types |= dict.fromkeys(("roles", "keys", "gaps"), lists)
    fields = [pa.field(name, types.get(name, texts)) for name in CHUNKS]
    # search_text is what is embedded and indexed; *_text are lists as text, because filter expressions know no lists
    fields += [pa.field(name, texts) for name in ("search_text", "text_hash", "roles_text", "keys_text")]
    fields.append(pa.field("vector", pa.list_(pa.float32(), dimension)))
    return pa.schema(fields, metadata={MODEL: model.encode(), DIMENSION: str(dimension).encode()})


@contextmanager
def faults_told(uri: str) -> Iterator[None]:
    """What the store says of damaged files, absent rights or a full disk, in its first words, and what to do."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        known = fault_of(error) if "://" in uri else None
        if known is not None:
            raise IndexStoreError(f"the index at {uri} does not work: {known[0]}", known[1]) from error
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise IndexStoreError(
            f"the index at {uri} does not work: {told}",
            "See that the disk has room and that this user may read and write there. If files are damaged, delete the "
            "index folder and run again: it is rebuilt from the ready rows.",
        ) from error


class Serving(NamedTuple):
    """One version of the table, and how it is to be searched: all that one answer may rest on."""

    table: LanceTable
    parameters: Parameters


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

    def latest(self) -> LanceTable | None:
        """The table at its newest version, published or not; None before the first write."""
        if self._local and not (self._local / f"{TABLE}.lance").is_dir():
            return None
        with faults_told(self.uri):
            if TABLE not in self._database.list_tables().tables:
                return None
            try:
                table: Any = self._database.open_table(TABLE)
            except ValueError as error:
                if str(error) != UNMADE:
                    raise
                return None
        return self._sound(table)

    def live(self) -> LanceTable | None:
        """The table as published: pinned to the `live` tag, deaf to what writers do. None if nothing is published."""
        table = self.latest()
        if table is None or LIVE not in table.tags.list():
            return None
        return self._checked_out(table, LIVE)

    def serving(self) -> Serving | None:
        """The table as published, with its parameters."""
        table = self.live()
        return None if table is None else Serving(table, parameters_of(table))

    def at(self, version: int) -> LanceTable:
        """The table at one version. IndexStoreError where it is not kept."""
        kept = self.versions
        if version not in kept:
            raise IndexStoreError(
                f"version {version} of the index is not kept",
                f"Kept are {', '.join(str(one) for one in kept) or 'none'}: landbridge index stats.",
            )
        return self._checked_out(self._open(), version)

    def create(self, *, dimension: int, model: str) -> LanceTable:
        """Make the empty table for vectors of `model`."""
        self.fence()
        with faults_told(self.uri):
            self._database.create_table(TABLE, schema=stored_schema(dimension, model))
        return self._open()

    def tag(self, name: str) -> int | None:
        """The version a tag points to."""
        table = self.latest()
        if table is None or name not in table.tags.list():
            return None
        return int(table.tags.get_version(name))

    def set_tag(self, name: str, version: int) -> None:
        """Move a tag, or make it. IndexStoreError if another run took over the writing meanwhile."""
        self.fence()
        table = self._open()
        if name in table.tags.list():
            table.tags.update(name, version)
        else:
            table.tags.create(name, version)

    def drop_tag(self, name: str) -> None:
        """Remove a tag."""
        self.fence()
        self._open().tags.delete(name)

    def tags(self) -> dict[str, dict[str, Any]]:
        """All tags: version, when made and moved, and the notes written on them."""
        table: Any = self.latest()
        return {} if table is None else dict(table.to_lance().tags.list())

    def note(self, name: str, notes: dict[str, str]) -> None:
        """Write notes on a tag; they replace those before."""
        table: Any = self._open()
        table.to_lance().tags.replace_metadata(name, notes)

    @property
    def version(self) -> int:
        """The newest version; 0 before the first write."""
        table = self.latest()
        return 0 if table is None else int(table.version)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions still kept, oldest first."""
        table = self.latest()
        return () if table is None else tuple(int(entry["version"]) for entry in table.list_versions())

    @property
    def model(self) -> str | None:
        """The name of the model whose vectors are stored; None before the first write."""
        table = self.latest()
        return None if table is None else (table.schema.metadata or {}).get(MODEL, b"").decode()

    def read(
        self, columns: Sequence[str], where: Expr | None = None, *, at: Literal["latest", "live"] = "latest"
    ) -> pl.DataFrame:
        """Columns of the chunks that match, at the newest or the published version; empty where there is none."""
        table = self.live() if at == "live" else self.latest()
        with faults_told(self.uri):
            return read_table(table, columns, where)

    def chunk_state(
        self, dataset: str, *, at: Literal["latest", "live"] = "latest", columns: Sequence[str] = STATE
    ) -> pl.DataFrame:
        """What is stored of a dataset: id, hash, document_id, key, rows, text_hash, or other columns."""
        from lancedb.expr import col, lit

        return self.read(columns, col("dataset") == lit(dataset), at=at)

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

    def begin(self) -> None:
        """Forget what a broken-off run left: the newest content becomes the published content, or nothing at all."""
        with self.writer():
            table = self.latest()
            if table is None:
                return
            live = self.tag(LIVE)
            self.fence()
            if live is None:
                self._database.drop_table(TABLE)
            elif live != int(table.version):
                table.restore(live)
                # the same content under a new number: so the next begin finds nothing to do
                self.set_tag(LIVE, int(table.version))
                renumber(self, live, int(table.version))

    def _open(self) -> LanceTable:
        table = self.latest()
        if table is None:
            raise IndexStoreError(f"there is no index at {self.uri}", "Run the pipeline: landbridge run.")
        return table

    def _checked_out(self, table: LanceTable, version: int | str) -> LanceTable:
        with faults_told(self.uri):
            table.checkout(version)
        return self._sound(table)

    def _sound(self, table: LanceTable) -> LanceTable:
        """The table, if it has its columns: a manifest of zeros, as a crash can leave it, reads as an empty table."""
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


class Reader:
    """The published table, held open for many questions; looks for a newer publish every few seconds."""

    def __init__(self, store: Store, *, every: float = RECHECK_SECONDS) -> None:
        self.store, self.every = store, every
        self._lock = threading.Lock()
        self._serving: Serving | None = None
        self._checked = float("-inf")

    def serving(self) -> Serving | None:
        """The version at `live`, at most `every` seconds behind the newest publish. Ask once for each answer."""
        with self._lock:
            if time.monotonic() - self._checked >= self.every:
                tagged = self.store.tag(LIVE)
                if self._serving is None or tagged != int(self._serving.table.version):
                    self._serving = self.store.serving()
                self._checked = time.monotonic()
            return self._serving

    def live(self) -> LanceTable | None:
        """The same, without the parameters."""
        serving = self.serving()
        return None if serving is None else serving.table


class Snapshot:
    """One version of a store, whatever is published meanwhile: staged to be probed, or asked as of then."""

    def __init__(self, store: Store, version: int) -> None:
        table = store.at(version)
        self._serving = Serving(table, parameters_of(table))

    def serving(self) -> Serving:
        """The version."""
        return self._serving

    def live(self) -> LanceTable:
        """The same, without the parameters."""
        return self._serving.table


def read_table(table: LanceTable | None, columns: Sequence[str], where: Expr | None = None) -> pl.DataFrame:
    """The rows of a table handle that match a predicate, as a frame."""
    if table is None:
        return pl.DataFrame(schema={name: CHUNKS.get(name, pl.String) for name in columns})
    query = table.search().select(list(columns)).limit(max(1, table.count_rows()))
    found = (query.where(where) if where is not None else query).to_arrow()
    return pl.DataFrame(found).select(columns)
