"""Open the ledger's database: the driver we ship, settings for several processes, migrations applied once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from catalog.drivers import with_driver
from catalog.errors import LedgerError
from ledger.tables import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"
AGAIN_AFTER = 0.02  # seconds
# readers and one writer side by side; foreign keys are off in SQLite unless asked for; the look at the schema makes
# the connection hold its place in the journal, which is not removed from then on
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "SELECT count(*) FROM sqlite_schema",
)
WAIT = 30  # seconds a process waits for another that writes, or that migrates
ADVISORY = 0x6C616E64  # "land": the name of the lock that a migrating process holds


def open_ledger(url: str) -> Engine:
    """An engine on a ledger at its newest version; its errors quote no values. LedgerError where there is none."""
    parsed = _parsed(url)
    shown = parsed.render_as_string(hide_password=True)
    try:
        engine = _engine(parsed)
        _migrate(engine, shown)
    except (SQLAlchemyError, ModuleNotFoundError, OSError) as error:
        raise LedgerError(f"the ledger {shown} does not open: {first_line(error)}", REMEDY) from error
    return engine


REMEDY = "Start its database, or correct LANDBRIDGE_LEDGER_URL."


def first_line(error: BaseException) -> str:
    """What the driver says, in one line."""
    told = str(getattr(error, "orig", None) or error).strip().splitlines()
    return told[0].rstrip(".") if told else type(error).__name__


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        return parsed.set(drivername=with_driver(parsed.drivername))
    except (ArgumentError, NoSuchModuleError):
        # the text itself is not shown: it may hold a password
        raise LedgerError("LANDBRIDGE_LEDGER_URL is no database URL", "Write dialect://user@host/database.") from None


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": WAIT}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _shared(connection: Any, _record: Any) -> None:
        _patiently(connection, PRAGMAS)

    return engine


def _patiently(connection: Any, statements: Sequence[str], wait: float = WAIT) -> None:
    """Run statements on a new SQLite connection, again while another process opens or closes the same file.

    SQLite's own timeout does not cover those moments: a change of the journal's mode and a journal that is being made,
    recovered or removed give SQLITE_BUSY at once (https://www.sqlite.org/wal.html, section 9).
    """
    deadline = time.monotonic() + wait
    while True:
        try:
            for statement in statements:
                connection.execute(statement).fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_AFTER)


def _version(connection: Connection) -> str | None:
    """The migration the database is at; None where there is no ledger yet."""
    try:
        with connection.begin_nested() if connection.in_transaction() else connection.begin():
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    except DatabaseError:  # no such table; a database that is down fails at connecting, before this
        return None


def _migrate(engine: Engine, shown: str) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.connect() as connection, _alone(connection):
        if _version(connection) != HEAD:  # another process may have migrated while this one waited
            _upgrade(connection, shown)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Hold back every other process that would migrate the same database."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY})
        yield
        connection.commit()
    elif name in ("mysql", "mariadb"):
        connection.execute(text("SELECT GET_LOCK('landbridge-ledger', :wait)"), {"wait": WAIT})
        try:
            yield
            connection.commit()
        finally:
            connection.execute(text("SELECT RELEASE_LOCK('landbridge-ledger')"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.commit()


def _upgrade(connection: Connection, shown: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(
            f"the ledger {shown} was written by a later version of Landbridge: {first_line(error)}",
            "Use that version, or name another ledger in LANDBRIDGE_LEDGER_URL.",
        ) from error
