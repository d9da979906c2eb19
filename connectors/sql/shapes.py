"""The shape of a table: its columns with the types, nulls, primary key and unique sets that its database declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, UniqueConstraint
from sqlalchemy.types import Enum

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.shapes import Shape, shaped
from connectors.sql.engines import connected
from connectors.sql.patience import Patience
from connectors.sql.tables import relation_of
from connectors.sql.types import declared

FILTERED = ("postgresql", "sqlite", "mssql")  # databases whose indexes may cover a part of the rows


def shape_of(source: Source, dataset: Dataset, *, folder: Path) -> Shape:
    """The table's shape; a view or query has columns only. Raises what `connectors.read` raises, and retries as it."""
    patience = Patience(source)
    while True:
        try:
            return _looked_at(source, dataset, folder)
        except SourceUnreachable as error:
            patience.bear(error)


def _looked_at(source: Source, dataset: Dataset, folder: Path) -> Shape:
    with connected(source, dataset, folder) as connection:
        table = relation_of(connection, source, dataset)
        types = {str(column.name): _type(column, connection) for column in table.columns}
        if not isinstance(table, Table):
            return shaped(source, dataset, types)
        required = [str(column.name) for column in table.columns if not column.nullable]
        key = [str(column.name) for column in table.primary_key.columns]
        return shaped(source, dataset, types, required=required, key=key, unique=_unique(table))


def _type(column: Any, connection: Connection) -> str:
    """The declared type; a closed list of values by its values, because PostgreSQL gives it a name of its own."""
    if isinstance(column.type, Enum) and column.type.enums:
        listed = ",".join(f"'{value}'" for value in column.type.enums)
        return f"enum({listed})"
    return declared(column, connection)


def _unique(table: Table) -> Iterator[list[str]]:
    """Sets of columns that hold no two equal rows; an index over a part of the rows or over expressions says less."""
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield [str(column.name) for column in constraint.columns]
    for index in table.indexes:
        partial = any(index.dialect_options[name].get("where") is not None for name in FILTERED)
        names = [getattr(expression, "name", None) for expression in index.expressions]
        if index.unique and not partial and all(isinstance(name, str) for name in names):
            yield [str(name) for name in names]
