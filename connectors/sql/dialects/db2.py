"""Db2 for Linux, Unix and Windows: committed rows without waiting for writers, and everything odd as text.

Written against IBM's documentation and the compiler of ibm_db_sa; no server was at hand. Db2 keeps no old versions of
rows: one moment for all tables would be REPEATABLE READ, which locks them against every writer until we are done.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, func, literal_column, or_, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import DateTime, LargeBinary, NullType, String, Time

from catalog.models import Source
from connectors.sql.dialects.base import Dialect
from connectors.sql.types import Carried, fitting

LOCK_TIMEOUT = 10  # seconds
LOST = ("08", "57019", "55032")  # SQLSTATE: connection exceptions, a database that is being stopped
UNLOCKED = ("40001", "57033")  # rolled back for a deadlock or a timeout
SINGLE = "REAL"


class DB2(Dialect):
    """Db2 11.1 and later through ibm_db; IBM i and z/OS speak other catalogs and were not considered."""

    name = "ibm_db_sa"
    isolation = "CS"  # with CUR_COMMIT, which is Db2's default: a row that is being changed is seen as it was

    def begin(self, connection: Connection, source: Source) -> None:
        """A lock is waited for a short while; there is no read-only transaction and no limit on a statement's time."""
        connection.exec_driver_sql(f"SET CURRENT LOCK TIMEOUT {LOCK_TIMEOUT}")

    def lost(self, error: DBAPIError) -> bool:
        """The database is being stopped, or the network broke."""
        return error.connection_invalidated or _state(error).startswith(LOST)

    def unlocked(self, error: DBAPIError) -> bool:
        """A conflict with another session."""
        return _state(error) in UNLOCKED

    def dtype(self, kind: Any) -> pl.DataType | None:
        """What SQLAlchemy has no word for (DECFLOAT, BINARY, XML) is text."""
        if _words(kind) == "DOUBLE":  # a decimal to ibm_db_sa
            return pl.Float64()
        return None if _words(kind) == "XML" else fitting(kind)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """As Db2 writes it; XML as it is serialized, bytes in hexadecimal."""
        if _words(column.type) == "XML":
            return func.xmlserialize(type_coerce(column, NullType()).op("AS")(literal_column("CLOB(2G)")))
        if isinstance(column.type, LargeBinary):
            return func.hex(column)
        return func.varchar(column)

    def column(self, column: Any) -> Carried:
        """Values come untouched by SQLAlchemy's own conversions, which would make floats of decimals."""
        name, kind, raw = str(column.name), column.type, type_coerce(column, NullType())
        dtype = self.dtype(kind)
        if dtype is not None:
            return Carried(name, raw, dtype, single=_words(kind) == SINGLE)
        return Carried(name, raw if _is_text(kind) else self.as_text(column), pl.String())

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Hour 24, which Db2 allows, and fractions finer than a microsecond."""
        kind = column.type
        if isinstance(kind, Time):
            return func.hour(column) == 24
        if isinstance(kind, DateTime):
            return or_(func.hour(column) == 24, column != func.timestamp(column, literal_column("6")))
        return None


def _is_text(kind: Any) -> bool:
    return isinstance(kind, String) and _words(kind) != "XML"


def _words(kind: Any) -> str:
    return str(getattr(kind, "__visit_name__", "")).upper()


def _state(error: DBAPIError) -> str:
    """The SQLSTATE that the driver's text quotes."""
    return str(error.orig).partition("SQLSTATE=")[2][:5]
