"""The keys a change log tells, each once: counted against a limit as raw bytes, turned into a typed frame at the end.

A value that does not become its column's type exactly is no key anybody may act on: then the whole table is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import Any, NamedTuple

import polars as pl

Raw = tuple[bytes | None, ...]
Reading = Callable[[bytes], str | int | float | bytes]
WIDE = Context(prec=200)  # digits; more than any database writes of a decimal
TRUTH = {"t": True, "f": False, "1": True, "0": False}


class Touched(NamedTuple):
    """What a change log tells since a cursor.

    `keys`: the dataset's physical key columns, each key once; None where anything may have changed (the table was
    emptied or altered, the log is gone): then call `begin` and read the whole. `cursor` is JSON, and where the next
    call begins; it counts only once the rows are kept. `why` is a sentence for the record when `keys` is None.
    """

    keys: pl.DataFrame | None
    cursor: dict[str, Any]
    why: str = ""


class Unclear(Exception):
    """The log says less than is needed, or something else than keys; the sentence is for the record."""


class Distinct:
    """Raw keys, each once; `Unclear` at more than `limit` of them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: set[Raw] = set()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, key: Raw) -> None:
        """Hold a key."""
        self._held.add(key)
        if len(self._held) > self.limit:
            raise Unclear(f"more than {self.limit} keys were touched")

    def frame(self, readings: Sequence[Reading], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """The keys as a frame of this schema; `readings` turn a column's bytes into its text or number."""
        columns = list(zip(*self._held, strict=True)) or [()] * len(schema)
        told = []
        for (name, dtype), reading, raw in zip(schema.items(), readings, columns, strict=True):
            try:
                fitted = fitting(dtype)
                values = [None if one is None else fitted(reading(one)) for one in raw]
                told.append(pl.Series(name, values, dtype=dtype, strict=True))
            except (ArithmeticError, LookupError, TypeError, ValueError, pl.exceptions.PolarsError):
                raise Unclear(f"the change log tells a value of '{name}' that is no {dtype}") from None
        return pl.DataFrame(told).unique()


def fitting(dtype: pl.DataType) -> Callable[[Any], Any]:
    """From what a log holds to what a Polars column of this type takes; ValueError or alike where it does not fit."""
    if dtype == pl.String():
        return str
    if dtype.is_integer():
        return int
    if isinstance(dtype, pl.Decimal):
        return lambda held: _decimal(held, dtype.scale)
    if isinstance(dtype, pl.Datetime):
        return lambda held: _moment(held, dtype.time_zone)
    simple: dict[type[pl.DataType], Callable[[Any], Any]] = {
        pl.Float64: float, pl.Float32: float, pl.Boolean: lambda held: TRUTH[str(held)], pl.Date: date.fromisoformat,
        pl.Time: time.fromisoformat, pl.Binary: _binary,
    }  # fmt: skip
    for kind, fitted in simple.items():
        if isinstance(dtype, kind):
            return fitted
    raise TypeError(str(dtype))


def _decimal(held: str | int, scale: int) -> Decimal:
    value = Decimal(held)
    if not value.is_finite() or value != value.quantize(Decimal((0, (1,), -scale)), context=WIDE):
        raise ValueError
    return value


def _moment(held: str, zone: str | None) -> datetime:
    value = datetime.fromisoformat(held)
    if (value.tzinfo is None) != (zone is None):
        raise ValueError
    return value if zone is None else value.astimezone(UTC)


def _binary(held: str | bytes) -> bytes:
    """Bytes, or PostgreSQL's hexadecimal text of them."""
    if isinstance(held, bytes):
        return held
    if not held.startswith("\\x"):
        raise ValueError
    return bytes.fromhex(held[2:])
