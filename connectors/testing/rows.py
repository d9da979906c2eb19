"""A test double for connectors: rows that stand in the source's own options, `{tables: {name: [row, ...]}}`.

It is registered as the kind `rows`, so that a project under test needs no system beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Place, Source
from connectors.batch import Batch, Since
from connectors.bounding import bounded
from connectors.files import refuse_reserved

Row = Mapping[str, Any]

INTEGERS = range(-(2**63), 2**63)
EXACT = range(-(2**53), 2**53 + 1)  # whole numbers that a 64-bit float holds
DIGITS = 38  # that a decimal of Polars holds
TYPES: dict[type, type[pl.DataType] | pl.DataType] = {
    str: pl.String, bool: pl.Boolean, float: pl.Float64, date: pl.Date, time: pl.Time,
}  # fmt: skip


def rows_source(name: str = "rows", /, *, place: str = "sources/rows.yaml", **tables: Sequence[Row]) -> Source:
    """A source of the kind `rows` that holds these tables."""
    options = {"tables": {table: [dict(row) for row in rows] for table, rows in tables.items()}}
    return Source(name=name, kind="rows", location="options", options=options, place=Place(file=place, line=1))


class RowsConnector:
    """Tables of the source's options. Columns are those of all rows; a column that mixes types is text.

    A dataset with a key can be read again by what changed.
    """

    INCREMENTAL = True

    def read(self, source: Source, dataset: Dataset, *, folder: Path, since: Since | None = None) -> Iterator[Batch]:
        """The rows in the order in which they stand there; `_position` counts them from 1."""
        frame = self._frame(source, dataset)
        keys = [dataset.field(key).physical_name for key in dataset.key]
        held = _held(since, frame, keys)
        gone = None
        if held is not None:
            gone = held.join(frame, on=keys, how="anti", nulls_equal=True).select(keys)
            frame = frame.join(held, on=held.columns, how="anti", nulls_equal=True, maintain_order="left")
        *pieces, last = bounded(frame, source)
        for piece in pieces:
            yield Batch(piece, whole=held is None)
        yield Batch(last, whole=held is None, gone=gone, cursor={"columns": frame.columns} if keys else None)

    def columns(self, source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
        """The columns of all rows, with their Polars types in lower case."""
        frame = self._frame(source, dataset).drop("_location", "_position")
        return {name: "text" if dtype == pl.String else str(dtype).lower() for name, dtype in frame.schema.items()}

    def mark(self, source: Source, dataset: Dataset, *, folder: Path) -> str | None:
        """SHA-256 over the rows."""
        return hashlib.sha256(repr(self._table(source, dataset)).encode(errors="surrogatepass")).hexdigest()

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Anything but `tables`, and a table that is no list."""
        faults = [
            f"there is no option '{name}'; write tables: {{name: [row, ...]}}" for name in {*options} - {"tables"}
        ]
        tables = options.get("tables", {})
        if not isinstance(tables, Mapping):
            return [*faults, "'tables' must be a mapping of names to lists of rows"]
        return [*faults, *(f"the table '{name}' is no list of rows" for name in tables if not _is_table(tables[name]))]

    def _table(self, source: Source, dataset: Dataset) -> Sequence[Row]:
        tables = source.options.get("tables", {})
        if not isinstance(tables, Mapping) or dataset.physical_name not in tables:
            raise SourceUnreachable(
                source.name, dataset.name, f"there is no table '{dataset.physical_name}' in its options",
                "Add it under options.tables.",
            )  # fmt: skip
        table: Sequence[Row] = tables[dataset.physical_name]
        if not _is_table(table):
            raise SourceUnreadable(
                source.name, dataset.name, f"the table '{dataset.physical_name}' is no list of rows",
                "Write a list of mappings.",
            )  # fmt: skip
        return table

    def _frame(self, source: Source, dataset: Dataset) -> pl.DataFrame:
        rows = self._table(source, dataset)
        promised = [field.physical_name for field in dataset.fields if field.combine is None]
        names = list(dict.fromkeys([name for row in rows for name in row] or promised))
        refuse_reserved(names, source, dataset, "a row")
        told = [column_of(name, [row.get(name) for row in rows]) for name in names]
        places = pl.Series("_location", [dataset.physical_name] * len(rows), dtype=pl.String)
        return pl.DataFrame([*told, places, pl.Series("_position", range(1, len(rows) + 1), dtype=pl.Int64)])


def column_of(name: str, values: Sequence[Any]) -> pl.Series:
    """Values of one column in the type that holds all of them exactly, else as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value in INTEGERS for value in values if value is not None):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds == {int, float} and all(value in EXACT for value in values if isinstance(value, int)):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    if kinds == {Decimal} and (scale := _scale(values)) is not None:
        return pl.Series(name, values, dtype=pl.Decimal(DIGITS, scale))
    if kinds == {datetime} and len(zones := {value.utcoffset() for value in values if value is not None}) == 1:
        return pl.Series(name, values, dtype=pl.Datetime("us", None if zones == {None} else "UTC"))
    if len(kinds) == 1 and (dtype := TYPES.get(next(iter(kinds)))) is not None:
        return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, [None if value is None else _text(value) for value in values], dtype=pl.String)


def _is_table(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(row, Mapping) for row in value)


def _scale(values: Sequence[Decimal | None]) -> int | None:
    """Digits behind the point that hold all decimals; None where no decimal of Polars does."""
    held = [value for value in values if value is not None]
    if not all(value.is_finite() for value in held):
        return None
    scale = max(max(0, -int(value.as_tuple().exponent)) for value in held)
    return scale if all(value.adjusted() + 1 + scale <= DIGITS for value in held) else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _held(since: Since | None, frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame | None:
    """The rows as they were at the last read; None where that cannot be compared with what is there."""
    if since is None or not keys or since.cursor.get("columns") != frame.columns:
        return None
    held = pl.read_parquet(since.rows).select(pl.exclude("_location", "_position"))
    return held if held.schema == frame.drop("_location", "_position").schema else None
