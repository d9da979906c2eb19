"""Look at every file below a folder, and into archives: what it is, and which tables and columns it has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from catalog.errors import FileRefused, SourceError
from catalog.loader import CONTRACT_SUFFIX, PROJECT_FILE
from connectors.discovering.profiles import LeftOut
from connectors.faults import guarded
from connectors.formats import format_named, recognised, tables_of
from connectors.formats.tables import File, Limits, Table
from connectors.peeking.databases import SQLITE
from connectors.peeking.seeking import is_archive, is_packed, members

COPYBOOKS = (".cob", ".cpy", ".cbl", ".copybook")
ONE_TABLE = (
    "document",
    "markdown",
    "hl7",
    "edifact",
    "x12",
    "mail",
    "xml",
    "json",
)  # further tables tell the same file
GUESSED = ("fixed_width",)  # kinds whose columns are a guess that no contract can stand on


@dataclass(frozen=True)
class Found:
    """One table of one file. `name` is the file's path below the place that was looked at, archives with `!`."""

    name: str
    kind: str
    table: str = ""  # empty: the file has only one
    columns: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)  # of the source, such as encoding and separator
    size: int = 0


def walked(place: Path) -> tuple[list[Found], list[LeftOut]]:
    """The tables of all files, and the files that no table can be made of, with the reason."""
    found: list[Found] = []
    left: list[LeftOut] = []
    for path in _files(place):
        name = path.relative_to(place).as_posix() if path != place else path.name
        try:
            with guarded():
                for one in _in_file(path, name):
                    (found if isinstance(one, Found) else left).append(one)  # type: ignore[arg-type]  # each to its list
        except (FileRefused, SourceError) as error:
            left.append(_left(name, error))
    return found, left


def _files(place: Path) -> Iterator[Path]:
    """All files in order; none that is hidden, a link, or a part of a project that lies here."""
    if place.is_file():
        yield place
        return
    for folder, folders, names in os.walk(place, onerror=_refuse):
        here = Path(folder)
        project = (here / PROJECT_FILE).is_file()
        folders[:] = sorted(
            one for one in folders if not one.startswith(".") and not (project and one in ("sources", "datasets"))
        )
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            if name not in (PROJECT_FILE, "policies.yaml") and not name.endswith(CONTRACT_SUFFIX):
                yield path


def _refuse(error: OSError) -> None:
    raise FileRefused(f"the folder '{Path(error.filename).name}' cannot be read: {error.strerror}", "Check the rights.")


def _in_file(path: Path, name: str) -> Iterator[Found | LeftOut]:
    """The tables of a file; of an archive those of its members."""
    file = File(path, name)
    if file.head(len(SQLITE)) == SQLITE:
        yield LeftOut(name=name, reason="is a SQLite database", remedy=f"Draft it by itself: --from sqlite:///{name}.")
        return
    if path.suffix.lower() in COPYBOOKS:
        yield Found(name, "copybook", size=file.size)
        return
    if not is_packed(file):
        yield from _tables(file, name)
        return
    archive = is_archive(file)
    for one in members(path):
        inner = f"{name}!{one.name.partition('!')[2]}" if archive and "!" in one.name else name
        try:
            with one.fetched() as copy, guarded():
                yield from _tables(copy, inner)
        except (FileRefused, SourceError) as error:
            yield _left(inner, error)


def _tables(file: File, cited: str) -> Iterator[Found | LeftOut]:
    kind = recognised(file)
    if kind in GUESSED:
        reason = "looks like text in columns of fixed width, whose places nothing declares"
        remedy = "Write a contract with landbridge.position for each field; landbridge peek shows the guessed places."
        yield LeftOut(name=cited, reason=reason, remedy=remedy)
        return
    module = format_named(kind)
    tables = list(tables_of(kind, file, module.Options(), limits=Limits()))
    alone = len(tables) == 1 or kind in ONE_TABLE
    for table in tables[:1] if kind in ONE_TABLE else tables:
        name = "" if alone else table.name
        yield Found(cited, kind, name, tuple(table.schema), _settings(kind, table), file.size)


def _settings(kind: str, table: Table) -> dict[str, Any]:
    """What a source of such files declares, where text was read by a guess."""
    meta, told = table.meta, {}
    if kind == "csv":
        told = {"encoding": meta.get("encoding"), "separator": meta.get("delimiter")}
    return {name: value for name, value in told.items() if value}


def _left(name: str, error: FileRefused | SourceError) -> LeftOut:
    reason = error.what if isinstance(error, FileRefused) else error.detail
    if PurePosixPath(name).suffix.lower() in (".dat", ".bin", ".ebc") and isinstance(error, FileRefused):
        return LeftOut(
            name=name, reason=reason, remedy=f"{error.remedy} Of a mainframe file, put its copybook beside it."
        )
    return LeftOut(name=name, reason=reason, remedy=error.remedy)
