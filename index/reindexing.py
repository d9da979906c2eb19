"""Bring the index to another model beside the version that is served: every text embedded anew, one move at the end.

The new vectors become a further version of the same table, whatever their dimension. Readers stay on the `live` version
and go on asking with the model of that version, until a publish moves the tag; a rollback goes back across the change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from catalog.errors import IndexStoreError
from index.embed import Embedder, Progress
from index.housekeeping import fragment_rows
from index.schema import MODEL, stored_schema
from index.store import Store, Tables
from index.vector_cache import VectorCache, embed_once

if TYPE_CHECKING:
    from lancedb.table import LanceTable

    from index.version import Version

ROWS = 4096  # rows in memory at once
KEPT_MODELS = 2  # loaded at once: that of the live version, and that of the one before or after


class Embedders:
    """The embedder of each model and revision that a version of the index names, loaded once; safe between threads."""

    def __init__(self, load: Callable[[str], Embedder]) -> None:
        self._load = load
        self._loaded: dict[str, Embedder] = {}
        self._lock = threading.Lock()

    def __call__(self, named: str) -> Embedder:
        """The embedder called `named`. IndexStoreError where it is not prepared here any more."""
        with self._lock:
            if named not in self._loaded:
                loaded = self._load(named)
                while len(self._loaded) >= KEPT_MODELS:
                    self._loaded.pop(next(iter(self._loaded)))
                self._loaded[named] = loaded
            return self._loaded[named]


def model_of(table: Version | LanceTable) -> str:
    """The model, name and revision, whose vectors this version of the table holds."""
    return str((table.schema.metadata or {}).get(MODEL, b"").decode())


def published_model(store: Tables) -> str:
    """The model of the version that is served. IndexStoreError where nothing is published."""
    table = store.live()
    if table is None:
        raise IndexStoreError("nothing is published yet", "Run the pipeline: landbridge run.")
    return model_of(table)


def reindex(
    store: Store, embedder: Embedder, *, cache: VectorCache | None = None, progress: Progress | None = None
) -> int:
    """Write a version of the index whose vectors are all of `embedder`; how many texts were embedded for it.

    Nothing is published by it. Killed half-way, the next run finds in `cache` what was embedded, and no version.
    """
    with store.writer():
        table = store.latest()
        if table is None or model_of(table) == embedder.name:
            return 0
        counted = [0]
        source: Any = table.to_lance()
        schema = stored_schema(embedder.dimension, embedder.name)
        columns = [name for name in schema.names if name != "vector"]
        scanned = source.scanner(columns=columns, batch_size=ROWS).to_batches()
        rows = _embedded(scanned, schema, embedder, cache, _counter(progress, table.count_rows()), counted)
        try:
            _replace(store, pa.RecordBatchReader.from_batches(schema, rows), source)
        except (RuntimeError, OSError, ValueError) as error:
            raise IndexStoreError(
                f"the index could not be brought to the model {embedder.name}: {error}",
                "Answers still come from the last published version. What was embedded is kept: run again.",
            ) from error
        return counted[0]


def _replace(store: Store, rows: pa.RecordBatchReader, source: Any) -> None:
    """The rows as the next version of the table; the versions before and their tags stay."""
    import lance

    lance.write_dataset(
        rows, source.uri, mode="overwrite", data_storage_version=source.data_storage_version,
        storage_options=store.options, max_rows_per_file=fragment_rows(source.count_rows()),
    )  # fmt: skip


def _embedded(
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    embedder: Embedder,
    cache: VectorCache | None,
    tell: Callable[[int], None],
    counted: list[int],
) -> Iterator[pa.RecordBatch]:
    """The rows with vectors of the embedder; `counted` grows by the texts that were embedded."""
    done = 0
    for batch in batches:
        texts = dict(zip(batch["text_hash"].to_pylist(), batch["search_text"].to_pylist(), strict=True))

        def heard(count: int, _: int, before: int = done) -> None:
            tell(before + count)

        vectors, new = embed_once(embedder, list(texts), list(texts.values()), cache=cache, progress=heard)
        counted[0] += new
        matrix = np.stack([vectors[one] for one in batch["text_hash"].to_pylist()]).astype(np.float32)
        column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), embedder.dimension)
        arrays = [column if name == "vector" else batch[name] for name in schema.names]
        done += batch.num_rows
        tell(done)
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    return lambda done: progress(done, total) if progress else None
