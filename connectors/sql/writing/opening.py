"""Open a database for one write or one dry run: its own account, short limits, and no row left locked.

The readers' connection is read-only and patient; this one may write and gives up early. The zone of the session is left
as the server has it, because defaults and triggers of the table tell the time by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.sql.engines import database_url, refusal
from connectors.sql.writing.columns import MYSQL

CONNECT_TIMEOUT = 10  # seconds
LOCK_WAIT = 10  # seconds for a row that somebody else holds
STATEMENT_LIMIT = 60.0  # seconds; a change of a few rows that takes longer has gone wrong
SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
SQLITE_STEPS = 10_000  # instructions between two looks at the clock


@contextmanager
def opened(source: Source, dataset: Dataset, folder: Path, *, writing: bool) -> Iterator[Connection]:
    """A connection whose transaction has not begun; whatever is not committed at the end is undone.

    Without `writing` the database itself refuses to write (SQLite, PostgreSQL, MySQL, MariaDB). Raises
    SourceUnreachable; faults of statements are the caller's.
    """
    account = source.model_copy(update={"location": source.write_location or source.location})
    try:
        url = database_url(account, folder)
        engine = _engine(url, min(source.statement_timeout, STATEMENT_LIMIT), writing=writing)
    except ImportError as error:
        raise SourceUnreachable(
            source.name, dataset.name, f"the driver '{error.name}' is not installed here",
            "Install it beside Landbridge.",
        ) from None  # fmt: skip
    except (SQLAlchemyError, ValueError):  # what they say may quote the password
        where = "writeLocation" if source.write_location else "location"
        raise SourceUnreachable(
            source.name, dataset.name, f"the {where} is no database URL that is understood",
            "Write it as dialect://user:password@host/database, with signs such as @ : / in a password as %40 %3A %2F.",
        ) from None  # fmt: skip
    try:
        connection = engine.connect()
    except DBAPIError as error:
        engine.dispose()
        raise refusal(account, dataset, url, error, reached=False) from None
    try:
        yield connection
    finally:
        connection.close()
        engine.dispose()


def begin(connection: Connection, *, writing: bool) -> None:
    """Begin the transaction; in SQLite, which locks no rows, a writer takes the whole database at once."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _engine(url: URL, limit: float, *, writing: bool) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url, limit, writing=writing)
    if backend == "postgresql":
        return _postgresql(url, limit, writing=writing)
    if backend in MYSQL:
        return _mysql(url, limit, writing=writing)
    if backend == "firebird":
        from connectors.sql.dialects.firebird import DRIVER

        return create_engine(url.set(drivername=DRIVER), connect_args={"charset": "UTF8"}, poolclass=NullPool)
    return create_engine(url, poolclass=NullPool)


def _sqlite(url: URL, limit: float, *, writing: bool) -> Engine:
    if not (url.database or "").startswith("file:"):
        raise ValueError("a database in memory is nobody's source")
    mode = {"mode": "rw" if writing else "ro", "uri": "true"}  # rw makes no new database, as a misspelled path would
    engine = create_engine(url.set(query=mode), poolclass=NullPool, connect_args={"timeout": LOCK_WAIT})

    def prepared(connection: Any, _record: Any) -> None:
        end = monotonic() + limit
        connection.isolation_level = None  # the driver begins nothing by itself
        connection.execute("PRAGMA foreign_keys = ON")  # off by default, and then nothing keeps a row from its orphans
        connection.set_progress_handler(lambda: monotonic() > end, SQLITE_STEPS)

    event.listen(engine, "connect", prepared)
    return engine


def _postgresql(url: URL, limit: float, *, writing: bool) -> Engine:
    settings = {
        "default_transaction_read_only": "off" if writing else "on",
        "statement_timeout": f"{int(limit * 1000)}",
        "lock_timeout": f"{LOCK_WAIT * 1000}",
        "idle_in_transaction_session_timeout": f"{int(limit * 1000)}",
        "client_encoding": "UTF8",
        "datestyle": "ISO",
        "intervalstyle": "iso_8601",
        "extra_float_digits": "1",
    }
    arguments = {
        "connect_timeout": CONNECT_TIMEOUT,
        "tcp_user_timeout": int((limit + LOCK_WAIT) * 1000),
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    isolation: Any = "READ COMMITTED" if writing else "REPEATABLE READ"  # a locked row is seen as it is now
    return create_engine(url, poolclass=NullPool, connect_args=arguments, isolation_level=isolation)


def _mysql(url: URL, limit: float, *, writing: bool) -> Engine:
    patience = int(limit + 2 * LOCK_WAIT)
    arguments = {
        "connect_timeout": CONNECT_TIMEOUT, "read_timeout": patience, "write_timeout": patience, "charset": "utf8mb4",
    }  # fmt: skip
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments, isolation_level="REPEATABLE READ")

    def prepared(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = %s", (SQL_MODE,))  # without it a value is cut with a warning
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT}")
            cursor.execute(f"SET SESSION lock_wait_timeout = {LOCK_WAIT}")
            if "mariadb" in str(connection.get_server_info()).lower():
                cursor.execute(f"SET SESSION max_statement_time = {limit}")
            if not writing:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")

    event.listen(engine, "connect", prepared)
    return engine
