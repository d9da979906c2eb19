"""How a column of a database table is asked for and carried, so that no driver rounds or cuts a value on the way.

Drivers turn `1 month 2 days` into 32 days, an infinite date into 9999-12-31 or an error, a FLOAT into six digits. So a
column whose declared type Polars holds exactly is read as that type, and every other one as text that the database
itself writes. A column of a fitting type that holds a value outside of it (an infinite or zero date, NaN, a clock
beyond 24 hours) is text too, the whole column: what it holds decides, never the first batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, ColumnElement, Connection, Integer
from sqlalchemy.types import Boolean, Date, DateTime, Float, LargeBinary, NullType, Numeric, Time, TypeEngine, _Binary

WIDEST_DECIMAL = 38  # digits
UNFIT = (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Carried:
    """One column: what the statement asks for and the Polars type of what comes back.

    `single` marks a 32-bit float, read as the shortest decimal that means it; `driver_only` a column whose values only
    the driver's own objects tell exactly, so that no fast way may take it.
    """

    name: str
    asked: ColumnElement[Any]
    dtype: pl.DataType
    single: bool = False
    driver_only: bool = False

    def series(self, values: Sequence[Any]) -> pl.Series:
        """Values as the driver returned them; TypeError, ValueError or a Polars error where one does not fit."""
        if self.dtype == pl.String():
            values = [as_text(value) for value in values]
        elif self.dtype == pl.Time():
            values = [_clock(value) for value in values]
        told = pl.Series(self.name, values, dtype=self.dtype)
        return shortest(told) if self.single else told


@dataclass(frozen=True)
class Hashed(Carried):
    """A binary column of which only the SHA-256 is wanted, of a database that computes none: its content travels."""

    def series(self, values: Sequence[Any]) -> pl.Series:
        """The hashes as lower-case hexadecimal text."""
        told = [None if one is None else sha256(one).hexdigest() for one in values]
        return pl.Series(self.name, told, dtype=self.dtype)


class Misfit(Exception):
    """Columns hold a value outside of their Polars type; they have to be read as text, from the beginning."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(*columns)
        self.columns = frozenset(columns)


class Oversized(Exception):
    """A row is larger than the source allows a cell to be. `size` is in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class WayFailed(Exception):
    """A fast way broke by itself; the rows have to take another. The message names a class, never a value."""


def shortest(column: pl.Series) -> pl.Series:
    """32-bit floats as the 64-bit floats that print the same."""
    return column.cast(pl.Float32).cast(pl.String).cast(pl.Float64)


def declared(column: Any, connection: Connection) -> str:
    """A column's type in the words of its database, in lower case; `unknown` where SQLAlchemy has none for it."""
    if isinstance(column.type, NullType):
        return "unknown"
    return str(column.type.compile(dialect=connection.dialect)).lower()


def fitting(kind: TypeEngine[Any]) -> pl.DataType | None:
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
        return pl.Datetime("us", "UTC" if kind.timezone else None)
    if isinstance(kind, Time):
        return None if kind.timezone else pl.Time()
    simple: dict[type[TypeEngine[Any]], pl.DataType] = {
        Boolean: pl.Boolean(), Date: pl.Date(), LargeBinary: pl.Binary(), _Binary: pl.Binary()
    }  # fmt: skip
    return next((dtype for base, dtype in simple.items() if isinstance(kind, base)), None)


def as_text(value: Any) -> str | None:
    """A driver's value as text: exact, and bytes as SQL writes them, so that they are never taken for text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"X'{bytes(value).hex().upper()}'"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _clock(value: time | timedelta | None) -> time | None:
    """A clock; MySQL's driver gives a span since midnight."""
    return (datetime.min + value).time() if isinstance(value, timedelta) else value
