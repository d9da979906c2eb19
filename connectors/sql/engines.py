"""Connect to a database as a polite reader: read-only, in one transaction, with limits, every fault one clear line.

Within a run the transaction of a source is kept for its next table, so that all of them are seen at one moment, where
the database offers that and nobody has to wait for us.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import Connection, literal_column, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoSuchTableError, SQLAlchemyError

from catalog.drivers import with_driver
from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Source
from catalog.secrets import resolve
from connectors.sql.dialects import Dialect, dialect_of

IDLE = 15.0  # seconds that a snapshot is kept for the next table of the run
_RUN: ContextVar[str] = ContextVar("run", default="")


class Interrupted(SourceUnreachable):
    """The connection was lost, or somebody else was in the way: trying again makes sense."""


@dataclass
class _Held:
    """A connection in its transaction, waiting for the next table of its run."""

    connection: Connection
    timer: threading.Timer


_HELD: dict[tuple[str, str], _Held] = {}
_ANSWERED: set[tuple[str, str]] = set()  # runs, and the databases that answered them
_LOCK = threading.Lock()


@contextmanager
def within_run(run: str) -> Iterator[None]:
    """Tables read inside, and in other such blocks of the same run, are seen as they were at one moment."""
    token = _RUN.set(run)
    try:
        yield
    finally:
        _RUN.reset(token)


def release(run: str = "") -> None:
    """Let go of the snapshots that are kept for a run, or for any."""
    with _LOCK:
        told = [_HELD.pop(key) for key in list(_HELD) if not run or key[0] == run]
        _ANSWERED.difference_update([key for key in _ANSWERED if not run or key[0] == run])
    for held in told:
        held.timer.cancel()
        _leave(held.connection)


def answered(url: URL) -> bool:
    """Whether the database answered this run before, so that it may be on its way back where it does not now."""
    return (_RUN.get(), url.render_as_string(hide_password=False)) in _ANSWERED


def database_url(source: Source, folder: Path) -> URL:
    """The source's URL with the driver we ship, and a relative place below the project folder."""
    url = make_url(resolve(source.location, folder=folder))
    url = url.set(drivername=with_driver(url.drivername))
    return dialect_of(url.get_backend_name()).located(url, folder=folder)


def dialect_at(connection: Connection) -> Dialect:
    """What is known of the database behind a connection."""
    return dialect_of(connection.engine.url.get_backend_name())


@contextmanager
def connected(source: Source, dataset: Dataset, folder: Path, *, fresh: bool = False) -> Iterator[Connection]:
    """One read-only transaction; every fault of the database is one line without a password or a row's value.

    `fresh` begins a new one, also where the run keeps an older moment. Raises Interrupted where trying again makes
    sense, else SourceUnreachable or SourceUnreadable.
    """
    url, dialect = _known(source, dataset, folder)
    key = (_RUN.get(), url.render_as_string(hide_password=False))
    shared = bool(key[0]) and source.snapshot == "run" and not fresh
    connection = _taken(key) if shared else None
    whole = False
    try:
        if connection is None:
            connection = _opened(url, dialect, source)
            if key[0]:
                _ANSWERED.add(key)
        yield connection
        whole = True
    except NoSuchTableError:
        raise SourceUnreadable(
            source.name, dataset.name, f"there is no table '{dataset.physical_name}'",
            "Correct the contract's physicalName, or grant the right to read it.",
        ) from None  # fmt: skip
    except UnicodeDecodeError as error:
        raise SourceUnreadable(
            source.name, dataset.name, f"a text of it is not {error.encoding}", "Ask its owner to repair it."
        ) from None
    except ImportError as error:  # also a driver whose own library is missing
        raise SourceUnreachable(
            source.name, dataset.name, f"the driver '{error.name or dialect.name}' is not installed here",
            "Install it beside Landbridge.",
        ) from None  # fmt: skip
    except SQLAlchemyError as error:
        raise refusal(source, dataset, url, error, reached=connection is not None) from None
    finally:
        if connection is not None:
            if whole and shared and dialect.holds(connection):
                _keep(key, connection)
            else:
                _leave(connection)


