"""Firebird 3 on a server of its own: what its driver and its SQLAlchemy dialect bend is carried whole."""

import gc
import itertools
import subprocess
import sys
import time as clock
from ctypes.util import find_library
from datetime import UTC, date, datetime, time
from decimal import Decimal
from hashlib import sha256

import polars as pl
import pytest

import connectors
from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Incremental
from connectors.batch import Since
from connectors.sql import engines
from connectors.sql.writing import Change, ChangeSet
from evals.firebird import FirebirdCluster

EXACT = [
    ("SMALLINT", "-32768", pl.Int64(), -32768),
    ("INTEGER", "2147483647", pl.Int64(), 2**31 - 1),
    ("BIGINT", "-9223372036854775808", pl.Int64(), -(2**63)),
    ("NUMERIC(4,2)", "-99.99", pl.Decimal(5, 2), Decimal("-99.99")),
    ("NUMERIC(4,2)", "327.67", pl.Decimal(5, 2), Decimal("327.67")),
    ("DECIMAL(4,2)", "21474836.47", pl.Decimal(10, 2), Decimal("21474836.47")),
    ("NUMERIC(9,0)", "2147483647", pl.Decimal(10, 0), Decimal("2147483647")),
    ("DECIMAL(18,4)", "12345678901234.5678", pl.Decimal(19, 4), Decimal("12345678901234.5678")),
    ("NUMERIC(18,18)", "-9.223372036854775808", pl.Decimal(19, 18), Decimal("-9.223372036854775808")),
    ("FLOAT", "0.1", pl.Float64(), 0.1),
    ("FLOAT", "1234567", pl.Float64(), 1234567.0),
    ("DOUBLE PRECISION", "1e-300", pl.Float64(), 1e-300),
    ("DOUBLE PRECISION", "0.1", pl.Float64(), 0.1),
    ("BOOLEAN", "TRUE", pl.Boolean(), True),
    ("BOOLEAN", "UNKNOWN", pl.Boolean(), None),
    ("DATE", "'0001-01-01'", pl.Date(), date(1, 1, 1)),
    ("DATE", "'9999-12-31'", pl.Date(), date(9999, 12, 31)),
    ("TIME", "'23:59:59.9999'", pl.Time(), time(23, 59, 59, 999900)),
    ("TIMESTAMP", "'2024-01-01 10:11:12.0001'", pl.Datetime("us"), datetime(2024, 1, 1, 10, 11, 12, 100)),
    ("TIMESTAMP", "'0001-01-01 00:00'", pl.Datetime("us"), datetime(1, 1, 1)),
    ("TIMESTAMP", "'9999-12-31 23:59:59.9999'", pl.Datetime("us"), datetime(9999, 12, 31, 23, 59, 59, 999900)),
    ("CHAR(5)", "'é漢'", pl.String(), "é漢   "),
    ("VARCHAR(20)", "' é漢😀 '", pl.String(), " é漢😀 "),
    ("VARCHAR(20)", "''", pl.String(), ""),
    ("VARCHAR(20)", "NULL", pl.String(), None),
    ("VARCHAR(5) CHARACTER SET WIN1252", "'é€'", pl.String(), "é€"),
    ("CHAR(3) CHARACTER SET ISO8859_1", "'é'", pl.String(), "é  "),
    ("VARCHAR(5) CHARACTER SET UNICODE_FSS", "'漢'", pl.String(), "漢"),
    ("VARCHAR(5) CHARACTER SET GB18030", "'漢'", pl.String(), "漢"),
    ("VARCHAR(5) CHARACTER SET NONE", "'é'", pl.String(), "é"),
    ("VARCHAR(4) CHARACTER SET OCTETS", "x'00ff'", pl.Binary(), b"\x00\xff"),
    ("CHAR(4) CHARACTER SET OCTETS", "x'00ff'", pl.Binary(), b"\x00\xff\x00\x00"),
    ("BLOB SUB_TYPE TEXT", "'é漢😀'", pl.String(), "é漢😀"),
    ("BLOB SUB_TYPE TEXT", "''", pl.String(), ""),
    ("BLOB SUB_TYPE TEXT CHARACTER SET WIN1252", "'é€'", pl.String(), "é€"),
    ("BLOB SUB_TYPE BINARY", "x'00ff'", pl.Binary(), b"\x00\xff"),
    ("BLOB SUB_TYPE BINARY", "NULL", pl.Binary(), None),
]


