"""Read a SELECT of PostgreSQL by COPY: the server writes CSV, Polars parses it, in batches of bounded size."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from select import POLLIN, poll
from typing import Any

import polars as pl
import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from catalog.models import Source
from connectors.sql.ahead import framed
from connectors.sql.texts import PARSED_BY_THE_READER, typed
from connectors.sql.types import Carried, Oversized

FAILED, NOTHING_YET = -2, 0  # libpq: the copy broke, or the server has not sent the next row
AT_ONCE = 1  # libpq: do not wait
CANCELLED_WITHIN = 10.0  # seconds


def copied(
    connection: Connection, statement: Select[Any], columns: Sequence[Carried], source: Source
) -> Iterator[pl.DataFrame]:
    """Frames of at most `batch_rows` rows and about `batch_bytes` of text.

    Raises Misfit where a column holds a value outside of its type, Oversized where a row is larger than `cell_bytes`.
    The transaction and its snapshot go on after either.
    """
    told = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    select = str(told).replace("%%", "%")  # SQLAlchemy doubles them for a driver that is given parameters
    driver: Any = connection.connection.driver_connection
    point = connection.begin_nested()
    ended = False
    try:
        yield from _frames(driver, f"COPY ({select}) TO STDOUT (FORMAT csv)", columns, source)
        ended = True
    except psycopg.Error as error:
        broken = bool(driver.closed)
        raise DBAPIError.instance(  # as SQLAlchemy itself would raise it
            "COPY", None, error, psycopg.Error, connection_invalidated=broken, dialect=connection.dialect
        ) from None  # fmt: skip
    finally:
        if ended:
            point.commit()
        elif not driver.closed:
            with suppress(psycopg.Error, SQLAlchemyError):  # a connection that is lost meanwhile has told why already
                _stop(driver)
                point.rollback()


def _messages(driver: Any, command: str) -> Iterator[bytes]:
    """The rows as the server sends them, each in a message of its own."""
    pgconn = driver.pgconn
    begun = pgconn.exec_(command.encode())
    if begun.status != ExecStatus.COPY_OUT:
        raise psycopg.errors.error_from_result(begun)
    while True:
        size, message = pgconn.get_copy_data(AT_ONCE)
        if size > 0:
            yield message
        elif size == NOTHING_YET:
            _more(pgconn)
        else:
            break
    if size == FAILED:
        raise psycopg.OperationalError(pgconn.error_message.decode(errors="replace"))
    ended = _result(pgconn)
    failed = ended is not None and ended.status != ExecStatus.COMMAND_OK
    with suppress(psycopg.Error) if failed else nullcontext():  # a server that stops says so and is gone
        while _result(pgconn) is not None:
            pass
    if failed:
        raise psycopg.errors.error_from_result(ended)


def _more(pgconn: Any) -> None:
    """Wait for more from the server. When libpq itself waits, every other thread of the process stands still."""
    waiting = poll()
    waiting.register(pgconn.socket, POLLIN)
    waiting.poll()
    pgconn.consume_input()


def _result(pgconn: Any) -> Any:
    """The next result of the statement, None behind the last one."""
    while pgconn.is_busy():
        _more(pgconn)
    return pgconn.get_result()


def _stop(driver: Any) -> None:
    """End a COPY that is not wanted any more; what is on its way is let pass."""
    pgconn = driver.pgconn
    if pgconn.transaction_status != TransactionStatus.ACTIVE:
        return
    with suppress(psycopg.Error):
        driver.cancel_safe(timeout=CANCELLED_WITHIN)
    while (result := _result(pgconn)) is not None:
        while result.status == ExecStatus.COPY_OUT and (size := pgconn.get_copy_data(AT_ONCE)[0]) >= NOTHING_YET:
            if size == NOTHING_YET:
                _more(pgconn)


def _frames(driver: Any, command: str, columns: Sequence[Carried], source: Source) -> Iterator[pl.DataFrame]:
    yield from framed(_portions(driver, command, source), lambda text: _parsed(text, columns))


def _portions(driver: Any, command: str, source: Source) -> Iterator[io.BytesIO]:
    """One message of the server is one row; what lies between two frames is text and not yet values."""
    buffer, rows = io.BytesIO(), 0
    for message in _messages(driver, command):
        rows += 1
        buffer.write(message)
        if len(message) > source.cell_bytes:
            raise Oversized(len(message))
        if rows >= source.batch_rows or buffer.tell() >= source.batch_bytes:
            yield buffer
            buffer, rows = io.BytesIO(), 0
    if rows:
        yield buffer


def _parsed(buffer: io.BytesIO, columns: Sequence[Carried]) -> pl.DataFrame:
    names = [str(at) for at in range(len(columns))]  # a column may have any name, and Polars would not allow two of one
    kinds = [one.dtype if one.dtype in PARSED_BY_THE_READER else pl.String() for one in columns]
    buffer.seek(0)
    try:
        frame = pl.read_csv(buffer, has_header=False, schema=dict(zip(names, kinds, strict=True)))
    except pl.exceptions.PolarsError:  # a number beyond 64 bits: find out which column
        buffer.seek(0)
        frame = pl.read_csv(buffer, has_header=False, schema=dict.fromkeys(names, pl.String()))
    return typed(frame.rename(dict(zip(names, (one.name for one in columns), strict=True))), columns)
