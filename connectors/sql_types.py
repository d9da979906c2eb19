"""How each column of a database table is asked for and carried, so that no driver rounds or cuts a value on the way.

Drivers turn `1 month 2 days` into 32 days, an infinite date into 9999-12-31 or an error, a FLOAT into six digits. So a
column whose type Polars holds exactly is read raw, and every other one is cast to text by the database itself. A column
of a fitting type that holds a value outside of it (an infinite or zero date, NaN, a clock beyond 24 hours) is text too:
one query over the whole column decides, never the first batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from sqlalchemy import (
    CHAR,
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
)  # fmt: skip
from sqlalchemy.dialects import mysql
from sqlalchemy.types import (
    Boolean,
    Date,
    DateTime,
    Enum,
    Float,
    LargeBinary,
    NullType,
    Numeric,
    String,
    Time,
    TypeEngine,
    _Binary,
)  # fmt: skip

SQLITE_STORAGE = {"integer": pl.Int64(), "real": pl.Float64(), "text": pl.String(), "blob": pl.Binary()}
EXACT_INTEGERS = 2**53  # a 64-bit float holds every integer up to here
WIDEST_DECIMAL = 38  # digits
GEOMETRY = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
)  # fmt: skip
MYSQL = ("mysql", "mariadb")


@dataclass(frozen=True)
class Carried:
    """One column: what the statement asks for and the Polars type of what comes back."""

    name: str
    asked: ColumnElement[Any]
    dtype: pl.DataType
    single: bool = False  # a 32-bit float, read as the shortest decimal that means it

    def series(self, values: Sequence[Any]) -> pl.Series:
        """Values as the driver returned them; TypeError, ValueError or a Polars error where one does not fit."""
        if self.dtype == pl.String():
            values = [_text(value) for value in values]
        elif self.dtype == pl.Time():
            values = [_clock(value) for value in values]
        told = pl.Series(self.name, values, dtype=self.dtype)
        return told.cast(pl.Float32).cast(pl.String).cast(pl.Float64) if self.single else told


def carried(connection: Connection, table: Table) -> list[Carried]:
    """Every column of the table, in its order."""
    backend = connection.dialect.name
    if backend == "sqlite":
        return _sqlite(connection, table)
    shapes = _geometries(connection, table)
    columns = [
        Carried(str(column.name), func.st_astext(column), pl.String())
        if column.name in shapes
        else _carried(column, backend)
        for column in table.columns
    ]
    doubts = [
        None if one.dtype == pl.String() else _doubt(column, backend)
        for column, one in zip(table.columns, columns, strict=True)
    ]
    if not any(doubt is not None for doubt in doubts):
        return columns
    asked = [literal_column("0") if doubt is None else func.max(case((doubt, 1), else_=0)) for doubt in doubts]
    found = connection.execute(select(*asked).select_from(table)).one()
    return [
        Carried(one.name, _as_text(column, backend), pl.String()) if beyond else one
        for one, column, beyond in zip(columns, table.columns, found, strict=True)
    ]


def declared(column: Any, connection: Connection) -> str:
    """A column's type in the words of its database, in lower case; `unknown` where SQLAlchemy has none for it."""
    if isinstance(column.type, NullType):
        return "unknown"
    return str(column.type.compile(dialect=connection.dialect)).lower()


def _carried(column: Any, backend: str) -> Carried:
    kind = column.type
    raw = type_coerce(column, NullType()) if backend in (*MYSQL, "postgresql") else column
    if isinstance(kind, mysql.BIT):
        return Carried(str(column.name), cast(column, mysql.INTEGER(unsigned=True)), pl.UInt64())
    if isinstance(kind, mysql.FLOAT):
        return Carried(str(column.name), raw + literal_column("0e0"), pl.Float64(), single=True)
    dtype = _dtype(kind)
    if dtype is not None:
        return Carried(str(column.name), raw, dtype)
    plain = isinstance(kind, String) and not isinstance(kind, Enum | mysql.ENUM | mysql.SET)
    return Carried(str(column.name), raw if plain else _as_text(column, backend), pl.String())


