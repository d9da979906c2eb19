"""SQLAlchemy's Firebird dialect with what version 2.2 of sqlalchemy-firebird gets wrong put right.

Each method says what it puts right; tests/connectors/test_firebird.py holds an example of each. Loaded only when a
Firebird database is read: the packages are those of the extra `firebird`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from decimal import localcontext
from typing import Any

import firebird.driver
from firebird.driver import driver_config
from sqlalchemy import BINARY, VARBINARY, Connection
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy_firebird.firebird import FBDialect_firebird
from sqlalchemy_firebird.types import FBBIGINT, FBNUMERIC

from connectors.sql.dialects.base import CONNECT_TIMEOUT
from connectors.sql.dialects.firebird import Told

PORT = 3050
DIGITS = {7: 4, 8: 9, 16: 18}  # of the whole numbers of 16, 32 and 64 bits, by their number in RDB$TYPES
LATER = {24: "DECFLOAT(16)", 25: "DECFLOAT(34)", 26: "INT128", 28: "TIME WITH TIME ZONE",
         29: "TIMESTAMP WITH TIME ZONE"}  # fmt: skip  # since version 4
DECLARED = """
SELECT TRIM(rf.rdb$field_name), f.rdb$field_type, f.rdb$field_scale, f.rdb$field_sub_type, f.rdb$dimensions
FROM rdb$relation_fields rf JOIN rdb$fields f ON f.rdb$field_name = rf.rdb$field_source
WHERE rf.rdb$relation_name = ?
"""
_LOCK = threading.Lock()


class FirebirdDriver(FBDialect_firebird):  # type: ignore[misc]  # the package ships no types
    """Firebird 3 and later through firebird-driver."""

    name = "firebird"  # theirs is `firebird.firebird`
    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """Theirs names a server by the database's path, for the whole process: two servers with one path are one."""
        place = url.database or ""
        if url.host:
            host = f"[{url.host}]" if ":" in url.host else url.host
            place = f"inet://{host}:{url.port or PORT}/{place}"
        arguments: dict[str, Any] = {"database": _named(place)}
        arguments |= {"user": url.username} if url.username else {}
        arguments |= {"password": url.password} if url.password else {}
        return [], arguments | dict(url.query)

    @classmethod
    def import_dbapi(cls) -> Any:
        """The driver with its client library, which by itself would change how the thread's decimals are rounded."""
        try:
            with _LOCK, localcontext():
                firebird.driver.load_api()
        except FileNotFoundError:
            raise ModuleNotFoundError("Firebird's client library is not installed", name="libfbclient") from None
        return firebird.driver

    def do_close(self, dbapi_connection: Any) -> None:
        """A server that is gone cannot be told goodbye, and the driver would go on trying."""
        _freed(dbapi_connection)
        with suppress(self.dbapi.Error):
            dbapi_connection.close()

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Theirs calls a method that the driver does not have."""
        self.do_close(dbapi_connection)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Theirs fails at an error without a code of the server."""
        return bool(getattr(e, "gds_codes", ())) and bool(super().is_disconnect(e, connection, cursor))

    def has_table(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Theirs takes any word before a dot for a schema; Firebird has none."""
        return schema is None and bool(super().has_table(connection, table_name, schema, **kw))

    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[ReflectedColumn]:
        """Theirs takes arrays for one value, computed decimals for whole numbers, bytes for text, and loses a zone."""
        if schema is not None:
            raise NoSuchTableError(f"{schema}.{table_name}")
        columns: list[ReflectedColumn] = super().get_columns(connection, table_name, schema, **kw)
        rows = connection.exec_driver_sql(DECLARED, (self.denormalize_name(table_name),)).all()
        told = {self.normalize_name(name): facts for name, *facts in rows}
        return [self._repaired(column, told) for column in columns]

    def _repaired(self, column: ReflectedColumn, told: Mapping[str | None, list[Any]]) -> ReflectedColumn:
        kind, scale, subtype, dimensions = told[column["name"]]
        known: Any = column["type"]
        if dimensions:
            return {**column, "type": Told(f"{self.type_compiler_instance.process(known)}[]", array=True)}
        if getattr(known, "charset", "") == "OCTETS":
            return {**column, "type": (BINARY if known.__visit_name__ == "BINARY" else VARBINARY)(known.length)}
        if kind in LATER:
            return {**column, "type": Told(LATER[kind])}
        if kind in DIGITS and not scale and not subtype:
            return {**column, "type": FBBIGINT()} if subtype is None else column
        if kind in DIGITS and not (subtype and getattr(known, "precision", None)):
            return {**column, "type": FBNUMERIC(precision=DIGITS[kind], scale=-(scale or 0))}
        return column


def _named(place: str) -> str:
    """A database of the driver's own list, with a time limit; the list holds no user and no password."""
    name = f"landbridge {place}"
    with _LOCK:
        if driver_config.get_database(name) is None:
            told = driver_config.register_database(name)
            told.dsn.value, told.timeout.value = place, CONNECT_TIMEOUT
    return name


def _freed(connection: Any) -> None:
    """Let go of what the driver's objects hold of the server; each of them would raise where nobody can catch it."""
    cursors = [cursor for one in connection.transactions for known in one._cursors if (cursor := known()) is not None]
    for cursor in cursors:
        with suppress(firebird.driver.Error):
            cursor._clear()
        cursor._result = None
    for statement in [known() for known in connection._statements]:
        if statement is not None:
            with suppress(firebird.driver.Error):
                statement.free()
            statement._istmt = None
    for cursor in cursors:
        cursor._stmt = None
    for transaction in connection.transactions:
        with suppress(firebird.driver.Error):
            transaction._finish(firebird.driver.types.DefaultAction.ROLLBACK)
