"""Read a file that nobody has declared: recognise it, check the options, choose the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import polars as pl

from catalog.errors import FileRefused, LandbridgeError
from catalog.names import did_you_mean
from connectors.formats import FORMATS, format_named, recognised, tables_of
from connectors.formats.tables import File, Limits, Piece, Table
from connectors.peeking.options import validated
from connectors.peeking.peeks import Peek, peek_of
from connectors.peeking.seeking import Sought


@dataclass(frozen=True)
class Asked:
    """How a file is to be read; without a `format` it is recognised."""

    format: str
    options: Mapping[str, Any]
    rows_at: str  # the path of a list whose elements are the rows; empty: the rows are as they are
    rows: int | None
    folder: Path
    limits: Limits


def looked_at(found: Sought, asked: Asked) -> Peek:
    """The wanted table of the first file that can be read. Raises what is wrong with the first where none can."""
    refused: LandbridgeError | None = None
    for one in found.candidates:
        held = ExitStack()
        try:
            return _in_file(held.enter_context(one.fetched()), found, asked, held)
        except LandbridgeError as error:
            held.close()
            refused = refused or error
        except BaseException:
            held.close()
            raise
    raise refused or FileRefused("there is no such file", "Check the path.")


def _in_file(file: File, found: Sought, asked: Asked, held: ExitStack) -> Peek:
    name = named_format(asked.format) if asked.format else recognised(file)
    module = format_named(name)
    given = validated(module.Options, asked.options, name=name, folder=asked.folder)
    tables = tables_of(name, file, given, limits=asked.limits)
    table = _exploded(chosen(tables, found.table), asked.rows_at)
    meta: dict[str, Any] = {"location": file.name, "format": name, "size": file.size}
    if len(found.files) > 1:
        meta["files"] = list(found.files)
    meta |= {"tables": [one.name for one in tables], "table": table.name}
    return peek_of(table, meta=meta, rows=asked.rows, held=held)


def _exploded(table: Table, path: str) -> Table:
    """The table with a row for each element of the list at `path`."""
    if not path:
        return table
    from connectors.filing.flattening import exploded

    def pieces() -> Iterator[Piece]:
        with closing(cast("Any", table.pieces())) as given:
            for piece in given:
                yield replace(piece, frame=exploded(piece.frame, path))

    schema = exploded(pl.DataFrame(schema=table.schema), path).schema
    return replace(table, schema=schema, pieces=pieces, texts=None)


def named_format(name: str) -> str:
    """The name of a format. Raises FileRefused, with the likeliest one, where there is none of that name."""
    if name in FORMATS:
        return name
    raise FileRefused(f"there is no format '{name}'", did_you_mean(name, FORMATS) or f"There are {', '.join(FORMATS)}.")


def chosen(tables: Sequence[Table], wanted: str) -> Table:
    """The table called `wanted`, whatever the case of its letters; the first where none is wanted."""
    if not wanted:
        return tables[0]
    for same in (str, str.casefold):
        for table in tables:
            if same(table.name) == same(wanted):
                return table
    raise FileRefused(f"there is no table '{wanted}' in it", did_you_mean(wanted, [table.name for table in tables]))
