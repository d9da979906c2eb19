"""One schema for the files of a dataset: all of their columns, each of a type that holds the values of every file."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from polars.exceptions import PolarsError

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source

EXACT_IN_DOUBLE = (pl.Int8(), pl.Int16(), pl.Int32(), pl.UInt8(), pl.UInt16(), pl.UInt32())


def unified(source: Source, dataset: Dataset, schemas: Sequence[pl.Schema]) -> pl.Schema:
    """The columns of all files in the order they come, with the wider type where two files differ.

    Raises SourceUnreadable where no type holds both.
    """
    told: dict[str, pl.DataType] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            held = told.get(name, pl.Null())
            wider = _wider(held, dtype)
            if wider is None:
                raise SourceUnreadable(
                    source.name, dataset.name, f"its files declare different types: '{name}' is {held} and {dtype}",
                    "Ask for exports of one layout, or declare a dataset for each.",
                )  # fmt: skip
            told[name] = wider
    return pl.Schema({name: pl.String() if dtype == pl.Null() else dtype for name, dtype in told.items()})


def fitted(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The frame with the columns of `schema`; absent ones are null. Raises PolarsError where a value does not fit."""
    if frame.schema == schema:
        return frame
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(dtype, strict=True) for name, dtype in schema.items())


def _wider(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """The type that holds the values of both unchanged, if there is one."""
    if one == other or other == pl.Null():
        return one
    if one == pl.Null():
        return other
    for small, large in ((one, other), (other, one)):
        if small in EXACT_IN_DOUBLE and large == pl.Float64():
            return large
    if not (one.is_integer() and other.is_integer()) and not (
        type(one) is type(other) and (one.is_temporal() or one.is_decimal() or one.is_float() or one.is_nested())
    ):
        return pl.Float64() if one.is_float() and other.is_float() else None
    try:
        joined = pl.concat([pl.DataFrame(schema={"x": one}), pl.DataFrame(schema={"x": other})], how="vertical_relaxed")
    except PolarsError:
        return None
    found = joined.schema["x"]
    return None if found.is_float() and one.is_integer() else found
