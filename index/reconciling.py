"""Make the index hold exactly the chunks it should: write what is new or changed, delete what vanished, no more.

A text that was embedded before is not embedded again, also where its labels, place or number changed. A run that would
delete too much changes nothing and says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from catalog.errors import IndexStoreError
from catalog.models import Dataset
from index.embed import Embedder, Progress, Vectors
from index.store import SEPARATOR, Store, stored_schema
from ledger.models import Finding

if TYPE_CHECKING:
    from lancedb.table import LanceTable

FEW_DOCUMENTS = 5  # fewer deletions than this never stop a run that leaves any
MANY_HASHES = 5_000  # beyond it, reading a dataset's vectors whole is cheaper than naming each


class Change(BaseModel):
    """What a reconcile did to one dataset, in chunks. `version` is the store's newest version afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    embedded: int = 0
    truncated: int = 0
    version: int = 0
    held: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def any(self) -> bool:
        """Whether the store was written."""
        return bool(self.added or self.changed or self.deleted)


def reconcile(
    store: Store,
    chunks: pl.DataFrame,
    *,
    dataset: Dataset,
    embedder: Callable[[], Embedder],
    progress: Progress | None = None,
    allow_deletes: bool = False,
) -> Change:
    """Bring the newest version of the store to `chunks` for this dataset; `embedder` is called only if a text is new.

    No difference: no new version. More vanished documents than `dataset.deletion_threshold`: nothing is written, the
    change is `held` and carries a Finding, unless `allow_deletes` says that a person agreed.
    """
    with store.writer():
        state = store.chunk_state(dataset.name)
        compared = chunks.select("id", "hash").join(
            state.select("id", pl.col("hash").alias("old")), on="id", how="left", maintain_order="left"
        )
        is_new = compared["old"].is_null()
        is_other = (compared["old"] != compared["hash"]).fill_null(False)
        gone = state.join(chunks, on="id", how="anti")
        if not allow_deletes and (finding := _too_many_deletions(state, chunks, dataset)):
            return Change(
                dataset=dataset.name, unchanged=state.height, version=store.version, held=True, findings=(finding,)
            )
        change = Change(
            dataset=dataset.name,
            added=int(is_new.sum()),
            changed=int(is_other.sum()),
            deleted=gone.height,
            unchanged=chunks.height - int(is_new.sum()) - int(is_other.sum()),
        )
        if change.any:
            counted = _write(store, _stored(chunks.filter(is_new | is_other)), state, gone, dataset, embedder, progress)
            change = change.model_copy(update=counted)
        return change.model_copy(update={"version": store.version})


def search_text() -> pl.Expr:
    """What is embedded and indexed of a chunk: title, headings and text."""
    parts = [pl.col(name).replace("", None) for name in ("title", "breadcrumb", "text")]
    return pl.concat_str(parts, separator="\n", ignore_nulls=True)


def _stored(chunks: pl.DataFrame) -> pl.DataFrame:
    """The chunks with the columns that searching needs."""
    roles = SEPARATOR + pl.col("roles").list.join(SEPARATOR) + SEPARATOR
    frame = chunks.with_columns(
        search_text().alias("search_text"),
        pl.when(pl.col("roles").list.len() > 0)
        .then(roles)
        .when(pl.col("roles").list.len() == 0)
        .then(pl.lit(""))
        .alias("roles_text"),
        pl.col("keys").list.join(" ").alias("keys_text"),
    )
    # a loop over changed chunks: the hash must mean the same in every version of every library
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in frame["search_text"].to_list()]
    return frame.with_columns(pl.Series("text_hash", hashes, dtype=pl.String))


