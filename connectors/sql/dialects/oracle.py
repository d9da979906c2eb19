"""Oracle: one read-only transaction sees all tables at one moment; a NUMBER is a decimal of up to 40 digits.

Written against Oracle's documentation and SQLAlchemy's compiler; no server was at hand. An empty text is NULL there, a
DATE carries a clock, a FLOAT is a decimal, and the driver drops a moment's zone: all of it is asked for accordingly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    case,
    cast,
    create_engine,
    event,
    extract,
    func,
    null,
    or_,
    type_coerce,
)
from sqlalchemy.dialects import oracle
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import Date, DateTime, Float, Integer, NullType, Numeric, String, Text, _Binary

from catalog.models import BlobPolicy, Source
from connectors.sql.dialects.base import CONNECT_TIMEOUT, Dialect
from connectors.sql.types import WIDEST_DECIMAL, Carried, fitting

SESSION = (
    "ALTER SESSION SET TIME_ZONE = 'UTC'",
    "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,'",
)
BINARY_FLOATS = (oracle.BINARY_DOUBLE, oracle.BINARY_FLOAT)
FIRST_MOMENT = datetime.min
DATE_TEXT, MOMENT_TEXT = "SYYYY-MM-DD HH24:MI:SS", "SYYYY-MM-DD HH24:MI:SS.FF9"
NUMBER_TEXT = "TM9"  # all digits, without an exponent
INTEGERS = 18  # digits that a 64-bit number holds, whatever they are
HASHED_AT_ONCE = 50  # hashes of 64 signs that fit into a VARCHAR2 of 4000 bytes
LOST = (28, 1012, 1033, 1034, 1089, 1090, 1092, 3113, 3114, 3135, 12170, 12514, 12541, 12547, 12570)
UNLOCKED = (54, 60, 1555, 8177)  # locked, deadlock, the moment is too old to be seen, cannot serialize


class Oracle(Dialect):
    """Oracle Database 12.2 and later, through python-oracledb without a client library."""

    name = "oracle"
    holds_snapshot = True

    def arguments(self, source: Source) -> dict[str, Any]:
        """A limit on connecting."""
        return {"tcp_connect_timeout": CONNECT_TIMEOUT}

    def engine(self, url: URL, source: Source) -> Engine:
        """Sessions in UTC with a point in numbers; a round trip that takes too long is ended."""
        engine = create_engine(url, connect_args=self.arguments(source))
        event.listen(engine, "connect", lambda connection, _record: prepare(connection, source))
        return engine

    def begin(self, connection: Connection, source: Source) -> None:
        """Every query of the transaction sees what was committed before this statement, and none can write."""
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    def lost(self, error: DBAPIError) -> bool:
        """The session was ended or the network broke."""
        return error.connection_invalidated or _code(error) in LOST

    def unlocked(self, error: DBAPIError) -> bool:
        """A conflict with another session, or its undo was overwritten while we read."""
        return _code(error) in UNLOCKED

    def dtype(self, kind: Any) -> pl.DataType | None:
        """A FLOAT is a decimal with binary digits, which no float holds; a moment with a zone is asked for in UTC."""
        if isinstance(kind, BINARY_FLOATS):
            return pl.Float64()
        if isinstance(kind, Float):
            return None
        if isinstance(kind, Integer) and not isinstance(kind, Numeric):  # to Oracle a NUMBER(*, 0)
            return pl.Decimal(WIDEST_DECIMAL, 0)
        if isinstance(kind, Numeric) and kind.scale == 0 and 0 < (kind.precision or 0) <= INTEGERS:
            return pl.Int64()
        return pl.Datetime("us", "UTC") if _zoned(kind) else fitting(kind)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """By TO_CHAR, without losing a digit, a fraction or a zone."""
        kind = column.type
        if isinstance(kind, oracle.TIMESTAMP):
            return func.to_char(column, MOMENT_TEXT + (" TZR" if _zoned(kind) else ""))
        if isinstance(kind, Date | DateTime):
            return func.to_char(column, DATE_TEXT)
        if isinstance(kind, Integer | Numeric | Float) and not isinstance(kind, BINARY_FLOATS):
            return func.to_char(column, NUMBER_TEXT)
        if isinstance(kind, oracle.JSON):
            return type_coerce(func.json_serialize(column), NullType())
        if isinstance(kind, _Binary):
            return func.rawtohex(column)
        return func.to_char(column)

    def governed(self, column: Any, text: Collection[str], blobs: Mapping[str, BlobPolicy]) -> Carried:
        """NULL is cast to a text, not to a large object."""
        if blobs.get(column.name) == "skip":
            return Carried(str(column.name), cast(null(), String(1)), pl.String())
        return super().governed(column, text, blobs)

    def column(self, column: Any) -> Carried:
        """Moments of a zone in UTC; a 32-bit float as the shortest decimal that means it."""
        name, kind, raw = str(column.name), column.type, type_coerce(column, NullType())
        if _zoned(kind):
            return Carried(name, type_coerce(func.sys_extract_utc(column), NullType()), pl.Datetime("us", "UTC"))
        dtype = self.dtype(kind)
        if dtype is not None:
            return Carried(name, raw, dtype, single=isinstance(kind, oracle.BINARY_FLOAT))
        return Carried(name, raw if isinstance(kind, String) else self.as_text(column), pl.String())

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Moments before our era, and fractions finer than a microsecond."""
        kind = column.type
        if isinstance(kind, oracle.TIMESTAMP):
            told = func.sys_extract_utc(column) if _zoned(kind) else column
            micros = extract("second", told) * 1_000_000
            return or_(told < FIRST_MOMENT, micros != func.trunc(micros))
        return column < FIRST_MOMENT if isinstance(kind, Date | DateTime) else None

    def row_hash(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any] | None:
        """SHA-256 over the hashes of the values; none where there is a large object, which STANDARD_HASH refuses."""
        if any(isinstance(one.type, Text | oracle.BLOB | oracle.BFILE | oracle.LONG) for one in columns):
            return None
        told: list[ColumnElement[Any]] = [
            case((one.is_(None), "-"), else_=_hash(self._hashable(one))) for one in columns
        ]
        while len(told) > 1:
            parts = [told[at : at + HASHED_AT_ONCE] for at in range(0, len(told), HASHED_AT_ONCE)]
            told = [_hash(_joined(part)) for part in parts]
        return func.lower(told[0])

    def _hashable(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column if isinstance(column.type, String | _Binary) else self.as_text(column)


def prepare(connection: Any, source: Source) -> None:
    """Set up a new connection of the driver."""
    connection.call_timeout = int(source.statement_timeout * 1000)  # milliseconds
    with connection.cursor() as cursor:
        for statement in SESSION:
            cursor.execute(statement)


def _hash(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.rawtohex(func.standard_hash(value, "SHA256"))


def _joined(values: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    told: ColumnElement[Any] = type_coerce(values[0], String())
    for one in values[1:]:
        told = told + type_coerce(one, String())
    return told


def _zoned(kind: Any) -> bool:
    return isinstance(kind, oracle.TIMESTAMP) and bool(kind.timezone or kind.local_timezone)


def _code(error: DBAPIError) -> int:
    told = getattr(error.orig, "args", ())
    return int(getattr(told[0], "code", 0) or 0) if told else 0
