"""Find out what a database holds: what it declares, what its rows show, and what can be guessed from both.

`discover` returns a frozen `SystemProfile`; nothing is written, and every transaction is read-only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from catalog.errors import SourceError, SourceUnreadable
from connectors.discovering.keys import declared_key
from connectors.discovering.opening import opened
from connectors.discovering.profiles import LeftOut, SystemProfile, TableProfile

__all__ = ["SAMPLE", "discover", "schemas_of"]

SAMPLE = 10_000  # rows of a table that are looked at


def discover(
    location: str,
    *,
    folder: Path,
    schema: str = "",
    tables: Sequence[str] = (),
    views: bool = False,
    sample: int = SAMPLE,
    keyless: Collection[str] = (),
) -> SystemProfile:
    """All tables of the database at `location` that have a key and rows, and what was left out.

    `tables` are globs; the physical names in `keyless` need neither key nor rows. A relative SQLite path is below
    `folder`. Raises SourceUnreachable or SourceUnreadable where the database does not open; a single table that does
    not is left out and told.
    """
    from connectors.discovering.reading import read_catalog

    with opened(location, folder) as connection:
        declared = read_catalog(connection, schema=schema, globs=tables, views=views)
    seen: list[TableProfile] = []
    left = list(declared.left_out)
    for table in declared.tables:
        told = _looked_at(table, location, folder, sample, keyless)
        (seen if isinstance(told, TableProfile) else left).append(told)  # type: ignore[arg-type]  # each to its list
    system = SystemProfile(tables=tuple(seen), left_out=tuple(left), known=declared.known)
    return _related(system, location, folder)


def schemas_of(location: str, *, folder: Path) -> list[str]:
    """The schemas of the database that hold tables."""
    from connectors.discovering.reading import schemas

    with opened(location, folder) as connection:
        return schemas(connection)


def _looked_at(
    table: TableProfile, location: str, folder: Path, sample: int, keyless: Collection[str]
) -> TableProfile | LeftOut:
    """The table with its profile, or why it gets no contract. In a transaction of its own: one fault is one table."""
    from connectors.discovering.sampling import profiled

    try:
        with opened(location, folder, about=table.physical_name) as connection:
            told = profiled(connection, table, rows=sample)
    except SourceUnreadable as error:
        return LeftOut(name=table.physical_name, reason=f"cannot be read: {error.detail}", remedy=error.remedy)
    if told.physical_name in keyless:
        return told
    if not told.rows:
        remedy = "Run this again when it has rows; a contract promises some, and a run would wait for them."
        return LeftOut(name=table.physical_name, reason="holds no rows", remedy=remedy)
    if declared_key(told) or told.found_key:
        return told
    remedy = "Declare a key, or read it through a view that numbers its rows."
    what = "none is looked for in so many rows" if told.more else "no columns are unique and filled"
    return LeftOut(name=table.physical_name, reason=f"has no key, and {what}", remedy=remedy)


def _related(system: SystemProfile, location: str, folder: Path) -> SystemProfile:
    from connectors.discovering.relating import with_suggestions
    from connectors.discovering.sampling import held

    def asked(table: TableProfile, column: str, values: Sequence[str | int]) -> int:
        try:
            with opened(location, folder, about=table.physical_name) as connection:
                return held(connection, table, column, values)
        except SourceError:
            return -1  # a suggestion that cannot be confirmed is none

    return with_suggestions(system, asked)
