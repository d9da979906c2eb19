"""Oracle, SQL Server and Db2 as far as one can get without a server: the statements that would be sent.

The golden files hold one table with a column of every type; UPDATE_GOLDEN=1 renews them, and the difference is to be
read as closely as code.
"""

import os
import re
from pathlib import Path

import polars as pl
import pytest
from ibm_db_sa import base as db2
from ibm_db_sa.ibm_db import DB2Dialect_ibm_db
from sqlalchemy import Column, MetaData, Table, literal_column, select
from sqlalchemy import types as sa
from sqlalchemy.dialects import mssql, oracle
from sqlalchemy.dialects.mssql.pymssql import MSDialect_pymssql
from sqlalchemy.dialects.oracle.oracledb import OracleDialect_oracledb
from sqlalchemy.exc import DBAPIError

from catalog.models import Place, Source
from connectors.sql.dialects import dialect_of
from connectors.sql.dialects import mssql as mssql_module
from connectors.sql.dialects import oracle as oracle_module
from connectors.sql.types import Hashed

GOLDEN = Path(__file__).parent / "golden"
COLUMN = re.compile(r'( AS (?:"[^"]*"|\[[^\]]*\]|\w+)), ')
COMPILERS = {"oracle": OracleDialect_oracledb(), "mssql": MSDialect_pymssql(), "ibm_db_sa": DB2Dialect_ibm_db()}
TYPES = {
    "oracle": {
        "number_any": oracle.NUMBER(), "number_10": oracle.NUMBER(10, 0), "number_38": oracle.NUMBER(38, 0),
        "number_12_2": oracle.NUMBER(12, 2), "number_5_minus_2": oracle.NUMBER(5, -2), "integer": sa.INTEGER(),
        "float_126": sa.DOUBLE_PRECISION(), "binary_float": oracle.BINARY_FLOAT(),
        "binary_double": oracle.BINARY_DOUBLE(), "date": oracle.DATE(), "timestamp": oracle.TIMESTAMP(),
        "timestamp_tz": oracle.TIMESTAMP(timezone=True),
        "timestamp_local": oracle.TIMESTAMP(local_timezone=True), "interval": oracle.INTERVAL(),
        "char": oracle.CHAR(5), "varchar2": oracle.VARCHAR(20), "nvarchar2": oracle.NVARCHAR(20), "clob": oracle.CLOB(),
        "nclob": oracle.NCLOB(), "long": oracle.LONG(), "raw": oracle.RAW(16), "blob": oracle.BLOB(),
        "rowid": oracle.ROWID(), "json": oracle.JSON(), "boolean": sa.BOOLEAN(), "unknown": sa.NullType(),
    },
    "mssql": {
        "bit": mssql.BIT(), "tinyint": mssql.TINYINT(), "int": sa.INTEGER(), "bigint": sa.BIGINT(),
        "decimal": mssql.DECIMAL(38, 10), "money": mssql.MONEY(), "smallmoney": mssql.SMALLMONEY(),
        "real": mssql.REAL(), "float": mssql.FLOAT(53), "date": sa.DATE(), "time": mssql.TIME(7),
        "datetime": mssql.DATETIME(), "smalldatetime": mssql.SMALLDATETIME(), "datetime2": mssql.DATETIME2(7),
        "datetimeoffset": mssql.DATETIMEOFFSET(7), "char": mssql.CHAR(5), "varchar": mssql.VARCHAR(20),
        "nvarchar_max": mssql.NVARCHAR(None), "ntext": mssql.NTEXT(), "binary": mssql.BINARY(4),
        "varbinary_max": mssql.VARBINARY(None), "image": mssql.IMAGE(), "rowversion": mssql.TIMESTAMP(),
        "uniqueidentifier": mssql.UNIQUEIDENTIFIER(), "sql_variant": mssql.SQL_VARIANT(), "xml": mssql.XML(),
        "hierarchyid": sa.NullType(),
    },
    "ibm_db_sa": {
        "smallint": sa.SMALLINT(), "integer": sa.INTEGER(), "bigint": sa.BIGINT(), "decimal": sa.DECIMAL(31, 5),
        "decfloat": sa.NullType(), "real": sa.REAL(), "double": db2.DOUBLE(), "boolean": db2.BOOLEAN(),
        "date": sa.Date(), "time": sa.Time(), "timestamp": sa.DateTime(), "char": sa.CHAR(5), "varchar": sa.VARCHAR(20),
        "graphic": db2.GRAPHIC(5), "vargraphic": db2.VARGRAPHIC(20), "clob": sa.CLOB(), "dbclob": db2.DBCLOB(),
        "xml": db2.XML(), "blob": sa.BLOB(), "binary": sa.NullType(),
    },
}  # fmt: skip
UNHASHED = ("clob", "nclob", "long", "blob", "sql_variant")
DATABASES = pytest.mark.parametrize("name", list(TYPES))


