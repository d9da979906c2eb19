"""Rows of a database table through SQLAlchemy: streamed, ordered, typed by the database's own metadata.

Only reflected identifiers reach a statement, quoted by the dialect. The whole read is one read-only transaction, so a
table that changes meanwhile is seen as it was at the beginning (SQLite, PostgreSQL, MariaDB with InnoDB).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import polars as pl
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoSuchTableError, SAWarning, SQLAlchemyError

from catalog.drivers import with_driver
from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Source
from catalog.secrets import resolve
from connectors.batch import Batch
from connectors.files import refuse_reserved
from connectors.sql_types import MYSQL, Carried, carried, declared

CONNECT_TIMEOUT = 10  # seconds
POSTGRESQL = {
    "default_transaction_read_only": "on", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601",
    "client_encoding": "UTF8",
}  # fmt: skip
UNFIT = (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def read(source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
    """All rows of the table in key order, in batches of `source.batch_rows`, columns as the table names them."""
    with _connected(source, dataset, folder) as connection:
        table = _table(connection, dataset)
        refuse_reserved(table.columns.keys(), source, dataset, "the table")
        columns = carried(connection, table)
        keys = [table.c[name] for name in _key_columns(dataset) if name in table.c]
        statement = select(*(column.asked for column in columns)).select_from(table).order_by(*keys)
        position = 1
        stream = connection.execution_options(stream_results=True, yield_per=source.batch_rows).execute(statement)
        for rows in stream.partitions():
            yield _batch(rows, columns, source, dataset, str(table.name), position)
            position += len(rows)
        if position == 1:
            yield _batch([], columns, source, dataset, str(table.name), position)


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """Columns of the table with the types its database declares."""
    with _connected(source, dataset, folder) as connection:
        return {column.name: declared(column, connection) for column in _table(connection, dataset).columns}


def _batch(
    rows: Sequence[Any], columns: list[Carried], source: Source, dataset: Dataset, place: str, position: int
) -> Batch:
    """Rows turned column by column: no type is guessed from values."""
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    told = []
    for column, held in zip(columns, values, strict=True):
        try:
            told.append(column.series(held))
        except UNFIT:
            raise SourceUnreadable(
                source.name, dataset.name, f"the column '{column.name}' holds a value that is no {column.dtype}",
                "Read it through a view that casts it to text.",
            ) from None  # fmt: skip
    numbered = pl.int_range(position, position + len(rows), dtype=pl.Int64, eager=True)
    frame = pl.DataFrame(told)
    return Batch(frame.with_columns(pl.lit(place, pl.String).alias("_location"), numbered.alias("_position")))


def _url(source: Source, folder: Path) -> URL:
    """The source's URL with the driver we ship, and a relative SQLite path below the project folder."""
    url = make_url(resolve(source.location, folder=folder))
    url = url.set(drivername=with_driver(url.drivername))
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        path = quote(str((folder / url.database).resolve()))
        # the uri form opens read-only: a misspelled path is an error and not a new, empty database
        return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    return url


@contextmanager
def _connected(source: Source, dataset: Dataset, folder: Path) -> Iterator[Connection]:
    """One read-only transaction; every fault of the database is one line without a password or a row's value."""
    try:
        url = _url(source, folder)
        engine = _engine(url)
    except ModuleNotFoundError as error:
        raise SourceUnreachable(
            source.name,
            dataset.name,
            f"the driver '{error.name}' is not installed here",
            "Install it beside Landbridge.",
        ) from None
    except (SQLAlchemyError, ValueError):  # what they say may quote the password
        raise SourceUnreachable(
            source.name, dataset.name, "the location is no database URL that is understood",
            "Write it as dialect://user:password@host/database, with signs such as @ : / in a password as %40 %3A %2F.",
        ) from None  # fmt: skip
    connection = None
    try:
        connection = _begun(engine)
        yield connection
    except NoSuchTableError:
        raise SourceUnreadable(
            source.name, dataset.name, f"there is no table '{dataset.physical_name}'",
            "Correct the contract's physicalName, or grant the right to read it.",
        ) from None  # fmt: skip
    except UnicodeDecodeError as error:
        raise SourceUnreadable(
            source.name, dataset.name, f"a text of it is not {error.encoding}", "Ask its owner to repair it."
        ) from None
    except SQLAlchemyError as error:
        raise _refusal(source, dataset, url, error, reached=connection is not None) from None
    finally:
        if connection is not None:
            if engine.dialect.name in MYSQL:
                _abandon(connection)
            connection.close()
        engine.dispose()


def _refusal(
    source: Source, dataset: Dataset, url: URL, error: SQLAlchemyError, *, reached: bool
) -> SourceUnreachable | SourceUnreadable:
    shown = url.set(query={}).render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        shown = f"sqlite:///{unquote((url.database or '').removeprefix('file:'))}"
    why = _first_line(getattr(error, "orig", None) or error)
    if url.password:
        why = why.replace(str(url.password), "***")
    if not reached or (isinstance(error, DBAPIError) and error.connection_invalidated):
        remedy = "Start it or correct `location`; the last good index keeps serving."
        return SourceUnreachable(source.name, dataset.name, f"{shown} does not answer: {why}", remedy)
    if why.startswith("Could not decode"):  # SQLite goes on to quote the value
        why = "a text of it is not UTF-8"
    elif isinstance(error, DataError | IntegrityError):  # these may quote a value
        why = type(error).__name__
    remedy = "Grant the right to read it, or ask its owner to repair it."
    return SourceUnreadable(
        source.name, dataset.name, f"{shown} does not give '{dataset.physical_name}': {why}", remedy
    )


def _begun(engine: Engine) -> Connection:
    """A connection whose transaction has begun, so that all statements see the same rows."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")  # Python's driver begins only before a write
    return connection


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT}
    if backend == "postgresql":
        arguments["options"] = " ".join(f"-c {name}={value}" for name, value in POSTGRESQL.items())
        return create_engine(url, connect_args=arguments, isolation_level="REPEATABLE READ")
    if backend in MYSQL:
        arguments["charset"] = "utf8mb4"
        engine = create_engine(url, connect_args=arguments, isolation_level="REPEATABLE READ")
        event.listen(engine, "connect", _read_only)
        return engine
    return create_engine(url)


def _read_only(connection: Any, _record: Any) -> None:
    """MySQL and MariaDB: no writes, and moments in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute("SET SESSION time_zone = '+00:00'")


def _abandon(connection: Connection) -> None:
    """Drop the connection of an abandoned read; pymysql would first fetch all the rows that nobody wants."""
    result = getattr(connection.connection.dbapi_connection, "_result", None)
    if result is not None:
        result.unbuffered_active = False
    connection.invalidate()


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


def _table(connection: Connection, dataset: Dataset) -> Table:
    """The reflected table or view; a name with a dot may carry its schema."""
    name, schema = dataset.physical_name, None
    if "." in name and not inspect(connection).has_table(name):
        schema, _, name = name.partition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # a type that SQLAlchemy does not know is carried as text
        return Table(name, MetaData(), autoload_with=connection, schema=schema, resolve_fks=False)


def _key_columns(dataset: Dataset) -> list[str]:
    """Physical columns that the rows are ordered by: those the key fields are read from."""
    names: list[str] = []
    for key in dataset.key:
        field = dataset.field(key)
        parts = [field.combine.date, field.combine.time] if field.combine else [field.name]
        names += [dataset.field(part).physical_name for part in parts]
    return names
