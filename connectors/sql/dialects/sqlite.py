"""SQLite: declared types are only a hint there, so what a whole column holds decides, and rows leave as Arrow batches.

ADBC reads three times as fast as Python's module and raises where a value is not of the column's type, except that it
writes a number or a blob in a column of text as text, and an integer in a column of reals as the nearest real: one
query on a second connection, which sees the same commit, finds those while ADBC reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    case,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)  # fmt: skip
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import (
    JSON,
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    NullType,
    Numeric,
    String,
    Time,
    Uuid,
    _Binary,
)

from catalog.models import BlobPolicy, Source
from connectors.sql.arrows import close_arrow, open_arrow, rows_at_once, streamed
from connectors.sql.dialects.base import Dialect, Way
from connectors.sql.types import Carried, Misfit

CLASSES = {"integer": pl.Int64(), "real": pl.Float64(), "text": pl.String(), "blob": pl.Binary()}
EXACT_INTEGERS = 2**53  # a 64-bit float holds every integer up to here
BUSY = 5  # seconds to wait for a writer


class SQLite(Dialect):
    """SQLite 3, through Python's module; a table is read in one transaction, and a run in WAL mode too."""

    name = "sqlite"
    holds_snapshot = True

    def located(self, url: URL, *, folder: Path) -> URL:
        """The file opened read-only by its URI: a misspelled path is an error and not a new, empty database."""
        if not url.database or url.database == ":memory:":
            return url
        path = quote(str((folder / url.database).resolve()))
        return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})

    def arguments(self, source: Source) -> dict[str, Any]:
        """A writer is waited for."""
        return {"timeout": BUSY}

    def begin(self, connection: Connection, source: Source) -> None:
        """Python's module begins only before a write; the first statement takes the snapshot."""
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")
        if source.reader == "auto":
            open_arrow(connection)

    def holds(self, connection: Connection) -> bool:
        """Only in WAL mode: otherwise an open read keeps writers from committing."""
        return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()) == "wal"

    def leave(self, connection: Connection) -> None:
        """Close both connections."""
        close_arrow(connection)
        connection.invalidate()

    def unlocked(self, error: DBAPIError) -> bool:
        """A writer held the file for too long."""
        return "database is locked" in str(error.orig)

    def dtype(self, kind: Any) -> pl.DataType | None:
        """What the column should hold by its declared type; None where that says nothing."""
        if isinstance(kind, Integer | Boolean):
            return pl.Int64()
        if isinstance(kind, Float | Numeric):
            return pl.Float64()
        if isinstance(kind, LargeBinary | _Binary):
            return pl.Binary()
        return pl.String() if isinstance(kind, String | Date | DateTime | Time | JSON | Uuid) else None

    def carried(
        self, connection: Connection, relation: FromClause, *, text: Collection[str], blobs: Mapping[str, BlobPolicy]
    ) -> list[Carried]:
        """By the declared type; a column that breaks it, or has none, by the storage classes of all of it."""
        told = super().carried(connection, relation, text=(), blobs=blobs)
        open_ = [
            (at, column)
            for at, (column, one) in enumerate(zip(relation.columns, told, strict=True))
            if blobs.get(one.name, "extract") != "skip" and (one.name in text or self.dtype(column.type) is None)
        ]
        if open_:
            found = _classes(connection, relation, [column for _, column in open_])
            for (at, column), (classes, large) in zip(open_, found, strict=True):
                told[at] = _of_classes(column, classes, self.dtype(column.type), large=large)
        return told

    def column(self, column: Any) -> Carried:
        """Values come untouched by SQLAlchemy's own conversions."""
        return Carried(str(column.name), type_coerce(column, NullType()), self.dtype(column.type) or pl.String())

    def beyond(self, column: Any) -> ColumnElement[bool] | None:
        """Anything but what the declared type says."""
        dtype = self.dtype(column.type)
        return None if dtype is None else _odd(type_coerce(column, NullType()), dtype)

    def bent(self, relation: FromClause, columns: Sequence[Carried]) -> ColumnElement[bool]:
        """Where ADBC would bend a value without a word: text of a number or a blob, a real near an integer."""
        limit: ColumnElement[Any] = literal_column(str(EXACT_INTEGERS))
        told: list[ColumnElement[bool]] = [false()]
        for one in columns:
            raw = type_coerce(relation.columns[one.name], NullType())
            if one.dtype == pl.Float64():
                told.append(not_(raw.between(-limit, limit)))
            elif one.dtype == pl.String():
                told.append(not_(raw.between(literal_column("''"), literal_column("x''"))))
            elif one.dtype == pl.Binary():
                told.append(raw < literal_column("x''"))
        return or_(*told)

    def doubts(self, connection: Connection, relation: FromClause, columns: Sequence[Carried]) -> set[str]:
        """Columns that hold anything but what their declared type says.

        With ADBC one quick look is enough in the ordinary case, because it raises at everything else.
        """
        named = [one for one in columns if one.name in relation.columns]
        held = [one for one in named if self.dtype(relation.columns[one.name].type) == one.dtype]
        if "arrow" in connection.info:
            quick: Any = select(literal_column("1")).select_from(relation).where(self.bent(relation, held)).limit(1)
            if connection.execute(quick).first() is None:
                return set()
        beyond = {one.name: self.beyond(relation.columns[one.name]) for one in held}
        asked = [func.max(case((odd, 1), else_=0)) for odd in beyond.values() if odd is not None]
        if not asked:
            return set()
        found = connection.execute(select(*asked).select_from(relation)).one()
        names = [name for name, odd in beyond.items() if odd is not None]
        return {name for name, broken in zip(names, found, strict=True) if broken}

    def paths(self, connection: Connection, source: Source) -> list[Way]:
        """Arrow batches, of a file."""
        if "arrow" not in connection.info:
            return []
        return [
            Way("adbc", "raises at a value of another type; what it would bend is looked for meanwhile", self.screened)
        ]

    def screened(
        self, connection: Connection, statement: Select[Any], columns: Sequence[Carried], source: Source
    ) -> Iterator[pl.DataFrame]:
        """ADBC's frames, while a second thread looks for values that it would bend; with those, Misfit voids them."""
        relation = statement.get_final_froms()[0]
        rows = rows_at_once(connection, statement, source)  # before: the connection serves one thread at a time
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="doubts") as other:
            looking = other.submit(self.doubts, connection, relation, columns)
            for frame in streamed(connection, statement, columns, source, rows=rows):
                if looking.done() and looking.result():
                    break
                yield frame
            odd = looking.result()
        if odd:
            raise Misfit(sorted(odd))


