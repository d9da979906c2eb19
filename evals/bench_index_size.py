"""Measure one large index: load, build, recall, upserts and their publication, disk beside the raw vectors.

`python -m evals.bench_index_size --chunks 1000000`. Vectors lie in clusters (`evals.synthetic_chunks`); chunks are
written in batches, so that memory does not grow with the table. After the second upsert so much is deleted that the
publication writes a portion of the table anew. Rival: the exact look at every vector, same run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from catalog.models import IndexPlan
from evals.synthetic_chunks import CLUSTERS, Clustered, chunks_of, text_of
from index import Store, index_stats, publish
from index.probing import tuned_search
from index.reconciling import search_text
from index.schema import stored_schema
from index.tuning import Parameters
from index.writing import PORTION

BATCH = 20_000
QUESTIONS = 60


def measure(folder: Path, chunks: int, plan: IndexPlan) -> dict[str, Any]:
    """The figures, by name; seconds are (wall, CPU of this process)."""
    embedder, store = Clustered(), Store(folder / "index")
    table: Any = store.create(dimension=embedder.dimension, model=embedder.name).to_lance()
    spent = [0.0, 0.0]
    for start in range(0, chunks, BATCH):
        rows = _rows(np.arange(start, min(start + BATCH, chunks)), 0, embedder)
        wall, cpu = _timed(partial(table.insert, rows))
        spent = [spent[0] + wall, spent[1] + cpu]
    told: dict[str, Any] = {"chunks": chunks, "load": tuple(round(one, 1) for one in spent)}
    told["build and publish"] = _timed(lambda: publish(store, store.version, plan=plan))
    for age, part in ((1, 100), (2, 8)):
        told[f"upsert of 1/{part}"] = _timed(partial(_upsert, store, _changed(chunks // part, chunks, age, embedder)))
        told[f"publication of 1/{part}"] = _timed(lambda: publish(store, store.version, plan=plan))
    stats = index_stats(store)
    told["parameters"] = stats.parameters.model_dump(exclude={"segments"})
    told["live over raw vectors"] = round(stats.bytes_live / stats.bytes_of_raw_vectors, 2)
    told["disk over raw vectors"] = round(stats.bytes_on_disk / stats.bytes_of_raw_vectors, 2)
    told["search ms (p50, p95)"] = _search(store, stats.parameters, embedder, QUESTIONS)
    told["exact ms (p50, p95)"] = _search(store, Parameters(), embedder, QUESTIONS // 6)
    return told


def _changed(count: int, chunks: int, age: int, embedder: Clustered) -> pa.Table:
    """So many rows, drawn at random, with texts of another age."""
    return _rows(np.sort(np.random.default_rng(age).choice(chunks, count, replace=False)), age, embedder)


def _upsert(store: Store, rows: pa.Table) -> None:
    """In portions, as a run writes them."""
    table: Any = store.latest().to_lance()  # type: ignore[union-attr]  # it was just made
    for start in range(0, rows.num_rows, PORTION):
        merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(rows.take(np.arange(start, min(start + PORTION, rows.num_rows))))  # a slice counts as the whole


def _search(store: Store, parameters: Parameters, embedder: Clustered, count: int) -> tuple[float, float]:
    table, took = store.live(), []
    if table is None:
        raise RuntimeError("nothing was published")
    for vector in embedder.embed([text_of(number * 31 % CLUSTERS, 9) for number in range(count + 5)]):
        search: Any = table.search(vector, vector_column_name="vector")
        began = time.perf_counter()
        tuned_search(search, parameters, limit=10).select(["id", "_distance"]).to_arrow()
        took.append((time.perf_counter() - began) * 1000)
    p50, p95 = (round(float(one), 1) for one in np.percentile(took[5:], [50, 95]))
    return p50, p95


def _rows(numbers: Any, age: int, embedder: Clustered) -> pa.Table:
    """Stored rows of these numbers, with their vectors."""
    frame = chunks_of(np.full(len(numbers), age), numbers=numbers).with_columns(
        search_text().alias("search_text"),
        pl.col("hash").alias("text_hash"),
        pl.lit("").alias("roles_text"),
        pl.col("key").alias("keys_text"),
    )
    matrix = embedder.embed(frame["search_text"].to_list())
    schema = stored_schema(embedder.dimension, embedder.name).remove_metadata()
    rows = frame.select([name for name in schema.names if name != "vector"]).to_arrow()
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), embedder.dimension)
    return rows.append_column("vector", column).cast(schema)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return round(time.perf_counter() - wall, 2), round(time.process_time() - cpu, 2)


def main() -> None:
    """Print the figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--chunks", type=int, default=1_000_000)
    asked.add_argument("--folder", type=Path)
    given = asked.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="index-size-"))
    try:
        for name, value in measure(folder, given.chunks, IndexPlan()).items():
            print(f"{name}: {value}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