@pytest.fixture(scope="module")
def cluster():
    if not FirebirdCluster.available():
        pytest.skip(FirebirdCluster.absent)
    with FirebirdCluster(databases=("test", "other")) as server:
        yield server


@pytest.fixture
def firebird(cluster, export):
    """`firebird(*statements, physical=, fields=)`: run them, and read the table through the door."""
    names = iter(f"t{cluster.serial}_{number}" for number in itertools.count())
    cluster.serial += 1

    def filled(*statements, physical="", fields=("v",), **habits):
        table = next(names)
        cluster.run(*(statement.replace("{t}", table) for statement in statements))
        return export("sql", physical.replace("{t}", table) or table, dict.fromkeys(fields, "string"),
                      **{"location": cluster.location(), **habits})  # fmt: skip

    yield filled
    engines.release()


FirebirdCluster.serial = 0


@pytest.mark.parametrize(("declared", "literal", "dtype", "value"), EXACT)
def test_a_value_is_carried_exactly(firebird, declared, literal, dtype, value):
    frame = firebird(f"CREATE TABLE {{t}} (v {declared})", f"INSERT INTO {{t}} VALUES ({literal})").frame()
    assert (frame.schema["v"], frame["v"][0]) == (dtype, value)


def test_an_empty_table_gives_one_empty_batch_with_the_declared_types(firebird):
    frame = firebird("CREATE TABLE {t} (v DATE, n NUMERIC(5,2), s VARCHAR(3), b BLOB)").frame()
    assert frame.height == 0
    assert list(frame.schema.values())[:4] == [pl.Date(), pl.Decimal(10, 2), pl.String(), pl.Binary()]


def test_computed_columns_and_domains_have_the_type_of_what_they_hold(firebird):
    told = firebird(
        "CREATE DOMAIN {t}_money AS NUMERIC(12,2) DEFAULT 0 NOT NULL CHECK (VALUE >= 0)",
        "CREATE TABLE {t} (v {t}_money, w COMPUTED BY (v * 1.5), x NUMERIC(10,3) GENERATED ALWAYS AS (v / 2))",
        "INSERT INTO {t} (v) VALUES (12.25)",
    )
    assert told.rows() == [(Decimal("12.25"), Decimal("18.375"), Decimal("6.12"))]
    assert told.frame().dtypes[:3] == [pl.Decimal(19, 2), pl.Decimal(19, 3), pl.Decimal(19, 3)]


def test_a_view_is_read_with_decimals_that_it_computes(firebird):
    told = firebird(
        "CREATE TABLE {t} (v INTEGER, n NUMERIC(9,2))", "INSERT INTO {t} VALUES (1, 1234567.89)",
        "CREATE VIEW {t}_w AS SELECT v + 1 AS w, n * n AS m, n + 1 AS p, CAST(n AS DOUBLE PRECISION) AS d FROM {t}",
        physical="{t}_w",
    )  # fmt: skip
    assert told.rows() == [(2, Decimal("1524157875019.0521"), Decimal("1234568.89"), 1234567.89)]


def test_an_array_is_refused_by_name_and_may_be_left_out(firebird):
    told = firebird("CREATE TABLE {t} (v INTEGER, a INTEGER[3])", "INSERT INTO {t} (v) VALUES (1)", fields=("v", "a"))
    with pytest.raises(SourceUnreadable, match="the column 'a' is an array"):
        told.batches()
    skipped = [field.model_copy(update={"blob": "skip"}) for field in told.dataset.fields]
    told.dataset = told.dataset.model_copy(update={"fields": (told.dataset.fields[0], skipped[1])})
    assert told.rows() == [(1, None)]


def test_names_may_be_reserved_words_hold_blanks_and_any_case(firebird):
    told = firebird(
        'CREATE TABLE "{t} Order%Details" ("select" INT, "ORDER" INT, "a b:c" INT, "lower" INT, "é" INT)',
        'INSERT INTO "{t} Order%Details" VALUES (1, 2, 3, 4, 5)',
        physical="{t} Order%Details", key="select",
    )  # fmt: skip
    assert told.frame().columns[:5] == ["select", "ORDER", "a b:c", "lower", "é"]
    assert told.rows() == [(1, 2, 3, 4, 5)]


