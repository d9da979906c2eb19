"""PostgreSQL: rows leave by COPY as the text the server itself writes, inside the same transaction as everything else.

COPY carries every type (the server's own output functions), where ADBC and connectorx round a numeric at ten decimals,
read an interval's month as thirty days or end in a Rust panic at an infinite date; and it shares our snapshot, which
they cannot. It is as fast as the better of the two (docs/benchmarks.md, docs/decisions/0006).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, FromClause, Table, Text, cast, func, literal_column, or_, select, text, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import Date, DateTime, Enum, Float, LargeBinary, NullType, Numeric, String, Time

from catalog.models import Source
from connectors.sql.copying import copied
from connectors.sql.dialects.base import CONNECT_TIMEOUT, Dialect, Way
from connectors.sql.types import Carried, Oversized

SETTINGS = {
    "default_transaction_read_only": "on", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601",
    "client_encoding": "UTF8", "extra_float_digits": "1", "bytea_output": "hex",
}  # fmt: skip
LOST = ("08", "57P01", "57P02", "57P03")  # connection exceptions, and a server that is being stopped
MOST_COMPRESSED = 300  # times that a long value may shrink where it is kept
OVERRAN = "57014"  # a statement that was ended
UNLOCKED = ("40001", "40P01", "55P03")  # serialization failure, deadlock, lock not available


class PostgreSQL(Dialect):
    """PostgreSQL 12 and later."""

    name = "postgresql"
    isolation = "REPEATABLE READ"
    holds_snapshot = True
    shares_snapshot = True

    def arguments(self, source: Source) -> dict[str, Any]:
        """Session settings travel with the connection, so that no statement runs before they hold."""
        settings = SETTINGS | {
            "statement_timeout": str(int(source.statement_timeout * 1000)),
            "application_name": f"landbridge:{source.name}",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        return {
            "connect_timeout": CONNECT_TIMEOUT, "options": options,
            "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
        }  # fmt: skip

    def lost(self, error: DBAPIError) -> bool:
        """The server is stopping, or the connection broke."""
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(LOST) or (
            not state and type(error.orig).__name__ == "OperationalError"
        )  # fmt: skip

    def unlocked(self, error: DBAPIError) -> bool:
        """A conflict with another session."""
        return (getattr(error.orig, "sqlstate", None) or "").startswith(UNLOCKED)

    def overran(self, error: DBAPIError) -> bool:
        """`statement_timeout`."""
        return getattr(error.orig, "sqlstate", None) == OVERRAN

    def literal(self, column: Any, value: Any) -> ColumnElement[Any]:
        """As a value of the column's own type: a uuid is no text here."""
        if isinstance(value, bytes):
            told_bytes: ColumnElement[Any] = literal_column(rf"'\x{value.hex()}'::bytea")
            return told_bytes
        told = str(value) if isinstance(value, datetime) else value  # its zone counts
        plain = super().literal(column, told)
        typed = not isinstance(column.type, NullType | String) or isinstance(column.type, Enum)
        return cast(plain, column.type) if isinstance(told, str) and typed else plain

    def sha256(self, column: ColumnElement[Any]) -> ColumnElement[Any] | None:
        """Of bytea, by the server."""
        return func.encode(func.sha256(column), "hex")

    def row_hash(self, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[Any] | None:
        """MD5 of the row as PostgreSQL writes it; NULL and an empty text are written differently."""
        return func.md5(cast(func.row(*columns), Text))

    def column(self, column: Any) -> Carried:
        """Values come untouched by SQLAlchemy's own conversions."""
        told = super().column(column)
        return told if told.dtype == pl.String() else Carried(told.name, type_coerce(column, NullType()), told.dtype)

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Infinite and ancient moments, NaN, and 24:00, which psycopg bends or refuses without naming the column."""
        kind = column.type
        if isinstance(kind, Date):
            return or_(column < date.min, column > date.max)
        if isinstance(kind, DateTime):
            zone = UTC if kind.timezone else None
            return or_(column < datetime.min.replace(tzinfo=zone), column > datetime.max.replace(tzinfo=zone))
        if isinstance(kind, Time):
            return cast(column, Text) == "24:00:00"
        if isinstance(kind, Numeric) and not isinstance(kind, Float):
            return cast(column, Text) == "NaN"
        return None

    def guard(self, connection: Connection, relation: FromClause, columns: Sequence[Carried], source: Source) -> None:
        """Long values are kept beside their table; their sizes are looked at where what is kept could be too much."""
        if not isinstance(relation, Table):
            return
        name = connection.dialect.identifier_preparer.format_table(relation)
        kept = "SELECT pg_relation_size(nullif(reltoastrelid, 0)) FROM pg_class WHERE oid = to_regclass(:name)"
        size = connection.execute(text(kept), {"name": name}).scalar() or 0
        told = [relation.c[one.name] for one in columns if one.name in relation.c and one.dtype != pl.Int64()]
        wide = [one for one in told if isinstance(one.type, String | LargeBinary) and not isinstance(one.type, Enum)]
        if not wide or size * MOST_COMPRESSED < source.cell_bytes:
            return
        lengths = [func.max(func.octet_length(column)) for column in wide]
        found = [length for length in connection.execute(select(*lengths).select_from(relation)).one() if length]
        if max(found, default=0) > source.cell_bytes:
            raise Oversized(max(found))

    def paths(self, connection: Connection, source: Source) -> list[Way]:
        """COPY, where psycopg is the driver."""
        if connection.dialect.driver != "psycopg":
            return []
        return [Way("copy", "the server's own text of every value, in our transaction", copied)]

    def export_snapshot(self, connection: Connection) -> str:
        """`pg_export_snapshot`."""
        return str(connection.execute(select(func.pg_export_snapshot())).scalar_one())

    def join_snapshot(self, connection: Connection, token: str) -> None:
        """`SET TRANSACTION SNAPSHOT`."""
        connection.exec_driver_sql("SET TRANSACTION SNAPSHOT '" + token.replace("'", "") + "'")
