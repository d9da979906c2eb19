"""The LanceDB table of chunks: one writer at a time, readers on the `live` tag, and nothing half-done in between.

A run does, with one lock held: `with store.writer(): store.begin(); reconcile(...); verify(...); publish(...)`.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
import pyarrow as pa

from catalog.errors import IndexStoreError

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.expr import Expr
    from lancedb.table import LanceTable

TABLE = "chunks"
LIVE, PREVIOUS = "live", "previous"
SEPARATOR = "\x1f"  # around every role and key in the text forms that filters look into
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


class Store:
    """One index: a LanceDB database with the table `chunks`. Cheap to make; connects when first used."""

    def __init__(self, folder: Path | str) -> None:
        self.uri = str(folder)
        self._local = None if "://" in self.uri else Path(self.uri)
        self._depth = 0
        self._lock = threading.RLock()

    @cached_property
    def _database(self) -> DBConnection:
        import lancedb

        if self._local:
            self._local.mkdir(parents=True, exist_ok=True)
        return lancedb.connect(self.uri)

    @property
    def exists(self) -> bool:
        """Whether the table of chunks has been made."""
        if self._local and not (self._local / f"{TABLE}.lance").is_dir():
            return False
        return TABLE in self._database.list_tables().tables

    def latest(self) -> LanceTable | None:
        """The table at its newest version, published or not; None before the first write."""
        return self._open() if self.exists else None

    def live(self) -> LanceTable | None:
        """The table as published: pinned to the `live` tag, deaf to what writers do. None if nothing is published."""
        if not self.exists:
            return None
        table = self._open()
        if LIVE not in table.tags.list():
            return None
        table.checkout(LIVE)
        return table

    def create(self, *, dimension: int, model: str) -> LanceTable:
        """Make the empty table for vectors of `model`."""
        self._database.create_table(TABLE, schema=stored_schema(dimension, model))
        return self._open()

    def tag(self, name: str) -> int | None:
        """The version a tag points to."""
        table = self.latest()
        if table is None or name not in table.tags.list():
            return None
        return int(table.tags.get_version(name))

    def set_tag(self, name: str, version: int) -> None:
        """Move a tag, or make it."""
        table = self._open()
        if name in table.tags.list():
            table.tags.update(name, version)
        else:
            table.tags.create(name, version)

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
        return read_table(table, columns, where)

    def chunk_state(self, dataset: str, *, at: Literal["latest", "live"] = "latest") -> pl.DataFrame:
        """What is stored of a dataset: id, hash, document_id, key, rows, text_hash."""
        from lancedb.expr import col, lit

        return self.read(STATE, col("dataset") == lit(dataset), at=at)

    @contextmanager
    def writer(self) -> Iterator[Store]:
        """Hold the one writer's lock; nests within a process' store. IndexStoreError if another process writes."""
        with self._lock:
            if self._depth or self._local is None:  # on object storage one publisher is the deployment's duty
                self._depth += 1
                try:
                    yield self
                finally:
                    self._depth -= 1
                return
            with _locked(self._local):
                self._depth = 1
                try:
                    yield self
                finally:
                    self._depth = 0

    def begin(self) -> None:
        """Forget what a broken-off run left: the newest content becomes the published content, or nothing at all."""
        with self.writer():
            table = self.latest()
            if table is None:
                return
            live = self.tag(LIVE)
            if live is None:
                self._database.drop_table(TABLE)
            elif live != int(table.version):
                table.restore(live)
                # the same content under a new number: so the next begin finds nothing to do
                self.set_tag(LIVE, int(table.version))

    def _open(self) -> LanceTable:
        table: Any = self._database.open_table(TABLE)
        return table  # type: ignore[no-any-return]  # the local connection's tables are LanceTables


class Reader:
    """The published table, held open for many questions; looks for a newer publish every few seconds."""

    def __init__(self, store: Store, *, every: float = RECHECK_SECONDS) -> None:
        self.store, self.every = store, every
        self._lock = threading.Lock()
        self._table: LanceTable | None = None
        self._checked = float("-inf")

    def live(self) -> LanceTable | None:
        """The table at `live`, at most `every` seconds behind the newest publish."""
        with self._lock:
            if time.monotonic() - self._checked >= self.every:
                tagged = self.store.tag(LIVE)
                if self._table is None or tagged != int(self._table.version):
                    self._table = self.store.live()
                self._checked = time.monotonic()
            return self._table


def read_table(table: LanceTable | None, columns: Sequence[str], where: Expr | None = None) -> pl.DataFrame:
    """The rows of a table handle that match a predicate, as a frame."""
    if table is None:
        return pl.DataFrame(schema={name: CHUNKS.get(name, pl.String) for name in columns})
    query = table.search().select(list(columns)).limit(max(1, table.count_rows()))
    found = (query.where(where) if where is not None else query).to_arrow()
    return pl.DataFrame(found).select(columns)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """An advisory lock that the system drops with the process, so that a kill leaves no stale lock."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise IndexStoreError(
                f"another run is writing the index (process {holder})", "Wait until it has ended, then run again."
            ) from error
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
