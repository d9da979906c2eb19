"""MariaDB and MySQL: rows are read column-wise from the text protocol, inside the same transaction as everything else.

The text protocol carries what the server writes: zero dates, clocks beyond 24 hours, decimals of 65 digits. connectorx
is faster, on a connection of its own, which cannot see the run's snapshot: it reads where each table may be seen at its
own moment (docs/decisions/0006).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl
import pymysql
from sqlalchemy import (
    CHAR,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    String,
    Table,
    and_,
    cast,
    create_engine,
    event,
    func,
    literal_column,
    or_,
    text,
    type_coerce,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import Date, DateTime, Enum, LargeBinary, NullType, Time, _Binary

from catalog.models import BlobPolicy, Source
from connectors.sql.dialects.base import CONNECT_TIMEOUT, Dialect, Way
from connectors.sql.packets import fits, received
from connectors.sql.rusted import reaches, streamed
from connectors.sql.types import Carried, fitting

GEOMETRY = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
)  # fmt: skip
LOST = (1053, 1077, 1079, 1927, 2006, 2013, 2055)  # the server is stopping, a killed or broken connection
UNLOCKED = (1205, 1213, 1412)  # lock wait timeout, deadlock, a table altered since the snapshot began
OVERRAN = (1969, 3024)  # MariaDB's and MySQL's limit on the time of a statement


class MySQL(Dialect):
    """MySQL 8 and, by its subclass, MariaDB 10.3 and later."""

    name = "mysql"
    isolation = "REPEATABLE READ"
    holds_snapshot = True

    def arguments(self, source: Source) -> dict[str, Any]:
        """The full character set, and a limit on connecting: also where somebody answers and says nothing."""
        return {"connect_timeout": CONNECT_TIMEOUT, "read_timeout": CONNECT_TIMEOUT, "charset": "utf8mb4"}

    def engine(self, url: URL, source: Source) -> Engine:
        """No writes, moments in UTC, and an end to statements that take too long."""
        engine = create_engine(url, connect_args=self.arguments(source), isolation_level=self.isolation)

        def prepare(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
                cursor.execute("SET SESSION time_zone = '+00:00'")
                cursor.execute("SELECT version()")
                if "mariadb" in str(cursor.fetchone()[0]).lower():
                    cursor.execute(f"SET SESSION max_statement_time = {source.statement_timeout}")
                else:
                    cursor.execute(f"SET SESSION max_execution_time = {int(source.statement_timeout * 1000)}")
            if isinstance(connection, pymysql.connections.Connection):  # longer than the server takes to give up
                connection._read_timeout = source.statement_timeout + CONNECT_TIMEOUT

        event.listen(engine, "connect", prepare)
        return engine

    def begin(self, connection: Connection, source: Source) -> None:
        """The snapshot begins now, not at the first table that is read."""
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def leave(self, connection: Connection) -> None:
        """Drop the connection; pymysql would first fetch all the rows that nobody wants."""
        result = getattr(connection.connection.dbapi_connection, "_result", None)
        if result is not None:
            result.unbuffered_active = False
        connection.invalidate()

    def lost(self, error: DBAPIError) -> bool:
        """The server is stopping, or the connection broke."""
        return error.connection_invalidated or _number(error) in LOST

    def unlocked(self, error: DBAPIError) -> bool:
        """A conflict with another session."""
        return _number(error) in UNLOCKED

    def overran(self, error: DBAPIError) -> bool:
        """`max_statement_time`, or MySQL's `max_execution_time`."""
        return _number(error) in OVERRAN

    def dtype(self, kind: Any) -> pl.DataType | None:
        """A TIMESTAMP is a moment in the session's zone, which is UTC."""
        return pl.Datetime("us", "UTC") if isinstance(kind, mysql.TIMESTAMP) else fitting(kind)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value as the server writes it; a moment says that it is UTC."""
        told = cast(column, CHAR)
        return func.concat(told, "+00:00") if isinstance(column.type, mysql.TIMESTAMP) else told

    def sha256(self, column: ColumnElement[Any]) -> ColumnElement[Any] | None:
        """`SHA2`."""
        return func.sha2(column, 256)

    def row_hash(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any] | None:
        """MD5 over each value with its length before it, so that no two rows read alike."""
        raw = (LargeBinary, _Binary, NullType)  # not cast: bytes that are no text, points and areas
        told = [func.hex(one) if isinstance(one.type, raw) else cast(one, CHAR) for one in columns]
        return func.md5(func.concat(*(func.ifnull(func.concat(func.char_length(one), ":", one), "-") for one in told)))

    def carried(
        self, connection: Connection, relation: FromClause, *, text: Collection[str], blobs: Mapping[str, BlobPolicy]
    ) -> list[Carried]:
        """Points and areas by ST_AsText: the server does not cast them."""
        shapes = _geometries(connection, relation)
        told = super().carried(connection, relation, text=text, blobs=blobs)
        return [
            Carried(one.name, func.st_astext(column), pl.String())
            if one.name in shapes and blobs.get(one.name) != "skip"
            else one
            for one, column in zip(told, relation.columns, strict=True)
        ]

    def column(self, column: Any) -> Carried:
        """Values come untouched by SQLAlchemy's own conversions; a FLOAT as the double that it is."""
        name, kind, raw = str(column.name), column.type, type_coerce(column, NullType())
        if isinstance(kind, mysql.BIT):
            return Carried(name, cast(column, mysql.INTEGER(unsigned=True)), pl.UInt64())
        if isinstance(kind, mysql.FLOAT):
            return Carried(name, raw + literal_column("0e0"), pl.Float64(), single=True)
        dtype = self.dtype(kind)
        if dtype is not None:
            return Carried(name, raw, dtype)
        plain = isinstance(kind, String) and not isinstance(kind, Enum | mysql.ENUM | mysql.SET)
        return Carried(name, raw if plain else self.as_text(column), pl.String())

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Zero dates and long clocks, which pymysql gives as text or as spans."""
        kind = column.type
        if isinstance(kind, Date | DateTime):
            parts = (func.year(column), func.month(column), func.day(column))
            beyond = func.day(column) > func.day(func.last_day(column))  # the 30th of February
            odd = or_(*(part == 0 for part in parts), beyond, func.last_day(column).is_(None))
            return and_(column.is_not(None), odd)
        seconds = func.time_to_sec(column)
        return or_(seconds < 0, seconds >= timedelta(days=1).total_seconds()) if isinstance(kind, Time) else None

    def paths(self, connection: Connection, source: Source) -> list[Way]:
        """The rows as they are received, where pymysql is the driver."""
        ways = []
        if source.snapshot == "table" and reaches(connection):
            ways.append(Way("connectorx", "numbers, text and moments, which it carries; the rest as text", streamed))
        if fits(connection):
            ways.append(Way("packets", "the server's own text of every value, in our transaction", received))
        return ways


class MariaDB(MySQL):
    """MariaDB, where the URL says so; `mysql://` reaches it too."""

    name = "mariadb"


def _number(error: DBAPIError) -> int:
    told = getattr(error.orig, "args", ())
    return told[0] if told and isinstance(told[0], int) else 0


def _geometries(connection: Connection, relation: FromClause) -> set[str]:
    """Columns of points and areas."""
    unknown = [column.name for column in relation.columns if isinstance(column.type, NullType)]
    if not unknown or not isinstance(relation, Table):
        return set()
    query = text(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = :name AND table_schema = coalesce(:schema, database())"
    )
    types = connection.execute(query, {"name": str(relation.name), "schema": relation.schema})
    return {name for name, kind in types if name in unknown and str(kind).lower() in GEOMETRY}
