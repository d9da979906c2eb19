"""What docs/databases says of rights and types is so: its SQL is run as it stands there, its types are declared."""

import re
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from catalog.errors import SourceUnreadable
from evals.clusters import MariadbCluster, PostgresCluster
from evals.firebird import FirebirdCluster

DOCUMENTS = Path(__file__).parent.parent.parent / "docs" / "databases"
CLUSTERS = {"postgresql": PostgresCluster, "mariadb-mysql": MariadbCluster, "firebird": FirebirdCluster}
READER, PASSWORD = "landbridge_reader", "change-me"
TABLES = (
    "CREATE TABLE orders (id INTEGER NOT NULL PRIMARY KEY, v VARCHAR(20))", "INSERT INTO orders VALUES (1, 'x')",
    "CREATE VIEW open_orders AS SELECT id, v FROM orders", "CREATE TABLE salaries (id INTEGER NOT NULL PRIMARY KEY)",
)  # fmt: skip


def _section(name, heading):
    text = (DOCUMENTS / f"{name}.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _rights(name):
    """The statements under the heading `Least rights`."""
    (block,) = re.findall(r"```sql\n(.*?)```", _section(name, "Least rights"), re.DOTALL)
    lines = "\n".join(line.partition("--")[0] for line in block.splitlines())
    return [statement.strip() for statement in lines.split(";") if statement.strip()]


@pytest.fixture(scope="module")
def clusters():
    with ExitStack() as stack:
        running = {}

        def started(name):
            if not CLUSTERS[name].available():
                pytest.skip(CLUSTERS[name].absent)
            if name not in running:
                running[name] = stack.enter_context(CLUSTERS[name]())
                running[name].run(*TABLES)
                running[name].run(*_rights(name))
            return running[name]

        yield started


@pytest.fixture(params=list(CLUSTERS))
def cluster(request, clusters):
    return clusters(request.param)


@pytest.fixture
def reading(cluster, export):
    location = cluster.location(user=READER, password=PASSWORD)
    return lambda table, **habits: export(
        "sql", table, {"id": "integer", "v": "string"}, location=location, key="id", **habits
    )


@pytest.mark.parametrize("reader", ["auto", "plain"])
@pytest.mark.parametrize("table", ["orders", "open_orders"])
def test_they_are_enough_to_read_a_table_and_a_view(reading, table, reader):
    told = reading(table, reader=reader)
    assert told.rows() == [(1, "x")]
    assert told.rules() == {}


def test_other_tables_stay_closed(reading):
    with pytest.raises(SourceUnreadable, match="salaries"):
        reading("salaries").batches()


def test_nothing_can_be_written_or_made(cluster):
    for statement in ("INSERT INTO orders VALUES (2, 'y')", "DELETE FROM orders", "CREATE TABLE mine (v INTEGER)"):
        engine = create_engine(cluster.url(user=READER, password=PASSWORD), poolclass=NullPool)
        with engine.connect() as connection:
            if cluster.driver.startswith("postgresql"):  # the role's habit is no lock
                connection.exec_driver_sql("SET TRANSACTION READ WRITE")
            with pytest.raises(DBAPIError):
                connection.exec_driver_sql(statement)
    assert cluster.run("SELECT count(*) FROM orders") == [(1,)]


def _types(name):
    """(declared, carried as) of every type that the table lists."""
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]+) \|", _section(name, "Types"), re.MULTILINE)
    return [(declared, carried) for cell, carried in rows for declared in re.findall(r"`([^`]*)`", cell)]


def _told(dtype, declared):
    if isinstance(dtype, pl.Decimal):
        same = declared.lower().endswith(f"({dtype.precision},{dtype.scale})")
        return {f"Decimal({dtype.precision}, {dtype.scale})", *(["the same Decimal"] if same else [])}
    if isinstance(dtype, pl.Datetime):
        return {"Datetime, UTC" if dtype.time_zone else "Datetime"}
    return {str(dtype)}


def _check(name, told):
    types = _types(name)
    assert len(types) > 8
    dtypes = told.frame().dtypes[: len(types)]
    wrong = [(declared, carried, dtype) for (declared, carried), dtype in zip(types, dtypes, strict=True)
             if carried not in _told(dtype, declared)]  # fmt: skip
    assert wrong == []


def _declared(name):
    return ", ".join(f"c{at} {declared}" for at, (declared, _) in enumerate(_types(name)))


@pytest.mark.parametrize("name", list(CLUSTERS))
def test_a_declared_type_is_carried_as_the_table_says(clusters, export, name):
    cluster = clusters(name)
    cluster.run(f"CREATE TABLE every_type ({_declared(name)})")
    _check(name, export("sql", "every_type", {"c0": "string"}, location=cluster.location()))


def test_a_declared_type_of_sqlite_is_carried_as_the_table_says(export, tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute(f"CREATE TABLE every_type ({_declared('sqlite')})")
    database.close()
    _check("sqlite", export("sql", "every_type", {"c0": "string"}, location="sqlite:///a.db"))
