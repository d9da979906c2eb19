"""A read that ends in the middle: the server stops, the wire breaks, the reader is killed. Nothing is lost or doubled.

Run by `make exam`. Every test has its deadline.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine

import connectors
from catalog.errors import SourceUnreachable
from connectors.sql import feeds
from evals import projects
from evals.clusters import MariadbCluster, PostgresCluster
from evals.wires import Wire
from pipelines.site import Site
from pipelines.stages import pull

pytestmark = pytest.mark.exam
ROOT = Path(__file__).parents[2]
ROWS, MORE = 40_000, 120_000  # more where one statement reads all: beyond what systems hold on the way, 4 MB
LOOKED = 5_000  # bytes after which the server has answered, and its table is being looked at
DEADLINE = 240  # seconds for one test, on a machine that does other things too
INCREMENTAL = {
    "full": {},
    "watermark": {"mode": "watermark", "column": "stamp"},
    "keys": {"mode": "keys"},
    "feed": {"mode": "feed"},
}
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test' AND pid <> pg_backend_pid()"
SESSIONS = "SELECT id FROM information_schema.processlist WHERE db = 'test' AND id <> connection_id()"


@pytest.fixture(autouse=True)
def deadline():
    def late(*_):
        raise TimeoutError(f"the test did not end within {DEADLINE} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(DEADLINE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def postgresql():
    if not PostgresCluster.available():
        pytest.skip(PostgresCluster.absent)
    with PostgresCluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def mariadb():
    if not MariadbCluster.available():
        pytest.skip(MariadbCluster.absent)
    with MariadbCluster() as cluster:
        yield cluster


class Plant:
    """A table of some megabytes that changes in rounds, and the project that reads it in one mode."""

    def __init__(self, folder, mode, url, **source):
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self.folder = projects.written(folder, {"things": ["id"]}, incremental=INCREMENTAL[mode], **source)
        self.mode, self.round, self.pulls = mode, 0, 0
        self.run(
            "DROP TABLE IF EXISTS things", "CREATE TABLE things (id bigint PRIMARY KEY, v varchar(200), stamp int)"
        )
        self.insert(0, MORE if mode == "full" else ROWS)

    def run(self, *statements):
        with self.engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%") if self.server else statement)
        self.engine.dispose()

    @property
    def server(self):
        return self.engine.url.get_backend_name() != "sqlite"

    def insert(self, first, count):
        """Rows of 100 bytes, made in Python so that one statement serves all databases."""
        for at in range(first, first + count, 5_000):
            rows = ", ".join(
                f"({number}, '{number:100}', {self.round})" for number in range(at, min(at + 5_000, first + count))
            )
            self.run(f"INSERT INTO things VALUES {rows}")

    def change(self):
        """A tenth of the rows changes, some go, some come, one gets another key."""
        self.round += 1
        one = self.round
        self.run(
            f"UPDATE things SET v = 'round {one:90}', stamp = {one} WHERE id % 10 = {one % 10}",
            f"DELETE FROM things WHERE id % 100 = {one}",
            f"UPDATE things SET id = id + 900000000, stamp = {one} WHERE id = {one * 100 + 99}",
        )
        self.insert(one * 1_000_000, 500)
        return self

    def pull(self):
        """By the stage, as a run of its own."""
        self.pulls += 1
        site, run = Site.open(self.folder), f"run-{self.pulls}"
        try:
            return pull(site, "things", run_id=run)
        finally:
            connectors.release(run)

    @property
    def raw(self):
        return self.folder / ".landbridge" / "raw"

    def kept(self):
        """The bytes of what is held, and of what is known of it: the cursor among that."""
        return (self.raw / "things.parquet").read_bytes(), (self.raw / "things.json").read_bytes()

    def assert_follows(self):
        """What is held is what is there, each row once."""
        with self.engine.connect() as connection:
            there = [tuple(row) for row in connection.exec_driver_sql("SELECT id, v, stamp FROM things ORDER BY id")]
        self.engine.dispose()
        held = pl.read_parquet(self.raw / "things.parquet").select("id", "v", "stamp").sort("id").rows()
        assert len(there) > ROWS / 2
        assert held == there

    def dies(self, place, when, count):
        """Pull in a process that kills itself there; whether it came to that."""
        words = [sys.executable, "-m", "evals.dying", str(self.folder), "things", place, when, str(count)]
        done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0

    def forget(self):
        site = Site.open(self.folder)
        if self.mode == "feed":
            feeds.forget(site.project.sources["plant"], site.dataset("things"), folder=self.folder)


@pytest.fixture
def plant(request, tmp_path, monkeypatch):
    """`plant(mode, cluster, wire, **source)`: read through the wire, changed beside it."""
    for name in [name for name in os.environ if name.startswith(("LANDBRIDGE_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    made = []

    def of(mode, cluster=None, wire=None, **source):
        url = cluster.url() if cluster else f"sqlite:///{tmp_path}/things.db"
        read = url.set(port=wire.port).render_as_string(hide_password=False) if wire else str(url)
        if cluster and not wire:
            read = cluster.location()
        monkeypatch.setenv(projects.LOCATION, read)
        made.append(Plant(tmp_path / "project", mode, url, **source))
        return made[-1]

    yield of
    for one in made:
        one.forget()


@pytest.fixture(params=["postgresql", "mariadb"])
def cluster(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def wire(cluster):
    with Wire(cluster.port) as wire:
        yield wire


def ended_sessions(cluster):
    """An administrator ends every session but his own."""
    if isinstance(cluster, PostgresCluster):
        cluster.run(TERMINATE)
    else:
        for (session,) in cluster.run(SESSIONS):
            cluster.run(f"KILL {session}")


def measured(one, wire):
    """Read all, then changes twice; how many bytes the second of these takes."""
    one.pull()
    one.change().pull()
    wire.break_at(None)
    one.change().pull()
    return wire.carried


def restarted(cluster, end):
    end()
    cluster.start()


def back_in_a_while(cluster, end, returning):
    """The server ends, and is started when the reader has knocked in vain already."""
    end()
    returning.append(threading.Timer(1.0, cluster.start))
    returning[-1].start()


@pytest.mark.parametrize("mode", INCREMENTAL)
def test_a_wire_that_is_cut_anywhere_costs_that_run_and_nothing_else(cluster, wire, plant, mode):
    one = plant(mode, cluster, wire, retries=0)
    whole, draw = measured(one, wire), random.Random(mode)
    for share in (0.001, 0.03, *(draw.uniform(0.05, 0.8) for _ in range(4))):
        before = one.kept()
        one.change()
        wire.break_at(int(whole * share))
        with pytest.raises(SourceUnreachable) as caught:
            one.pull()
        assert wire.broken.wait(10), "the read was over before the wire broke"
        assert "landbridge:landbridge" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert one.kept() == before
        assert not list(one.raw.glob(".*.tmp"))
        raw = one.pull()
        one.assert_follows()
        assert mode == "full" or raw.fetched < raw.rows * 0.8, f"everything was read: {raw.path}"


@pytest.mark.parametrize("end", ["stop", "kill", "sessions"])
@pytest.mark.parametrize("mode", INCREMENTAL)
def test_a_server_that_ends_in_the_middle_costs_that_run_and_nothing_else(cluster, wire, plant, mode, end):
    one = plant(mode, cluster, wire, retries=0)
    whole = measured(one, wire)
    before = one.kept()
    one.change()
    ending = {"stop": cluster.stop, "kill": cluster.kill, "sessions": lambda: ended_sessions(cluster)}[end]
    wire.break_at(whole // 4, ending)
    try:
        one.pull()
    except SourceUnreachable as error:
        assert "does not answer" in str(error)
        assert one.kept() == before
    else:
        assert (mode, end) == ("feed", "sessions"), "it may have told all it had to tell"
    assert wire.broken.wait(10), "the read was over before the wire broke"
    if end != "sessions":
        cluster.start()
    raw = one.pull()
    one.assert_follows()
    assert mode == "full" or raw.fetched < raw.rows * 0.8, f"everything was read: {raw.path}"


@pytest.mark.parametrize("mode", INCREMENTAL)
def test_a_read_that_is_cut_is_tried_again_within_the_same_run(cluster, wire, plant, mode):
    one = plant(mode, cluster, wire, retries=2)
    whole = measured(one, wire)
    for carried in (LOOKED, int(whole * 0.4), int(whole * 0.8)):
        one.change()
        wire.break_at(carried)
        raw = one.pull()
        assert wire.broken.wait(10), "the read was over before the wire broke"
        one.assert_follows()
        assert mode == "full" or raw.fetched < raw.rows * 0.8, f"everything was read: {raw.path}"
    wire.break_at(whole // 2)
    one.change()
    (one.raw / "things.parquet").unlink()  # so that all rows are read, in any mode
    one.pull()
    assert wire.broken.wait(10), "the read was over before the wire broke"
    one.assert_follows()


@pytest.mark.parametrize("mode", INCREMENTAL)
def test_a_server_that_comes_back_finds_the_same_run_still_waiting(cluster, wire, plant, mode):
    one = plant(mode, cluster, wire, retries=6)
    quarter, returning = measured(one, wire) // 4, []
    for ending in (
        lambda: restarted(cluster, cluster.stop), lambda: back_in_a_while(cluster, cluster.kill, returning),
    ):  # fmt: skip
        one.change()
        wire.break_at(quarter, ending)
        one.pull()
        assert wire.broken.wait(10), "the read was over before the wire broke"
        for timer in returning:  # the last rows may have been on their way when it ended
            timer.join()
        one.assert_follows()


MOMENTS = {
    "all": [
        ("pipelines.stages.raw:taken_into", "before", 1),
        ("pyarrow.parquet:ParquetWriter.write_table", "after", 1),
        ("pyarrow.parquet:ParquetWriter.write_table", "before", 3),
        ("pyarrow.parquet:ParquetWriter.close", "after", 1),
        ("pyarrow.parquet:ParquetWriter.close", "before", 2),
        ("pipelines.stages.raw:file_fingerprint", "before", 1),
        ("pipelines.stages.raw:write_json", "before", 1),
        ("pipelines.stages.raw:write_json", "after", 1),
    ],
    "feed": [
        ("connectors.sql.feeds:touched", "before", 1),
        ("connectors.sql.feeds:touched", "after", 1),
        ("connectors.sql.incremental:numbered", "after", 1),
        ("connectors.sql.incremental:numbered", "after", 5),
        ("pipelines.taking:merged", "after", 1),
    ],
    "watermark": [("connectors.sql.incremental:_compared", "after", 1), ("pipelines.taking:merged", "after", 1)],
    "keys": [("connectors.sql.incremental:_compared", "after", 1), ("pipelines.taking:merged", "after", 1)],
}


def killed_everywhere(one):
    """Die at each moment, once on the first read and once with changes; after each the next run is right."""
    moments = [*MOMENTS["all"], *MOMENTS.get(one.mode, [])]
    died = 0
    for place, when, count in moments:
        one.change()
        died += one.dies(place, when, count)
        one.pull()
        one.assert_follows()
        assert len(list(one.raw.glob(".*.tmp"))) == 0, "what the killed run left is removed"
    assert died >= len(moments) * 0.6


@pytest.mark.parametrize("mode", INCREMENTAL)
def test_a_reader_that_is_killed_anywhere_leaves_the_next_run_exact(cluster, plant, mode):
    one = plant(mode, cluster, batchRows=10_000)
    assert one.dies("pyarrow.parquet:ParquetWriter.write_table", "after", 2)
    assert not (one.raw / "things.parquet").exists()
    if mode == "feed":
        assert one.dies("connectors.sql.feeds:begin", "after", 1)
        one.change()
    one.pull()
    one.assert_follows()
    killed_everywhere(one)


@pytest.mark.parametrize("mode", ["full", "watermark", "keys"])
def test_a_reader_of_sqlite_that_is_killed_anywhere_leaves_the_next_run_exact(plant, mode):
    one = plant(mode, batchRows=10_000)
    assert one.dies("pyarrow.parquet:ParquetWriter.write_table", "after", 2)
    one.pull()
    one.assert_follows()
    killed_everywhere(one)
