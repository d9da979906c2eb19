"""Read a SELECT of MariaDB or MySQL through connectorx, where each table may be seen at its own moment.

connectorx opens a connection of its own, so it cannot see the run's snapshot; within its one statement InnoDB is
consistent. It is handed numbers, text, dates and moments, which it carries exactly or ends in a panic (a zero date):
everything else is cast to text by the server and parsed here. Its faults, Rust panics included, are WayFailed, and the
table is read another way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from sqlalchemy import CHAR, ColumnElement, Connection, Select, cast, func
from sqlalchemy.engine import URL

from catalog.models import Source
from connectors.sql.ahead import framed
from connectors.sql.texts import typed
from connectors.sql.types import Carried, Oversized, WayFailed, shortest

CARRIED = (
    pl.Int64(), pl.UInt64(), pl.Float64(), pl.String(), pl.Date(), pl.Datetime("us"), pl.Datetime("us", "UTC"),
)  # fmt: skip
ROWS = 16_384  # rows handed over at once


def reaches(connection: Connection) -> bool:
    """Whether connectorx can be told the same address: a host, and no options that it would not know."""
    url = connection.engine.url
    return bool(url.host) and not url.query


def streamed(
    connection: Connection, statement: Select[Any], columns: Sequence[Carried], source: Source
) -> Iterator[pl.DataFrame]:
    """Frames of at most `batch_rows` rows and about `batch_bytes`. Raises Misfit, Oversized, WayFailed."""
    asked = [
        column if kind.dtype in CARRIED else _as_text(column, kind).label(kind.name)
        for column, kind in zip(statement.selected_columns, columns, strict=True)
    ]
    parts = _parts(connection, statement.with_only_columns(*asked), source)
    yield from framed(_portions(parts, source), lambda held: _frame(held, columns, source))


def _portions(parts: Iterator[pl.DataFrame], source: Source) -> Iterator[list[pl.DataFrame]]:
    """The parts put together to at most `batch_rows` rows and about `batch_bytes`."""
    held: list[pl.DataFrame] = []
    rows = size = 0
    for part in parts:
        if rows and rows + part.height > source.batch_rows:
            yield held
            held, rows, size = [], 0, 0
        held.append(part)
        rows, size = rows + part.height, size + int(part.estimated_size())
        if size >= source.batch_bytes:
            yield held
            held, rows, size = [], 0, 0
    if rows:
        yield held


def _as_text(column: Any, kind: Carried) -> ColumnElement[Any]:
    return func.hex(column) if kind.dtype == pl.Binary() else cast(column, CHAR)


def _parts(connection: Connection, statement: Select[Any], source: Source) -> Iterator[pl.DataFrame]:
    """What connectorx gives, with every fault of it as WayFailed."""
    import connectorx

    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    query = str(compiled).replace("%%", "%")
    seconds = source.statement_timeout
    limit = f"max_statement_time = {seconds}"
    if not getattr(connection.dialect, "is_mariadb", False):
        limit = f"max_execution_time = {int(seconds * 1000)}"
    before = ["SET SESSION time_zone = '+00:00'", "SET SESSION TRANSACTION READ ONLY", f"SET SESSION {limit}"]
    try:
        reader = connectorx.read_sql(
            _address(connection.engine.url), query, return_type="arrow_stream",
            batch_size=min(ROWS, source.batch_rows), pre_execution_query=before,
        )  # fmt: skip
        for batch in reader:
            frame = pl.from_arrow(batch)
            if not isinstance(frame, pl.DataFrame):
                raise WayFailed("a batch of rows became a column")
            yield frame
    except GeneratorExit:
        raise
    except Exception as error:  # noqa: BLE001 - a Rust error says nothing by its class, and may quote the address
        raise WayFailed(type(error).__name__) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise WayFailed("PanicException") from None


def _address(url: URL) -> str:
    return url.set(drivername="mysql").render_as_string(hide_password=False)


def _moment(column: Carried) -> pl.Expr:
    """A date or moment that came as one; the session's zone is UTC."""
    if not isinstance(column.dtype, pl.Datetime):
        return pl.col(column.name).cast(column.dtype)
    plain = pl.col(column.name).dt.replace_time_zone(None).cast(pl.Datetime("us"))
    return plain.dt.replace_time_zone(column.dtype.time_zone)


def _frame(parts: list[pl.DataFrame], columns: Sequence[Carried], source: Source) -> pl.DataFrame:
    frame = pl.concat(parts, how="vertical_relaxed")
    frame = frame.rename(dict(zip(frame.columns, [column.name for column in columns], strict=True)))
    for column in columns:
        text = frame[column.name]
        if text.dtype == pl.String and text.estimated_size() > source.cell_bytes:
            longest = text.str.len_bytes().max()
            if isinstance(longest, int) and longest > source.cell_bytes:
                raise Oversized(longest)
    moments = [column for column in columns if column.dtype.is_temporal() and frame.schema[column.name].is_temporal()]
    told = typed(frame.with_columns([_moment(column) for column in moments]), columns)
    single = [column.name for column in columns if column.single]
    return told.with_columns([shortest(told[name]) for name in single]) if single else told
