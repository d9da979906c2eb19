"""What a dataset reads: the table, view or query its contract names, and what is to become of its binary columns."""

from __future__ import annotations

import warnings

from sqlalchemy import Connection, FromClause, MetaData, Table, inspect
from sqlalchemy.exc import SAWarning

from catalog.models import BlobPolicy, Dataset, Source
from connectors.sql.queries import asked


def relation_of(connection: Connection, source: Source, dataset: Dataset) -> FromClause:
    """The reflected table or view, or the contract's query."""
    return asked(connection, source, dataset) if dataset.query else reflected(connection, dataset)


def reflected(connection: Connection, dataset: Dataset) -> Table:
    """The reflected table or view; a name with a dot may carry its schema."""
    name, schema = dataset.physical_name, None
    if "." in name and not inspect(connection).has_table(name):
        schema, _, name = name.partition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # a type that SQLAlchemy does not know is carried as text
        return Table(name, MetaData(), autoload_with=connection, schema=schema, resolve_fks=False)


def blob_policies(dataset: Dataset) -> dict[str, BlobPolicy]:
    """The policy of each column that has one, by its name in the source."""
    return {field.physical_name: field.blob for field in dataset.fields if field.blob != "extract"}
