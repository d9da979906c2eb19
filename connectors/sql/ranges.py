"""Read a table in ranges of its key over several connections that all see what the first one sees.

Only where the database lets a connection join another's snapshot (PostgreSQL), the table's first key column is a whole
number, and the source allows more than one connection. Rows come in key order, whichever range is read first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import polars as pl
from sqlalchemy import Connection, FromClause, Select, func, or_, select
from sqlalchemy.sql import ColumnElement

from catalog.models import Dataset, Source
from connectors.shapes import key_columns
from connectors.sql.dialects import Dialect
from connectors.sql.dialects.base import Way
from connectors.sql.engines import joined
from connectors.sql.types import Carried

ROWS = 100_000  # about as many are in one range, if keys are spread evenly


def cut(connection: Connection, dialect: Dialect, source: Source, dataset: Dataset, relation: FromClause,
        columns: Sequence[Carried]) -> list[ColumnElement[bool]]:  # fmt: skip
    """The conditions of the ranges, in key order; none where the table is to be read in one go."""
    if source.connections < 2 or not dialect.shares_snapshot:
        return []
    first = next((name for name in key_columns(dataset) if name in relation.c), "")
    if not any(one.name == first and one.dtype == pl.Int64() for one in columns):
        return []
    key = relation.c[first]
    low, high, count = connection.execute(
        select(func.min(key), func.max(key), func.count()).select_from(relation)
    ).one()
    pieces = min(-(-count // ROWS), (high - low + 1) if count and low is not None else 0)
    if pieces < 2:
        return []
    edges = [low + (high - low + 1) * at // pieces for at in range(1, pieces)]
    return [
        key < edges[0],
        *(key.between(one, other - 1) for one, other in pairwise(edges)),
        or_(key >= edges[-1], key.is_(None)),  # no key sorts last
    ]


def read_ranges(
    connection: Connection,
    dialect: Dialect,
    source: Source,
    statement: Select[Any],
    ranges: Sequence[ColumnElement[bool]],
    columns: Sequence[Carried],
    way: Way,
) -> Iterator[pl.DataFrame]:
    """The frames of all ranges in order. At most `source.connections` work, and as many ranges are held at once."""
    token = dialect.export_snapshot(connection)
    waiting = deque(ranges)
    with ExitStack() as stack:
        free: SimpleQueue[Connection] = SimpleQueue()
        for _ in range(source.connections):
            free.put(stack.enter_context(joined(connection, dialect, source, token)))
        pool = stack.enter_context(ThreadPoolExecutor(source.connections))

        def read(condition: ColumnElement[bool]) -> list[pl.DataFrame]:
            mine = free.get()
            try:
                return list(way.stream(mine, statement.where(condition), columns, source))
            finally:
                free.put(mine)

        reading: deque[Future[list[pl.DataFrame]]] = deque()
        try:
            while waiting or reading:
                while waiting and len(reading) < source.connections:
                    reading.append(pool.submit(read, waiting.popleft()))
                yield from reading.popleft().result()
        finally:
            for one in reading:
                one.cancel()
