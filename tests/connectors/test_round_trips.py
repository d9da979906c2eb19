"""What was written is read, in values and types, on each server and by each way that its rows can take."""

import os
import string
from contextlib import closing, suppress
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from evals.firebird import FirebirdCluster

TABLE = f"landbridge_trips_{os.getpid()}"  # servers of the machine may be used by two runs at once
SERVERS = ("sqlite", "postgresql", "mariadb", "firebird")
SHORT = settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    print_blob=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LARGE = 1_000_000  # characters

ODD = [
    "", " ", "  a  ", "\\", "\\.", "\n\\.\n", "\\N", "NULL", "null", '"', '""', "'", "''", ",", ";", "%", "%s",
    "%%", "--",
    "a\r\nb", "\n", "\r", "\t", "\v\f\b", "\x01\x1a\x7f\x85", "\ufeff", "\u2028", "e\u0301", "\u202eabc", "\u200d",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0010ffff", "\ud7ff\ue000", "\ufffd\uffff",
    "漢字", "שלום", "$1", ":name", "?", "{}", "0", "1e5", "true", "2024-02-30",
    "\\x00", "X'00'", "\\\\", "'; DROP TABLE x",
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
)
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 2**63 - 1, -(2**63), 2**53 + 1, 2**31]))
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1e23, -0.0, 1e-12, 123456789012345680.0]
    ),
)
DATES = st.one_of(
    st.dates(), st.sampled_from([date.min, date.max, date(1582, 10, 10), date(1900, 2, 28), date(2024, 2, 29)])
)
MOMENTS = st.one_of(
    st.datetimes(), st.sampled_from([datetime.min, datetime.max, datetime(1969, 12, 31, 23, 59, 59, 999999)])
)
CLOCKS = st.one_of(st.times(), st.sampled_from([time.min, time.max, time(0, 0, 0, 1)]))
BYTES = st.one_of(
    st.binary(max_size=60), st.sampled_from([b"", b"\0", b"\\x00", b"\\", b"'", bytes(range(256)), b"\xff\xfe"])
)


class Trips:
    """A table with a number as its key; rows are written by bound parameters and read through the door."""

    def __init__(self, name, engine, export, location, mark):
        self.name, self.engine, self.export, self.location, self.mark = name, engine, export, location, mark
        alone = [("auto", "table")] if name == "mariadb" else []  # then connectorx reads, on a connection of its own
        self.ways = [("auto", "run"), ("plain", "run"), *alone]

    def drop(self):
        with suppress(Exception):
            self.run(f"DROP TABLE {TABLE}")

    def made(self, *columns):
        self.drop()
        self.run(f"CREATE TABLE {TABLE} (k INTEGER NOT NULL PRIMARY KEY, {', '.join(columns)})")
        return self

    def run(self, statement, rows=()):
        with closing(self.engine.raw_connection()) as connection:
            with closing(connection.cursor()) as cursor:
                cursor.executemany(statement, rows) if rows else cursor.execute(statement)
            connection.commit()

    def holds(self, *rows):
        self.run(f"DELETE FROM {TABLE}")
        marks = ", ".join([self.mark] * (len(rows[0]) + 1))
        self.run(f"INSERT INTO {TABLE} VALUES ({marks})", [(at, *row) for at, row in enumerate(rows)])
        return self

    def read(self, reader, *names, key="k", **habits):
        fields = dict.fromkeys(["k", *names], "string")
        return self.export("sql", TABLE, fields, location=self.location, key=key, reader=reader, **habits)

    def frame(self, *names, **habits):
        """What is read, after all ways that rows can take agreed on it."""
        first, *others = [self.read(reader, *names, snapshot=kept, **habits).frame() for reader, kept in self.ways]
        for other in others:
            assert first.schema == other.schema, "the readers differ in types"
            assert first.equals(other, null_equal=True), "the readers differ in values"
        return first

    def column(self, values, *, dtype):
        """The column `v` as it comes back, after its type was compared."""
        frame = self.holds(*((value,) for value in values)).frame("v")
        assert frame.schema["v"] == dtype
        assert frame["k"].to_list() == list(range(len(values)))
        return frame["v"].to_list()