def _odd(column: ColumnElement[Any], dtype: pl.DataType) -> ColumnElement[bool]:
    """Where a value is of another storage class, or a number that a float would change."""
    if dtype == pl.Int64():
        return func.typeof(column).not_in(["integer", "null"])
    if dtype == pl.Float64():
        return or_(column >= literal_column("''"), _large(column))
    if dtype == pl.Binary():
        return column < literal_column("x''")
    return or_(column < literal_column("''"), column >= literal_column("x''"))


def _large(column: ColumnElement[Any]) -> ColumnElement[bool]:
    limit: ColumnElement[Any] = literal_column(str(EXACT_INTEGERS))
    return not_(column.between(-limit, limit)) & (func.typeof(column) == "integer")


def _classes(connection: Connection, relation: FromClause, columns: Sequence[Any]) -> list[tuple[frozenset[str], bool]]:
    """The storage classes of each column but null, and whether it holds integers that a float would change."""
    raw = [type_coerce(column, NullType()) for column in columns]
    classes = [func.group_concat(func.typeof(column).distinct()) for column in raw]
    large = [func.max(case((_large(column), 1), else_=0)) for column in raw]
    held = connection.execute(select(*classes, *large).select_from(relation)).one()
    return [
        (frozenset((held[at] or "").split(",")) - {"null", ""}, bool(held[len(raw) + at])) for at in range(len(raw))
    ]


def _of_classes(column: Any, classes: frozenset[str], declared: pl.DataType | None, *, large: bool) -> Carried:
    """A column that mixes classes is text; integers beside reals are floats, as long as a float holds them exactly."""
    name, raw = str(column.name), type_coerce(column, NullType())
    if not classes:
        return Carried(name, raw, declared or pl.String())
    if classes <= {"integer", "real"} and not large and (declared == pl.Float64() or len(classes) == 2):
        return Carried(name, raw, pl.Float64())
    if len(classes) == 1:
        return Carried(name, raw, CLASSES[next(iter(classes))])
    return Carried(name, raw, pl.String(), driver_only=True)