def _table(name, columns=None):
    columns = TYPES[name] if columns is None else columns
    return Table(
        "Order%Details", MetaData(), *(Column(one, kind) for one, kind in columns.items()), schema="Sales Dept"
    )


def _sql(name, statement):
    told = statement.compile(dialect=COMPILERS[name], compile_kwargs={"literal_binds": True})
    return "\n".join(line.rstrip() for line in COLUMN.sub(r"\1,\n  ", str(told)).splitlines())


def _carried(name, table, text=(), blobs=None):
    return dialect_of(name).carried(None, table, text=text, blobs=blobs or {})


def _golden(name, what, told):
    path = GOLDEN / f"{name}_{what}.sql"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(told + "\n", encoding="utf-8")
    assert told + "\n" == path.read_text(encoding="utf-8")


@DATABASES
def test_a_column_of_every_type_is_asked_for_as_the_golden_file_says(name):
    table = _table(name)
    columns = _carried(name, table)
    statement = select(*(one.asked.label(one.name) for one in columns)).select_from(table).order_by(table.columns[0])
    told = "\n".join(f"-- {one.name}: {one.dtype}{' single' * one.single}" for one in columns)
    _golden(name, "select", f"{told}\n{_sql(name, statement)}")


@DATABASES
def test_every_column_has_a_text_of_its_own(name):
    table = _table(name)
    columns = _carried(name, table, text=set(TYPES[name]))
    assert {one.dtype for one in columns} == {pl.String()}
    _golden(name, "text", _sql(name, select(*(one.asked.label(one.name) for one in columns))))


@DATABASES
def test_values_outside_of_a_type_are_looked_for_where_there_may_be_any(name):
    table, dialect = _table(name), dialect_of(name)
    beyond = [(column.name, one) for column in table.columns if (one := dialect.beyond(column)) is not None]
    _golden(name, "beyond", _sql(name, select(*(one.label(label) for label, one in beyond))))


def _hashed(name):
    columns = {one: kind for one, kind in TYPES[name].items() if one not in UNHASHED}
    return dialect_of(name).row_hash(list(_table(name, columns).columns))


@pytest.mark.parametrize("name", ["oracle", "mssql"])
def test_a_row_is_hashed_value_by_value(name):
    _golden(name, "row_hash", _sql(name, select(_hashed(name).label("h"))))


def test_rows_that_a_database_cannot_hash_have_no_hash():
    for name in TYPES:
        assert dialect_of(name).row_hash(list(_table(name).columns)) is None
    assert _hashed("ibm_db_sa") is None


@pytest.mark.parametrize(("name", "column"), [("oracle", "blob"), ("ibm_db_sa", "blob")])
def test_a_blob_is_hashed_here_where_the_database_does_not(name, column):
    (told,) = (one for one in _carried(name, _table(name), blobs={column: "hash"}) if one.name == column)
    assert isinstance(told, Hashed)
    assert told.series([b"", None]).to_list() == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", None,
    ]  # fmt: skip


