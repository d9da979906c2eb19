"""What kind of column holds a field, how it is asked for without loss, and how a value is bound to it.

The kinds are few: whatever is none of them is not written. SQLite declares types as a hint, so there the affinity of
the declared type decides (https://www.sqlite.org/datatype3.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    text,
    type_coerce,
)
from sqlalchemy import types as sa
from sqlalchemy.dialects import mysql, postgresql

MYSQL = ("mysql", "mariadb")
Kind = Literal[
    "text", "char", "integer", "decimal", "float", "single", "boolean", "date", "local", "zoned", "clock", "binary",
    "named", "loose",
]  # fmt: skip
# PostgreSQL's types whose text says all of them: the database reads a bound text as one
NAMED = (
    sa.Uuid, postgresql.ENUM, postgresql.JSON, postgresql.JSONB, postgresql.INET, postgresql.CIDR,
    postgresql.MACADDR, postgresql.CITEXT,
)  # fmt: skip
BITS: tuple[tuple[type[Any], int], ...] = (
    (mysql.TINYINT, 8), (mysql.MEDIUMINT, 24), (sa.SmallInteger, 16), (sa.BigInteger, 64), (sa.Integer, 32),
)  # fmt: skip


class AsItIs(sa.UserDefinedType[Any]):
    """A value that goes to the driver and comes from it untouched."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Never asked for: no column is made of it."""
        return "BLOB"


@dataclass(frozen=True)
class Place:
    """A column that values are written to, with the limits its database sets."""

    column: Column[Any]
    kind: Kind
    backend: str
    characters: int | None = None
    octets: int | None = None
    charset: str = ""  # a Python codec; empty: any text fits
    allowed: tuple[str, ...] | None = None  # of an enumeration
    least: int = -(2**63)
    most: int = 2**63 - 1
    precision: int | None = None  # digits of a decimal
    scale: int | None = None  # decimals of a decimal, or of a second

    @property
    def name(self) -> str:
        """The column's name in the database."""
        return str(self.column.name)

    def asked(self) -> ColumnElement[Any]:
        """The column in a SELECT: as its driver hands it over, or as text where a driver would change it."""
        column = self.column
        if self.backend == "postgresql" and self.kind in ("named", "date", "local", "zoned", "clock"):
            return cast(column, Text)  # no driver holds an infinite date
        if self.backend in MYSQL and self.kind == "zoned":
            return func.unix_timestamp(column)
        if self.backend in MYSQL and self.kind == "single":
            return type_coerce(column, AsItIs()) + literal_column("0e0")
        return column if self._generic else type_coerce(column, AsItIs())

    def bound(self, raw: Any) -> ColumnElement[Any]:
        """A parameter that holds a raw value of this column."""
        if raw is None:  # of a JSON column it would be the JSON text null
            return null()
        if self.backend == "postgresql":
            kind = _plain(self.column.type)
            if self.kind == "named":
                return cast(bindparam(None, raw, type_=Text()), kind)
            return bindparam(None, raw, type_=kind)
        if self.backend in MYSQL and self.kind == "zoned":
            return func.from_unixtime(bindparam(None, raw, type_=AsItIs()))
        return bindparam(None, raw, type_=self.column.type if self._generic else AsItIs())

    @property
    def _generic(self) -> bool:
        return self.backend not in (*MYSQL, "postgresql", "sqlite")


def places(connection: Connection, table: Table) -> dict[str, Place]:
    """The columns that can be written, by name."""
    backend = connection.dialect.name
    if backend == "sqlite":
        return _sqlite(connection, table)
    limits = _limits(connection, table) if backend in MYSQL else {}
    found = {}
    for column in table.columns:
        kind = kind_of(column.type, backend)
        if kind is not None:
            found[str(column.name)] = _place(column, kind, backend, limits.get(str(column.name), (None, None, "")))
    return found


