"""What was found at a location: its form, its columns, and its rows as often as they are asked for."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Self, cast

import polars as pl

from connectors.formats.tables import TEXT, Noticed, Piece, Table
from connectors.peeking.spelling import as_texts, json_lines


@dataclass(frozen=True)
class Column:
    """A column: `declared` is its type in the source's own words, `type` what its values are in a frame."""

    name: str
    declared: str
    type: pl.DataType


@dataclass(frozen=True)
class Peek:
    """One table of what a location holds.

    `meta` is what was detected, as JSON values: `location`, `format`, `size` in bytes, `tables` and `table`, and what
    the format tells of itself, such as `encoding` and `delimiter`. `rows` is how many are told at most. A fetched copy
    of the file lives as long as this does; `close`, or a `with`, lets go of it sooner.
    """

    format: str
    meta: Mapping[str, Any]
    columns: tuple[Column, ...]
    noticed: tuple[Noticed, ...]
    rows: int | None = None
    source: Table | None = field(default=None, repr=False)
    held: ExitStack = field(default_factory=ExitStack, repr=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, self.held.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was fetched."""
        self.held.close()

    def pieces(self) -> Iterator[Piece]:
        """The rows in pieces of bounded size; at least one. Raises FileRefused where the file turns out broken."""
        left = self.rows
        with closing(cast("Any", self._table.pieces())) as pieces:
            for piece in pieces:
                yield piece if left is None else replace(piece, frame=piece.frame.head(left))
                if left is not None:
                    left -= min(left, piece.frame.height)
                    if not left:
                        return

    def frame(self, rows: int | None = None) -> pl.DataFrame:
        """The first `rows` rows, or all of them, as one frame of the file's columns."""
        told: list[pl.DataFrame] = []
        count = 0
        with closing(cast("Any", self.pieces())) as pieces:
            for piece in pieces:
                told.append(piece.frame.select(column.name for column in self.columns))
                count += piece.frame.height
                if rows is not None and count >= rows:
                    break
        whole = pl.concat(told)
        return whole if rows is None else whole.head(rows)

    def texts(self) -> Iterator[Sequence[str | None]]:
        """The header, then every row as text: as it stands in the file where that is text, ragged rows too."""
        if self._table.texts is not None:
            yield from islice(self._table.texts(), None if self.rows is None else self.rows + 1)
            return
        names = [column.name for column in self.columns]
        yield names
        for piece in self.pieces():
            yield from as_texts(piece.frame.select(names))

    def json_lines(self) -> Iterator[bytes]:
        """The rows as JSON objects, a line each, in blocks; see `spelling.json_lines`."""
        names = [column.name for column in self.columns]
        for piece in self.pieces():
            yield from json_lines(piece.frame.select(names))

    @property
    def _table(self) -> Table:
        if self.source is None:
            raise ValueError("this peek was made without a table")
        return self.source


def peek_of(
    table: Table, *, meta: Mapping[str, Any], rows: int | None, held: ExitStack, noticed: Sequence[Noticed] = ()
) -> Peek:
    """A table as a peek; `meta` is what is known beside what the table tells of itself."""
    columns = tuple(Column(name, table.declared.get(name, TEXT), dtype) for name, dtype in table.schema.items())
    whole = {**meta, **{name: value for name, value in table.meta.items() if name not in meta}}
    found = (*noticed, *table.noticed)
    return Peek(str(meta["format"]), whole, columns, found, rows=rows, source=table, held=held)
