"""What differs between databases, as one class with the cautious answer for one that nobody has tried here.

A module beside this one overrides what its database does better. The table of reading paths is `paths` below: which
way rows may take, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import polars as pl
from sqlalchemy import (
    Connection,
    Engine,
    FromClause,
    Select,
    Text,
    case,
    cast,
    create_engine,
    func,
    literal,
    literal_column,
    null,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import Enum, LargeBinary, String, _Binary

from catalog.models import BlobPolicy, Source
from connectors.sql.types import Carried, Hashed, fitting

CONNECT_TIMEOUT = 10  # seconds


class Way(NamedTuple):
    """A way that rows may take: its name for the record, why it may be trusted, and the reader."""

    name: str
    why: str
    stream: Callable[[Connection, Select[Any], Sequence[Carried], Source], Iterator[pl.DataFrame]]


class Dialect:
    """The cautious answers. `name` is SQLAlchemy's name of the dialect."""

    name: ClassVar[str] = ""
    isolation: ClassVar[str | None] = None  # of the reading transaction, where the dialect has a word for it
    holds_snapshot: ClassVar[bool] = False  # one transaction sees all tables as they were at its beginning
    shares_snapshot: ClassVar[bool] = False  # further connections can join that moment

    def located(self, url: URL, *, folder: Path) -> URL:
        """The URL as it is connected to; relative places are below the project folder."""
        return url

    def arguments(self, source: Source) -> dict[str, Any]:
        """Arguments of the driver's connect: time limits, character set, read-only where it can be asked there."""
        return {}

    def engine(self, url: URL, source: Source) -> Engine:
        """An engine whose connections are read-only and limited."""
        options: dict[str, Any] = {"isolation_level": self.isolation} if self.isolation else {}
        return create_engine(url, connect_args=self.arguments(source), **options)

    def begin(self, connection: Connection, source: Source) -> None:
        """Begin the reading transaction: read-only, in UTC, with the statement timeout."""

    def holds(self, connection: Connection) -> bool:
        """Whether the transaction that has begun sees all tables at one moment without being in anybody's way."""
        return self.holds_snapshot

    def leave(self, connection: Connection) -> None:
        """Let go of a connection that may be in the middle of a result."""
        connection.invalidate()

    def lost(self, error: DBAPIError) -> bool:
        """Whether an error says that the connection is gone, so that trying again makes sense."""
        return error.connection_invalidated

    def unlocked(self, error: DBAPIError) -> bool:
        """Whether an error says that another session was in the way and the statement may be tried again."""
        return False

    def overran(self, error: DBAPIError) -> bool:
        """Whether an error says that a statement was ended because it took too long."""
        return False

    def dtype(self, kind: Any) -> pl.DataType | None:
        """The Polars type that holds all ordinary values of a declared type exactly; None where text does."""
        return fitting(kind)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value as its database writes it."""
        return cast(column, Text)

    def sha256(self, column: ColumnElement[Any]) -> ColumnElement[Any] | None:
        """The SHA-256 of a binary value as lower-case hexadecimal text; None where the database cannot."""
        return None

    def literal(self, column: Any, value: Any) -> ColumnElement[Any]:
        """A value of a key as the column compares it, so that an index on the column can serve."""
        if value is None:
            return null()
        if isinstance(value, bool):
            return literal_column("TRUE" if value else "FALSE")
        if isinstance(value, bytes):
            return literal_column(f"X'{value.hex()}'")
        if isinstance(value, int | float | Decimal):
            return literal_column(format(value, "f") if isinstance(value, Decimal) else repr(value))
        if isinstance(value, datetime):
            value = value.replace(tzinfo=None)  # sessions are in UTC
        return literal(value if isinstance(value, str) else str(value), String())

    def row_hash(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any] | None:
        """A hash over the columns that differs when any value does, NULL and empty apart; None where there is none."""
        return None

    def carried(
        self, connection: Connection, relation: FromClause, *, text: Collection[str], blobs: Mapping[str, BlobPolicy]
    ) -> list[Carried]:
        """Every column of the relation, in its order. `text` names columns that hold values outside of their type."""
        return [self.governed(column, text, blobs) for column in relation.columns]

    def governed(self, column: Any, text: Collection[str], blobs: Mapping[str, BlobPolicy]) -> Carried:
        """A column under its blob policy."""
        name, policy = str(column.name), blobs.get(str(column.name), "extract")
        if policy == "skip":
            return Carried(name, cast(null(), Text).label(name), pl.String())
        if policy == "hash" and isinstance(column.type, LargeBinary | _Binary):
            hashed = self.sha256(column)
            if hashed is not None:
                return Carried(name, hashed, pl.String())
            told = self.column(column)
            return Hashed(name, told.asked, pl.String(), driver_only=True) if told.dtype == pl.Binary() else told
        if name in text:
            return Carried(name, self.as_text(column), pl.String())
        return self.column(column)

    def column(self, column: Any) -> Carried:
        """One column by its declared type."""
        dtype = self.dtype(column.type)
        if dtype is not None:
            return Carried(str(column.name), column, dtype)
        plain = isinstance(column.type, String) and not isinstance(column.type, Enum)
        return Carried(str(column.name), column if plain else self.as_text(column), pl.String())

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Where a value lies outside of the column's Polars type and the plain driver would bend it; None: nowhere."""
        return None

    def doubts(self, connection: Connection, relation: FromClause, columns: Sequence[Carried]) -> set[str]:
        """Columns that hold a value `beyond` their type: one query over the whole table, before the plain way."""
        doubted = {
            one.name: beyond
            for one in columns
            if one.name in relation.columns
            and one.dtype != pl.String()
            and (beyond := self.beyond(relation.columns[one.name])) is not None
        }
        if not doubted:
            return set()
        asked = [
            func.max(case((beyond, literal_column("1")), else_=literal_column("0"))) for beyond in doubted.values()
        ]
        found = connection.execute(select(*asked).select_from(relation)).one()
        return {name for name, odd in zip(doubted, found, strict=True) if odd}

    def guard(self, connection: Connection, relation: FromClause, columns: Sequence[Carried], source: Source) -> None:
        """Raise Oversized where a value above the source's `cell_bytes` can be known before it is sent."""

    def paths(self, connection: Connection, source: Source) -> list[Way]:
        """The fast ways, best first; the plain one through SQLAlchemy is always the last resort."""
        return []

    def export_snapshot(self, connection: Connection) -> str:
        """A token by which another connection joins this transaction's view."""
        raise NotImplementedError

    def join_snapshot(self, connection: Connection, token: str) -> None:
        """Make a transaction that has just begun see what the token's sees."""
        raise NotImplementedError
