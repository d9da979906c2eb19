"""Servers with settings of their own, and a table whose changes are followed."""

import json

import polars as pl
import pytest

import connectors
from catalog.models import Dataset, Field, Incremental, Place, Source
from connectors.sql import feeds
from connectors.sql.tables import reflected
from evals.clusters import MariadbCluster, PostgresCluster

PLACE = Place(file="datasets/things.odcs.yaml", line=1)
MANY = 1_000_000  # keys that no test touches


class Feed:
    """A table on a server, its contract, and the cursor of who reads its log."""

    def __init__(self, folder, cluster, name="things", keys=("k",), user=None, **incremental):
        self.folder, self.cluster, self.name, self.keys = folder, cluster, name, keys
        who = {"user": user, "password": user} if user else {}
        self.source = Source(name="plant", kind="sql", location=cluster.location(**who), place=PLACE)
        self.dataset = Dataset(
            name="things", version="1.0.0", title="Things", source="plant", physical_name=name, fingerprint="",
            place=PLACE, incremental=Incremental(mode="feed", **incremental),
            fields=tuple(
                Field(name=f"f{at}", physical_name=key, type="string", key_position=at + 1, place=PLACE)
                for at, key in enumerate(keys)
            ),
        )  # fmt: skip
        self.cursor = None

    def run(self, *statements):
        return self.cluster.run(*statements)

    @property
    def table(self):
        with self.cluster.engine().connect() as connection:
            return reflected(connection, self.dataset)

    def begin(self):
        self.cursor = json.loads(json.dumps(feeds.begin(self.source, self.dataset, self.table, folder=self.folder)))
        return self

    def touched(self, *, limit=MANY, schema=None, keep=True):
        told = feeds.touched(
            self.source, self.dataset, self.table, self.cursor, folder=self.folder, limit=limit,
            schema=schema or dict.fromkeys(self.keys, pl.Int64()),
        )  # fmt: skip
        if keep and told.keys is not None:
            self.cursor = json.loads(json.dumps(told.cursor))
        return told

    def told(self, **given):
        """The touched keys, sorted: values where the key is one column, else tuples."""
        told = self.touched(**given)
        assert told.keys is not None, told.why
        assert told.why == ""
        assert not told.keys.is_duplicated().any()
        rows = sorted(told.keys.rows())
        return [row[0] for row in rows] if len(self.keys) == 1 else rows

    def why(self, **given):
        """The reason to read the table whole."""
        told = self.touched(**given)
        assert told.keys is None
        assert told.cursor == self.cursor
        return told.why

    def applied(self, held, **given):
        """What is held after the touched keys were fetched, and what the table holds."""
        keys = self.told(**given)
        now = dict(self.run("SELECT k, v FROM things"))
        kept = {key: value for key, value in held.items() if key not in keys}
        return {**kept, **{key: now[key] for key in keys if key in now}}, now

    def read(self):
        """The key columns as the reader of tables carries them."""
        batches = list(connectors.read(self.source, self.dataset, folder=self.folder))
        return pl.concat([batch.frame for batch in batches]).select(self.keys)

    def held_back(self):
        return feeds.held_back(self.source, self.dataset, folder=self.folder)

    def forget(self):
        feeds.forget(self.source, self.dataset, folder=self.folder)


@pytest.fixture
def follow(tmp_path):
    """`follow(cluster, name, keys, slot=..., publication=..., user=...)`; a user's password is its name."""
    return lambda *words, **given: Feed(tmp_path, *words, **given)


def cluster_of(kind, **settings):
    if not kind.available():
        pytest.skip(kind.absent)
    return kind(settings=settings)


@pytest.fixture
def special():
    """`special("postgresql", setting=...)`: a server with settings of its own."""
    clusters = []

    def started(kind, **settings):
        clusters.append(cluster_of({"postgresql": PostgresCluster, "mariadb": MariadbCluster}[kind], **settings))
        return clusters[-1].start()

    yield started
    for cluster in clusters:
        cluster.remove()


@pytest.fixture
def pg(postgresql_server):
    return postgresql_server.emptied()


@pytest.fixture
def my(mariadb_server):
    return mariadb_server.emptied()


@pytest.fixture(params=["postgresql_server", "mariadb_server"])
def server(request):
    return request.getfixturevalue(request.param).emptied()


@pytest.fixture
def feed(server, follow):
    """A table of twenty things, its feed begun."""
    rows = ", ".join(f"({k}, {k})" for k in range(20))
    server.run("CREATE TABLE things (k int PRIMARY KEY, v text)", f"INSERT INTO things VALUES {rows}")
    return follow(server).begin()


@pytest.fixture
def slotted(pg, follow):
    """A table of two things on PostgreSQL, its feed begun."""
    pg.run("CREATE TABLE things (k int PRIMARY KEY, v text)", "INSERT INTO things VALUES (1, 'a'), (2, 'b')")
    return follow(pg).begin()


@pytest.fixture
def logged(my, follow):
    """A table of two things on MariaDB, its feed begun."""
    my.run("CREATE TABLE things (k int PRIMARY KEY, v text)", "INSERT INTO things VALUES (1, 'a'), (2, 'b')")
    return follow(my).begin()
