"""What a format makes of one file: tables of named columns, in pieces of bounded size, and what was noticed on the way.

A format is a module with `Options`, `recognises` and `tables`; it knows nothing of sources, datasets or places. See
`connectors.formats` for the list, and `connectors.filing` for how a format becomes a connector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict

from ledger.models import Severity

HEAD_BYTES = 64 * 1024  # of a file's beginning that a format is recognised by
TEXT = "text"  # the declared type of a column whose format declares none

Reject = tuple[int, str, str]  # position, reason, text


class FormatOptions(BaseModel):
    """What may be declared about files of a format; each format has a subclass. An unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class File:
    """One whole file on this machine. `name` is how it is cited: `drop/night.zip!orders.csv`."""

    path: Path
    name: str

    def head(self, count: int = HEAD_BYTES) -> bytes:
        """The first bytes."""
        with self.path.open("rb") as file:
            return file.read(count)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @property
    def suffix(self) -> str:
        """The ending of its name with the dot, in lowercase: `.csv`; empty where it has none."""
        return Path(self.name.rpartition("!")[2]).suffix.lower()


@dataclass(frozen=True)
class Limits:
    """How much may be handed over at once, and how large one value may be, in rows and bytes."""

    batch_rows: int = 100_000
    batch_bytes: int = 32 * 2**20
    cell_bytes: int = 64 * 2**20


@dataclass(frozen=True)
class Noticed:
    """Something about a file that a person should know: it becomes a Finding. No value of a row stands in it.

    `rule` is a short name in kebab case, `dates-mangled`; `count` counts `unit`s.
    """

    rule: str
    message: str
    severity: Severity = "warning"
    count: int = 1
    unit: str = "rows"
    remedy: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """Rows of a table, at most what the limits allow, and the records no row could be made of.

    `frame` has the table's columns in order, then `_position` (Int64: the line, sheet row or record number in the
    file, from 1, that no other row of the table has).
    """

    frame: pl.DataFrame
    rejects: Sequence[Reject] = ()
    noticed: Sequence[Noticed] = ()


@dataclass(frozen=True)
class Table:
    """One table of a file. Its columns are known before its rows are read.

    `schema` holds the columns' types in the frames, without `_position`; `declared` the types in the source's own words
    (TEXT where it declares none). Values nobody declared a type for are text, as the file spells them. `pieces` reads
    anew with each call, gives at least one piece, and may raise FileRefused. `meta` is what was detected, as JSON
    values: `format`, and encoding, delimiter, header and the like. `texts`, where text is the file's own form, gives
    the rows as they stand there, header first, ragged ones too. `held` is the size of the rows in bytes where the table
    has them in memory and looks at the file no more; 0 where `pieces` reads the file.
    """

    name: str
    schema: pl.Schema
    declared: Mapping[str, str]
    pieces: Callable[[], Iterator[Piece]]
    meta: Mapping[str, Any] = field(default_factory=dict)
    noticed: Sequence[Noticed] = ()
    texts: Callable[[], Iterator[Sequence[str | None]]] | None = None
    held: int = 0


class Format(Protocol):
    """A format, as a module. Its top level imports nothing heavy: `recognises` is asked about every file."""

    Options: type[FormatOptions]

    def recognises(self, head: bytes, file: File) -> bool:
        """Whether a file is of this format, judged by content first and by its name's ending second."""
        ...

    def tables(self, file: File, options: Any, *, limits: Limits) -> Sequence[Table]:
        """The tables of a file, at least one, the most likely wanted first.

        Raises FileRefused, with a reason and a remedy, where the file is empty, cut, encrypted, broken or not of this
        format. No other exception leaves it or `pieces`, whatever the bytes.
        """
        ...


def empty(schema: pl.Schema) -> Piece:
    """A piece without rows."""
    return Piece(pl.DataFrame(schema={**schema, "_position": pl.Int64()}))
