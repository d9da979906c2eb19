"""Write changed chunks into the table and delete those that vanished, so that memory does not grow with their number.

A portion is merged before the next is looked at. Between them the table is half done, which nobody sees: readers stay
on the `live` version, and a run that is killed is forgotten by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from catalog.errors import IndexStoreError
from index.embed import Embedder, Progress, Vectors
from index.schema import stored_schema
from index.vector_cache import VectorCache, embed_once

if TYPE_CHECKING:
    from index.version import Version

PORTION = 16_384  # chunks in one merge at most: their vectors are 25 MB at 384 dimensions
PORTION_BYTES = 96 * 1024**2  # at most, about: a merge fails whose rows take most of the 300 MB that Lance joins in
BATCH = 65_536  # rows whose hashes are looked at together
KNOWN = pl.DataFrame(schema={"text_hash": pl.String, "row": pl.Int64})


class KnownVectors:
    """The vectors that one version of the table holds of the texts of a dataset, read when they are asked for."""

    def __init__(self, table: Version | None, dataset: str, hashes: pl.Series) -> None:
        """`table` is pinned to a version, so that what is written meanwhile is not seen; None knows nothing."""
        self._table = table
        self._rows = KNOWN
        if table is not None and hashes.len():
            self._rows = _rows_of(table, dataset, hashes)

    @property
    def hashes(self) -> pl.Series:
        """The texts whose vectors are known."""
        return self._rows["text_hash"]

    def of(self, hashes: pl.Series) -> dict[str, Vectors]:
        """The vectors of those of these texts that are known."""
        rows = self._rows.filter(pl.col("text_hash").is_in(hashes.implode()))["row"].sort()
        if self._table is None or rows.is_empty():
            return {}
        found = self._table.to_lance().take(rows.to_list(), columns=["text_hash", "vector"])
        return dict(zip(found["text_hash"].to_pylist(), _matrix(found["vector"]), strict=True))


class Written:
    """Portions on their way into the table: `embedded` and `truncated` count the texts that were new."""

    def __init__(
        self, table: Version, known: KnownVectors, embedder: Embedder | None, *, new: int,
        cache: VectorCache | None, progress: Progress | None,
    ) -> None:  # fmt: skip
        self._table, self._known, self._embedder = table, known, embedder
        self._new, self._cache, self._progress = new, cache, progress
        self._told = self.embedded = self.truncated = 0
        self._carried: dict[str, Vectors] = {}  # without a cache: of texts that come again in a later portion

    def merge(self, chunks: pl.DataFrame) -> None:
        """Write all of these chunks, portion by portion."""
        rows = _rows_at_once(chunks, self._table)
        again = _in_two_portions(chunks, rows) if self._cache is None else frozenset[str]()
        for portion in chunks.iter_slices(rows):
            vectors = self._vectors(portion)
            self._carried |= {one: vector for one, vector in vectors.items() if one in again}
            merge = self._table.to_lance().merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            merge.execute(_arrow(portion, vectors, self._table))
            self._table.checkout_latest()

    def _vectors(self, portion: pl.DataFrame) -> dict[str, Vectors]:
        hashes = portion["text_hash"].unique()
        vectors = self._known.of(hashes)
        vectors |= {one: self._carried[one] for one in hashes if one in self._carried}
        new = portion.filter(~pl.col("text_hash").is_in(list(vectors))).unique("text_hash", maintain_order=True)
        if self._embedder is None or new.is_empty():
            return vectors
        fresh, count = embed_once(
            self._embedder, new["text_hash"].to_list(), new["search_text"].to_list(), cache=self._cache,
            progress=self._heard(self._told),
        )  # fmt: skip
        _refuse_other_lengths(fresh, self._table, self._embedder.name)
        self._told += new.height
        self.embedded += count
        self.truncated += self._embedder.truncated if count else 0
        return vectors | fresh

    def _heard(self, before: int) -> Progress | None:
        """The progress of one portion, told as that of all."""
        progress, total = self._progress, self._new
        return None if progress is None else lambda done, _: progress(min(before + done, total), total)


def _refuse_other_lengths(vectors: Mapping[str, Vectors], table: Version, model: str) -> None:
    """IndexStoreError for a model that makes other vectors than those that the index holds of it."""
    wanted = int(table.schema.field("vector").type.list_size)
    others = {len(vector) for vector in vectors.values()} - {wanted}
    if others:
        raise IndexStoreError(
            f"the model {model} makes vectors of {min(others)} numbers, and those of it in the index have {wanted}",
            "Give the other model another name or revision: the index is then brought to it; or set it back.",
        )


def delete(table: Version, ids: Sequence[str]) -> None:
    """Delete these chunks in one commit. They are joined, not listed in a condition: ten times faster at 100,000."""
    lance: Any = table.to_lance()
    lance.merge_insert("id").when_matched_delete().execute(pa.table({"id": pa.array(ids, pa.string())}))
    table.checkout_latest()


def _rows_of(table: Version, dataset: str, hashes: pl.Series) -> pl.DataFrame:
    """One row of the table for each of these texts that a dataset holds: `text_hash` and its place among all rows."""
    found, before = [], 0
    for batch in table.to_lance().to_batches(columns=["dataset", "text_hash"], batch_size=BATCH):
        rows = pl.DataFrame(batch).with_row_index("row", before).with_columns(pl.col("row").cast(pl.Int64))
        wanted = (pl.col("dataset") == dataset) & pl.col("text_hash").is_in(hashes.implode())
        found.append(rows.filter(wanted).select("text_hash", "row"))
        before += batch.num_rows
    return pl.concat(found).unique("text_hash", keep="any") if found else KNOWN


def _rows_at_once(chunks: pl.DataFrame, table: Version) -> int:
    """The rows of a portion: fewer where texts are long or vectors have many dimensions."""
    vector = 4 * int(table.schema.field("vector").type.list_size)
    row = int(chunks.estimated_size()) // max(1, chunks.height) + vector
    return max(1, min(PORTION, PORTION_BYTES // row))


def _in_two_portions(chunks: pl.DataFrame, rows: int) -> frozenset[str]:
    """The texts of more than one portion of so many rows."""
    portion = pl.int_range(pl.len()) // rows
    told = chunks.select("text_hash", portion.alias("portion")).unique()
    return frozenset(told.filter(pl.col("text_hash").is_duplicated())["text_hash"].to_list())


def _matrix(column: pa.ChunkedArray) -> Iterable[Vectors]:
    values = column.combine_chunks()
    matrix: Vectors = values.values.to_numpy(zero_copy_only=False).reshape(-1, values.type.list_size)
    return matrix


def _arrow(frame: pl.DataFrame, vectors: dict[str, Vectors], table: Version) -> pa.Table:
    """The rows as Arrow, in the table's own schema."""
    dimension = table.schema.field("vector").type.list_size
    matrix = np.stack([vectors[one] for one in frame["text_hash"].to_list()]).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), dimension)
    schema = stored_schema(dimension, "")
    rows = frame.select([name for name in schema.names if name != "vector"]).to_arrow()
    return rows.append_column("vector", column).cast(schema.remove_metadata())
