"""A connection that is lost is tried again, and nothing is told twice or left out; other threads go on meanwhile."""

import itertools
import threading
import time

import polars as pl
import pytest

import connectors
import connectors.sql
from catalog.errors import SourceUnreachable
from catalog.models import Incremental
from connectors.batch import Batch, Since, settled
from connectors.sql import patience
from connectors.sql.engines import Interrupted
from connectors.sql.patience import Patience
from evals.following import dataset_of, source_at
from evals.wires import Wire

LOST = Interrupted("plant", "things", "it does not answer", "Start it.")
NEVER = SourceUnreachable("plant", "things", "it does not answer", "Start it.")
ROWS = 30_000


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE", 0.01)


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request):
    cluster = request.getfixturevalue(f"{request.param}_server")
    yield cluster
    cluster.run("DROP VIEW IF EXISTS things_seen", "DROP TABLE IF EXISTS things")


def things(cluster):
    rows = ", ".join(f"({number}, '{number:80}')" for number in range(ROWS))
    cluster.run("DROP TABLE IF EXISTS things", "CREATE TABLE things (id int PRIMARY KEY, v varchar(100))",
                f"INSERT INTO things VALUES {rows}")  # fmt: skip
    return dataset_of("things", ["id"], Incremental())


def test_a_read_that_is_cut_begins_anew_and_tells_every_row_once(server, tmp_path):
    dataset = things(server)
    with Wire(server.port) as wire:
        location = server.url().set(port=wire.port).render_as_string(hide_password=False)
        source = source_at(location, retries=1, batch_rows=1000, batch_bytes=2**16)
        wire.break_at(ROWS * 50)
        batches = list(connectors.read(source, dataset, folder=tmp_path))
    assert wire.broken.is_set()
    assert sum(batch.anew for batch in batches) == 1
    assert not batches[0].anew
    frame = pl.concat([batch.frame for batch in settled(batches)])
    assert frame["id"].to_list() == list(range(ROWS))
    assert frame["_position"].to_list() == list(range(1, ROWS + 1))


def test_a_read_that_is_cut_too_often_fails(server, tmp_path):
    dataset = things(server)
    with Wire(server.port) as wire:
        location = server.url().set(port=wire.port).render_as_string(hide_password=False)
        wire.break_at(ROWS * 50)
        with pytest.raises(SourceUnreachable, match="does not answer"):
            list(connectors.read(source_at(location, retries=0), dataset, folder=tmp_path))


def test_other_threads_go_on_while_the_server_is_silent(server, tmp_path):
    slow = {"postgresql": "pg_sleep(0.5)::text", "mariadb": "sleep(0.5)"}[server.url().get_backend_name()]
    server.run("DROP VIEW IF EXISTS things_seen", f"CREATE VIEW things_seen AS SELECT 1 AS id, {slow} AS v "
               "UNION ALL SELECT 2, " + slow)  # fmt: skip
    ticks, ended = [], threading.Event()

    def tick():
        while not ended.wait(0.01):
            ticks.append(time.monotonic())

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        dataset = dataset_of("things_seen", ["id"], Incremental())
        list(connectors.read(source_at(server.location()), dataset, folder=tmp_path))
    finally:
        ended.set()
        ticking.join()
    longest = max(later - before for before, later in itertools.pairwise(ticks))
    assert longest < 0.4, f"every other thread stood still for {longest:.2f} s"


def told(monkeypatch, *attempts):
    """Reads that give these batches, and fail where one is an error; what they were asked for."""
    asked, left = [], list(attempts)

    def changed(source, dataset, *, folder, since):
        asked.append(since)
        for one in left.pop(0):
            if isinstance(one, Exception):
                raise one
            yield one

    monkeypatch.setattr(connectors.sql, "changed", changed)
    return asked


def test_what_was_begun_as_all_rows_is_begun_anew_as_all_rows(monkeypatch, tmp_path):
    whole, part = Batch(pl.DataFrame({"id": [1]})), Batch(pl.DataFrame({"id": [2]}), whole=False, gone=pl.DataFrame())
    asked = told(monkeypatch, [part, LOST], [whole, LOST], [whole])
    since = Since({}, tmp_path / "rows.parquet")
    source = source_at("sqlite:///none.db", retries=5)
    batches = list(connectors.sql.read(source, dataset_of("t", ["id"], Incremental()), folder=tmp_path, since=since))
    assert asked == [since, since, None]
    assert [batch.anew for batch in batches] == [False, True, True]


def test_a_server_that_answered_once_is_knocked_at_until_it_is_back():
    waiting = Patience(source_at("sqlite:///none.db", retries=3))
    for error in (LOST, NEVER, NEVER):
        waiting.bear(error)
    with pytest.raises(SourceUnreachable):
        waiting.bear(NEVER)


def test_a_server_that_never_answered_is_not_waited_for():
    with pytest.raises(SourceUnreachable):
        Patience(source_at("sqlite:///none.db", retries=3)).bear(NEVER)