def test_a_table_that_is_not_there_is_named_and_a_dot_is_no_schema(firebird):
    told = firebird("CREATE TABLE {t} (v INTEGER)", physical="nowhere.{t}")
    with pytest.raises(SourceUnreadable, match="there is no table 'nowhere"):
        told.batches()


def test_text_without_a_character_set_is_read_in_the_encoding_of_the_source(firebird):
    made = (
        "CREATE TABLE {t} (v VARCHAR(9) CHARACTER SET NONE, c CHAR(2) CHARACTER SET NONE, "
        "b BLOB SUB_TYPE TEXT CHARACTER SET NONE, w VARCHAR(9) CHARACTER SET WIN1251)",
        "INSERT INTO {t} VALUES (x'e980', x'e9', x'80e9', _WIN1251 x'c6')",
    )
    assert firebird(*made, encoding="cp1252").rows() == [("é€", "é ", "€é", "Ж")]
    with pytest.raises(SourceUnreadable, match="a text of it is not utf-8"):
        firebird(*made).batches()


@pytest.mark.parametrize("charset", ["NONE", "WIN1252"])
def test_a_text_too_wide_for_utf_8_is_whole(firebird, charset):
    told = firebird(
        "CREATE TABLE {t}_in (v VARCHAR(32765) CHARACTER SET NONE)",
        f"CREATE TABLE {{t}} (v VARCHAR(32765) CHARACTER SET {charset}, w CHAR(9000) CHARACTER SET {charset})",
        "INSERT INTO {t}_in VALUES (RPAD(x'e9', 18000, x'e9'))", "INSERT INTO {t} SELECT v, 'a' FROM {t}_in",
        encoding="cp1252",
    )  # fmt: skip
    assert told.rows() == [("é" * 18000, "a" + " " * 8999)]


def test_large_blobs_are_whole(firebird):
    told = firebird(
        "CREATE TABLE {t} (v BLOB SUB_TYPE TEXT, w BLOB SUB_TYPE BINARY)",
        "EXECUTE BLOCK AS DECLARE a BLOB SUB_TYPE TEXT = ''; DECLARE n INTEGER = 0; BEGIN"
        " WHILE (n < 20) DO BEGIN a = a || RPAD('', 8000, 'é漢'); n = n + 1; END INSERT INTO {t} VALUES (:a, :a); END",
    )
    ((text, content),) = told.rows()
    assert text == "é漢" * 80_000
    assert content == text.encode()


def test_a_blob_may_be_its_hash_or_left_out(firebird):
    told = firebird("CREATE TABLE {t} (v BLOB, w BLOB)", "INSERT INTO {t} VALUES (x'00ff', x'00')",
                    "INSERT INTO {t} VALUES (NULL, NULL)", fields=("v", "w"))  # fmt: skip
    hashed, skipped = told.dataset.fields
    fields = (hashed.model_copy(update={"blob": "hash"}), skipped.model_copy(update={"blob": "skip"}))
    told.dataset = told.dataset.model_copy(update={"fields": fields})
    assert told.rows() == [(sha256(b"\x00\xff").hexdigest(), None), (None, None)]


def test_rows_come_in_key_order_in_bounded_batches(firebird):
    told = firebird(
        "CREATE TABLE {t} (v INTEGER)",
        *(f"INSERT INTO {{t}} VALUES ({number})" for number in reversed(range(25))),
        key="v", batch_rows=10,
    )  # fmt: skip
    assert [batch.frame.height for batch in told.batches()] == [10, 10, 5]
    assert told.rows() == [(number,) for number in range(25)]


def test_a_query_is_read_with_names_as_it_gives_them(firebird):
    told = firebird("CREATE TABLE {t} (v INTEGER, n NUMERIC(9,2))", "INSERT INTO {t} VALUES (1, 1.50)")
    table = told.dataset.physical_name
    told.dataset = told.dataset.model_copy(update={"query": f'SELECT v, n * 2 AS "Twice" FROM {table} WHERE v = 1'})
    assert told.frame().select("v", "Twice").rows() == [("1", "3.00")]