def _known(source: Source, dataset: Dataset, folder: Path) -> tuple[URL, Dialect]:
    try:
        url = database_url(source, folder)
        return url, dialect_of(url.get_backend_name())
    except (SQLAlchemyError, ValueError):  # what they say may quote the password
        raise _no_url(source, dataset) from None


def _no_url(source: Source, dataset: Dataset) -> SourceUnreachable:
    return SourceUnreachable(
        source.name, dataset.name, "the location is no database URL that is understood",
        "Write it as dialect://user:password@host/database, with signs such as @ : / in a password as %40 %3A %2F.",
    )  # fmt: skip


def _opened(url: URL, dialect: Dialect, source: Source) -> Connection:
    """A new connection whose transaction has begun."""
    engine = dialect.engine(url, source)
    try:
        connection = engine.connect()
    except BaseException:
        engine.dispose()
        raise
    try:
        dialect.begin(connection, source)
    except BaseException:
        _leave(connection)
        raise
    return connection


@contextmanager
def joined(connection: Connection, dialect: Dialect, source: Source, token: str) -> Iterator[Connection]:
    """A further connection that sees what the one sees whose snapshot the token names."""
    another = _opened(connection.engine.url, dialect, source)
    try:
        dialect.join_snapshot(another, token)
        yield another
    finally:
        _leave(another)


def _leave(connection: Connection) -> None:
    """Let go of a connection, whatever state it is in: nothing was written, so nothing can be lost."""
    with suppress(SQLAlchemyError, OSError):
        dialect_at(connection).leave(connection)
    with suppress(SQLAlchemyError, OSError):
        connection.close()
    connection.engine.dispose()


def _keep(key: tuple[str, str], connection: Connection) -> None:
    def forget() -> None:
        with _LOCK:
            held = _HELD.pop(key, None)
        if held is not None:
            _leave(held.connection)

    timer = threading.Timer(IDLE, forget)
    timer.daemon = True
    with _LOCK:
        before = _HELD.pop(key, None)
        _HELD[key] = _Held(connection, timer)
    timer.start()
    if before is not None:
        before.timer.cancel()
        _leave(before.connection)


def _taken(key: tuple[str, str]) -> Connection | None:
    """The connection that is kept for the run, for this reader alone; None where there is none that still answers."""
    with _LOCK:
        held = _HELD.pop(key, None)
    if held is None:
        return None
    held.timer.cancel()
    try:
        held.connection.execute(select(literal_column("1"))).all()
    except SQLAlchemyError:
        _leave(held.connection)
        return None
    return held.connection


def refusal(
    source: Source, dataset: Dataset, url: URL, error: SQLAlchemyError, *, reached: bool
) -> SourceUnreachable | SourceUnreadable:
    """What an error of the database means, in one line."""
    dialect = dialect_of(url.get_backend_name())
    shown = url.set(query={}).render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        shown = f"sqlite:///{unquote((url.database or '').removeprefix('file:'))}"
    why = _first_line(getattr(error, "orig", None) or error)
    if url.password:
        why = why.replace(str(url.password), "***")
    if isinstance(error, DBAPIError) and dialect.unlocked(error):
        remedy = "Another session is in the way; try again, or read it at a quieter hour."
        return Interrupted(source.name, dataset.name, f"{shown} does not give '{dataset.physical_name}': {why}", remedy)
    if not reached or (isinstance(error, DBAPIError) and dialect.lost(error)):
        remedy = "Start it or correct `location`; the last good index keeps serving."
        told = Interrupted if reached or answered(url) else SourceUnreachable
        return told(source.name, dataset.name, f"{shown} does not answer: {why}", remedy)
    if why.startswith("Could not decode"):  # SQLite goes on to quote the value
        why = "a text of it is not UTF-8"
    elif isinstance(error, DataError | IntegrityError):  # these may quote a value
        why = type(error).__name__
    remedy = "Grant the right to read it, or ask its owner to repair it."
    if isinstance(error, DBAPIError) and dialect.overran(error):
        remedy = "Raise the source's statementTimeout, or read it at a quieter hour or through a view of fewer rows."
    return SourceUnreadable(
        source.name, dataset.name, f"{shown} does not give '{dataset.physical_name}': {why}", remedy
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
