"""PostgreSQL and MariaDB: what their drivers cut or change on the way is carried whole."""

import gc
import itertools
import time as clock
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pytest

import connectors
from catalog.errors import SourceUnreachable, SourceUnreadable

DIGITS = "1234567890123456789.1234567890123456789"  # 38 of them, 19 behind the point
EXACT = [
    ("smallint", "-32768", pl.Int64(), -32768),
    ("bigint", "9223372036854775807", pl.Int64(), 2**63 - 1),
    ("numeric(38,19)", DIGITS, pl.Decimal(38, 19), Decimal(DIGITS)),
    ("numeric(10,2)", "-0.10", pl.Decimal(10, 2), Decimal("-0.10")),
    ("double precision", "1e-12", pl.Float64(), 1e-12),
    ("double precision", "0.1", pl.Float64(), 0.1),
    ("date", "'2024-02-29'", pl.Date(), date(2024, 2, 29)),
    ("time", "'23:59:59'", pl.Time(), time(23, 59, 59)),
    ("varchar(20)", "' é漢 '", pl.String(), " é漢 "),
    ("text", "''", pl.String(), ""),
    ("text", "NULL", pl.String(), None),
    ("date", "NULL", pl.Date(), None),
]
POSTGRESQL = [
    ("real", "0.1", pl.Float64(), 0.1),
    ("real", "'NaN'", pl.Float64(), "NaN"),
    ("numeric", DIGITS + "9", pl.String(), DIGITS + "9"),
    ("numeric", "'NaN'", pl.String(), "NaN"),
    ("numeric", "1e20", pl.String(), "100000000000000000000"),
    ("numeric(10,2)", "'NaN'", pl.String(), "NaN"),
    ("numeric(60,2)", "1.50", pl.String(), "1.50"),
    ("numeric(3,5)", "0.00123", pl.String(), "0.00123"),
    ("numeric(5,-2)", "12345", pl.String(), "12300"),
    ("boolean", "true", pl.Boolean(), True),
    ("timestamp", "'2024-01-01 10:11:12.000001'", pl.Datetime("us"), datetime(2024, 1, 1, 10, 11, 12, 1)),
    ("timestamptz", "'2024-07-01 10:00:00+02'", pl.Datetime("us", "UTC"), datetime(2024, 7, 1, 8, tzinfo=UTC)),
    ("date", "'infinity'", pl.String(), "infinity"),
    ("date", "'0044-03-15 BC'", pl.String(), "0044-03-15 BC"),
    ("date", "'12024-01-01'", pl.String(), "12024-01-01"),
    ("timestamp", "'-infinity'", pl.String(), "-infinity"),
    ("timestamptz", "'infinity'", pl.String(), "infinity"),
    ("time", "'24:00'", pl.String(), "24:00:00"),
    ("time", "'01:02:03.000004'", pl.Time(), time(1, 2, 3, 4)),
    ("timetz", "'10:00:00+02'", pl.String(), "10:00:00+02"),
    ("interval", "'1 month 2 days'", pl.String(), "P1M2D"),
    ("interval", "'-1 day 3 hours'", pl.String(), "P-1DT3H"),
    ("uuid", "'123e4567-e89b-12d3-a456-426655440000'", pl.String(), "123e4567-e89b-12d3-a456-426655440000"),
    (
        "jsonb",
        """'{"a": 1.50, "b": [12345678901234567890]}'""",
        pl.String(),
        '{"a": 1.50, "b": [12345678901234567890]}',
    ),
    ("json", "'{\"a\":1.50}'", pl.String(), '{"a":1.50}'),
    ("bytea", "'\\x00ff'", pl.Binary(), b"\x00\xff"),
    ("char(5)", "'ab'", pl.String(), "ab   "),
    ("int[]", "'{1,2,NULL}'", pl.String(), "{1,2,NULL}"),
    ("inet", "'10.0.0.1/8'", pl.String(), "10.0.0.1/8"),
    ("bit(3)", "B'101'", pl.String(), "101"),
    ("int4range", "'[1,5)'", pl.String(), "[1,5)"),
    ("point", "'(1,2)'", pl.String(), "(1,2)"),
    ("oid", "4294967295", pl.String(), "4294967295"),
]
MARIADB = [
    ("int unsigned", "4294967295", pl.Int64(), 2**32 - 1),
    ("bigint unsigned", "18446744073709551615", pl.UInt64(), 2**64 - 1),
    ("tinyint(1)", "2", pl.Int64(), 2),
    ("float", "1234567", pl.Float64(), 1234567.0),
    ("float", "0.1", pl.Float64(), 0.1),
    ("decimal(65,30)", DIGITS + "9", pl.String(), DIGITS + "9" + "0" * 10),
    ("datetime(6)", "'2024-01-01 10:11:12.000001'", pl.Datetime("us"), datetime(2024, 1, 1, 10, 11, 12, 1)),
    ("timestamp", "from_unixtime(1719820800)", pl.Datetime("us", "UTC"), datetime(2024, 7, 1, 8, tzinfo=UTC)),
    ("time(6)", "'01:02:03.000004'", pl.Time(), time(1, 2, 3, 4)),
    ("time", "'838:59:59'", pl.String(), "838:59:59"),
    ("time", "'-00:00:01'", pl.String(), "-00:00:01"),
    ("year", "2024", pl.String(), "2024"),
    ("bit(9)", "b'101010101'", pl.UInt64(), 0b101010101),
    ("set('b','a')", "'a,b'", pl.String(), "b,a"),
    ("enum('x','y')", "'y'", pl.String(), "y"),
    ("json", "'{\"a\":1.50}'", pl.String(), '{"a":1.50}'),
    ("uuid", "'123e4567-e89b-12d3-a456-426655440000'", pl.String(), "123e4567-e89b-12d3-a456-426655440000"),
    ("inet6", "'::1'", pl.String(), "::1"),
    ("char(5)", "'ab'", pl.String(), "ab"),
    ("varbinary(4)", "x'00ff'", pl.Binary(), b"\x00\xff"),
    ("blob", "x'00ff'", pl.Binary(), b"\x00\xff"),
    ("point", "point(1, 2)", pl.String(), "POINT(1 2)"),
]
ZERO = [("date", "0000-00-00"), ("date", "2024-00-00"), ("date", "2024-03-00"), ("date", "2024-02-30"),
        ("datetime", "0000-00-00 00:00:00"), ("datetime", "2024-02-31 10:00:00")]  # fmt: skip


