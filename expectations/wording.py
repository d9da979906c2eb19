"""Values as text, and numbers in sentences.

`as_text` reads like the documents do (`index.wording`), because a sentence finds its document by the text of a key; a
test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from catalog.models import Dataset

FLOAT_DECIMALS = 6


def as_text(schema: pl.Schema, name: str) -> pl.Expr:
    """A column as text: 12 for 12.0, ISO dates, timestamps to the minute in UTC, booleans as yes and no."""
    column, dtype = pl.col(name), schema[name]
    if dtype == pl.String:
        return column
    if dtype.is_float():
        rounded = column.round(FLOAT_DECIMALS) + 0.0  # + 0.0: a rounded -0.0 reads 0
        return pl.when(column.is_finite()).then(rounded.cast(pl.String).str.replace(r"\.0$", "")).alias(name)
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("yes")).when(column.not_()).then(pl.lit("no")).alias(name)
    if isinstance(dtype, pl.Datetime):
        utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        return utc.dt.strftime("%Y-%m-%d %H:%M UTC")
    if dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if dtype == pl.Time:
        return column.dt.strftime("%H:%M")
    return column.cast(pl.String)


def rows(count: int) -> str:
    """`1 row`, `2,512 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def rows_of(column: str) -> pl.Expr:
    """`1 row`, `57 rows` for a column of counts."""
    return pl.col(column).cast(pl.String) + pl.when(pl.col(column) == 1).then(pl.lit(" row")).otherwise(pl.lit(" rows"))


def label(dataset: Dataset, name: str) -> str:
    """A field's title, or its name read aloud, with a capital."""
    text = dataset.field(name).title or name.replace("_", " ")
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
