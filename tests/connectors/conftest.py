"""Declarations as a test needs them, and the databases that answer on this machine."""

import fcntl
import os
import tempfile
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

import connectors
from catalog.models import Dataset, Field, Place, Source
from connectors.batch import settled
from evals.clusters import MariadbCluster, PostgresCluster

PLACE = Place(file="datasets/things.odcs.yaml", line=1)
URLS = {
    "postgresql": "postgresql+psycopg://root@127.0.0.1/test",
    "mariadb": "mysql+pymysql://root@127.0.0.1/test",
}


class Export:
    """A source and a dataset of it in a project folder of their own."""

    def __init__(self, folder, kind, physical, fields, *, location="in", drift="evolve", key=None, **habits):
        self.folder = folder
        (folder / "in").mkdir(exist_ok=True)
        self.source = Source(name="export", kind=kind, location=location, owner="desk", place=PLACE, **habits)
        told = {name: {"type": one} if isinstance(one, str) else one for name, one in fields.items()}
        self.dataset = Dataset(
            name="things", version="1.0.0", title="Things", source="export", physical_name=physical, drift=drift,
            fingerprint="", place=PLACE,
            fields=tuple(
                Field(name=f"f{at}", key_position=1 if name == key else None, place=PLACE,
                      **{"physical_name": name, **habit})
                for at, (name, habit) in enumerate(told.items())
            ),
        )  # fmt: skip

    def holds(self, content, name="a.csv"):
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    def batches(self):
        batches = settled(connectors.read(self.source, self.dataset, folder=self.folder))
        assert batches, "at least one batch comes"
        assert len({tuple(batch.frame.schema.items()) for batch in batches}) == 1, "all batches have the same columns"
        for batch in batches:
            assert batch.frame.schema["_location"] == pl.String
            assert batch.frame.schema["_position"] == pl.Int64
            assert batch.frame.height <= self.source.batch_rows
        return batches

    def frame(self):
        return pl.concat([batch.frame for batch in self.batches()])

    def rows(self):
        return self.frame().drop("_location", "_position").rows()

    def positions(self):
        return self.frame()["_position"].to_list()

    def rejects(self):
        """(position, reason) of every reject."""
        return pl.concat([batch.rejects for batch in self.batches()]).select("_position", "reason").rows()

    def drift(self):
        return connectors.drift(self.source, self.dataset, folder=self.folder)

    def rules(self):
        return {finding.rule: finding.blocking for finding in self.drift()}


@pytest.fixture
def export(tmp_path):
    """`export(kind, physical, fields, **habits)`."""
    return lambda *words, **habits: Export(tmp_path, *words, **habits)


def reached(name):
    """An engine for a database of this machine; a build server must have it."""
    engine = create_engine(URLS[name], connect_args={"connect_timeout": 2})
    try:
        engine.connect().close()
    except OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {name} answers on this machine")
    return engine


class Turn:
    """The right to use the servers' tables, which have one name in every test: one process of this machine has it."""

    holders, handle = 0, None

    @classmethod
    def take(cls):
        if not cls.holders:
            cls.handle = (Path(tempfile.gettempdir()) / "landbridge-tests-servers.lock").open("w")
            fcntl.flock(cls.handle, fcntl.LOCK_EX)
        cls.holders += 1

    @classmethod
    def give_back(cls):
        cls.holders -= 1
        if not cls.holders:
            cls.handle.close()


class Server:
    """A database that a test fills by statements and reads through the door."""

    def __init__(self, folder, name):
        self.folder, self.name, self.engine = folder, name, reached(name)
        Turn.take()
        self.undo = []

    def run(self, *statements, undo=()):
        self.undo += undo
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))
        return self

    def table(self, columns, *rows, name="landbridge_things"):
        """A table with one row per tuple of SQL literals."""
        drop = f"DROP TABLE IF EXISTS {name}"
        values = [f"INSERT INTO {name} VALUES ({', '.join(row)})" for row in rows]
        return self.run(drop, f"CREATE TABLE {name} ({columns})", *values, undo=[drop])

    def export(self, fields, physical="landbridge_things", **habits):
        return Export(self.folder, "sql", physical, fields, location=URLS[self.name], **habits)

    def value(self, declared, literal):
        """The type and the value that one column with one row is carried as."""
        frame = self.table(f"v {declared}", (literal,)).export({"v": "string"}).frame()
        return frame.schema["v"], frame["v"][0]

    def close(self):
        try:
            self.run(*reversed(self.undo))
        finally:
            self.engine.dispose()
            Turn.give_back()


@pytest.fixture
def postgresql(tmp_path):
    server = Server(tmp_path, "postgresql")
    yield server
    server.close()


@pytest.fixture
def mariadb(tmp_path):
    server = Server(tmp_path, "mariadb")
    yield server
    server.close()


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request, tmp_path):
    server = Server(tmp_path, request.param)
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql_server():
    """A throw-away server, for tests that kill it, lock it or follow its log."""
    if not PostgresCluster.available():
        pytest.skip(PostgresCluster.absent)
    with PostgresCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def mariadb_server():
    if not MariadbCluster.available():
        pytest.skip(MariadbCluster.absent)
    with MariadbCluster(settings={"log_bin_compress": "ON", "log_bin_compress_min_len": 600}) as cluster:
        yield cluster
