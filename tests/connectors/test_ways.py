"""The ways that rows may take: which one is recorded, what happens when one breaks, and what all of a run sees."""

import sqlite3

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import text

import connectors
from catalog.errors import SourceUnreachable, SourceUnreadable
from connectors.batch import settled
from connectors.sql.engines import Interrupted, release

WAYS = [
    ("postgresql", {}, "copy"),
    ("postgresql", {"reader": "plain"}, "sqlalchemy"),
    ("postgresql", {"connections": 3}, "copy"),
    ("mariadb", {}, "packets"),
    ("mariadb", {"snapshot": "table"}, "connectorx"),
    ("mariadb", {"reader": "plain"}, "sqlalchemy"),
]
COLUMNS = (
    "id int PRIMARY KEY, amount decimal(38,10), born date, seen timestamp NULL, note varchar(200), raw {blob},"
    " flag boolean, at time, ratio double precision"
)
ROWS = [
    ("1", "12345678901234567890.0123456789", "'2024-02-29'", "'2024-01-01 10:11:12'", "'a,\"b'", "{x}", "true",
     "'23:59:59'", "0.1"),
    ("2", "NULL", "NULL", "NULL", "''", "NULL", "false", "NULL", "NULL"),
    ("3", "-0.1", "'0001-01-01'", "'2001-02-03 04:05:06'", "NULL", "{x}", "NULL", "'00:00:00'", "1e300"),
    ("4", "0", "'9999-12-31'", "'2030-02-03 04:05:06'", "'line\nbreak \\. '' é漢🙂'", "NULL", "true",
     "'01:02:03'", "-5"),
]  # fmt: skip


@pytest.fixture
def filled(request):
    """`filled(name)`: a server with a table of mixed columns."""

    def fill(name):
        server = request.getfixturevalue(name)
        kept, byte = ("bytea", r"'\x00ff'") if name == "postgresql" else ("blob", "x'00ff'")
        rows = [[cell.replace("{x}", byte) for cell in row] for row in ROWS]
        if name == "mariadb":
            rows = [[cell.replace("\\.", "\\\\.") for cell in row] for row in rows]
        return server.table(COLUMNS.replace("{blob}", kept), *rows)

    return fill


@pytest.mark.parametrize(("name", "habits", "path"), WAYS)
def test_every_way_tells_the_same_values_and_types_and_its_name(filled, name, habits, path):
    server = filled(name)
    told = server.export({"id": "integer"}, key="id", **habits)
    plain = server.export({"id": "integer"}, key="id", reader="plain")
    assert {batch.path for batch in told.batches()} == {path}
    assert_frame_equal(told.frame(), plain.frame())
    assert told.frame().height == len(ROWS)


def test_a_large_table_is_read_in_ranges_and_comes_in_the_order_of_its_key(postgresql, monkeypatch):
    monkeypatch.setattr("connectors.sql.ranges.ROWS", 100)
    postgresql.table("v bigint, w text")
    postgresql.run("INSERT INTO landbridge_things SELECT g * 7, 'w' || g FROM generate_series(-500, 499) g",
                   "INSERT INTO landbridge_things VALUES (NULL, 'none')")  # fmt: skip
    ranged = postgresql.export({"v": "integer"}, key="v", connections=3)
    at_once = postgresql.export({"v": "integer"}, key="v")
    assert len(ranged.batches()) == 11
    assert_frame_equal(ranged.frame(), at_once.frame())


@pytest.mark.parametrize(
    ("name", "part", "way"), [("postgresql", "copying._parsed", "copy"), ("mariadb", "packets._frame", "packets")]
)
def test_a_way_that_breaks_is_left_and_the_record_says_so(filled, monkeypatch, name, part, way):
    def broken(*given):
        raise pl.exceptions.PanicException("a bug in Rust")

    monkeypatch.setattr(f"connectors.sql.{part}", broken)
    told = filled(name).export({"id": "integer"}, key="id", batch_rows=2)
    assert {batch.path for batch in told.batches()} == {f"sqlalchemy (after {way}: PanicException)"}
    assert told.frame()["id"].to_list() == [1, 2, 3, 4]


