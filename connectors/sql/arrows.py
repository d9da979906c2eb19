"""Read a SELECT of SQLite as Arrow batches through ADBC, on a connection that sees what SQLAlchemy's sees."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from adbc_driver_sqlite import dbapi
from sqlalchemy import Connection, Select, Table, func, literal_column, select
from sqlalchemy.exc import OperationalError

from catalog.models import Source
from connectors.bounding import bounded
from connectors.sql.types import Carried, Misfit, Oversized

BATCH_ROWS = "adbc.sqlite.query.batch_rows"
ROWS = 1_024, 8_192  # rows that the driver hands over at once: of unknown width, and at most
MISMATCH = re.compile(r"Type mismatch in column (\d+)")
KINDS = {pl.Int64(): pa.int64(), pl.Float64(): pa.float64(), pl.String(): pa.string(), pl.Binary(): pa.binary()}
FIRST = {pl.Int64(): "0", pl.Float64(): "0.5", pl.String(): "''", pl.Binary(): "x'00'"}
TRIES = 5


def open_arrow(connection: Connection) -> None:
    """Open a second connection that sees the same rows; where writers allow no such moment, there is none."""
    driver: Any = connection.connection.driver_connection
    name = next(row[2] for row in driver.execute("PRAGMA database_list") if row[1] == "main")
    if not name:
        return
    place = f"file:{connection.engine.url.database.removeprefix('file:')}?mode=ro"  # type: ignore[union-attr]
    watch = sqlite3.connect(place, uri=True)
    try:
        for _ in range(TRIES):
            before = watch.execute("PRAGMA data_version").fetchone()
            driver.execute("COMMIT")
            driver.execute("BEGIN")
            driver.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            arrow = dbapi.connect(place, autocommit=False)
            with arrow.cursor() as cursor:
                cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1")
                cursor.fetchall()
            if watch.execute("PRAGMA data_version").fetchone() == before:
                connection.info["arrow"] = arrow
                return
            arrow.close()
    finally:
        watch.close()


def close_arrow(connection: Connection) -> None:
    """Close the second connection."""
    arrow = connection.info.pop("arrow", None)
    if arrow is not None:
        arrow.close()


def streamed(
    connection: Connection, statement: Select[Any], columns: Sequence[Carried], source: Source, *, rows: int
) -> Iterator[pl.DataFrame]:
    """Frames of at most `batch_rows` rows and about `batch_bytes`, made of `rows` that the driver hands over at once.

    Raises Misfit where a column holds a value of another storage class, Oversized where a cell is above `cell_bytes`,
    UnicodeDecodeError where a text is not UTF-8. What the driver would bend was looked for before.
    """
    asked = str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    with connection.info["arrow"].cursor() as cursor:
        cursor.adbc_statement.set_options(**{BATCH_ROWS: str(rows)})
        try:
            cursor.execute(asked)
            reader, first = cursor.fetch_record_batch(), 0
            if reader.schema.types != [KINDS[column.dtype] for column in columns]:
                # the driver takes types from the first rows, and one of these held only NULL: give it a row that tells
                cursor.execute(f"SELECT {_typed_row(columns)} UNION ALL SELECT * FROM ({asked} LIMIT -1)")  # noqa: S608 - our own statement
                reader, first = cursor.fetch_record_batch(), 1
            kinds = zip(columns, reader.schema.types, strict=True)
            odd = [column.name for column, kind in kinds if kind != KINDS[column.dtype]]
            if odd:
                raise Misfit(odd)
            yield from _frames(reader, columns, source, first=first)
        except (dbapi.Error, OSError) as error:  # the reader's own errors are OSError
            mismatch = MISMATCH.search(str(error))
            if mismatch:
                raise Misfit([columns[int(mismatch[1])].name]) from None
            why = sqlite3.OperationalError(str(error).splitlines()[0])
            raise OperationalError(None, None, why) from None


def rows_at_once(connection: Connection, statement: Select[Any], source: Source) -> int:
    """As many rows as weigh a quarter of `batch_bytes`, if the whole file were this table; the driver counts rows."""
    relation = statement.get_final_froms()[0]
    if not isinstance(relation, Table):
        return min(ROWS[0], source.batch_rows)
    try:
        last: int = connection.execute(select(func.max(literal_column("rowid"))).select_from(relation)).scalar() or 0
    except OperationalError:  # a view, or a table without row ids
        return min(ROWS[0], source.batch_rows)
    pages, size = (connection.exec_driver_sql(f"PRAGMA page_{one}").scalar_one() for one in ("count", "size"))
    weight = max(pages * size // max(last, 1), 1)
    return int(max(1, min(ROWS[1], source.batch_rows, source.batch_bytes // 4 // weight)))


def _typed_row(columns: Sequence[Carried]) -> str:
    return ", ".join(FIRST[column.dtype] for column in columns)


def _frames(
    reader: pa.RecordBatchReader, columns: Sequence[Carried], source: Source, *, first: int
) -> Iterator[pl.DataFrame]:
    """The driver's batches put together; `first` is how many rows at the beginning are not of the table."""
    names = [column.name for column in columns]
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for got in reader:
        batch = got.slice(first)
        first = 0
        if rows and rows + batch.num_rows > source.batch_rows:
            yield from bounded(_frame(held, names, source), source)
            held, rows, size = [], 0, 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if size >= source.batch_bytes:
            yield from bounded(_frame(held, names, source), source)
            held, rows, size = [], 0, 0
    if rows:
        yield from bounded(_frame(held, names, source), source)


def _frame(batches: list[pa.RecordBatch], names: list[str], source: Source) -> pl.DataFrame:
    table = pa.Table.from_batches(batches)
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        raise UnicodeDecodeError("UTF-8", b"", 0, 1, "a text of the database") from None
    columns = [pl.Series(name, pl.from_arrow(column)) for name, column in zip(names, table.columns, strict=True)]
    for column in columns:
        if column.dtype in (pl.String, pl.Binary) and column.estimated_size() > source.cell_bytes:
            longest = (column.str.len_bytes() if column.dtype == pl.String else column.bin.size()).max()
            if isinstance(longest, int) and longest > source.cell_bytes:
                raise Oversized(longest)
    return pl.DataFrame(columns)
