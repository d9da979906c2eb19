"""Look at rows of a table: as many as asked for, from both ends of its key, and never more than fits in memory.

Only bounded work is done: counting stops at a limit, rows and text are limited, binary content is not fetched.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from sqlalchemy import CHAR, Connection, MetaData, Select, Table, Text, cast, func, literal_column, select, type_coerce
from sqlalchemy.exc import SAWarning
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import Date, DateTime, NullType, String, Time

from connectors.discovering.columns import profiled_column
from connectors.discovering.keys import declared_key, found_key
from connectors.discovering.profiles import TableProfile

COUNTED = 1_000_000  # rows; a larger table is told as "more than"
BYTES = 64 * 2**20  # of text in the rows looked at; a table of long texts is looked at in fewer rows
FETCHED = 500  # rows at a time
MYSQL = ("mysql", "mariadb")

Rows = list[Sequence[Any]]


def profiled(connection: Connection, table: TableProfile, *, rows: int) -> TableProfile:
    """The table with what its rows show; at most `rows` of them are fetched."""
    wanted = [column.name for column in table.columns if column.family != "binary"]
    reflected = _reflected(connection, table, wanted or [table.columns[0].name])
    counted = select(func.count()).select_from(
        select(literal_column("1").label("one")).select_from(reflected).limit(COUNTED + 1).subquery()
    )
    count = int(connection.execute(counted).scalar_one())
    read = _read(connection, reflected, wanted, table.primary_key, rows=rows, count=count)
    values = dict(zip(wanted, zip(*read, strict=True), strict=True)) if read else {}
    stored = _stored(connection, reflected) if connection.dialect.name == "sqlite" else {}
    whole = len(read) == count
    columns = tuple(
        profiled_column(
            column.model_copy(update={"whole": whole}), values.get(column.name, ()), stored=stored.get(column.name)
        )
        for column in table.columns
    )
    told = table.model_copy(
        update={"rows": min(count, COUNTED), "more": count > COUNTED, "columns": columns, "whole": whole}
    )
    if declared_key(told):
        return told
    key = found_key(values, columns, table.name)
    if key and not whole and (told.more or not _unique(connection, reflected, key, count)):
        key = ()
    return told.model_copy(update={"found_key": key})


def held(connection: Connection, table: TableProfile, column: str, values: Sequence[str | int]) -> int:
    """How many of the different `values` the column of the table holds."""
    theirs = _reflected(connection, table, [column]).c[column]
    query = select(func.count(theirs.distinct())).where(theirs.in_(list(values)))
    return int(connection.execute(query).scalar_one())


def _reflected(connection: Connection, table: TableProfile, columns: Sequence[str]) -> Table:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        return Table(
            table.name, MetaData(), autoload_with=connection, schema=table.schema_name or None, resolve_fks=False,
            include_columns=list(columns),
        )  # fmt: skip


def _read(
    connection: Connection, table: Table, columns: Sequence[str], key: Sequence[str], *, rows: int, count: int
) -> Rows:
    """Rows of a table; of a large one old rows and new ones, both ends of its key, which the key's index gives."""
    if not columns:
        return []
    statement = select(*(_asked(table.c[name], connection.dialect.name) for name in columns)).select_from(table)
    order = [table.c[name] for name in key if name in table.c]
    if not order or count <= rows:
        return _bounded(connection, statement.limit(rows))
    first = rows // 2
    statements = (
        statement.order_by(*order).limit(first),
        statement.order_by(*(column.desc() for column in order)).limit(rows - first),
    )
    return [row for one in statements for row in _bounded(connection, one)]


def _asked(column: Any, backend: str) -> ColumnElement[Any]:
    """The value as it is stored; where a driver would bend it (infinite and zero dates), as the database writes it."""
    moment = isinstance(column.type, Date | DateTime | Time)
    if backend == "postgresql" and (moment or not _plain(column.type)):
        return cast(column, Text)
    if backend in MYSQL and moment:
        return cast(column, CHAR)
    return type_coerce(column, NullType()) if backend in (*MYSQL, "postgresql", "sqlite") else column


def _plain(kind: Any) -> bool:
    """Whether psycopg gives the values as numbers, texts and truths."""
    from connectors.discovering.declared_types import family

    return isinstance(kind, String) or family(kind) in ("integer", "number", "boolean")


def _bounded(connection: Connection, statement: Select[Any]) -> Rows:
    rows: Rows = []
    size = 0
    with connection.execution_options(stream_results=True, yield_per=FETCHED).execute(statement) as stream:
        for part in stream.partitions():
            rows += part
            size += sum(len(cell) for row in part for cell in row if isinstance(cell, str | bytes))
            if size > BYTES:
                break
    return rows


def _stored(connection: Connection, table: Table) -> dict[str, set[str]]:
    """SQLite: the storage classes of every column, over the whole table, because its declarations bind nobody."""
    names = [str(column.name) for column in table.columns]
    asked = [func.group_concat(func.typeof(type_coerce(column, NullType())).distinct()) for column in table.columns]
    found = connection.execute(select(*asked)).one()
    return {name: set((classes or "").split(",")) - {"", "null"} for name, classes in zip(names, found, strict=True)}


def _unique(connection: Connection, table: Table, key: Sequence[str], count: int) -> bool:
    """Whether the columns are unique in the whole table, asked of the database."""
    distinct = select(*(table.c[name] for name in key)).distinct().subquery()
    return int(connection.execute(select(func.count()).select_from(distinct)).scalar_one()) == count