def _same(told, dtype, value):
    assert told[0] == dtype
    assert str(told[1]) == "nan" if value == "NaN" and dtype == pl.Float64() else told[1] == value


@pytest.mark.parametrize(("declared", "literal", "dtype", "value"), EXACT)
def test_a_value_is_carried_exactly(server, declared, literal, dtype, value):
    _same(server.value(declared, literal), dtype, value)


@pytest.mark.parametrize(("declared", "literal", "dtype", "value"), POSTGRESQL)
def test_a_value_of_postgresql_is_carried_exactly_or_as_its_text(postgresql, declared, literal, dtype, value):
    _same(postgresql.value(declared, literal), dtype, value)


@pytest.mark.parametrize(("declared", "literal", "dtype", "value"), MARIADB)
def test_a_value_of_mariadb_is_carried_exactly_or_as_its_text(mariadb, declared, literal, dtype, value):
    _same(mariadb.value(declared, literal), dtype, value)


@pytest.mark.parametrize(("declared", "text"), ZERO)
def test_a_date_that_no_calendar_has_is_its_text(mariadb, declared, text):
    mariadb.table(f"v {declared}")
    mode = "SET STATEMENT sql_mode='ALLOW_INVALID_DATES' FOR "
    mariadb.run(f"{mode} INSERT INTO landbridge_things VALUES ('{text}'), ('2024-01-05')")
    assert sorted(mariadb.export({"v": "string"}).frame()["v"]) == sorted(
        [text, "2024-01-05" + " 00:00:00" * (declared != "date")]
    )


def test_one_infinite_date_makes_its_column_text_and_no_other(postgresql):
    postgresql.table("a date, b date", ("'infinity'", "'2024-01-05'"), ("'2024-01-06'", "NULL"))
    frame = postgresql.export({"a": "date", "b": "date"}, key="a").frame()
    assert frame.select("a", "b").rows() == [("2024-01-06", None), ("infinity", date(2024, 1, 5))]


def test_an_enumeration_of_postgresql_is_its_text(postgresql):
    postgresql.run("DROP TYPE IF EXISTS landbridge_mood CASCADE", "CREATE TYPE landbridge_mood AS ENUM ('sad', 'ok')",
                   undo=["DROP TYPE landbridge_mood CASCADE"])  # fmt: skip
    assert postgresql.value("landbridge_mood", "'ok'") == (pl.String(), "ok")


def test_an_empty_table_gives_one_empty_batch_with_the_declared_types(server):
    frame = server.table("a bigint, b numeric(5,2), c date, d varchar(3)").export({"a": "integer"}).frame()
    assert frame.height == 0
    assert list(frame.schema.values())[:4] == [pl.Int64(), pl.Decimal(5, 2), pl.Date(), pl.String()]


def test_names_may_be_reserved_words_hold_blanks_and_carry_a_schema(server):
    quote = '"' if server.name == "postgresql" else "`"
    table = f"{quote}landbridge Order%Details{quote}"
    server.table(f"{quote}select{quote} int, {quote}a b:c{quote} int", ("1", "2"), name=table)
    told = server.export({"select": "integer"}, "landbridge Order%Details", key="select")
    assert told.frame().select("select", "a b:c").rows() == [(1, 2)]
    schema = "public" if server.name == "postgresql" else "test"
    assert server.export({"select": "integer"}, f"{schema}.landbridge Order%Details").rows() == [(1, 2)]


