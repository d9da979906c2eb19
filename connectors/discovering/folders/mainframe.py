"""Find the data file that a copybook describes: the one beside it, of no other format, that its records fill."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any, cast

from catalog.errors import FileRefused
from connectors.discovering.folders.walking import Found
from connectors.discovering.profiles import LeftOut
from connectors.faults import guarded
from connectors.formats import format_named
from connectors.formats.tables import File, Limits, Table

COPYBOOK = "copybook"  # the kind of a file that only describes others
DOUBTFUL = "copybook-doubtful"  # what the format notices where numbers of the records are none


def with_copybooks(
    place: Path, found: Sequence[Found], left: Sequence[LeftOut]
) -> tuple[list[Found], list[LeftOut]]:  # fmt: skip
    """The tables with those of mainframe files, and what is left out."""
    told = [one for one in found if one.kind != COPYBOOK]
    out = list(left)
    for book in (one for one in found if one.kind == COPYBOOK):
        beside = [one.name for one in out if _folder(one.name) == _folder(book.name) and "!" not in one.name]
        fitting = [one for name in beside if (one := _fitting(place, book.name, name)) is not None]
        if len(fitting) == 1:
            told.append(fitting[0])
            out = [one for one in out if one.name != fitting[0].name]
        else:
            out.append(_left(book.name, len(fitting)))
    return told, out


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _fitting(place: Path, book: str, name: str) -> Found | None:
    """The data file as a table, if its records are as the copybook says; None where their numbers are none."""
    root = place if place.is_dir() else place.parent
    module = format_named("mainframe")
    options: dict[str, Any] = {"copybook": str((root / book).resolve())}
    try:
        with guarded():
            file = File(root / name, name)
            table = module.tables(file, module.Options.model_validate(options), limits=Limits(batch_rows=1_000))[0]
            doubted = any(one.rule == DOUBTFUL for one in (*table.noticed, *_first_noticed(table)))
    except FileRefused:
        return None
    if doubted:
        return None
    return Found(name, "mainframe", "", tuple(table.schema), {"options": options}, file.size)


def _first_noticed(table: Table) -> Sequence[Any]:
    with closing(cast("Any", table.pieces())) as pieces:
        return tuple(next(pieces).noticed)


def _left(book: str, fitting: int) -> LeftOut:
    what = "no file beside it has records of its length" if not fitting else f"{fitting} files beside it fit it"
    remedy = (
        f"Declare a source of kind mainframe with options: {{copybook: {PurePosixPath(book).name}}}, and its records."
    )
    return LeftOut(name=book, reason=f"is a copybook, and {what}", remedy=remedy)
