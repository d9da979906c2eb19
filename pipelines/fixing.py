"""Put a value that a person wrote into one cell of the raw rows, as exactly what the source itself would hold there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Fix:
    """A new value for one cell: the number of the raw row from 0, the source's column, the value in its spelling."""

    row: int
    column: str
    value: str


def fixed(raw: pl.DataFrame, fixes: Iterable[Fix]) -> tuple[pl.DataFrame, list[Fix]]:
    """The raw rows with the fixes applied, and those that cannot be: no such column, or no value of its type."""
    by_column: dict[str, list[tuple[int, pl.Series]]] = defaultdict(list)
    impossible = []
    for fix in fixes:
        made = as_held(fix.value, raw.schema[fix.column]) if fix.column in raw.columns else None
        if made is None:
            impossible.append(fix)
        else:
            by_column[fix.column].append((fix.row, made))
    changed = [
        raw[column].clone().scatter([row for row, _ in cells], pl.concat([made for _, made in cells]))
        for column, cells in by_column.items()
    ]
    return raw.with_columns(changed) if changed else raw, impossible


def as_held(value: str, dtype: pl.DataType) -> pl.Series | None:
    """A text as one value of a raw column's type, to the last digit; None where it is none. Empty text is no value.

    Text stays as it is. Moments, dates and times are ISO 8601 (UTC where the column has a zone and the text has none),
    truth is true or false, bytes are hexadecimal.
    """
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return _series(value, dtype)
    if not value:
        return pl.Series([None], dtype=dtype)
    read = _reader(dtype)
    if read is None:
        return None
    try:
        wanted = read(value.strip())
    except (ValueError, ArithmeticError, KeyError):
        return None
    made = _series(wanted, dtype)
    return made if made is not None and (dtype == pl.Float32 or made.item() == wanted) else None


def _series(value: Any, dtype: pl.DataType) -> pl.Series | None:
    try:
        return (
            pl.Series([value], dtype=pl.String).cast(dtype)
            if isinstance(value, str)
            else pl.Series([value], dtype=dtype)
        )
    except (pl.exceptions.PolarsError, TypeError, OverflowError):
        return None


def _reader(dtype: pl.DataType) -> Callable[[str], Any] | None:
    if isinstance(dtype, pl.Datetime):
        return lambda text: _moment(text, zoned=dtype.time_zone is not None)
    if dtype.is_integer():
        return int
    if dtype.is_float():
        return float
    if dtype.is_decimal():
        return Decimal
    return _READERS.get(dtype.base_type())


def _moment(text: str, *, zoned: bool) -> datetime:
    moment = datetime.fromisoformat(text)
    if zoned and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    if not zoned and moment.tzinfo is not None:
        raise ValueError("a moment with a zone, in a column without one")
    return moment


_READERS: dict[Any, Callable[[str], Any]] = {
    pl.Boolean: lambda text: {"true": True, "false": False}[text.lower()],
    pl.Date: date.fromisoformat,
    pl.Time: time.fromisoformat,
    pl.Binary: bytes.fromhex,
}
