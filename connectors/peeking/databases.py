"""Look into a table of a database that nobody has declared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from catalog.models import Dataset, Place, Source
from catalog.names import did_you_mean
from catalog.secrets import references, resolve
from connectors.formats.tables import TEXT, Limits, Piece, Table
from connectors.peeking.peeks import Peek, peek_of
from connectors.peeking.seeking import URLS

SQLITE = b"SQLite format 3\0"  # how each of its files begins
_HERE = Place(file="peek")


def is_database(location: str) -> bool:
    """Whether a location is a SQLAlchemy URL, or a reference to one."""
    told = resolve(location, folder=Path()) if references(location) else location
    scheme, mark, _ = told.partition("://")
    return bool(mark) and scheme.partition("+")[0].lower() not in URLS


def sqlite_url(location: str, folder: Path) -> str:
    """The URL of a path at which a SQLite file lies; empty for every other."""
    path = folder / location
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return f"sqlite:///{path.absolute()}" if file.read(len(SQLITE)) == SQLITE else ""
    except OSError:
        return ""  # told where it is opened as a file


def database_table(location: str, *, table: str, rows: int | None, folder: Path, limits: Limits) -> Peek:
    """A table of the database at a SQLAlchemy URL, the first where none is wanted. Raises SourceError, FileRefused."""
    from connectors.discovering.opening import opened
    from connectors.discovering.reading import read_catalog

    with opened(location, folder) as connection:
        known = read_catalog(connection, views=True)
    names = sorted(known.known) or sorted(one.physical_name for one in known.tables)
    if not names:
        raise FileRefused("the database holds no table that this user can see", "Check the URL and the user's rights.")
    wanted = table or next((one.physical_name for one in known.tables), names[0])
    if wanted not in names:
        raise FileRefused(f"there is no table '{wanted}' in it", did_you_mean(wanted, names))
    source = Source(
        name="peek", kind="sql", location=location, reader="plain", batch_rows=limits.batch_rows,
        batch_bytes=limits.batch_bytes, cell_bytes=limits.cell_bytes, place=_HERE,
    )  # fmt: skip
    dataset = Dataset(
        name="peek", version="1.0.0", title="", source="peek", physical_name=wanted, fields=(), fingerprint="",
        place=_HERE,
    )  # fmt: skip
    told = known.table(wanted)
    declared = {column.name: column.declared for column in told.columns} if told else {}
    read = _table(source, dataset, declared, folder)
    return peek_of(read, meta={"format": "sql", "tables": names, "table": wanted}, rows=rows, held=ExitStack())


def _table(source: Source, dataset: Dataset, declared: dict[str, str], folder: Path) -> Table:
    """The table as a format would tell it; its first batch tells the columns."""
    with closing(_read(source, dataset, folder)) as batches:
        schema = dict(next(batches).frame.drop("_location", "_position").schema)
    types = {name: declared.get(name, TEXT) or TEXT for name in schema}
    return Table(dataset.physical_name, pl.Schema(schema), types, lambda: _pieces(source, dataset, folder))


def _read(source: Source, dataset: Dataset, folder: Path) -> Any:
    import connectors

    return connectors.read(source, dataset, folder=folder)


def _pieces(source: Source, dataset: Dataset, folder: Path) -> Iterator[Piece]:
    with closing(_read(source, dataset, folder)) as batches:
        for batch in batches:
            yield Piece(batch.frame.drop("_location"))
