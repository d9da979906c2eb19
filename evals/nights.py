"""Run a year of nights over one index, 1 % of it changed in each, and measure disk, query times and versions.

`python -m evals.nights --chunks 20000 --nights 365` prints a line for each month and the ratios to an index that was
built fresh from the last night's rows in the same run. The clock is simulated, the store is real.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from catalog.models import Classification as Level
from catalog.models import Dataset, IndexPlan, Place, Principal, Project
from evals.synthetic_chunks import CLUSTERS, DATASET, HERE, Clustered, chunks_of
from index import Query, Store, index_stats, publish, reconcile, search

FIRST = datetime(2026, 1, 1, 2, tzinfo=UTC)
CHURN = 0.01
QUESTIONS = 60
CALLER = Principal(name="night", clearance=Level.restricted)


@dataclass(frozen=True)
class Year:
    """The ratios to a fresh index, and the most versions that stood at the end of a night."""

    disk_ratio: float
    worst_disk_ratio: float
    p95_ratio: float
    p95_ms: float
    fresh_p95_ms: float
    versions: int
    rows: int
    longest_night: float  # seconds


def run(
    folder: Path, *, chunks: int, nights: int, plan: IndexPlan, dimension: int = 384,
    told: Callable[[str], None] = lambda _: None,
) -> Year:  # fmt: skip
    """A year in `folder`; `told` hears a line a month."""
    embedder, project = Clustered(dimension), project_of(folder, plan)
    store, rng = Store(folder / "year"), np.random.default_rng(7)
    ages = np.zeros(chunks, dtype=np.int64)  # how often the text of each chunk was changed
    sizes, versions, longest = [], 0, 0.0
    for night in range(nights):
        if night:
            ages[rng.choice(chunks, int(chunks * CHURN), replace=False)] += 1
        began = time.perf_counter()
        bring(store, chunks_of(ages), project, embedder, now=FIRST + timedelta(days=night))
        longest = max(longest, time.perf_counter() - began if night else 0.0)
        versions = max(versions, len(store.versions))
        sizes.append(index_stats(store).bytes_on_disk)
        if night % 30 == 0 or night == nights - 1:
            stats = index_stats(store)
            told(
                f"night {night:3}: {sizes[-1] / 1e6:7.1f} MB, {stats.fragments} fragments, "
                f"{stats.deleted_rows:,} deleted, {len(store.versions)} versions, "
                f"p95 {p95(store, project, embedder):.1f} ms"
            )
    fresh = Store(folder / "fresh")
    bring(fresh, chunks_of(ages), project, embedder, now=FIRST)
    size = index_stats(fresh).bytes_on_disk
    # turn by turn, so that both meet the same machine
    both = [(p95(store, project, embedder), p95(fresh, project, embedder)) for _ in range(3)]
    ours, theirs = (float(np.median(values)) for values in zip(*both, strict=True))
    return Year(
        round(sizes[-1] / size, 3), round(max(sizes) / size, 3), round(ours / theirs, 3), round(ours, 1),
        round(theirs, 1), versions, index_stats(store).rows, round(longest, 2),
    )  # fmt: skip


def bring(store: Store, chunks: pl.DataFrame, project: Project, embedder: Clustered, *, now: datetime) -> None:
    """One night: reconcile and publish, as the pipeline does."""
    with store.writer():
        store.begin()
        dataset = project.datasets[DATASET]
        change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder)
        publish(store, change.version, plan=project.index, now=now)


def p95(store: Store, project: Project, embedder: Clustered) -> float:
    """The 95th percentile of a whole answer, in ms: three legs, fusion, the model not counted."""
    from index import Reader

    reader, took = Reader(store, every=3600), []
    for number in range(QUESTIONS + 5):
        query = Query(text=f"topic{number * 37 % CLUSTERS} word{number} part", principal=CALLER)
        began = time.perf_counter()
        search(query, store=reader, embedder=embedder, project=project)
        took.append(time.perf_counter() - began)
    return float(np.percentile(took[5:], 95)) * 1000


def project_of(folder: Path, plan: IndexPlan) -> Project:
    """A project of one dataset."""
    given: dict[str, Any] = {"version": "1.0.0", "title": "", "source": "s", "physical_name": "s", "fields": ()}
    dataset = Dataset(name=DATASET, fingerprint="", place=Place(file=HERE), **given)
    return Project(name="nights", folder=folder, sources={}, datasets={DATASET: dataset}, index=plan, min_similarity=0)


def main() -> None:
    """Print the year."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--chunks", type=int, default=20_000)
    asked.add_argument("--nights", type=int, default=365)
    asked.add_argument("--folder", type=Path)
    given = asked.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="nights-"))
    try:
        print(run(folder, chunks=given.chunks, nights=given.nights, plan=IndexPlan(), told=print))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
