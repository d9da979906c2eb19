"""Look into a file, a table or a place that nobody has declared: what it is, which columns it has, and its rows.

`connectors.peek` is the door. Nothing is written, and no project is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.formats.tables import Limits
from connectors.peeking.databases import database_table, is_database, sqlite_url
from connectors.peeking.looking import Asked, looked_at
from connectors.peeking.peeks import Column, Peek
from connectors.peeking.seeking import sought

COMMON = ("rows", "table", "storage", "limits")  # options that are not the format's

__all__ = ["Column", "Peek", "peek"]


def peek(
    location: str | Path,
    *,
    format: str = "",  # noqa: A002 - the word that everybody uses for it
    options: Mapping[str, Any] | None = None,
    table: str = "",
    rows: int | None = None,
    folder: Path = Path(),
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
) -> Peek:
    """What `location` holds; a path is relative to `folder`.

    It is a file, `book.xlsx#Orders`, an archive's member `night.zip!orders.csv`, a folder, a glob, the URL of a place,
    a SQLite file, or a SQLAlchemy URL. Of several files the first that can be read is shown, or the one that `table`
    names. Without `format` it is recognised; `options` are those of the format, and `rows` (the path of a list whose
    elements are the rows), `storage` and `limits` of its place. `table` chooses a sheet or a table,
    `rows` ends after so many. Raises FileRefused where no rows can be made of it, SourceError where its place or
    database does not answer.
    """
    told = str(location)
    url = told if is_database(told) else sqlite_url(told, folder)
    if url:
        return database_table(url, table=table, rows=rows, folder=folder, limits=limits)
    given = dict(options or {})
    common = {name: given.pop(name) for name in COMMON if name in given}
    found = sought(told, table=table or str(common.get("table", "")), folder=folder, storage=common)
    return looked_at(found, Asked(format, given, str(common.get("rows", "")), rows, folder, limits))
