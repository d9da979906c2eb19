"""What goes wrong at a database: one clear line with the remedy, no secret, nothing lost, and the cursor stays."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

import connectors
from catalog.errors import SourceError, SourceUnreachable, SourceUnreadable
from catalog.models import Incremental
from connectors.sql import feeds
from connectors.sql.dialects import mysql, postgresql, sqlite
from evals import projects
from evals.following import Follower, dataset_of, source_at
from ledger import Ledger

ROOT = Path(__file__).parents[2]
SECRET = "s3cret"
DEADLINE = 120  # seconds for one test, on a machine that does other things too
INCREMENTAL = [
    ("sqlite", "watermark"), ("sqlite", "keys"), ("postgresql", "watermark"), ("postgresql", "keys"),
    ("postgresql", "feed"), ("mariadb", "watermark"), ("mariadb", "keys"), ("mariadb", "feed"),
]  # fmt: skip


class Bench:
    """A database whose table `things` goes wrong, and who follows it."""

    def __init__(self, kind, folder, cluster=None):
        self.kind, self.folder, self.cluster = kind, folder, cluster
        self.location = cluster.location() if cluster else f"sqlite:///{folder}/things.db"
        self.engine = cluster.engine() if cluster else create_engine(self.location, isolation_level="AUTOCOMMIT")
        self.ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        self.quote = "`" if kind == "mariadb" else '"'
        self.made = []

    def run(self, *statements):
        with self.engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%") if self.cluster else statement)
        if not self.cluster:
            self.engine.dispose()

    def things(self, *rows, key="PRIMARY KEY"):
        """A table of (id, v, stamp)."""
        self.run("DROP TABLE IF EXISTS things", f"CREATE TABLE things (id int {key}, v varchar(100), stamp int)")
        if rows:
            self.run(f"INSERT INTO things VALUES {', '.join(rows)}")
        return self

    def numbers(self, count):
        """A relation of the numbers from 1 on."""
        return {
            "postgresql": f"(SELECT generate_series(1, {count}) AS n) AS numbers",
            "mariadb": f"(SELECT seq AS n FROM seq_1_to_{count}) AS numbers",
            "sqlite": f"(WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one LIMIT {count})"
                      " SELECT n FROM one) AS numbers",
        }[self.kind]  # fmt: skip

    def view(self, columns, count, name="things_seen"):
        self.run(f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS SELECT {columns} FROM {self.numbers(count)}")

    def follow(self, mode="full", table="things", keys=("id",), query="", **habits):
        habits = {"retries": 0, "location": self.location, **habits}
        column = {"column": "stamp"} if mode == "watermark" else {}
        dataset = dataset_of("things", keys, Incremental(mode=mode, **column))
        dataset = dataset.model_copy(update={"physical_name": table, "query": query})
        follower = Follower(
            self.folder, source_at(habits.pop("location"), **habits), dataset, ledger=self.ledger, by="stage"
        )
        if mode == "feed":
            self.made.append(follower)
        return follower

    def close(self):
        for one in self.made:
            feeds.forget(one.source, one.dataset, folder=self.folder)
        for name in ("VIEW IF EXISTS things_seen", "TABLE IF EXISTS things"):
            self.run(f"DROP {name}")


def _bench(kind, request, tmp_path):
    cluster = None if kind == "sqlite" else request.getfixturevalue(f"{kind}_server").emptied()
    return Bench(kind, tmp_path, cluster)


@pytest.fixture(autouse=True)
def deadline():
    """None of this may hang."""

    def late(*_):
        raise AssertionError(f"the test did not end within {DEADLINE} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(DEADLINE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def bench(request, tmp_path):
    one = _bench(request.param, request, tmp_path)
    yield one
    one.close()


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request, tmp_path):
    one = _bench(request.param, request, tmp_path)
    yield one
    one.close()


@pytest.fixture(params=INCREMENTAL, ids="-".join)
def moded(request, tmp_path):
    """A database and a mode."""
    one = _bench(request.param[0], request, tmp_path)
    yield one, request.param[1]
    one.close()


def refused(follower, match=None, kind=SourceError, within=30.0):
    """The one line that a look is refused with; what was held before it is held as it was, and so is the cursor."""
    kept = [path.read_bytes() if path.exists() else b"" for path in (follower.rows, follower.rows.with_suffix(".json"))]
    begin = time.monotonic()
    with pytest.raises(kind, match=match) as caught:
        follower.look()
    assert time.monotonic() - begin < within
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET not in line
    assert "landbridge:landbridge" not in line
    assert line.startswith("source 'plant', dataset 'things': ")
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None
    now = [path.read_bytes() if path.exists() else b"" for path in (follower.rows, follower.rows.with_suffix(".json"))]
    assert now == kept
    assert not list(follower.rows.parent.glob(".*.tmp"))
    return line


# The way to the server


def test_a_wrong_password_is_told_without_it(server):
    server.things("(1, 'a', 1)")
    told = refused(server.follow(location=server.cluster.location(password=SECRET)), kind=SourceUnreachable)
    assert "password" in told
    assert "***@127.0.0.1" in told


def test_a_host_that_nobody_knows_is_told_soon(server):
    location = server.cluster.location(password=SECRET).replace("127.0.0.1", "nowhere.invalid")
    refused(server.follow(location=location, retries=5), "does not answer", SourceUnreachable)


def test_a_server_that_takes_the_call_and_says_nothing_is_not_waited_for_long(server, monkeypatch):
    for module in (postgresql, mysql):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        location = server.cluster.location(password=SECRET).replace(
            str(server.cluster.port), str(silent.getsockname()[1])
        )
        refused(server.follow(location=location), "does not answer", SourceUnreachable, within=15)


def test_no_secret_is_in_anything_that_a_failing_run_says_or_keeps(server):
    server.things("(1, 'a', 1)")
    folder = projects.written(server.folder / "project", {"things": ["id"]}, retries=1)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE", "DAGSTER"))}
    environment[projects.LOCATION] = server.cluster.location(password=SECRET)
    done = subprocess.run(
        [sys.executable, "-m", "landbridge", "run", "--project", str(folder)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 1
    assert "password" in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    for path in folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


# Keys


def test_a_contract_without_a_key_is_refused_where_changes_are_to_be_known(moded):
    bench, mode = moded
    bench.things("(1, 'a', 1)")
    refused(bench.follow(mode, keys=()), "key", SourceUnreadable)


def test_a_key_that_was_repeated_and_is_not_any_more_is_followed_again(moded):
    bench, mode = moded
    bench.things("(1, 'a', 1)", "(1, 'b', 1)", "(2, 'c', 1)", key="")
    if mode == "feed" and bench.kind == "postgresql":
        bench.run("ALTER TABLE things REPLICA IDENTITY FULL")
    one = bench.follow(mode)
    one.look()
    assert pl.read_parquet(one.rows).height == 3
    bench.run("DELETE FROM things WHERE v = 'b'")
    one.look()
    one.check()
    bench.run("UPDATE things SET v = 'd', stamp = 2 WHERE id = 1")
    one.look()
    one.check()
    assert one.changes == ((bench.kind, mode) != ("sqlite", "keys"))


@pytest.mark.parametrize("rows", [("(1, 'a', 1)", "(1, 'b', 2)"), ("(NULL, 'a', 1)", "(2, 'b', 2)")])
def test_keys_that_repeat_or_are_not_there_are_refused_or_read_as_all_rows(moded, rows):
    bench, mode = moded
    bench.things(key="")
    if mode == "feed" and bench.kind == "postgresql":
        bench.run("ALTER TABLE things REPLICA IDENTITY FULL")
    one = bench.follow(mode)
    one.look()
    bench.run(f"INSERT INTO things VALUES {', '.join(rows)}", "INSERT INTO things VALUES (7, 'c', 3)")
    if (bench.kind, mode) == ("sqlite", "keys"):  # nothing to compare by: all rows are read
        one.look()
        assert pl.read_parquet(one.rows).height == 3
        return
    if mode == "feed" and "NULL" in rows[0]:  # the log cannot say which row of those without a key it was
        one.look()
        assert pl.read_parquet(one.rows).height == 3
        assert (one.wholes, one.changes) == (2, 0)
        return
    told = refused(one, "changes cannot be told apart", SourceUnreadable)
    assert "mode full" in told
    bench.run("DELETE FROM things WHERE id = 1 OR id IS NULL")
    one.look()
    one.check()


# What happens while it is read


FAILS = {
    "postgresql": "1 / (150000 - n)",
    "mariadb": "CASE WHEN n >= 150000 THEN (SELECT seq FROM seq_1_to_2 WHERE seq <= n) ELSE n END",
    "sqlite": "abs(CASE WHEN n = 150000 THEN -9223372036854775807 - 1 ELSE n END)",
}


def test_a_view_that_fails_at_row_150_000_costs_that_run_only(bench):
    bench.view("n AS id, n AS v", 1000)
    one = bench.follow(table="things_seen")
    one.look()
    bench.view(f"n AS id, {FAILS[bench.kind]} AS v", 200_000)
    refused(one, "does not give 'things_seen'", SourceUnreadable)
    bench.view("n AS id, n AS v", 1000)
    one.look()
    one.check()


@pytest.mark.parametrize("statement", ["ALTER TABLE things RENAME COLUMN v TO w", "DROP TABLE things"])
def test_a_table_that_changes_between_the_look_at_it_and_the_read_is_refused(bench, monkeypatch, statement):
    from pipelines.stages import raw

    bench.things("(1, 'a', 1)", "(2, 'b', 2)")
    one = bench.follow(snapshot="table")
    one.look()

    def after(*words, **named):
        bench.run(statement)
        return real(*words, **named)

    real = raw.taken_into
    with monkeypatch.context() as patch:
        patch.setattr(raw, "taken_into", after)
        refused(one, r"columns changed while it was read|there is no table", SourceUnreadable)
    bench.things("(1, 'a', 1)", "(2, 'b', 3)")
    one.look()
    one.check()


@pytest.mark.parametrize("statement", ["ALTER TABLE things RENAME COLUMN v TO w", "DROP TABLE things"])
def test_a_table_that_is_being_read_is_read_to_its_end(bench, statement):
    """Whoever wants to change it waits, or is told that it is in use."""
    rows = [f"({number}, '{number:50}', 1)" for number in range(20_000)]
    bench.things(*rows)
    one = bench.follow(batch_rows=1000)
    reading = connectors.read(one.source, one.dataset, folder=bench.folder)
    frames = [next(reading).frame]
    impatient = {
        "postgresql": "SET lock_timeout = 300",
        "mariadb": "SET lock_wait_timeout = 1",
        "sqlite": "PRAGMA busy_timeout = 300",
    }
    try:
        bench.run(impatient[bench.kind], statement)
    except DBAPIError as error:
        assert "lock" in str(error).lower()
    frames += [batch.frame for batch in reading]
    assert pl.concat(frames)["id"].to_list() == list(range(20_000))


def test_a_table_that_is_altered_after_the_run_began_is_read_in_a_new_moment(server):
    """MariaDB's snapshot does not know the altered table; PostgreSQL's shows it as it was."""
    server.things("(1, 'a', 1)")
    server.run(
        "DROP TABLE IF EXISTS more", "CREATE TABLE more (id int PRIMARY KEY, v int)", "INSERT INTO more VALUES (1, 1)"
    )
    one = server.follow(retries=2)
    two = one.dataset.model_copy(update={"physical_name": "more"})
    with connectors.within_run("altered"):
        list(connectors.read(one.source, one.dataset, folder=server.folder))
        server.run("ALTER TABLE more ADD COLUMN w int")
        frames = [batch.frame for batch in connectors.read(one.source, two, folder=server.folder)]
    connectors.release("altered")
    assert pl.concat(frames).select("id", "v").rows() == [(1, 1)]
    server.run("DROP TABLE more")


BEYOND = {
    "postgresql": "UPDATE things SET d = 'infinity', stamp = 2 WHERE id = 1",
    "mariadb": "SET STATEMENT sql_mode = '' FOR UPDATE things SET d = '0000-00-00', stamp = 2 WHERE id = 1",
}


@pytest.mark.parametrize("mode", ["watermark", "keys", "feed"])
def test_a_changed_value_that_makes_its_column_text_is_followed_and_so_is_its_end(server, mode):
    server.run("DROP TABLE IF EXISTS things", "CREATE TABLE things (id int PRIMARY KEY, d date, stamp int)",
               "INSERT INTO things VALUES (1, '2024-01-05', 1), (2, NULL, 1)")  # fmt: skip
    one = server.follow(mode)
    one.look()
    kinds = []
    for statement in (BEYOND[server.kind], "UPDATE things SET d = '2024-01-06', stamp = 3 WHERE id = 1"):
        server.run(statement)
        one.look()
        one.check()
        kinds.append(pl.read_parquet_schema(one.rows)["d"])
    assert kinds == [pl.String(), pl.Date()]


def test_what_a_killed_run_left_half_written_is_removed(bench):
    bench.things("(1, 'a', 1)")
    one = bench.follow()
    left = one.rows.with_name(".things.parquet.4711.tmp")
    left.write_bytes(b"half")
    one.look()
    assert not left.exists()
    one.check()


# Words


def test_names_may_hold_quotes_semicolons_and_comments(moded):
    bench, mode = moded
    odd = """a"b;--'/*%s :x"""
    quoted = [
        bench.quote + name.replace(bench.quote, bench.quote * 2) + bench.quote
        for name in (f"`{odd}", f"k{odd}", "stamp")
    ]
    table, key, stamp = quoted
    bench.run(f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({key} int PRIMARY KEY, {stamp} int)")
    try:
        bench.run(f"INSERT INTO {table} VALUES (1, 1), (2, 2)")
        one = bench.follow(mode, table=f"`{odd}", keys=(f"k{odd}",))
        one.look()
        bench.run(
            f"UPDATE {table} SET {stamp} = 3 WHERE {key} = 1",
            f"INSERT INTO {table} VALUES (3, 3)",
            f"DELETE FROM {table} WHERE {key} = 2",
        )
        one.look()
        one.check()
    finally:
        bench.run(f"DROP TABLE IF EXISTS {table}")


NO_SELECT = [
    "INSERT INTO things VALUES (9, 'x', 9)", "DELETE FROM things", "UPDATE things SET v = 'x'", "DROP TABLE things",
    "SELECT 1 AS id; DROP TABLE things", "SELECT 1 AS id; SELECT 2 AS id",
    "SELECT 1 AS id) AS a; DROP TABLE things; --",
    "WITH gone AS (DELETE FROM things RETURNING id) SELECT id FROM gone",
    "WITH some AS (SELECT 1 AS id) DELETE FROM things", "COPY things TO '/tmp/landbridge-things'", "CALL things()",
    "SELECT 1 AS id INTO landbridge_made", "SELECT 1 AS id INTO OUTFILE '/tmp/landbridge-things'",
    "SELECT id FROM things FOR UPDATE", "/* SELECT */ DELETE FROM things", "TRUNCATE TABLE things", "EXPLAIN SELECT 1",
    "SELECT '' AS id -- ' ; \n; DROP TABLE things", "PRAGMA journal_mode = DELETE", "ATTACH DATABASE 'x.db' AS x",
    "VALUES (1); DELETE FROM things", "", "nonsense",
]  # fmt: skip


@pytest.mark.parametrize("query", NO_SELECT)
def test_a_query_that_is_no_select_is_refused_and_changes_nothing(bench, query):
    bench.things("(1, 'a', 1)")
    if query:
        one = bench.follow(query=query)
        try:
            told = [batch.frame for batch in connectors.read(one.source, one.dataset, folder=bench.folder)]
        except SourceUnreadable as error:
            assert "\n" not in str(error)
        else:  # one that locks, where the database lets a reader
            assert "FOR UPDATE" in query
            assert pl.concat(told)["id"].to_list() == [1]
    assert bench.follow().look() is None
    assert pl.read_parquet(bench.follow().rows).select("id", "v", "stamp").rows() == [(1, "a", 1)]
    assert not Path("/tmp/landbridge-things").exists()


@pytest.mark.parametrize("mode", ["full", "watermark", "keys"])
def test_a_query_is_followed_as_a_table_is(bench, mode):
    bench.things("(1, 'a:b', 1)", "(2, 'b', 2)", "(3, 'c', 3)")
    one = bench.follow(mode, table="selected", query="SELECT id, v, stamp FROM things WHERE v <> 'c' -- all but one;")
    one.look()
    bench.run(
        "UPDATE things SET v = 'x;', stamp = 4 WHERE id = 1",
        "DELETE FROM things WHERE id = 2",
        "INSERT INTO things VALUES (4, 'd', 5)",
    )
    one.look()
    held = pl.read_parquet(one.rows).with_columns(pl.col("id").cast(pl.String))  # not every database types a query
    assert sorted(held.select("id", "v").rows()) == [("1", "x;"), ("4", "d")]


# Size, time and order


@pytest.mark.parametrize("reader", ["auto", "plain"])
def test_a_cell_above_the_limit_is_refused_before_it_is_kept(bench, reader):
    kind = {"postgresql": "text", "mariadb": "longtext", "sqlite": "text"}[bench.kind]
    large = {"sqlite": "replace(hex(zeroblob(2500000)), '0', 'x')"}.get(bench.kind, "repeat('x', 5000000)")
    bench.run(
        "DROP TABLE IF EXISTS things",
        f"CREATE TABLE things (id int PRIMARY KEY, v {kind})",
        "INSERT INTO things VALUES (1, 'a')",
    )
    one = bench.follow(cell_bytes=2**20, reader=reader)
    one.look()
    bench.run(f"INSERT INTO things VALUES (2, {large})", "INSERT INTO things VALUES (3, 'c')")
    told = refused(one, "above the source's cellBytes", SourceUnreadable)
    assert "landbridge.blob: hash or skip" in told
    bench.run("DELETE FROM things WHERE id = 2")
    one.look()
    one.check()


def test_a_clock_that_was_set_back_hides_no_change(bench):
    bench.things("(1, 'a', 100)", "(2, 'b', 200)", "(3, 'c', 200)")
    one = bench.follow("watermark")
    one.look()
    bench.run("UPDATE things SET v = 'set back', stamp = 50 WHERE id = 1",
              "UPDATE things SET v = 'same stamp' WHERE id = 2",
              "INSERT INTO things VALUES (4, 'old from the start', 1), (5, 'no stamp', NULL)")  # fmt: skip
    one.look()
    one.check()
    bench.run("UPDATE things SET v = 'still none' WHERE id = 5", "UPDATE things SET stamp = 40 WHERE id = 3")
    one.look()
    one.check()
    assert (one.wholes, one.changes) == (1, 2)


def test_a_statement_that_takes_too_long_is_ended_and_told(server):
    slow = {"postgresql": "pg_sleep(0.05)::text", "mariadb": "sleep(0.05)"}[server.kind]
    server.view(f"n AS id, {slow} AS v", 200)
    told = refused(server.follow(table="things_seen", statement_timeout=0.7), within=8)
    assert "statementTimeout" in told


def locked(bench):
    """Another session that lets nobody at the table."""
    if bench.kind == "sqlite":
        other = sqlite3.connect(bench.folder / "things.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        return other
    other = bench.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    for word in {"postgresql": ["BEGIN", "LOCK TABLE things"], "mariadb": ["LOCK TABLES things WRITE"]}[bench.kind]:
        other.exec_driver_sql(word)
    return other


@contextmanager
def lock(bench):
    other = locked(bench)
    try:
        yield
    finally:
        if bench.kind == "postgresql":
            other.exec_driver_sql("ROLLBACK")
        elif bench.kind == "mariadb":
            other.exec_driver_sql("UNLOCK TABLES")
        other.close()


def test_a_table_that_another_session_locks_is_told_in_time(bench, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY", 0.5)
    bench.things("(1, 'a', 1)")
    one = bench.follow(statement_timeout=1.0)
    one.look()
    with lock(bench):
        told = refused(one, within=20)
    assert any(word in told for word in ("lock", "statementTimeout"))
    one.look()
    one.check()