@pytest.fixture(scope="module")
def cluster():
    if not FirebirdCluster.available():
        pytest.skip(FirebirdCluster.absent)
    with FirebirdCluster() as server:
        yield server


@pytest.fixture
def trips(request, export, tmp_path):
    """`trips(column, ...)` on the database of the test's parameter."""
    name = request.param
    if name == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/a.db", poolclass=NullPool)
        told = Trips(name, engine, export, "sqlite:///a.db", "?")
    elif name == "firebird":
        cluster = request.getfixturevalue("cluster")
        engine = create_engine(cluster.url(), connect_args={"charset": "UTF8"}, poolclass=NullPool)
        told = Trips(name, engine, export, cluster.location(), "?")
    else:
        server = request.getfixturevalue(name)
        told = Trips(name, server.engine, export, server.export({"k": "integer"}).source.location, "%s")
    yield told
    told.drop()


def on(*names):
    return pytest.mark.parametrize("trips", names or SERVERS, indirect=True)


def some(values):
    """Values of a column, nulls among them; the table is never empty and never all null."""
    return st.tuples(st.lists(st.one_of(values, st.none()), max_size=25), values).map(lambda two: [*two[0], two[1]])


def _made(trips, types):
    if getattr(trips, "types", None) != types:
        trips.made(f"v {types[trips.name]}")
        trips.types = types
    return trips


@on()
def test_the_ways_are_not_one_and_the_same(trips):
    fast = {"sqlite": "adbc", "postgresql": "copy", "mariadb": "packets", "firebird": "sqlalchemy"}[trips.name]
    trips.made("v INTEGER").holds((1,))
    told = [trips.read(reader, snapshot=kept).batches()[0].path for reader, kept in trips.ways]
    assert told == [fast, "sqlalchemy", "connectorx"][: len(trips.ways)]


@on()
@SHORT
@given(values=some(TEXT))
@example(values=[*ODD, None])
def test_text_of_any_sign_comes_back(trips, values):
    types = {
        "sqlite": "TEXT",
        "postgresql": "text",
        "mariadb": "longtext CHARACTER SET utf8mb4",
        "firebird": "VARCHAR(500)",
    }
    assert _made(trips, types).column(values, dtype=pl.String()) == values


@on("firebird", "postgresql", "mariadb")
@SHORT
@given(values=some(TEXT))
@example(values=[*ODD, None])
def test_text_in_the_other_types_of_text_comes_back(trips, values):
    types = {
        "postgresql": "varchar(500)",
        "mariadb": "varchar(500) CHARACTER SET utf8mb4",
        "firebird": "BLOB SUB_TYPE TEXT",
    }
    assert _made(trips, types).column(values, dtype=pl.String()) == values


@on("sqlite", "mariadb", "firebird")
@SHORT
@given(values=some(st.text(st.sampled_from("\0ab\\'"), max_size=6)))
def test_a_nul_in_a_text_comes_back_where_a_server_takes_it(trips, values):
    types = {"sqlite": "TEXT", "mariadb": "longtext", "firebird": "VARCHAR(100)"}
    assert _made(trips, types).column(values, dtype=pl.String()) == values


@on()
@SHORT
@given(values=some(BYTES))
def test_bytes_come_back(trips, values):
    types = {
        "sqlite": "BLOB",
        "postgresql": "bytea",
        "mariadb": "longblob",
        "firebird": "VARCHAR(300) CHARACTER SET OCTETS",
    }
    assert _made(trips, types).column(values, dtype=pl.Binary()) == values


@on()
@SHORT
@given(values=some(INTEGERS))
def test_whole_numbers_of_64_bits_come_back(trips, values):
    types = {"sqlite": "INTEGER", "postgresql": "bigint", "mariadb": "bigint", "firebird": "BIGINT"}
    assert _made(trips, types).column(values, dtype=pl.Int64()) == values


