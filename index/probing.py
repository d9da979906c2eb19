"""Measure, before anyone is served by a version, whether its vector index finds what an exact look finds.

The questions are vectors that are stored, always the same ones of the same rows. The exact look streams over the table
once for all questions, in batches: its time grows with the table, its memory does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.tuning import LADDER, VECTOR, Parameters, segments_of

if TYPE_CHECKING:
    from index.embed import Vectors
    from index.version import Version

QUERIES = 50
NEAREST = 10
BATCH = 8_192  # rows of the exact look
SAME = 1e-5  # of cosine: float32 sums differ by their order


def measured(table: Version, begin: Parameters, gate: float) -> Parameters:
    """The cheapest parameters of the ladder, from `begin` upward, whose recall reaches `gate`; else the surest.

    As long as the vector index is the same as at the last measurement, that one stands: rows that no index covers are
    looked at one by one, so they cannot lower the recall.
    """
    segments = segments_of(table)
    if begin.kind == "exact":
        return begin
    if begin.recall is not None and begin.recall >= gate and begin.segments == segments:
        return begin
    queries = sample_vectors(table)
    floors = exact_floors(table, queries)
    tried = begin
    for step in LADDER:
        if step["probes"] < begin.probes:
            continue  # it was not enough before
        found = begin.model_copy(update=dict(step))
        tried = found.model_copy(
            update={
                "recall": recall(table, queries, floors, found),
                "queries": len(queries),
                "measured_at": table.version,
                "segments": segments,
            }
        )
        if tried.recall is not None and tried.recall >= gate:
            break
    return tried


def sample_vectors(table: Version, count: int = QUERIES) -> Vectors:
    """Vectors of rows spread evenly over the table; fewer where it has fewer."""
    rows = table.count_rows()
    places = sorted({int(place) for place in np.linspace(0, rows - 1, min(count, rows))})
    lance: Any = table.to_lance()
    return _matrix(lance.take(places, columns=[VECTOR])[VECTOR].combine_chunks())


def exact_floors(table: Version, queries: Vectors) -> NDArray[np.float32]:
    """For each question the cosine of its tenth nearest vector, found by looking at all of them."""
    wanted = _unit(queries)
    best = np.full((len(queries), NEAREST), -np.inf, dtype=np.float32)
    lance: Any = table.to_lance()
    for batch in lance.to_batches(columns=[VECTOR], batch_size=BATCH):
        near: Vectors = wanted @ _unit(_matrix(batch.column(VECTOR))).T
        best = np.sort(np.concatenate([best, near], axis=1), axis=1)[:, -NEAREST:]
    floors: NDArray[np.float32] = best.min(axis=1, where=np.isfinite(best), initial=np.float32(1))
    return floors


def recall(table: Version, queries: Vectors, floors: NDArray[np.float32], parameters: Parameters) -> float:
    """Recall@10: the share of the nearest that the index finds. Equal distances count as equal finds."""
    possible, searched = min(NEAREST, table.count_rows()), table.table()
    found = 0
    for query, floor in zip(queries, floors, strict=True):  # a loop over questions: each is a search
        search: Any = searched.search(query, vector_column_name=VECTOR)
        rows = tuned_search(search, parameters, limit=NEAREST).select(["_distance"]).to_arrow()
        found += min(possible, sum(1 - distance >= floor - SAME for distance in rows["_distance"].to_pylist()))
    return round(found / (possible * len(queries)), 4)


def tuned_search(search: Any, parameters: Parameters, *, limit: int) -> Any:
    """A search by meaning for so many rows, with the parameters of the version that is searched."""
    search = search.distance_type("cosine").limit(limit)
    if parameters.kind == "exact":
        return search.bypass_vector_index()
    search = search.nprobes(parameters.probes).refine_factor(parameters.refine)
    # the graph gives no more rows than it keeps in hand, and `refine` times those asked for are looked at again
    return search.ef(max(parameters.ef, limit * parameters.refine)) if parameters.kind == "hnsw_sq" else search


def _matrix(column: Any) -> Vectors:
    values = column.flatten().to_numpy(zero_copy_only=False)
    matrix: Vectors = values.reshape(len(column), -1)
    return matrix


def _unit(matrix: Vectors) -> Vectors:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: Vectors = matrix / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