def _write(
    store: Store,
    written: pl.DataFrame,
    state: pl.DataFrame,
    gone: pl.DataFrame,
    dataset: Dataset,
    embedder: Callable[[], Embedder],
    progress: Progress | None,
) -> dict[str, int]:
    """One merge and one delete; what they cost."""
    from lancedb.expr import col, lit

    embedded = truncated = 0
    table = store.latest()
    vectors = _known_vectors(table, written, state, dataset)
    new = written.filter(~pl.col("text_hash").is_in(list(vectors))).unique("text_hash", maintain_order=True)
    if new.height:
        model = embedder()
        if table is None:
            table = store.create(dimension=model.dimension, model=model.name)
        elif store.model != model.name:
            raise IndexStoreError(
                f"the index was built by the model {store.model}, this project uses {model.name}",
                "Delete the index folder and run again: every text has to be embedded anew.",
            )
        fresh = model.embed(new["search_text"].to_list(), progress=progress)
        vectors.update(zip(new["text_hash"].to_list(), fresh, strict=True))
        embedded, truncated = new.height, model.truncated
    if table is None:  # vectors are known only from a table, so somebody removed it in between
        raise IndexStoreError("the index vanished while it was written", "Run again.")
    try:
        if written.height:
            merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            merge.execute(_arrow(written, vectors, table))
        if gone.height:
            table.delete(col("id").isin([lit(one) for one in gone["id"].to_list()]))
    except (RuntimeError, OSError) as error:
        raise IndexStoreError(
            f"the index could not be written for '{dataset.name}'",
            "Answers still come from the last published version.",
        ) from error
    return {"embedded": embedded, "truncated": truncated}


def _known_vectors(
    table: LanceTable | None, written: pl.DataFrame, state: pl.DataFrame, dataset: Dataset
) -> dict[str, Vectors]:
    """Vectors of texts the dataset already holds, by the hash of the text."""
    from lancedb.expr import col, lit

    shared = written["text_hash"].unique().filter(written["text_hash"].unique().is_in(state["text_hash"].implode()))
    if table is None or shared.is_empty():
        return {}
    where = col("dataset") == lit(dataset.name)
    if shared.len() <= MANY_HASHES:
        where = where & col("text_hash").isin([lit(one) for one in shared.to_list()])
    found = table.search().where(where).select(["text_hash", "vector"]).limit(state.height).to_arrow()
    dimension = found.schema.field("vector").type.list_size
    matrix = found["vector"].combine_chunks().values.to_numpy(zero_copy_only=False).reshape(-1, dimension)
    wanted = set(shared.to_list())
    pairs = zip(found["text_hash"].to_pylist(), matrix, strict=True)
    return {text_hash: vector for text_hash, vector in pairs if text_hash in wanted}


def _arrow(frame: pl.DataFrame, vectors: dict[str, Any], table: LanceTable) -> pa.Table:
    """The rows as Arrow, in the table's own schema."""
    dimension = table.schema.field("vector").type.list_size
    matrix = np.stack([vectors[one] for one in frame["text_hash"].to_list()]).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), dimension)
    schema = stored_schema(dimension, "")
    rows = frame.select([name for name in schema.names if name != "vector"]).to_arrow()
    return rows.append_column("vector", column).cast(schema.remove_metadata())


def _too_many_deletions(state: pl.DataFrame, chunks: pl.DataFrame, dataset: Dataset) -> Finding | None:
    """The finding that holds a run, if too large a share of the documents would go."""
    live = state["document_id"].n_unique() if state.height else 0
    gone = state.join(chunks, on="document_id", how="anti").unique("document_id").sort("document_id")
    expected = chunks["document_id"].n_unique() if chunks.height else 0
    few = gone.height < FEW_DOCUMENTS or gone.height <= dataset.deletion_threshold * live
    if few and (expected or not live):  # an index that would be empty is never within a threshold
        return None
    return Finding(
        rule="deletion-threshold",
        dataset=dataset.name,
        stage="indexed",
        severity="critical",
        count=gone.height,
        unit="documents",
        message=(
            f"{gone.height} of {live} documents would be deleted, more than the allowed share of "
            f"{dataset.deletion_threshold:.0%}. The last good version stays."
        ),
        sample_keys=tuple(gone["key"].head(20).to_list()),
        evidence={
            "live": live,
            "expected": expected,
            "would_delete": gone.height,
            "threshold": dataset.deletion_threshold,
        },
        owner=dataset.owner,
        remedy="Look whether the source is complete.",
        blocking=True,
    )
