import sqlite3

import pytest

from connectors.drifting import drift_findings

FIXED = [
    # declared by PostgreSQL, MariaDB, SQLite, Oracle, SQL Server and Arrow; read as; whether that is a change of type
    ("integer", "integer", False), ("bigint", "time", False), ("bigint unsigned", "integer", False),
    ("tinyint(1)", "boolean", False), ("smallint", "date", False), ("int64", "timestamp", False),
    ("boolean", "integer", True), ("bool", "boolean", False), ("bit", "boolean", False),
    ("double precision", "number", False), ("float", "integer", True), ("real", "date", True),
    ("double", "number", False),
    ("numeric(12, 2)", "number", False), ("decimal(38, 0)", "integer", False), ("decimal128(10, 2)", "date", True),
    ("number(10)", "integer", False), ("money", "number", False),
    ("timestamp without time zone", "timestamp", False), ("timestamp with time zone", "date", True),
    ("timestamp[us, tz=utc]", "timestamp", False), ("datetime", "date", False), ("datetime2", "time", True),
    ("datetimeoffset", "timestamp", False), ("date", "timestamp", False), ("date32[day]", "date", False),
    ("date", "integer", True), ("time without time zone", "time", False), ("time64[us]", "timestamp", True),
    ("interval", "integer", True), ("interval", "string", False), ("duration[us]", "time", True),
    ("uuid", "integer", True), ("uuid", "string", False), ("bytea", "number", True),
    ("list<element: int64>", "integer", True),
    ("struct<a: int64>", "string", False), ("integer[]", "integer", True),
    ("varchar(10)", "date", False), ("text", "number", False), ("json", "integer", False), ("unknown", "time", False),
    ("date_kind", "boolean", False), ("dictionary<values=string, indices=int32, ordered=0>", "boolean", False),
    ("point", "string", False), ("enum('a','b')", "integer", False),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "promised", "changed"), FIXED)
def test_a_type_that_cannot_be_read_as_promised_is_a_warning(export, declared, promised, changed):
    told = export("csv", "a.csv", {"v": promised})
    findings = drift_findings(told.source, told.dataset, {"v": declared})
    assert [(finding.rule, finding.blocking) for finding in findings] == [("type-changed/v", False)] * changed


def test_what_is_as_promised_gives_no_finding(export):
    assert export("csv", "a.csv", {"a": "string"}).holds("a\n1\n").drift() == []


def test_an_absent_column_blocks_and_names_the_one_that_differs_in_case_only(export):
    told = export("csv", "a.csv", {"Name": "string", "gone": "string"}).holds("NAME,x\n1,2\n")
    findings = {finding.rule: finding for finding in told.drift()}
    assert findings["missing-column/Name"].blocking
    assert "The source has 'NAME'" in findings["missing-column/Name"].remedy
    assert "desk" in findings["missing-column/gone"].remedy


@pytest.mark.parametrize(("drift", "blocking"), [("evolve", False), ("freeze", True)])
def test_a_new_column_is_told_and_blocks_a_frozen_contract(export, drift, blocking):
    told = export("csv", "a.csv", {"a": "string"}, drift=drift).holds("a,b\n1,2\n")
    assert told.rules() == {"new-columns": blocking}
    assert told.drift()[0].sample_keys == ("b",)


def test_a_retyped_column_of_a_database_is_told(export, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("CREATE TABLE t (day DOUBLE, at TIMESTAMP)")
    database.close()
    told = export("sql", "t", {"day": "date", "at": "timestamp"}, location="sqlite:///a.db")
    assert told.rules() == {"type-changed/day": False}


@pytest.mark.parametrize(
    "columns", ["i interval, t timestamptz, j jsonb, k int[], n numeric(4,1), d double precision, z timetz"]
)
def test_the_types_that_postgresql_declares_are_known(postgresql, columns):
    postgresql.table(columns)
    fields = {
        "i": "integer",
        "t": "timestamp",
        "j": "string",
        "k": "integer",
        "n": "number",
        "d": "number",
        "z": "time",
    }
    assert postgresql.export(fields).rules() == {"type-changed/i": False, "type-changed/k": False}


def test_the_types_that_mariadb_declares_are_known(mariadb):
    mariadb.table(
        "i int unsigned, b tinyint(1), t datetime(6), y year, s set('a','b'), d double, n decimal(5,2), x blob"
    )
    fields = {"i": "integer", "b": "boolean", "t": "timestamp", "y": "integer", "s": "string", "d": "number",
              "n": "number",
              "x": "number"}  # fmt: skip
    assert mariadb.export(fields).rules() == {"type-changed/x": False}
