"""A run reads tables that are written 500 times a second: it sees one moment, and the writers hardly notice.

Run by `make exam -s`, or `pytest -m exam -s`, to see the table of the writers' times.
"""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine

import connectors
from catalog.models import Incremental
from evals.clusters import MariadbCluster, PostgresCluster
from evals.following import dataset_of, full_read, source_at
from evals.writers import ACCOUNTS, BALANCE, TABLES, engine_at, furnish

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
RATE = 500  # transactions a second, all writers together
ALONE, BESIDE = 6.0, 12.0  # seconds the writers are watched without a reader, and with one
SETTLED = 2.0  # seconds that are not counted: connections, first pages
DEADLINE = 180
SLOWER = 5  # times; what would be visible harm
SHORTEST = 0.004  # seconds; below this a p95 says more of the machine than of us
KEYS = {"checking": ["id"], "savings": ["id"], "orders": ["id"], "order_lines": ["order_id", "line"]}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def location(request, tmp_path):
    kinds = {"postgresql": PostgresCluster, "mariadb": MariadbCluster}
    if request.param not in kinds:
        yield f"sqlite:///{tmp_path}/bank.db"
        return
    kind = kinds[request.param]
    if not kind.available():
        pytest.skip(kind.absent)
    with kind() as cluster:
        yield cluster.location()


def read_once(source, folder, run):
    """All tables of the bank within one run."""
    frames = {}
    with connectors.within_run(run):
        for table in TABLES:
            dataset = dataset_of(table, KEYS[table], Incremental())
            frames[table] = full_read(source, dataset, folder=folder)
    connectors.release(run)
    return frames


def assert_one_moment(frames):
    """No money is made or lost, and orders and lines belong together."""
    held = [frames[table] for table in ("checking", "savings")]
    assert [one.height for one in held] == [ACCOUNTS, ACCOUNTS]
    assert sum(one["balance"].sum() for one in held) == 2 * ACCOUNTS * BALANCE
    counted = frames["order_lines"].group_by(pl.col("order_id").alias("id")).len("there")
    both = frames["orders"].join(counted, on="id", how="full", coalesce=True)
    assert both.filter(pl.col("line_count").ne_missing(pl.col("there").cast(pl.Int64))).height == 0


def times(done, begin, end):
    """Of the transactions that began in a span: how many a second, and p50, p95 and p99 of what they took, in ms."""
    took = pl.Series([took for began, took, _ in done if begin <= began < end], dtype=pl.Float64) * 1000
    return [len(took) / (end - begin), *(took.quantile(share) for share in (0.5, 0.95, 0.99))]


def test_a_run_sees_one_moment_of_a_busy_database_and_is_not_in_its_way(location, tmp_path):
    engine = engine_at(location)
    furnish(engine)
    engine.dispose()
    source = source_at(location)
    writers = subprocess.Popen(
        [sys.executable, "-m", "evals.writers", location, str(RATE)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        time.sleep(SETTLED + 1)
        marks, reads, seen = [time.monotonic()], 0, set()
        time.sleep(ALONE)
        marks.append(time.monotonic())
        while time.monotonic() < marks[1] + BESIDE:
            frames = read_once(source, tmp_path, f"run-{reads}")
            assert_one_moment(frames)
            seen.add(frames["orders"].height)
            reads += 1
        marks.append(time.monotonic())
        time.sleep(ALONE)
        marks.append(time.monotonic())
        told, _ = writers.communicate(timeout=DEADLINE)
    finally:
        writers.kill()
        writers.wait()
    done = json.loads(told)
    assert_one_moment(read_once(source, tmp_path, "at rest"))
    spans = dict(zip(("alone", "beside a reader", "alone again"), itertools.pairwise(marks), strict=True))
    rows = {name: times(done, *span) for name, span in spans.items()}
    print(f"\n{create_engine(location).dialect.name}: {reads} runs of {len(TABLES)} tables, {len(done):,} transactions")
    for name, (rate, *parts) in rows.items():
        print(f"  {name:16} {rate:5.0f}/s   p50 {parts[0]:7.2f}   p95 {parts[1]:7.2f}   p99 {parts[2]:7.2f} ms")
    assert reads >= 3
    assert len(seen) > reads / 2, "the runs saw different moments"
    assert [fault for _, _, fault in done if fault] == []
    calm = max(rows["alone"][2], rows["alone again"][2], SHORTEST * 1000)
    assert rows["beside a reader"][2] <= SLOWER * calm
    assert rows["beside a reader"][0] >= 0.7 * min(rows["alone"][0], rows["alone again"][0])
