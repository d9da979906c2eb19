"""Turn nested columns into the flat ones that a contract can name: `customer.address.city`.

A struct becomes a column for each of its leaves, named by the path; a list becomes JSON text, unless its elements are
what rows are made of (`options: {rows: orders.lines}`), which repeats the columns around it for each of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl

from catalog.errors import FileRefused

DOT = "."


def exploded(frame: pl.DataFrame, path: str) -> pl.DataFrame:
    """A row for each element of the list at `path`, with the columns around it; an empty list gives one without it.

    Raises FileRefused where no list stands at the path.
    """
    if not path:
        return frame
    name = path
    while name not in frame.columns:
        holder = next((one for one in frame.columns if path.startswith(one + DOT)), None)
        if holder is None or not isinstance(frame.schema[holder], pl.Struct):
            raise FileRefused(f"there is no list '{path}' to make rows of", "Correct `rows` in the source's options.")
        frame = _unnested(frame, holder)
    if not isinstance(frame.schema[name], pl.List):
        raise FileRefused(f"'{path}' is no list that rows could be made of", "Correct `rows` in the source's options.")
    told = frame.explode(name, empty_as_null=True, keep_nulls=True)
    return _unnested(told, name) if isinstance(told.schema[name], pl.Struct) else told


def flattened(frame: pl.DataFrame, *, whole: Collection[str] = (), lists: bool = False) -> pl.DataFrame:
    """The frame without structs; columns named in `whole` stay as they are. `lists`: lists stay lists."""
    if not _any_nested(frame.schema):
        return frame
    while nested := [
        name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Struct) and name not in whole
    ]:
        for name in nested:
            frame = _unnested(frame, name)
    if lists:
        return frame
    return frame.with_columns(
        _as_json(frame[name]) for name, dtype in frame.schema.items() if dtype.is_nested() and name not in whole
    )


def flat_schema(schema: pl.Schema, path: str, *, whole: Collection[str] = (), lists: bool = False) -> pl.Schema:
    """The schema that frames of `schema` have once they are exploded at `path` and flattened."""
    if not path and not _any_nested(schema):  # most files, and there may be a hundred thousand of them
        return schema
    return flattened(exploded(pl.DataFrame(schema=schema), path), whole=whole, lists=lists).schema


def as_json(value: Any) -> str:
    """A nested value as JSON text: numbers exactly, moments as ISO 8601, bytes as hexadecimal digits."""
    return json.dumps(value, ensure_ascii=False, default=_told)


def _any_nested(schema: pl.Schema) -> bool:
    return any(dtype.is_nested() for dtype in schema.dtypes())


def _unnested(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The struct's fields in its place."""
    told = frame[name].struct.unnest() if frame.height else pl.DataFrame(schema=_fields(frame.schema[name]))
    parts = [told[field].alias(f"{name}{DOT}{field}") for field in told.columns]
    columns: list[pl.Series] = []
    for one in frame.get_columns():
        columns += parts if one.name == name else [one]
    return pl.DataFrame(columns)


def _fields(dtype: Any) -> dict[str, pl.DataType]:
    return {field.name: field.dtype for field in dtype.fields}


def _as_json(column: pl.Series) -> pl.Series:
    """Row by row: a list has no column of its own to be written from."""
    told = [None if value is None else as_json(value) for value in column.to_list()]
    return pl.Series(column.name, told, dtype=pl.String)


def _told(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON")