def kind_of(told: sa.TypeEngine[Any], backend: str) -> Kind | None:
    """The kind of a declared type; None for one that is not written."""
    told = _plain(told)
    if backend == "postgresql" and isinstance(told, NAMED):
        return "named"
    if isinstance(told, mysql.SET | mysql.BIT | mysql.YEAR | postgresql.OID | postgresql.MONEY | postgresql.INTERVAL):
        return None
    if isinstance(told, sa.Float):
        narrow = isinstance(told, mysql.FLOAT | sa.REAL) and not isinstance(told, sa.Double)
        return "single" if narrow and backend in (*MYSQL, "postgresql") else "float"
    if isinstance(told, sa.DateTime):
        return "zoned" if told.timezone or isinstance(told, mysql.TIMESTAMP) else "local"
    if isinstance(told, sa.Time):
        return None if told.timezone else "clock"
    if isinstance(told, sa.Uuid):  # the drivers' own objects: only as text
        return "text" if backend in MYSQL else None
    if isinstance(told, sa.CHAR | sa.NCHAR):
        return "char"
    kinds: tuple[tuple[type[Any], Kind], ...] = (
        (sa.Boolean, "boolean"), (sa.Integer, "integer"), (sa.Numeric, "decimal"), (sa.Date, "date"),
        (sa.LargeBinary, "binary"), (sa.VARBINARY, "binary"), (sa.BINARY, "binary"), (sa.String, "text"),
    )  # fmt: skip
    return next((kind for base, kind in kinds if isinstance(told, base)), None)


def _plain(told: sa.TypeEngine[Any]) -> sa.TypeEngine[Any]:
    return told.data_type if isinstance(told, postgresql.DOMAIN) else told


def _place(column: Column[Any], kind: Kind, backend: str, limits: tuple[int | None, int | None, str]) -> Place:
    told: Any = _plain(column.type)
    characters, octets, charset = limits
    characters = characters or (getattr(told, "length", None) if kind in ("text", "char", "binary") else None)
    least, most = -(2**63), 2**63 - 1
    if kind == "integer":
        bits = next((bits for base, bits in BITS if isinstance(told, base)), 64)
        unsigned = bool(getattr(told, "unsigned", False))
        least, most = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    scale = getattr(told, "scale", None) if kind == "decimal" else None
    if kind in ("local", "zoned", "clock"):
        scale = getattr(told, "fsp", None) or 0 if backend in MYSQL else getattr(told, "precision", None)
    elif kind == "decimal" and told.precision is not None:
        scale = scale or 0
    allowed = tuple(told.enums) if isinstance(told, mysql.ENUM) else None
    return Place(
        column, kind, backend, characters, octets, charset, allowed, least, most,
        told.precision if kind == "decimal" else None, scale,
    )  # fmt: skip


def _limits(connection: Connection, table: Table) -> dict[str, tuple[int | None, int | None, str]]:
    """Characters, bytes and character set of MySQL's columns."""
    query = text(
        "SELECT column_name, character_maximum_length, character_octet_length, character_set_name"
        " FROM information_schema.columns"
        " WHERE table_name = :name AND table_schema = coalesce(:schema, database())"
    )
    codecs = {"utf8mb4": "", "utf8mb3": "utf8mb3", "utf8": "utf8mb3", "latin1": "cp1252", "ascii": "ascii"}
    return {
        name: (characters, octets, codecs.get(charset or "", ""))
        for name, characters, octets, charset in connection.execute(
            query, {"name": str(table.name), "schema": table.schema}
        )
    }


def _sqlite(connection: Connection, table: Table) -> dict[str, Place]:
    query = text("SELECT name, type FROM pragma_table_xinfo(:name)")
    if table.schema:
        query = text("SELECT name, type FROM pragma_table_xinfo(:name, :schema)").bindparams(schema=table.schema)
    told: dict[str, Any] = dict(iter(connection.execute(query, {"name": str(table.name)})))
    return {
        name: Place(column, _affinity(str(told.get(name) or "")), "sqlite")
        for name, column in ((str(column.name), column) for column in table.columns)
    }


def _affinity(declared: str) -> Kind:
    upper = declared.upper()
    kinds: tuple[tuple[tuple[str, ...], Kind], ...] = (
        (("INT",), "integer"), (("CHAR", "CLOB", "TEXT"), "text"), (("BLOB",), "binary"),
        (("REAL", "FLOA", "DOUB"), "float"),
    )  # fmt: skip
    return next((kind for words, kind in kinds if any(word in upper for word in words)), "loose")
