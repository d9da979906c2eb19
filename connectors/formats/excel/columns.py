"""A sheet's column as a series: of a type where every cell is of it, else of text with each value's own.

A workbook types cells, not columns, so that a column's type is known only when all of its cells were seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from connectors.formats.excel.texts import text_of
from connectors.formats.tables import TEXT

EXACT = 2**53  # whole numbers up to here are exact in a workbook, which holds all numbers as floats
KINDS = {
    str: "text", float: "number", int: "number", bool: "boolean", date: "date", datetime: "date", time: "time",
    timedelta: "duration",
}  # fmt: skip
EPOCH = date(1970, 1, 1).toordinal()  # day 0 of a date in Polars
MIDNIGHT = time(0, 0)


@dataclass(frozen=True)
class Column:
    """A column's values as a series, what they are declared as, and how many cells are of which kind.

    `values` are the cells as they were read, blank ones as empty texts; `zero_dates` are rows whose date is day 0.
    """

    series: pl.Series
    declared: str
    kinds: Counter[str]
    values: Sequence[Any]
    zero_dates: Sequence[int] = ()


def column(name: str, values: Sequence[Any]) -> Column:
    """The column of those cells."""
    texts = _texts(name, values)
    if texts is not None:
        return Column(texts, TEXT, Counter(text=len(values) - texts.null_count()), values)
    types = set(map(type, values))
    told = _kinds(values, types)
    kept = [None if value == "" else value for value in values] if str in types else values
    return _of_kind(name, values, kept, told)


def _texts(name: str, values: Sequence[Any]) -> pl.Series | None:
    """The cells where all of them are texts, blank ones as null; else None, which the first other cell tells."""
    if values and not isinstance(values[0], str):
        return None
    try:
        texts = pl.Series(name, values, dtype=pl.String)
    except TypeError:
        return None
    return texts.set(texts == "", None)


def _kinds(values: Sequence[Any], types: set[type]) -> Counter[str]:
    """How many cells are of which kind; blank ones are of none."""
    counts = Counter(map(type, values)) if len(types) > 1 else {kind: len(values) for kind in types}
    told: Counter[str] = Counter()
    for kind, count in counts.items():
        told[KINDS[kind]] += count - (values.count("") if kind is str else 0)
    return +told


def _of_kind(name: str, values: Sequence[Any], kept: Sequence[Any], told: Counter[str]) -> Column:
    kinds = set(told)
    if kinds == {"number"}:
        return Column(_numbers(name, kept), "number", told, values)
    if kinds == {"boolean"}:
        return Column(pl.Series(name, kept, dtype=pl.Boolean), "boolean", told, values)
    if kinds == {"time"}:
        return Column(pl.Series(name, kept, dtype=pl.Time), "time", told, values)
    if kinds == {"date"}:
        return Column(_dates(name, kept), "date", told, values)
    if kinds == {"date", "time"} and all(value == MIDNIGHT for value in kept if isinstance(value, time)):
        zero = [at for at, value in enumerate(kept) if isinstance(value, time)]
        dated = [None if isinstance(value, time) else value for value in kept]
        return Column(_dates(name, dated), "date", told, values, zero)
    # each cell of a mixed column is written by its own kind: that is a loop
    texts = [None if value is None else text_of(value) for value in kept]
    return Column(pl.Series(name, texts, dtype=pl.String), TEXT, told, values)


def _numbers(name: str, values: Sequence[Any]) -> pl.Series:
    """Whole numbers where all of them are, else floats."""
    floats = pl.Series(name, values, dtype=pl.Float64, strict=False)
    integers = floats.cast(pl.Int64, strict=False)
    whole = bool(((integers == floats) & integers.is_between(-EXACT, EXACT)).all())
    return integers if whole and integers.null_count() == floats.null_count() else floats


def _dates(name: str, values: Sequence[Any]) -> pl.Series:
    """Dates where no cell has a time of day, else timestamps."""
    if datetime not in set(map(type, values)):
        days = [value and value.toordinal() for value in values]  # Polars takes numbers in less time than dates
        return (pl.Series(name, days, dtype=pl.Int32) - EPOCH).cast(pl.Date)
    stamps = [datetime(value.year, value.month, value.day) if type(value) is date else value for value in values]
    return pl.Series(name, stamps, dtype=pl.Datetime("us"))
