"""The databases that our own connectors read, as the laws in `connectors.testing` fill, change and break them."""

import os
import uuid
from importlib import import_module

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, delete, insert, types, update
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import OperationalError

from catalog.models import Incremental
from connectors.testing import DoesNotApply, System

SECRET = "the-password-of-the-law"
NOBODY_LISTENS = 1  # a port
TYPES = {
    "text": types.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"),
    "integer": types.BigInteger(),
    "decimal": types.Numeric(38, 2),
    "float": types.Double(),
    "boolean": types.Boolean(),
    "date": types.Date(),
    "moment": types.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
    "time": types.Time().with_variant(mysql.TIME(fsp=6), "mysql", "mariadb"),
}


class Database(System):
    """A table of a name nobody else uses."""

    kind = "sql"
    mode = "full"
    foreign = {}  # noqa: RUF012  # kinds the database has no type for, with the reason

    def __init__(self, folder):
        super().__init__(folder)
        self.connector = import_module("connectors.sql")
        self.name = f"law_{uuid.uuid4().hex}"
        self.table = None
        self.there = True
        self.engine = create_engine(self.url())
        (folder / "secret.txt").write_text(SECRET)

    def url(self):
        raise NotImplementedError

    def put(self, columns, rows):
        for kind in columns.values():
            if kind in self.foreign:
                raise DoesNotApply(self.foreign[kind])
        self.there = True
        self.drop()
        told = [Column(name, TYPES[kind], primary_key=name == "id") for name, kind in columns.items()]
        self.table = Table(self.name, MetaData(), *told)
        with self.engine.begin() as connection:
            self.table.create(connection)
            if rows:
                connection.execute(insert(self.table), [dict(row) for row in rows])

    def upsert(self, rows):
        with self.engine.begin() as connection:
            for row in rows:
                changed = connection.execute(update(self.table).where(self.table.c.id == row["id"]).values(**row))
                if not changed.rowcount:
                    connection.execute(insert(self.table), dict(row))

    def remove(self, keys):
        with self.engine.begin() as connection:
            connection.execute(delete(self.table).where(self.table.c.id.in_(keys)))

    def spoil(self):
        self.drop()

    def vanish(self):
        self.there = False

    def drop(self):
        if self.table is not None:
            with self.engine.begin() as connection:
                self.table.drop(connection, checkfirst=True)

    def close(self):
        self.drop()
        self.engine.dispose()

    def physical_name(self):
        return self.name

    def incremental(self):
        return Incremental(mode=self.mode)


class Sqlite(Database):
    exact = frozenset({"integer", "float"})
    foreign = {  # noqa: RUF012
        "decimal": "SQLite has binary floats and no decimals",
        "boolean": "SQLite has whole numbers and no truth",
    }

    def url(self):
        return f"sqlite:///{self.folder / 'law.db'}"

    def location(self):
        return "sqlite:///law.db"

    def vanish(self):
        self.engine.dispose()
        (self.folder / "law.db").unlink()
        self.table = None


class Server(Database):
    """A server, if it answers; a build server must have it."""

    exact = frozenset({"integer", "decimal", "float", "boolean", "date", "moment", "time"})
    secret = SECRET
    driver = ""

    def __init__(self, folder):
        super().__init__(folder)
        try:
            self.engine.connect().close()
        except OperationalError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no {self.driver} answers on this machine")

    def url(self):
        return f"{self.driver}://root@127.0.0.1/test"

    def location(self):
        if self.there:
            return self.url()
        return f"{self.driver}://root:${{file:secret.txt}}@127.0.0.1:{NOBODY_LISTENS}/test"


class Postgresql(Server):
    driver = "postgresql+psycopg"


class Mariadb(Server):
    driver = "mysql+pymysql"
    exact = Server.exact - {"boolean"}
    foreign = {"boolean": "MariaDB has whole numbers and no truth"}  # noqa: RUF012


class SqliteByKeys(Sqlite):
    mode = "keys"


class PostgresqlByKeys(Postgresql):
    mode = "keys"


class MariadbByKeys(Mariadb):
    mode = "keys"
