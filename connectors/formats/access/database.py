"""A database's tables and their rows, as mdbtools' programs tell them.

Rows are asked for with separators that are drawn anew each time, so that no value can be mistaken for one; they come
in blocks and are handed over in bounded pieces. One value must fit into memory as hexadecimal text.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.access.programs import blocks, output
from connectors.formats.access.types import STAMP, column, declarations, kind_of
from connectors.formats.slices import refuse_reserved, refuse_too_large, sliced
from connectors.formats.tables import File, Limits, Noticed, Piece, Table, empty

PAGE_BYTES = 2048  # Jet 3's; later pages have twice as many
AGAIN = "Ask for the export again."


@dataclass(frozen=True)
class Database:
    """A database file, and the encoding of its texts where it is Jet 3's."""

    file: File
    encoding: str = ""

    def tables(self, wanted: str, limits: Limits) -> list[Table]:
        """All tables, or the one that is wanted. Raises FileRefused where there is none."""
        if self.file.size % PAGE_BYTES:
            raise FileRefused("the database was cut off: it does not end with a whole page", AGAIN)
        names = self._names("table")
        if not names:
            raise FileRefused("the database has no tables of its own", "Ask for the database that holds them.")
        if wanted and wanted not in names:
            told = ", ".join(f"'{name}'" for name in names)
            raise FileRefused(f"it has no table '{wanted}'; its tables are {told}", "Name one of them.")
        chosen = [wanted] if wanted else names
        noticed = self._about()
        return [self._table(name, limits, noticed if at == 0 else []) for at, name in enumerate(chosen)]

    def _names(self, kind: str) -> list[str]:
        """The names of the user's tables, or of another kind of object."""
        mark = _mark()
        told = output("mdb-tables", "-t", kind, "-d", mark, str(self.file.path), encoding=self.encoding)
        return [name.strip("\n") for name in _text(told).split(mark) if name.strip()]

    def _about(self) -> list[Noticed]:
        linked = self._names("linkedtable")
        if not linked:
            return []
        message = f"tables that are linked to other databases are not read: {', '.join(linked)}"
        return [
            Noticed("linked-tables", message, count=len(linked), unit="tables", remedy="Deliver those databases, too.")
        ]

    def _table(self, name: str, limits: Limits, noticed: list[Noticed]) -> Table:
        arguments = ("--no-indexes", "--no-relations", "-T", name, str(self.file.path), "access")
        declared = declarations(_text(output("mdb-schema", *arguments, encoding=self.encoding)))
        if not declared:
            raise FileRefused(f"the table '{name}' declares no columns", AGAIN)
        refuse_reserved(declared)
        schema = pl.Schema({column: kind_of(told) for column, told in declared.items()})
        rows = _Rows(self, name, schema, limits)
        meta = {"format": "access", "version": self._version()}
        return Table(name, schema, declared, rows.pieces, meta, noticed)

    def _version(self) -> str:
        return _text(output("mdb-ver", str(self.file.path))).strip()


@dataclass(frozen=True)
class _Rows:
    """The rows of one table."""

    database: Database
    name: str
    schema: pl.Schema
    limits: Limits

    def pieces(self) -> Iterator[Piece]:
        """The rows in order. Raises FileRefused where the database is damaged, or there are fewer than it counts."""
        counted = self._counted()
        unread: dict[str, int] = {}
        position = 1
        for records in self._portions():
            frame = self._frame(records, position, unread)
            refuse_too_large(frame, self.limits)
            yield from map(Piece, sliced(frame, self.limits))
            position += frame.height
        if position - 1 < counted:
            raise FileRefused(f"table '{self.name}' counts {counted:,} rows, and {position - 1:,} can be read", AGAIN)
        if unread or position == 1:
            yield Piece(empty(self.schema).frame, noticed=list(_noticed(unread)))

    def _portions(self) -> Iterator[list[list[str | None]]]:
        """Some rows at a time, as the texts that mdbtools writes."""
        between, after, null = _mark(), _mark(), _mark()
        options = ("-Q", "-H", "-b", "hex", "-d", between, "-R", after, "-0", null, "-D", STAMP, "-T", STAMP)
        said = blocks("mdb-export", *options, str(self.database.file.path), self.name, encoding=self.database.encoding)
        rest = bytearray()
        held: list[list[str | None]] = []
        size = 0
        for block in said:
            rest += block
            *whole, last = bytes(rest).split(after.encode())
            rest = bytearray(last)
            self._refuse_too_long(rest)
            for record in whole:  # one row after the other, as a program writes them: that is a loop
                held.append([None if cell == null else cell for cell in _text(record).split(between)])
                size += len(record)
                if len(held) >= self.limits.batch_rows or size >= self.limits.batch_bytes:
                    yield held
                    held, size = [], 0
        if rest.strip():
            raise FileRefused(f"the last row of table '{self.name}' is cut", AGAIN)
        if held:
            yield held

    def _refuse_too_long(self, rest: bytearray) -> None:
        if len(rest) > 2 * self.limits.cell_bytes * len(self.schema):
            raise FileRefused(
                f"a row of table '{self.name}' is larger than its values may be",
                "Raise `cell_bytes` of the source, or ask for an export without it.",
            )

    def _frame(self, records: list[list[str | None]], position: int, unread: dict[str, int]) -> pl.DataFrame:
        if any(len(record) != len(self.schema) for record in records):
            raise FileRefused(f"rows of table '{self.name}' do not have the columns that it declares", AGAIN)
        series = []
        for (name, kind), texts in zip(self.schema.items(), zip(*records, strict=True), strict=True):
            told, bad = column(name, texts, kind)
            series.append(told)
            if bad:
                unread[name] = unread.get(name, 0) + bad
        numbers = pl.int_range(position, position + len(records), dtype=pl.Int64, eager=True)
        return pl.DataFrame([*series, numbers.alias("_position")])

    def _counted(self) -> int:
        told = output("mdb-count", str(self.database.file.path), self.name, encoding=self.database.encoding).strip()
        return int(told) if told.isdigit() else 0


def _noticed(unread: dict[str, int]) -> Iterator[Noticed]:
    if unread:
        message = f"values do not read as their column's type and are read as unknown: {', '.join(unread)}"
        yield Noticed(
            "value-unreadable", message, count=sum(unread.values()), unit="values", evidence={"columns": unread}
        )


def _mark() -> str:
    """A separator that no value holds."""
    return f"<{secrets.token_hex(12)}>"


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FileRefused(
            "its texts are not in the encoding that it declares", "Declare the file's `encoding`."
        ) from error