def test_rows_that_changed_since_are_read_by_their_watermark(firebird, cluster, tmp_path):
    told = firebird("CREATE TABLE {t} (v INTEGER, at_ TIMESTAMP)", "INSERT INTO {t} VALUES (1, '2024-01-01')",
                    "INSERT INTO {t} VALUES (2, '2024-01-02')", key="v", fields=("v", "at_"))  # fmt: skip
    told.dataset = told.dataset.model_copy(update={"incremental": Incremental(mode="watermark", column="at_")})
    first = list(connectors.read(told.source, told.dataset, folder=told.folder))
    pl.concat([batch.frame for batch in first]).write_parquet(tmp_path / "held.parquet")
    table = told.dataset.physical_name
    cluster.run(f"DELETE FROM {table} WHERE v = 1", f"INSERT INTO {table} VALUES (3, '2024-01-03')")
    since = Since(cursor=first[-1].cursor, rows=tmp_path / "held.parquet")
    second = list(connectors.read(told.source, told.dataset, folder=told.folder, since=since))
    assert not second[-1].whole
    assert 3 in pl.concat([batch.frame for batch in second])["v"].to_list()
    assert [key for batch in second if batch.gone is not None for key in batch.gone["v"].to_list()] == [1]


def _endless(firebird, **habits):
    """A view that no memory holds: 10^9 rows."""
    ten = " UNION ALL ".join(f"SELECT {number} AS n FROM rdb$database" for number in range(10))
    return firebird(
        f"CREATE VIEW {{t}}_ten AS {ten}",
        "CREATE VIEW {t}_endless AS SELECT a.n AS v FROM {t}_ten a"
        + "".join(f" CROSS JOIN {{t}}_ten b{number}" for number in range(8)),
        physical="{t}_endless", batch_rows=1000, **habits,
    )  # fmt: skip


def test_rows_are_streamed_and_a_read_may_be_abandoned_at_once(firebird):
    told = _endless(firebird)
    begin = clock.monotonic()
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    heights = [batch.frame.height for batch in itertools.islice(reading, 3)]
    reading.close()
    gc.collect()
    assert heights == [1000, 1000, 1000]
    assert clock.monotonic() - begin < 20, "the whole view was fetched"


def test_a_table_that_changes_meanwhile_is_seen_as_it_was_at_the_beginning(firebird, cluster):
    told = firebird(
        "CREATE TABLE {t} (v INTEGER)", *(f"INSERT INTO {{t}} VALUES ({number})" for number in range(20)),
        key="v", batch_rows=5,
    )  # fmt: skip
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    first = next(reading)
    table = told.dataset.physical_name
    cluster.run(f"UPDATE {table} SET v = v + 1000 WHERE v > 7", f"INSERT INTO {table} VALUES (-1)")
    assert pl.concat([first.frame, *(batch.frame for batch in reading)])["v"].to_list() == list(range(20))


def test_all_tables_of_a_run_are_seen_at_one_moment(firebird, cluster):
    one = firebird("CREATE TABLE {t} (v INTEGER)", "INSERT INTO {t} VALUES (1)")
    two = firebird("CREATE TABLE {t} (v INTEGER)", "INSERT INTO {t} VALUES (1)")
    with engines.within_run("a run"):
        assert one.rows() == [(1,)]
        cluster.run(f"UPDATE {two.dataset.physical_name} SET v = 2")
        assert two.rows() == [(1,)]
    engines.release("a run")
    assert two.rows() == [(2,)]


def test_a_view_that_writes_is_refused_and_nothing_is_written(firebird):
    told = firebird(
        "CREATE TABLE {t} (v INTEGER)", "INSERT INTO {t} VALUES (1)",
        "CREATE PROCEDURE {t}_write RETURNS (v INTEGER) AS BEGIN INSERT INTO {t} VALUES (2); v = 1; SUSPEND; END",
        "CREATE VIEW {t}_w AS SELECT v FROM {t}_write",
        physical="{t}_w",
    )  # fmt: skip
    with pytest.raises(SourceUnreadable, match="read-only transaction"):
        told.batches()
    told.dataset = told.dataset.model_copy(update={"physical_name": told.dataset.physical_name.removesuffix("_w")})
    assert told.rows() == [(1,)]


