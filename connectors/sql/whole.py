"""Read the rows of a relation: choose the way, begin anew where a column turns out to hold what its type cannot.

The ways of a database are listed in its `Dialect.paths`, with the reason why each may be trusted. SQLAlchemy's own
rows, turned column by column, are the last resort everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from sqlalchemy import Connection, FromClause, Select, select
from sqlalchemy.sql import ColumnElement

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.batch import Batch
from connectors.shapes import key_columns
from connectors.sql.dialects.base import Way
from connectors.sql.engines import dialect_at
from connectors.sql.ranges import cut, read_ranges
from connectors.sql.tables import blob_policies
from connectors.sql.types import UNFIT, Carried, Misfit, Oversized, WayFailed

FIRST_ROWS = 1_000  # the plain way's first portion; what it weighs decides the next
PLAIN = "sqlalchemy"
WIDEST_SIGN = 4  # bytes of UTF-8
BROKEN = (
    WayFailed,
    pl.exceptions.PanicException,
    pl.exceptions.PolarsError,
    pa.ArrowException,
)  # of a fast way


@dataclass(frozen=True)
class Rows:
    """Rows in the order of the key. `anew`: the read began again, and the rows told before are void."""

    frame: pl.DataFrame
    path: str
    anew: bool


def whole(
    connection: Connection, source: Source, dataset: Dataset, relation: FromClause, *, extra: Sequence[Carried] = ()
) -> Iterator[Batch]:
    """All rows in key order, with their ordinals, and `extra` columns beside them."""
    position = 1
    for told in rows(connection, source, dataset, relation, extra=extra):
        position = 1 if told.anew else position
        yield Batch(numbered(told.frame, dataset, position), anew=told.anew, path=told.path)
        position += told.frame.height


def rows(
    connection: Connection,
    source: Source,
    dataset: Dataset,
    relation: FromClause,
    *,
    names: Collection[str] | None = None,
    where: ColumnElement[bool] | None = None,
    extra: Sequence[Carried] = (),
    text: Collection[str] = (),
) -> Iterator[Rows]:
    """The columns called `names` (all), and `extra` ones, of the rows `where` a condition holds.

    `text` names columns to be read as text from the start. At least one frame comes, with the columns. Raises
    SourceUnreadable where a value cannot be carried at all, or is above the source's `cell_bytes`.
    """
    as_text, broken, begun = frozenset(text), dict[str, str](), False
    while True:
        columns = _columns(connection, dataset, relation, as_text, names)
        way = _way(connection, source, columns, broken)
        if way is None:
            odd = dialect_at(connection).doubts(connection, relation, columns)
            columns = _columns(connection, dataset, relation, as_text | odd, names) if odd else columns
        columns = [*columns, *extra]
        stream = _stream(connection, source, dataset, relation, columns, where, way)
        path = (way.name if way is not None else PLAIN) + "".join(
            f" (after {name}: {fault})" for name, fault in broken.items()
        )
        told = False
        try:
            if where is None:
                dialect_at(connection).guard(connection, relation, columns, source)
            for frame in stream:
                yield Rows(frame, path, anew=begun and not told)
                told = begun = True
            if not told:
                empty = pl.DataFrame(schema={column.name: column.dtype for column in columns})
                yield Rows(empty, path, anew=begun)
        except Misfit as odd_ones:
            if odd_ones.columns <= as_text:
                raise SourceUnreadable(
                    source.name, dataset.name, f"the column '{min(odd_ones.columns)}' holds a value that has no text",
                    "Read it through a view that casts it.",
                ) from None  # fmt: skip
            as_text |= odd_ones.columns
        except Oversized as large:
            raise SourceUnreadable(
                source.name, dataset.name, f"a value of {large.size:,} bytes is above the source's cellBytes",
                "Write landbridge.blob: hash or skip at the column, or raise cellBytes.",
            ) from None  # fmt: skip
        except BROKEN as fault:
            if way is None:
                raise
            broken[way.name] = str(fault) if isinstance(fault, WayFailed) else type(fault).__name__
        else:
            return


def _stream(
    connection: Connection,
    source: Source,
    dataset: Dataset,
    relation: FromClause,
    columns: Sequence[Carried],
    where: ColumnElement[bool] | None,
    way: Way | None,
) -> Iterator[pl.DataFrame]:
    """The frames by the chosen way; a large table in ranges of its key, where that is allowed."""
    statement = _statement(relation, columns, dataset, where)
    if way is None:
        return plain(connection, statement, columns, source)
    dialect = dialect_at(connection)
    ranges = cut(connection, dialect, source, dataset, relation, columns) if where is None else []
    if ranges:
        return read_ranges(connection, dialect, source, statement, ranges, columns, way)
    return way.stream(connection, statement, columns, source)


def numbered(frame: pl.DataFrame, dataset: Dataset, position: int) -> pl.DataFrame:
    """The frame with its provenance: the table without its schema, and each row's ordinal."""
    ordinals = pl.int_range(position, position + frame.height, dtype=pl.Int64, eager=True)
    place = dataset.physical_name if dataset.query else dataset.physical_name.rpartition(".")[2]
    return frame.with_columns(pl.lit(place, pl.String).alias("_location"), ordinals.alias("_position"))


