"""SQL Server: a SNAPSHOT transaction where the database allows it, and text that never depends on a session's language.

Written against Microsoft's documentation and SQLAlchemy's compiler; no server was at hand. There is no read-only
transaction: what keeps us from writing is a login that may only read, and ApplicationIntent=ReadOnly.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    func,
    literal_column,
    type_coerce,
)  # fmt: skip
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import DateTime, Float, LargeBinary, NullType, String, Time, _Binary

from catalog.models import Source
from connectors.sql.dialects.base import CONNECT_TIMEOUT, Dialect
from connectors.sql.types import Carried, fitting

LOCK_TIMEOUT = 10  # seconds
ALLOWED = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
MONEY = {mssql.MONEY: (19, 4), mssql.SMALLMONEY: (10, 4)}
FINER = "nanosecond"
LOST = (20003, 20004, 20006, 20009, 20047, 233, 10053, 10054, 10060, 10061)
UNLOCKED = (1205, 1222, 3960, 3961)  # deadlock, lock timeout, snapshot conflicts
TEXT = mssql.NVARCHAR(None)
BYTES: Any = mssql.VARBINARY(None)  # type: ignore[no-untyped-call]  # SQLAlchemy's own
DOUBLE: Any = mssql.DOUBLE_PRECISION()  # type: ignore[no-untyped-call]
FINEST: Any = mssql.DATETIME2(7)  # type: ignore[no-untyped-call]


class SQLServer(Dialect):
    """SQL Server 2016 and later, by default through pymssql, whose wheel needs nothing of the system."""

    name = "mssql"

    def engine(self, url: URL, source: Source) -> Engine:
        """The isolation is set before the transaction begins: SQL Server refuses to change to SNAPSHOT inside one."""
        engine = create_engine(url, connect_args=_arguments(url.get_driver_name(), source))
        event.listen(engine, "connect", lambda connection, record: prepare(connection, record.info, source))
        return engine

    def holds(self, connection: Connection) -> bool:
        """Only under SNAPSHOT; READ COMMITTED tells each row as it is when it is reached."""
        return bool(connection.info.get("snapshot"))

    def lost(self, error: DBAPIError) -> bool:
        """The session was ended or the network broke."""
        return error.connection_invalidated or _number(error) in LOST

    def unlocked(self, error: DBAPIError) -> bool:
        """A conflict with another session."""
        return _number(error) in UNLOCKED

    def dtype(self, kind: Any) -> pl.DataType | None:
        """Money is a decimal, and a moment with an offset is asked for in UTC."""
        for money, (precision, scale) in MONEY.items():
            if isinstance(kind, money):
                return pl.Decimal(precision, scale)
        return pl.Datetime("us", "UTC") if isinstance(kind, mssql.DATETIMEOFFSET) else fitting(kind)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """In styles that lose nothing and depend on no language: 121 for moments, 3 for floats, 2 for bytes, money."""
        kind = column.type
        if isinstance(kind, tuple(MONEY)):
            return _styled(column, 2)
        if isinstance(kind, DateTime | Time | mssql.DATETIMEOFFSET):
            return _styled(column, 121)
        if isinstance(kind, Float):
            return _styled(cast(column, DOUBLE), 3)
        if isinstance(kind, LargeBinary | _Binary):
            return _styled(cast(column, BYTES), 2)
        return cast(column, TEXT)

    def sha256(self, column: ColumnElement[Any]) -> ColumnElement[Any] | None:
        """`HASHBYTES`."""
        return _hash(cast(column, BYTES))

    def row_hash(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any] | None:
        """SHA-256 over each value's text with its length before it; none where a sql_variant may hide digits."""
        if any(isinstance(one.type, mssql.SQL_VARIANT) for one in columns):
            return None
        whole: ColumnElement[Any] = cast("", TEXT)
        for one in columns:
            told = self.as_text(one)
            whole = whole + case(
                (type_coerce(one, NullType()).is_(None), "-"),
                else_=cast(func.datalength(told), TEXT) + ":" + type_coerce(told, TEXT),
            )
        return _hash(whole)

    def column(self, column: Any) -> Carried:
        """Values come untouched by SQLAlchemy's own conversions."""
        name, kind, raw = str(column.name), column.type, type_coerce(column, NullType())
        dtype = self.dtype(kind)
        if isinstance(kind, mssql.DATETIMEOFFSET):
            moment = cast(func.switchoffset(column, "+00:00"), FINEST)
            return Carried(name, type_coerce(moment, NullType()), pl.Datetime("us", "UTC"))
        if isinstance(kind, tuple(MONEY)):
            precision, scale = next(one for money, one in MONEY.items() if isinstance(kind, money))
            return Carried(name, cast(column, mssql.DECIMAL(precision, scale)), pl.Decimal(precision, scale))
        if dtype is not None:
            return Carried(name, raw, dtype, single=isinstance(kind, mssql.REAL))
        plain = isinstance(kind, String) and not isinstance(kind, mssql.XML)
        return Carried(name, raw if plain else self.as_text(column), pl.String())

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Fractions finer than a microsecond."""
        if not isinstance(column.type, mssql.DATETIME2 | mssql.DATETIMEOFFSET | mssql.TIME):
            return None
        nanoseconds: ColumnElement[Any] = func.datepart(literal_column(FINER), column)
        return nanoseconds % 1000 != 0


def prepare(connection: Any, info: dict[Any, Any], source: Source) -> None:
    """Set up a new connection of the driver; `info` remembers whether its transactions show one moment."""
    if hasattr(connection, "timeout"):  # pyodbc's limit on a statement, in seconds
        connection.timeout = _seconds(source)
    cursor = connection.cursor()
    cursor.execute(ALLOWED)
    info["snapshot"] = cursor.fetchone()[0] == 1
    cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {'SNAPSHOT' if info['snapshot'] else 'READ COMMITTED'}")
    cursor.execute(f"SET LOCK_TIMEOUT {LOCK_TIMEOUT * 1000}")
    cursor.execute("SET TEXTSIZE 2147483647")  # a driver's own default may cut long values
    cursor.close()
    connection.commit()


def _seconds(source: Source) -> int:
    return max(1, int(source.statement_timeout))


def _arguments(driver: str, source: Source) -> dict[str, Any]:
    """The same limits in the words of each driver."""
    if driver == "pymssql":
        return {"login_timeout": CONNECT_TIMEOUT, "timeout": _seconds(source), "read_only": True, "charset": "UTF-8",
                "appname": f"landbridge:{source.name}"}  # fmt: skip
    return {"timeout": CONNECT_TIMEOUT, "ApplicationIntent": "ReadOnly"}


def _styled(column: ColumnElement[Any], style: int) -> ColumnElement[Any]:
    return func.convert(literal_column("NVARCHAR(max)"), column, literal_column(str(style)), type_=TEXT)


def _hash(value: ColumnElement[Any]) -> ColumnElement[Any]:
    hashed = func.hashbytes(literal_column("'SHA2_256'"), value)
    return func.lower(func.convert(literal_column("VARCHAR(64)"), hashed, literal_column("2")))


def _number(error: DBAPIError) -> int:
    """The server's number of an error: pymssql's first argument, or what ODBC's text has in its last parentheses."""
    told: tuple[Any, ...] = getattr(error.orig, "args", ())
    if told and isinstance(told[0], int):
        return told[0]
    words = str(told[1]).rpartition(" (")[0].rpartition("(")[2].rstrip(")") if len(told) > 1 else ""
    return int(words) if words.isdigit() else 0