def _dtype(kind: TypeEngine[Any]) -> pl.DataType | None:
    """The Polars type that holds all ordinary values of a declared type exactly; None where text does."""
    if isinstance(kind, Float):
        return pl.Float64()
    if isinstance(kind, Numeric):
        precision, scale = kind.precision, kind.scale or 0
        fits = precision is not None and 0 <= scale <= precision <= WIDEST_DECIMAL
        return pl.Decimal(precision, scale) if fits else None
    if isinstance(kind, Integer):
        return pl.UInt64() if isinstance(kind, BigInteger) and getattr(kind, "unsigned", False) else pl.Int64()
    if isinstance(kind, DateTime):
        zoned = kind.timezone or isinstance(kind, mysql.TIMESTAMP)
        return pl.Datetime("us", "UTC" if zoned else None)
    if isinstance(kind, Time):
        return None if kind.timezone else pl.Time()
    simple: dict[type[TypeEngine[Any]], pl.DataType] = {
        Boolean: pl.Boolean(), Date: pl.Date(), LargeBinary: pl.Binary(), _Binary: pl.Binary()
    }  # fmt: skip
    return next((dtype for base, dtype in simple.items() if isinstance(kind, base)), None)


def _geometries(connection: Connection, table: Table) -> set[str]:
    """MySQL's columns of points and areas, which it does not cast to text."""
    unknown = [column.name for column in table.columns if isinstance(column.type, NullType)]
    if connection.dialect.name not in MYSQL or not unknown:
        return set()
    query = text(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = :name AND table_schema = coalesce(:schema, database())"
    )
    types = connection.execute(query, {"name": str(table.name), "schema": table.schema})
    return {name for name, kind in types if name in unknown and str(kind).lower() in GEOMETRY}


def _as_text(column: Any, backend: str) -> ColumnElement[Any]:
    """The value as its database writes it."""
    if backend in MYSQL:
        told = cast(column, CHAR)
        if isinstance(column.type, mysql.TIMESTAMP):  # the session's zone is UTC, and the text does not say so
            return func.concat(told, "+00:00")
        return told
    return cast(column, Text) if backend == "postgresql" else column


def _doubt(column: Any, backend: str) -> ColumnElement[bool] | None:
    """Where a value lies outside of the Polars type; None where none can."""
    kind = column.type
    if backend in MYSQL:
        if isinstance(kind, Date | DateTime):
            parts = (func.year(column), func.month(column), func.day(column))
            beyond = func.day(column) > func.day(func.last_day(column))  # the 30th of February
            odd = or_(*(part == 0 for part in parts), beyond, func.last_day(column).is_(None))
            return and_(column.is_not(None), odd)
        seconds = func.time_to_sec(column)
        return or_(seconds < 0, seconds >= timedelta(days=1).total_seconds()) if isinstance(kind, Time) else None
    if backend != "postgresql":
        return None
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


def _sqlite(connection: Connection, table: Table) -> list[Carried]:
    """SQLite declares types only as a hint: the storage classes that the whole column holds decide.

    A column that mixes them is text; integers beside reals are floats, as long as a float holds them exactly.
    """
    raw = [type_coerce(column, NullType()) for column in table.columns]
    beyond = [
        or_(column > literal_column(str(EXACT_INTEGERS)), column < literal_column(str(-EXACT_INTEGERS)))
        for column in raw
    ]
    classes = [func.group_concat(func.typeof(column).distinct()) for column in raw]
    large = [
        func.max(case(((func.typeof(column) == "integer") & far, 1), else_=0))
        for column, far in zip(raw, beyond, strict=True)
    ]
    held = connection.execute(select(*classes, *large)).one()
    told = []
    for at, column in enumerate(table.columns):
        found = set((held[at] or "").split(",")) - {"null", ""}
        if not found:
            dtype = _dtype(column.type) or pl.String()
        elif found == {"integer", "real"} and not held[len(raw) + at]:
            dtype = pl.Float64()
        else:
            dtype = SQLITE_STORAGE[found.pop()] if len(found) == 1 else pl.String()
        told.append(Carried(str(column.name), raw[at], dtype))
    return told


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"X'{bytes(value).hex().upper()}'"  # as SQL writes it, so that it is never taken for text
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _clock(value: time | timedelta | None) -> time | None:
    """A clock; MySQL's driver gives a span since midnight."""
    return (datetime.min + value).time() if isinstance(value, timedelta) else value
