"""Rows of a database table, view or query: in one read-only transaction, in batches, typed by the database's metadata.

Rows take the fastest way that carries every column exactly, SQLAlchemy where there is none (`connectors.sql.whole`).
Only reflected identifiers reach a statement, quoted by the dialect. The way each table took is on its batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.batch import Batch, Since
from connectors.sql.engines import connected
from connectors.sql.incremental import changed
from connectors.sql.patience import Patience
from connectors.sql.tables import relation_of
from connectors.sql.types import declared

__all__ = ["INCREMENTAL", "columns", "read"]

INCREMENTAL = True


def read(source: Source, dataset: Dataset, *, folder: Path, since: Since | None = None) -> Iterator[Batch]:
    """The rows in key order, or what changed `since` where the contract's mode can tell.

    A connection that is lost is tried again `source.retries` times, each time from the beginning in a new snapshot: the
    next batch says `anew`, and no row is told twice or left out.
    """
    told, again, patience = False, False, Patience(source)
    while True:
        try:
            for batch in changed(source, dataset, folder=folder, since=since):
                if batch.whole:
                    since = None  # what was begun as all rows is begun anew as all rows
                yield replace(batch, anew=True) if again else batch
                told, again = True, False
        except SourceUnreachable as error:
            patience.bear(error)
            again = told
        else:
            return


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """Columns of the table with the types its database declares; `unknown` for those of a query."""
    with connected(source, dataset, folder) as connection:
        relation = relation_of(connection, source, dataset)
        return {str(column.name): declared(column, connection) for column in relation.columns}