def test_a_wrong_password_is_one_line_without_it(firebird, cluster):
    told = firebird(location=cluster.location(password="s3cret"))
    with pytest.raises(SourceUnreachable, match="Your user name and password are not defined") as caught:
        told.batches()
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(find_library("fbclient") is None, reason="Firebird's client library is not installed")
@pytest.mark.parametrize("place", ["127.0.0.1:1/test", "nowhere.invalid/test"])
def test_a_server_that_is_not_there_is_one_line_without_the_password(export, place):
    told = export("sql", "t", {"v": "string"}, location=f"firebird://ann:s3cret@{place}")
    with pytest.raises(SourceUnreachable, match="does not answer") as caught:
        told.batches()
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_role_is_named_in_the_location(firebird, cluster):
    told = firebird(
        "CREATE TABLE {t} (v INTEGER)", "INSERT INTO {t} VALUES (1)", "CREATE USER bob PASSWORD 'x1' USING PLUGIN Srp",
        "CREATE ROLE readers", "GRANT SELECT ON {t} TO readers", "GRANT readers TO bob",
    )  # fmt: skip
    location = cluster.location(user="BOB", password="x1")
    told.source = told.source.model_copy(update={"location": location})
    with pytest.raises(SourceUnreadable, match="no permission for SELECT"):
        told.batches()
    told.source = told.source.model_copy(update={"location": f"{location}?role=READERS"})
    assert told.rows() == [(1,)]


def test_a_connection_that_an_administrator_ends_is_lost(firebird, cluster):
    told = _endless(firebird, retries=0)
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    next(reading)
    cluster.run("DELETE FROM mon$attachments WHERE mon$attachment_id <> current_connection AND mon$system_flag = 0")
    with pytest.raises(engines.Interrupted, match="connection shutdown"):
        list(reading)


@pytest.mark.parametrize(
    ("before", "told"),
    [("pass", "28"), ("import ctypes.util; ctypes.util.find_library = lambda name: None", "libfbclient")],
)
def test_the_client_library_changes_no_decimals_and_its_absence_is_told(cluster, before, told):
    code = f"""
import decimal, connectors.sql.dialects.firebird
from sqlalchemy import create_engine
{before}
try:
    create_engine("firebird+landbridge://h/d")
    print(decimal.getcontext().prec)
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told


def test_two_servers_with_databases_of_one_name_are_two(firebird, cluster, export):
    told = firebird("CREATE TABLE {t} (v INTEGER)", "INSERT INTO {t} VALUES (1)")
    table = told.dataset.physical_name
    with FirebirdCluster() as second:
        second.run(f"CREATE TABLE {table} (v INTEGER)", f"INSERT INTO {table} VALUES (2)")
        other = export("sql", table, {"v": "string"}, location=second.location())
        both = [connectors.read(one.source, one.dataset, folder=one.folder) for one in (told, other)]
        assert [next(reading).frame["v"].to_list() for reading in both] == [[1], [2]]
        for reading in both:
            reading.close()


def test_a_server_that_is_killed_in_the_middle_is_told_and_read_again_once_it_is_back(firebird, cluster):
    told = _endless(firebird, retries=0)
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    next(reading)
    cluster.kill()
    with pytest.raises(SourceUnreachable, match="does not answer"):
        list(reading)
    cluster.start()
    again = connectors.read(told.source, told.dataset, folder=told.folder)
    assert next(again).frame.height == 1000
    again.close()


def test_an_approved_change_is_written_once_and_read_back(firebird):
    told = firebird(
        "CREATE TABLE {t} (k INTEGER NOT NULL PRIMARY KEY, v VARCHAR(20))", "INSERT INTO {t} VALUES (1, 'é')",
        "INSERT INTO {t} VALUES (2, 'two')", fields=("k", "v"),
    )  # fmt: skip
    fields = tuple(
        field.model_copy(update={"name": name, "key_position": position, "type": kind})
        for field, (name, position, kind) in zip(
            told.dataset.fields, (("k", 1, "integer"), ("v", None, "string")), strict=True
        )
    )
    dataset = told.dataset.model_copy(update={"fields": fields})
    source = told.source.model_copy(update={"writable": True})
    changes = ChangeSet(
        id="p-1", dataset="things", author="agent", approver="steward", reason="a test",
        changes=(
            Change(operation="update", key={"k": 1}, expected={"v": "é"}, values={"v": "漢"}),
            Change(operation="insert", key={"k": 3}, values={"v": "three"}),
            Change(operation="delete", key={"k": 2}, expected={"v": "two"}),
        ),
    )  # fmt: skip
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert connectors.preview(source, dataset, changes, folder=told.folder).state == "ready"
    assert connectors.write_back(source, dataset, changes, folder=told.folder, at=at).state == "applied"
    assert connectors.write_back(source, dataset, changes, folder=told.folder, at=at).state == "already applied"
    assert sorted(told.rows()) == [(1, "漢"), (3, "three")]