def _columns(
    connection: Connection, dataset: Dataset, relation: FromClause, text: Collection[str], names: Collection[str] | None
) -> list[Carried]:
    """How each column is asked for."""
    told = dialect_at(connection).carried(connection, relation, text=text, blobs=blob_policies(dataset))
    return told if names is None else [one for one in told if one.name in names]


def _statement(
    relation: FromClause, columns: Sequence[Carried], dataset: Dataset, where: ColumnElement[bool] | None
) -> Select[Any]:
    """The statement that reads the columns in the order of the key."""
    keys = [relation.c[name] for name in key_columns(dataset) if name in relation.c]
    asked = select(*(column.asked.label(column.name) for column in columns)).select_from(relation)
    return (asked if where is None else asked.where(where)).order_by(*keys)


def _way(connection: Connection, source: Source, columns: Sequence[Carried], broken: Collection[str]) -> Way | None:
    if source.reader == "plain" or any(column.driver_only for column in columns):
        return None
    return next((way for way in dialect_at(connection).paths(connection, source) if way.name not in broken), None)


def plain(
    connection: Connection, statement: Select[Any], columns: Sequence[Carried], source: Source
) -> Iterator[pl.DataFrame]:
    """Rows through SQLAlchemy, turned column by column; portions of at most `batch_rows` and about `batch_bytes`.

    Raises Misfit where a value is not of its column's type, Oversized where a cell is above `cell_bytes`.
    """
    options = {"stream_results": True, "max_row_buffer": max(FIRST_ROWS, min(source.batch_rows, 10_000))}
    with connection.execution_options(**options).execute(statement) as result:
        rows = min(FIRST_ROWS, source.batch_rows)
        while portion := result.fetchmany(rows):
            frame = _turned(portion, columns, source)
            yield frame
            weight = max(frame.estimated_size() / frame.height, 1)
            rows = max(1, min(source.batch_rows, rows * 10, int(source.batch_bytes / weight)))


def _turned(rows: Sequence[Any], columns: Sequence[Carried], source: Source) -> pl.DataFrame:
    told = []
    for column, held in zip(columns, zip(*rows, strict=True), strict=True):
        for value in held if column.dtype in (pl.String(), pl.Binary()) else ():
            if isinstance(value, str | bytes) and len(value) * WIDEST_SIGN > source.cell_bytes:
                size = len(value.encode() if isinstance(value, str) else value)
                if size > source.cell_bytes:
                    raise Oversized(size)
        try:
            told.append(column.series(held))
        except UNFIT:
            raise Misfit([column.name]) from None
    return pl.DataFrame(told)
