"""Make the index hold exactly the chunks it should: write what is new or changed, delete what vanished, no more.

A text that was embedded before is not embedded again, also where its labels, place or number changed. A run that would
delete too much changes nothing and says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from pydantic import BaseModel, ConfigDict

from catalog.errors import IndexStoreError
from catalog.models import Dataset
from index.embed import Embedder, Progress
from index.faults import fault_told
from index.reindexing import model_of, reindex
from index.schema import SEPARATOR
from index.store import Store
from index.vector_cache import VectorCache
from index.writing import KnownVectors, Written, delete
from ledger.models import Finding

FEW_DOCUMENTS = 5  # fewer deletions than this never stop a run that leaves any


@dataclass(frozen=True)
class OneModel:
    """What texts are embedded with: the model, loaded when a text is new; what it made before; and who hears of it."""

    load: Callable[[], Embedder]
    cache: VectorCache | None = None
    progress: Progress | None = None


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
    cache: VectorCache | None = None,
) -> Change:
    """Bring the newest version of the store to `chunks` for this dataset; `embedder` is called only if a text is new.

    No difference: no new version. More vanished documents than `dataset.deletion_threshold`: nothing is written, the
    change is `held` and carries a Finding, unless `allow_deletes` says that a person agreed. A new text under another
    model than the index has brings the whole index to that model. `cache` knows what was embedded before.
    """
    with store.writer():
        state = store.chunk_state(dataset.name)
        compared = chunks.select("id", "hash").join(
            state.select("id", pl.col("hash").alias("old")), on="id", how="left", maintain_order="left"
        )
        is_new = compared["old"].is_null()
        is_other = (compared["old"] != compared["hash"]).fill_null(False)
        gone = state.join(chunks, on="id", how="anti")
        if not allow_deletes and (finding := too_many_deletions(state, chunks, dataset)):
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
        written = chunks.filter(is_new | is_other)
        if written.height and written["dataset"].null_count():
            raise IndexStoreError("documents that were to stay as published are others by now", "Run again.")
        if change.any:
            model = OneModel(embedder, cache, progress)
            counted = _write(store, _stored(written), state, gone, dataset, model)
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
    model: OneModel,
) -> dict[str, int]:
    """Merges and one delete; what they cost. New are texts that the dataset does not hold yet."""
    table = store.latest()
    known = _known(store, written, state, dataset)
    new = written.filter(~pl.col("text_hash").is_in(known.hashes.implode()))["text_hash"].n_unique()
    embedder, embedded = (model.load(), 0) if new else (None, 0)
    if embedder is not None and table is None:
        table = store.create(dimension=embedder.dimension, model=embedder.name)
    elif embedder is not None and table is not None and model_of(table) != embedder.name:
        embedded = reindex(store, embedder, cache=model.cache, progress=model.progress)
        table, known = store.latest(), _known(store, written, state, dataset)
    if table is None:  # vectors are known only from a table, so somebody removed it in between
        raise IndexStoreError("the index vanished while it was written", "Run again.")
    changes = Written(table, known, embedder, new=new, cache=model.cache, progress=model.progress)
    try:
        changes.merge(written)
        if gone.height:
            delete(table, gone["id"].to_list())
    except (RuntimeError, OSError) as error:
        fault = fault_told(store.uri, error)
        raise IndexStoreError(
            f"the index could not be written for '{dataset.name}': {fault.what}",
            f"{fault.remedy} Answers still come from the last published version.",
        ) from error
    return {"embedded": embedded + changes.embedded, "truncated": changes.truncated}


def _known(store: Store, written: pl.DataFrame, state: pl.DataFrame, dataset: Dataset) -> KnownVectors:
    """The vectors that the newest version holds of the texts that are to be written."""
    hashes = written["text_hash"].unique()
    shared = hashes.filter(hashes.is_in(state["text_hash"].implode())) if state.height else hashes.clear()
    version = store.version
    return KnownVectors(store.at(version) if version and shared.len() else None, dataset.name, shared)


def too_many_deletions(state: pl.DataFrame, chunks: pl.DataFrame, dataset: Dataset) -> Finding | None:
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