@on()
@SHORT
@given(values=some(FLOATS))
def test_floats_come_back_to_the_last_bit(trips, values):
    types = dict.fromkeys(SERVERS, "DOUBLE PRECISION")
    if trips.name in ("sqlite", "mariadb"):
        values = [None if one is None else one + 0.0 for one in values]  # they keep no minus of a zero
    told = _made(trips, types).column(values, dtype=pl.Float64())
    assert [repr(one) for one in told] == [repr(one) for one in values]


@on("postgresql")
@SHORT
@given(values=some(st.floats()))
def test_infinite_floats_and_no_numbers_come_back(trips, values):
    told = _made(trips, {"postgresql": "double precision"}).column(values, dtype=pl.Float64())
    assert [repr(one) for one in told] == [repr(one) for one in values]


@on("postgresql", "mariadb")
@SHORT
@given(values=some(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_single_floats_come_back_as_the_shortest_decimal_that_means_them(trips, values):
    told = _made(trips, {"postgresql": "real", "mariadb": "float"}).column(values, dtype=pl.Float64())
    assert told == [None if one is None else float(str(np.float32(one))) for one in values]


@on("postgresql", "mariadb", "firebird")
@SHORT
@given(data=st.data())
def test_decimals_come_back_with_all_their_digits(trips, data):
    digits, scale, stored = (18, 9, 19) if trips.name == "firebird" else (38, 19, 38)
    most = 10**digits - 1
    units = some(st.one_of(st.integers(-most, most), st.sampled_from([most, -most, 0, 1, -1, 10**scale])))
    values = [None if one is None else Decimal(one).scaleb(-scale, Context(prec=50)) for one in data.draw(units)]
    types = {"postgresql": "numeric(38,19)", "mariadb": "decimal(38,19)", "firebird": "NUMERIC(18,9)"}
    assert _made(trips, types).column(values, dtype=pl.Decimal(stored, scale)) == values


@on("postgresql", "mariadb", "firebird")
@SHORT
@given(values=some(DATES))
def test_dates_of_all_years_come_back(trips, values):
    if trips.name == "mariadb":
        values = [one and max(one, date(1, 1, 1)) for one in values]
    assert _made(trips, dict.fromkeys(SERVERS, "DATE")).column(values, dtype=pl.Date()) == values


@on("postgresql", "mariadb", "firebird")
@SHORT
@given(values=some(MOMENTS))
def test_moments_come_back_as_finely_as_they_are_kept(trips, values):
    written = values
    if trips.name == "firebird":  # its driver binds no moment before 1858
        values = [one and one.replace(microsecond=one.microsecond // 100 * 100) for one in values]
        written = [one and one.isoformat(" ", "microseconds")[:-2] for one in values]
    types = {"postgresql": "timestamp", "mariadb": "datetime(6)", "firebird": "TIMESTAMP"}
    assert _made(trips, types).column(written, dtype=pl.Datetime("us")) == values


@on("postgresql")
@SHORT
@given(
    values=some(
        st.datetimes(
            datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.timezones() | st.just(UTC), allow_imaginary=False
        )
    )
)
def test_moments_of_any_zone_come_back_in_utc(trips, values):
    told = _made(trips, {"postgresql": "timestamptz"}).column(values, dtype=pl.Datetime("us", "UTC"))
    assert told == [one and one.astimezone(UTC) for one in values]


@on("mariadb")
@SHORT
@given(values=some(st.datetimes(datetime(1970, 1, 2), datetime(2038, 1, 18))))
def test_moments_of_mariadb_come_back_in_utc(trips, values):
    _made(trips, {"mariadb": "timestamp(6) NULL"})
    with closing(trips.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        told = trips.column(values, dtype=pl.Datetime("us", "UTC"))
    assert told == [one and one.replace(tzinfo=UTC) for one in values]


@on("postgresql", "mariadb", "firebird")
@SHORT
@given(values=some(CLOCKS))
def test_clocks_come_back_as_finely_as_they_are_kept(trips, values):
    if trips.name == "firebird":
        values = [one and one.replace(microsecond=one.microsecond // 100 * 100) for one in values]
    types = {"postgresql": "time", "mariadb": "time(6)", "firebird": "TIME"}
    assert _made(trips, types).column(values, dtype=pl.Time()) == values


@on("postgresql", "firebird")
@SHORT
@given(values=some(st.booleans()))
def test_booleans_come_back(trips, values):
    assert _made(trips, dict.fromkeys(SERVERS, "BOOLEAN")).column(values, dtype=pl.Boolean()) == values


@on()
def test_a_column_of_nulls_alone_keeps_its_type(trips):
    types = {"sqlite": "INTEGER", "postgresql": "bigint", "mariadb": "bigint", "firebird": "BIGINT"}
    assert _made(trips, types).column([None, None], dtype=pl.Int64()) == [None, None]


@on()
@SHORT
@given(keys=st.lists(TEXT.filter(lambda one: one == one.strip()), min_size=1, max_size=15, unique_by=str.casefold))
def test_keys_of_any_sign_come_back_in_an_order_that_both_readers_keep(trips, keys):
    types = {"sqlite": "TEXT", "postgresql": 'text COLLATE "C"', "firebird": "VARCHAR(60)",
             "mariadb": "varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"}  # fmt: skip
    _made(trips, types).holds(*((one,) for one in keys))
    told = trips.frame("v", key="v")["v"].to_list()
    assert sorted(told) == sorted(keys)
    if trips.name != "firebird":
        assert told == sorted(keys, key=lambda one: one.encode())


SIGNS = string.ascii_letters + "\"'%;\\:.(){}[]$?&é "
NAMES = st.text(SIGNS, min_size=1, max_size=12).filter(lambda one: one == one.strip() and one.lower() != "k")


@on()
@SHORT
@given(names=st.lists(NAMES, min_size=1, max_size=6, unique_by=str.lower))
@example(names=["select", "a b", 'x"y', "%s", "%(v)s", ":v", "a;b", "ORDER", "\\", "'"])
def test_columns_of_any_name_come_back(trips, names):
    quote = "`" if trips.name == "mariadb" else '"'
    told = [f"{quote}{name.replace(quote, quote * 2)}{quote} INTEGER" for name in names]
    trips.made(*told)
    trips.holds(tuple(range(len(names))))
    frame = trips.frame()
    seen = [one.lower() if trips.name == "firebird" else one for one in frame.columns[1 : len(names) + 1]]
    assert seen == [one.lower() if trips.name == "firebird" else one for one in names]
    assert frame.row(0)[1 : len(names) + 1] == tuple(range(len(names)))


@on()
def test_a_very_long_text_comes_back(trips):
    types = {
        "sqlite": "TEXT",
        "postgresql": "text",
        "mariadb": "longtext CHARACTER SET utf8mb4",
        "firebird": "BLOB SUB_TYPE TEXT",
    }
    long = "é\\'\n" * (LARGE // 4)
    assert _made(trips, types).column([long, None, ""], dtype=pl.String()) == [long, None, ""]


@on()
def test_many_columns_come_back(trips):
    wide = 250
    kind = "VARCHAR(20)" if trips.name == "firebird" else "text"
    trips.made(*(f"c{at} {kind if at % 2 else 'INTEGER'}" for at in range(wide)))
    rows = [tuple(f"{row},{at}" if at % 2 else row * at for at in range(wide)) for row in range(30)]
    assert trips.holds(*rows).frame("c0").drop("_location", "_position", "k").rows() == rows


@on()
@SHORT
@given(data=st.data())
def test_portions_of_any_size_hold_the_same_rows(trips, data):
    types = {
        "sqlite": "TEXT",
        "postgresql": "text",
        "mariadb": "longtext CHARACTER SET utf8mb4",
        "firebird": "VARCHAR(500)",
    }
    values = data.draw(some(TEXT))
    _made(trips, types).holds(*((one,) for one in values))
    habits = {"batch_rows": data.draw(st.integers(1, 30)), "batch_bytes": data.draw(st.integers(1, 2000))}
    frame = trips.frame("v", **habits)
    assert frame["v"].to_list() == values
    assert frame["_position"].to_list() == list(range(1, len(values) + 1))
