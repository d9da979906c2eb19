"""Which keys of a table its database's own change log says were touched; the rows themselves are then fetched as ever.

A log is at-least-once: it may tell a key twice, or one whose row is as it was. Present in the table means new or
changed, absent means gone, so telling twice does no harm. Nothing here waits for changes to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.sql.engines import database_url
from connectors.sql.feeds.keys import Touched

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Table

__all__ = ["Touched", "begin", "forget", "held_back", "touched"]

_MODULES = {
    "postgresql": "connectors.sql.feeds.postgresql",
    "mysql": "connectors.sql.feeds.mariadb",
    "mariadb": "connectors.sql.feeds.mariadb",
}


def _feed(source: Source, dataset: Dataset, folder: Path) -> Any:
    backend = database_url(source, folder).get_backend_name()
    if backend not in _MODULES:
        raise SourceUnreadable(
            source.name, dataset.name, f"{backend} has no change log that is understood",
            "Set the mode of `landbridge.incremental` to keys or watermark.",
        )  # fmt: skip
    return import_module(_MODULES[backend])


def begin(source: Source, dataset: Dataset, table: Table, *, folder: Path) -> dict[str, Any]:
    """Before a whole read: have the log kept from now on, and the cursor from which `touched` will tell.

    To be called before the read's snapshot begins, so that every change after the snapshot is in the log. On PostgreSQL
    this makes a publication and a slot if they are not there, and from then on the server keeps its log until the next
    call of `touched` or `forget`; see `held_back`.
    """
    told: dict[str, Any] = _feed(source, dataset, folder).begin(source, dataset, table, folder=folder)
    return told


def touched(
    source: Source,
    dataset: Dataset,
    table: Table,
    cursor: Mapping[str, Any],
    *,
    folder: Path,
    schema: Mapping[str, pl.DataType],
    limit: int,
) -> Touched:
    """Keys touched from the cursor to the log's end as it was when the call began.

    `schema` is the key columns' types, as the reader of the table carries them. Where the log cannot tell (it was lost,
    the table was altered, more than `limit` keys) `keys` is None, `why` says so, and the cursor is the one given:
    `begin` anew. A told transaction that a snapshot after the call may not see yet is told again the next time.
    """
    told: Touched = _feed(source, dataset, folder).touched(
        source, dataset, table, cursor, folder=folder, schema=schema, limit=limit
    )
    return told


def forget(source: Source, dataset: Dataset, *, folder: Path) -> None:
    """Remove what `begin` made on the server, so that it keeps its log no longer for us. Twice does no harm."""
    _feed(source, dataset, folder).forget(source, dataset, folder=folder)


def held_back(source: Source, dataset: Dataset, *, folder: Path) -> int:
    """Bytes of log that the server keeps on its disk only until we have read them.

    PostgreSQL keeps them without end, also when nobody ever reads again: an abandoned slot fills the disk and stops the
    server (unless `max_slot_wal_keep_size` is set). MySQL and MariaDB keep nothing for us, and the answer is 0.
    """
    told: int = _feed(source, dataset, folder).held_back(source, dataset, folder=folder)
    return told