def test_sql_server_hashes_a_blob_itself():
    (told,) = (one for one in _carried("mssql", _table("mssql"), blobs={"image": "hash"}) if one.name == "image")
    assert "hashbytes('SHA2_256'" in _sql("mssql", select(told.asked))


@DATABASES
def test_what_is_left_out_is_null(name):
    first = next(iter(TYPES[name]))
    (told, *_) = _carried(name, _table(name), blobs={first: "skip"})
    assert "CAST(NULL AS" in _sql(name, select(told.asked))


@DATABASES
def test_names_are_quoted_and_a_row_is_asked_for_by_each_database_in_its_way(name):
    table = Table("select", MetaData(), Column('x"y]z', sa.Integer()), Column("a b", sa.Integer()), schema="s.t")
    _golden(name, "names", "\n".join([
        _sql(name, select(table).order_by(table.columns[0])),
        _sql(name, select(table).order_by(table.columns[0]).limit(10).offset(20)),
        _sql(name, select(literal_column("1"))),
    ]))  # fmt: skip


class _Recorder:
    """A driver's connection that writes down what it is told; its only answer is `answer`."""

    def __init__(self, answer=None):
        self.told, self.answer = [], answer

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def execute(self, statement):
        self.told.append(statement)

    def fetchone(self):
        return (self.answer,)

    def commit(self):
        self.told.append("COMMIT")

    def close(self):
        pass


SOURCE = Source(
    name="erp", kind="sql", location="oracle://erp", place=Place(file="sources/erp.yaml"), statement_timeout=90
)


@pytest.mark.parametrize(("allowed", "level"), [(1, "SNAPSHOT"), (0, "READ COMMITTED")])
def test_sql_server_sets_its_isolation_and_ends_the_transaction_that_it_was_set_in(allowed, level):
    connection, info = _Recorder(allowed), {}
    mssql_module.prepare(connection, info, SOURCE)
    assert connection.told[1:3] == [f"SET TRANSACTION ISOLATION LEVEL {level}", "SET LOCK_TIMEOUT 10000"]
    assert connection.told[-1] == "COMMIT"
    assert info == {"snapshot": allowed == 1}


def test_oracle_speaks_in_utc_and_ends_a_round_trip_that_takes_too_long():
    connection = _Recorder()
    oracle_module.prepare(connection, SOURCE)
    assert connection.call_timeout == 90_000
    assert connection.told[0] == "ALTER SESSION SET TIME_ZONE = 'UTC'"


class _Told(Exception):
    def __init__(self, *words, code=0):
        super().__init__(*words)
        self.code = code


@pytest.mark.parametrize(
    ("name", "told", "kind"),
    [
        ("oracle", _Told(_Told(code=3113)), "lost"),
        ("oracle", _Told(_Told(code=1555)), "unlocked"),
        ("mssql", _Told(20006, b"Write to the server failed"), "lost"),
        ("mssql", _Told(1205, b"deadlock victim"), "unlocked"),
        ("mssql", _Told("40001", "[40001] [Microsoft] was deadlocked. (1205) (SQLExecDirectW)"), "unlocked"),
        ("ibm_db_sa", _Told("SQL30081N A communication error. SQLSTATE=08001 SQLCODE=-30081"), "lost"),
        ("ibm_db_sa", _Told("SQL0911N rolled back. SQLSTATE=40001 SQLCODE=-911"), "unlocked"),
    ],
)
def test_an_error_says_whether_trying_again_makes_sense(name, told, kind):
    error = DBAPIError("SELECT 1", None, told)
    assert {one: getattr(dialect_of(name), one)(error) for one in ("lost", "unlocked")} == {
        "lost": kind == "lost", "unlocked": kind == "unlocked",
    }  # fmt: skip
