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
from index import IndexStats, Query, Snapshot, Store, index_stats, publish, reconcile, search
from ledger.models import Finding

FIRST = datetime(2026, 1, 1, 2, tzinfo=UTC)
CHURN = 0.01
QUESTIONS = 60
CALLER = Principal(name="night", clearance=Level.restricted)


@dataclass(frozen=True)
class Year:
    """The ratios to a fresh index, and the most that stood at the end of a night; disk is that of the whole store."""

    disk_ratio: float
    worst_disk_ratio: float  # after a publication
    peak_disk_ratio: float  # during one of a night: before it prunes what nobody needs any more
    load_disk_ratio: (
        float  # during the first one, which writes what was loaded a second time, in fragments of full size
    )
    p95_ratio: float
    p95_ms: float
    fresh_p95_ms: float
    versions: int
    rows: int
    deleted: float  # the largest share of the live version's rows
    fragments: int
    segments: int  # of one index
    longest_night: float  # seconds


def run(
    folder: Path, *, chunks: int, nights: int, plan: IndexPlan, dimension: int = 384,
    told: Callable[[str], None] = lambda _: None,
) -> Year:  # fmt: skip
    """A year in `folder`; `told` hears a line a month."""
    embedder, project = Clustered(dimension), project_of(folder, plan)
    store, rng = Store(folder / "year"), np.random.default_rng(7)
    ages = np.zeros(chunks, dtype=np.int64)  # how often the text of each chunk was changed
    peaks: list[int] = []
    seen: list[IndexStats] = []
    longest = 0.0
    for night in range(nights):
        if night:
            ages[rng.choice(chunks, int(chunks * CHURN), replace=False)] += 1
        began = time.perf_counter()
        bring(store, chunks_of(ages), project, embedder, now=FIRST + timedelta(days=night), peaks=peaks)
        longest = max(longest, time.perf_counter() - began if night else 0.0)
        seen.append(index_stats(store))
        if night % 30 == 0 or night == nights - 1:
            told(f"night {night:3}: {_told(seen[-1])}, p95 {p95(store, project, embedder):.1f} ms")
    fresh = Store(folder / "fresh")
    bring(fresh, chunks_of(ages), project, embedder, now=FIRST)
    size = index_stats(fresh).bytes_on_disk
    # turn by turn, so that both meet the same machine
    both = [(p95(store, project, embedder), p95(fresh, project, embedder)) for _ in range(3)]
    ours, theirs = (float(np.median(values)) for values in zip(*both, strict=True))
    return Year(
        disk_ratio=round(seen[-1].bytes_on_disk / size, 3),
        worst_disk_ratio=round(max(one.bytes_on_disk for one in seen) / size, 3),
        peak_disk_ratio=round(max(peaks[1:]) / size, 3),
        load_disk_ratio=round(peaks[0] / size, 3),
        p95_ratio=round(ours / theirs, 3),
        p95_ms=round(ours, 1),
        fresh_p95_ms=round(theirs, 1),
        versions=max(one.versions for one in seen),
        rows=seen[-1].rows,
        deleted=round(max(one.deleted_rows / one.rows for one in seen), 3),
        fragments=max(one.fragments for one in seen),
        segments=max(_segments(one) for one in seen),
        longest_night=round(longest, 2),
    )


def bring(
    store: Store, chunks: pl.DataFrame, project: Project, embedder: Clustered, *, now: datetime,
    peaks: list[int] | None = None,
) -> None:  # fmt: skip
    """One night: reconcile and publish, as the pipeline does. `peaks` takes the bytes on disk before the pruning."""

    def weigh(_: Snapshot) -> tuple[Finding, ...]:
        if peaks is not None:
            peaks.append(index_stats(store).bytes_on_disk)
        return ()

    with store.writer():
        store.begin()
        dataset = project.datasets[DATASET]
        change = reconcile(store, chunks, dataset=dataset, embedder=lambda: embedder)
        publish(store, change.version, plan=project.index, now=now, gates=[weigh])


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


def _segments(stats: IndexStats) -> int:
    return max((one.segments for one in stats.indices), default=0)


def _told(stats: IndexStats) -> str:
    return (
        f"{stats.bytes_on_disk / 1e6:7.1f} MB, {stats.bytes_live / 1e6:.1f} live, {stats.fragments} fragments, "
        f"{_segments(stats)} segments, {stats.deleted_rows:,} deleted, {stats.versions} versions"
    )


def main() -> None:
    """Print the year."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--chunks", type=int, default=20_000)
    asked.add_argument("--nights", type=int, default=365)
    asked.add_argument("--exact-up-to", type=int, default=IndexPlan().exact_up_to, help="above, a vector index")
    asked.add_argument("--folder", type=Path)
    given = asked.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="nights-"))
    try:
        plan = IndexPlan(exact_up_to=given.exact_up_to)
        print(run(folder, chunks=given.chunks, nights=given.nights, plan=plan, told=print))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