def test_a_value_that_no_type_holds_makes_its_column_text_from_the_first_row_on(server):
    zero = "'infinity'" if server.name == "postgresql" else "'2024-01-05'"
    server.table("v int, d date", *((str(number), "'2024-01-06'") for number in range(8)), ("8", zero))
    if server.name == "mariadb":
        server.run("SET STATEMENT sql_mode='' FOR UPDATE landbridge_things SET d = '0000-00-00' WHERE v = 8")
    told = server.export({"v": "integer"}, key="v", batch_rows=2)
    batches = list(connectors.read(told.source, told.dataset, folder=told.folder))
    assert [batch.anew for batch in batches].count(True) <= 1
    frame = pl.concat([batch.frame for batch in settled(batches)])
    assert frame["d"].to_list() == ["2024-01-06"] * 8 + ["infinity" if server.name == "postgresql" else "0000-00-00"]
    assert frame["_position"].to_list() == list(range(1, 10))


def test_a_lost_connection_is_tried_again_and_no_row_comes_twice(server, monkeypatch):
    monkeypatch.setattr("connectors.sql.patience.PAUSE", 0.01)
    server.table("v int", *((str(number),) for number in range(100)))
    told = server.export({"v": "integer"}, key="v", batch_rows=10, batch_bytes=1024)
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    got = [next(reading)]
    _cut(server)
    got += list(reading)
    assert pl.concat([batch.frame for batch in settled(got)])["v"].to_list() == list(range(100))


def _cut(server):
    """End every session of ours at the server but the one that asks."""
    with server.engine.connect() as connection:
        if server.name == "postgresql":
            connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name"
                                    " = 'landbridge:export'"))  # fmt: skip
            return
        mine = connection.execute(text("SELECT connection_id()")).scalar()
        others = "SELECT id FROM information_schema.processlist WHERE db = 'test' AND id <> :mine"
        sleeping = connection.execute(text(others), {"mine": mine})
        for (number,) in sleeping.all():
            connection.execute(text(f"KILL {number}"))


def test_a_connection_that_stays_lost_is_told_when_the_retries_are_used_up(postgresql, monkeypatch):
    monkeypatch.setattr("connectors.sql.patience.PAUSE", 0.01)
    tries = []

    def lost(*given, **named):
        tries.append(1)
        raise Interrupted("export", "things", "it does not answer", "Start it.")
        yield

    monkeypatch.setattr("connectors.sql.changed", lost)
    with pytest.raises(SourceUnreachable, match="does not answer"):
        postgresql.table("v int").export({"v": "integer"}, retries=2).batches()
    assert len(tries) == 3


def test_two_tables_of_one_run_are_seen_at_one_moment(server):
    drop = "DROP TABLE IF EXISTS landbridge_lines"
    server.run(drop, "CREATE TABLE landbridge_lines (v int)", undo=[drop]).table("v int", ("1",))
    first, second = server.export({"v": "integer"}), server.export({"v": "integer"}, "landbridge_lines")
    with connectors.within_run("run-1"):
        assert first.rows() == [(1,)]
        server.run("INSERT INTO landbridge_things VALUES (2)", "INSERT INTO landbridge_lines VALUES (2)")
        assert second.rows() == []
    assert second.rows() == [(2,)], "outside of the run it is seen as it is"
    release("run-1")
    with connectors.within_run("run-1"):
        assert second.rows() == [(2,)], "what was let go is begun anew"
    release()


@pytest.mark.parametrize(("mode", "seen"), [("wal", []), ("delete", [(2,)])])
def test_sqlite_keeps_a_moment_for_the_run_only_where_writers_need_not_wait(tmp_path, export, mode, seen):
    database = sqlite3.connect(tmp_path / "a.db")
    database.executescript(f"PRAGMA journal_mode={mode}; CREATE TABLE t (v INTEGER); CREATE TABLE u (v INTEGER)")
    first, second = (export("sql", name, {"v": "integer"}, location="sqlite:///a.db") for name in "tu")
    with connectors.within_run("run-1"):
        assert first.rows() == []
        database.execute("INSERT INTO u VALUES (2)")
        database.commit()
        assert second.rows() == seen
    release()
    database.close()


