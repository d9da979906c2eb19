"""Find out what a folder of files holds, in the words in which a database is told: tables, columns, keys, references.

`discover_folder` returns a frozen `FolderProfile`; nothing is written. Files that are deliveries of one table, such as
`orders-2024-01.csv` and `orders-2024-02.csv`, become one table with a glob.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from connectors.discovering import SAMPLE
from connectors.discovering.folders.grouping import Group, grouped
from connectors.discovering.folders.mainframe import with_copybooks
from connectors.discovering.folders.profiling import Looked, looked_at
from connectors.discovering.folders.walking import walked
from connectors.discovering.profiles import LeftOut, Profile, SystemProfile, TableProfile

__all__ = ["FolderProfile", "Group", "discover_folder"]


class FolderProfile(Profile):
    """What is told of a folder; `groups` says for each table, by its physical name, which files it is read from."""

    system: SystemProfile
    groups: dict[str, Group]


def discover_folder(
    place: Path, *, tables: Sequence[str] = (), sample: int = SAMPLE, keyless: Collection[str] = ()
) -> FolderProfile:
    """All tables in the files at `place`, a folder or one file, that have a key and rows, and what was left out.

    `tables` are globs of their names; the physical names in `keyless` need neither key nor rows. Raises FileRefused
    where the folder itself cannot be read.
    """
    from connectors.discovering.reading import chosen

    found, left = walked(place)
    found, left = with_copybooks(place, found, left)
    groups = {one.path: one for one in grouped(found) if chosen(one.name, tables)}
    looked: dict[str, Looked] = {}
    for path, group in groups.items():
        seen = looked_at(group, place, sample=sample, keyless=path in keyless)
        if isinstance(seen, LeftOut):
            left.append(seen)
        else:
            looked[path] = seen
    system = SystemProfile(
        tables=tuple(one.table for one in looked.values()), left_out=tuple(left), known=tuple(groups)
    )  # fmt: skip
    return FolderProfile(system=_related(system, looked), groups={path: groups[path] for path in looked})


def _related(system: SystemProfile, looked: dict[str, Looked]) -> SystemProfile:
    """References by names and values: a key's values are in memory, as far as its rows were counted."""
    from connectors.discovering.relating import with_suggestions

    def held(table: TableProfile, column: str, values: Sequence[str | int]) -> int:
        keys = looked[table.physical_name].keys.get(column)
        return -1 if keys is None else len({str(value) for value in values} & keys)

    return with_suggestions(system, held)
