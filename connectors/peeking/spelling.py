"""Spell rows for other programs: as lines of JSON whose numbers keep every digit, and as texts.

Columns are made writable by Polars as a whole. Decimals are written as texts that carry a mark nobody can guess, and
the mark is then taken off together with the quotes.
"""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

ROWS = 10_000  # written at once; JSON takes several times the room of the columns
MOMENT, ZONED = "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%:z"  # ISO 8601, with as much of a second as there is


def json_lines(frame: pl.DataFrame) -> Iterator[bytes]:
    """Rows as JSON objects, a line each: nested values nested, decimals as numbers, dates in ISO 8601, bytes in hex.

    What is no number (NaN, infinity) is null. A frame without columns gives nothing.
    """
    if not frame.width:
        return
    mark = secrets.token_hex(8)
    exact = any(_holds(dtype, pl.Decimal) for dtype in frame.dtypes)
    marked = re.compile(rb'"%s([^"]*)"' % mark.encode())
    ready = [_writable(pl.col(name), dtype, mark).alias(name) for name, dtype in frame.schema.items()]
    for part in frame.iter_slices(ROWS):
        written = io.BytesIO()
        part.select(ready).write_ndjson(written)
        yield marked.sub(rb"\1", written.getvalue()) if exact else written.getvalue()


def as_texts(frame: pl.DataFrame) -> Iterator[Sequence[str | None]]:
    """Rows as texts: what has no text of its own (lists, structs) as JSON, bytes in hex."""
    for part in frame.iter_slices(ROWS):
        yield from part.select(_texts(part, name) for name in part.columns).iter_rows()


def _texts(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column as text, null where there is no value."""
    values = frame[name]
    if values.dtype.is_nested():
        lines = b"".join(json_lines(values.to_frame("v"))).decode().splitlines() if frame.height else []
        whole = pl.Series(name, [line[len('{"v":') : -1] for line in lines], dtype=pl.String)
        return whole.to_frame().select(pl.when(pl.lit(values.is_not_null())).then(pl.col(name)))[name]
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.to_string(ZONED if values.dtype.time_zone else MOMENT)
    if isinstance(values.dtype, pl.Duration):
        return values.dt.to_string("iso")
    return values.cast(pl.String)


def _holds(dtype: pl.DataType, *wanted: type[pl.DataType]) -> bool:
    """Whether values of this type are, or have within, values of one of the wanted types."""
    if isinstance(dtype, pl.Struct):
        return any(_holds(one.dtype, *wanted) for one in dtype.fields)  # type: ignore[arg-type]  # instances in a schema
    if isinstance(dtype, pl.List | pl.Array):
        return _holds(dtype.inner, *wanted)  # type: ignore[arg-type]  # as above
    return isinstance(dtype, wanted)


def _writable(values: pl.Expr, dtype: Any, mark: str) -> pl.Expr:
    """Values in a type that Polars writes as JSON."""
    if isinstance(dtype, pl.Decimal):
        return pl.lit(mark) + values.cast(pl.String)
    if dtype == pl.Binary:
        return values.bin.encode("hex")
    if isinstance(dtype, pl.Datetime):
        return values.dt.to_string(ZONED if dtype.time_zone else MOMENT)
    if not _holds(dtype, pl.Decimal, pl.Binary, pl.Datetime):
        return values
    if isinstance(dtype, pl.Struct):
        told = [_writable(values.struct.field(one.name), one.dtype, mark).alias(one.name) for one in dtype.fields]
        return pl.when(values.is_not_null()).then(pl.struct(told))
    if isinstance(dtype, pl.Array):
        return _writable(values.arr.to_list(), pl.List(dtype.inner), mark)
    return values.list.eval(_writable(pl.element(), dtype.inner, mark))