def test_a_query_is_read_like_a_table(server):
    server.table("v int, w varchar(9)", ("1", "'a:b'"), ("2", "'c%'"))
    told = server.export({"v": "integer"}, key="v")
    query = "SELECT v + 1 AS v, w AS \"w:x\" FROM landbridge_things -- a remark; with a sign\n WHERE w <> ':none'"
    if server.name == "mariadb":
        query = query.replace('"', "`")
    told.dataset = told.dataset.model_copy(update={"query": query})
    assert [tuple(map(str, row)) for row in told.rows()] == [("2", "a:b"), ("3", "c%")]
    assert connectors.drift(told.source, told.dataset, folder=told.folder) is not None


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM landbridge_things", "SELECT 1 AS v; DROP TABLE landbridge_things", "COPY things TO STDOUT",
        "SELECT 1 AS v) x; DROP TABLE landbridge_things; SELECT (1", "", "VACUUM", "CALL something()",
        "SELECT 1 AS v, 2 AS v",
    ],
)  # fmt: skip
def test_a_query_that_is_not_one_select_is_refused_in_one_line(server, query):
    told = server.table("v int", ("1",)).export({"v": "integer"})
    told.dataset = told.dataset.model_copy(update={"query": query or " "})
    with pytest.raises(SourceUnreadable) as caught:
        told.batches()
    assert "\n" not in str(caught.value)
    assert server.export({"v": "integer"}).rows() == [(1,)]


@pytest.mark.parametrize(("policy", "value"), [("skip", None), ("extract", b"\x00\xff")])
def test_a_binary_column_is_left_out_or_read_as_its_policy_says(server, policy, value):
    server.table("v int, b " + ("bytea" if server.name == "postgresql" else "blob"),
                 ("1", r"'\x00ff'" if server.name == "postgresql" else "x'00ff'"))  # fmt: skip
    told = server.export({"v": "integer", "b": {"type": "string", "blob": policy}})
    assert told.rows() == [(1, value)]


def test_a_binary_column_may_be_read_as_its_hash(server):
    server.table("v int, b " + ("bytea" if server.name == "postgresql" else "blob"),
                 ("1", r"'\x616263'" if server.name == "postgresql" else "x'616263'"), ("2", "NULL"))  # fmt: skip
    told = server.export({"v": "integer", "b": {"type": "string", "blob": "hash"}}, key="v")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, of "abc"
    assert told.rows() == [(1, known), (2, None)]


@pytest.mark.parametrize("habits", [{}, {"reader": "plain"}, {"snapshot": "table"}])
def test_a_cell_above_the_limit_is_refused_with_the_remedy(server, habits):
    server.table("v int, t text", ("1", "'short'"), ("2", "repeat('x', 60000)"))
    told = server.export({"v": "integer", "t": "string"}, key="v", cell_bytes=50_000, **habits)
    with pytest.raises(SourceUnreadable, match=r"cellBytes.*landbridge\.blob"):
        told.batches()


def test_a_statement_that_takes_too_long_is_ended_by_the_server(server):
    nap = "pg_sleep(30)" if server.name == "postgresql" else "sleep(30)"
    drop = "DROP VIEW IF EXISTS landbridge_slow"
    body = f"SELECT 1 AS v FROM (SELECT {nap}) s" if server.name == "postgresql" else f"SELECT {nap} AS v"
    server.run(drop, f"CREATE VIEW landbridge_slow AS {body}", undo=[drop])
    with pytest.raises((SourceUnreadable, SourceUnreachable)):
        server.export({"v": "integer"}, "landbridge_slow", statement_timeout=0.5, retries=0).batches()