def test_a_view_is_read(server):
    server.table("v int", ("1",))
    drop = "DROP VIEW IF EXISTS landbridge_view"
    server.run(drop, "CREATE VIEW landbridge_view AS SELECT v + 1 AS w FROM landbridge_things", undo=[drop])
    assert server.export({"w": "integer"}, "landbridge_view").rows() == [(2,)]


def _endless(server):
    """A view that no memory holds, as long as its rows are not read one by one."""
    drop = "DROP VIEW IF EXISTS landbridge_endless"
    rows = "generate_series(1, 2000000000) AS n" if server.name == "postgresql" else "seq AS n FROM seq_1_to_2000000000"
    server.run(drop, f"CREATE VIEW landbridge_endless AS SELECT {rows}", undo=[drop])
    return server.export({"n": "integer"}, "landbridge_endless", batch_rows=1000)


def test_rows_are_streamed_and_a_read_may_be_abandoned_at_once(server):
    told = _endless(server)
    begin = clock.monotonic()
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    heights = [batch.frame.height for batch in itertools.islice(reading, 3)]
    reading.close()
    gc.collect()
    assert heights == [1000, 1000, 1000]
    assert clock.monotonic() - begin < 20, "the whole table was fetched"


def test_a_table_that_changes_meanwhile_is_seen_as_it_was_at_the_beginning(server):
    server.table("v int", *((str(number),) for number in range(20)))
    told = server.export({"v": "integer"}, key="v", batch_rows=5)
    reading = connectors.read(told.source, told.dataset, folder=told.folder)
    first = next(reading)
    server.run("UPDATE landbridge_things SET v = v + 1000 WHERE v > 7", "INSERT INTO landbridge_things VALUES (-1)")
    assert pl.concat([first.frame, *(batch.frame for batch in reading)])["v"].to_list() == list(range(20))


def test_a_view_that_writes_is_refused_and_nothing_is_written(server):
    server.table("v int", ("1",))
    if server.name == "postgresql":
        body = "RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO landbridge_things VALUES (2) RETURNING 1'"
    else:
        body = "RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO landbridge_things VALUES (2); RETURN 1; END"
    view, function = "DROP VIEW IF EXISTS landbridge_view", "DROP FUNCTION IF EXISTS landbridge_write"
    server.run(view, function, f"CREATE FUNCTION landbridge_write() {body}",
               "CREATE VIEW landbridge_view AS SELECT landbridge_write() AS v", undo=[function, view])  # fmt: skip
    with pytest.raises((SourceUnreadable, SourceUnreachable), match=r"(?i)read.only"):
        server.export({"v": "integer"}, "landbridge_view").batches()
    assert server.export({"v": "integer"}).rows() == [(1,)]


def test_a_table_that_is_not_there_is_named(server):
    for physical in ("landbridge_gone", "nowhere.landbridge_gone"):
        with pytest.raises((SourceUnreadable, SourceUnreachable)) as caught:
            server.export({"v": "integer"}, physical).batches()
        assert "landbridge_gone" in str(caught.value)


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/test", "mariadb://ann:s3cret@127.0.0.1:1/test",
        "mysql://ann:s3cret@127.0.0.1:1/test?charset=utf8mb4", "postgresql://ann:s3cret@nowhere.invalid/test",
        "postgresql://ann:x@y:s3cret@127.0.0.1/test", "postgresql://ann:x@y:s3cret/z@127.0.0.1/test",
        "postgresql://ann@127.0.0.1:1/test?password=s3cret", "postgresql://ann:s3cret@127.0.0.1:1/test?no_such=option",
        "nosuch://ann:s3cret@127.0.0.1/test", "postgresql+nosuch://ann:s3cret@127.0.0.1/test",
        "mssql+pyodbc://ann:s3cret@127.0.0.1/test", "s3cret", "", "sqlite:///",
    ],
)  # fmt: skip
def test_what_cannot_be_reached_is_one_line_without_the_password(export, location):
    with pytest.raises((SourceUnreachable, SourceUnreadable)) as caught:
        export("sql", "t", {"v": "string"}, location=location).batches()
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None


def test_a_wrong_password_is_one_line_without_it(mariadb):
    told = mariadb.export({"v": "string"})
    told.source = told.source.model_copy(update={"location": "mariadb://ann:s3cret@127.0.0.1/test"})
    with pytest.raises(SourceUnreachable, match=r"does not answer: .*Access denied") as caught:
        told.batches()
    assert "s3cret" not in str(caught.value)
