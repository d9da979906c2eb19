"""The source system of a plug-in under test, as its author describes it: filled, changed, spoilt and taken away."""

from __future__ import annotations

import unittest
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from catalog.models import Dataset, Field, Incremental, LogicalType, Place, Source

Kind = Literal["text", "integer", "decimal", "float", "boolean", "date", "moment", "time"]
Row = Mapping[str, Any]
Columns = Mapping[str, Kind]

LOGICAL: dict[Kind, LogicalType] = {
    "text": "string", "integer": "integer", "decimal": "number", "float": "number", "boolean": "boolean",
    "date": "date", "moment": "timestamp", "time": "time",
}  # fmt: skip
PLACE = Place(file="sources/things.yaml", line=1)


class DoesNotApply(unittest.SkipTest):
    """What a system of this kind cannot hold or do, with the reason. The law is then skipped, and pytest tells why."""


class System(ABC):
    """One dataset, `things`, in a source system of its own. A test makes one, empty, and ends it with `close`.

    Rows are mappings of column names to Python values: str, int, Decimal, float, bool, date, datetime (without a zone)
    and time, or None. The first column, `id`, is the key. Where a system cannot hold what it is given, its methods
    raise DoesNotApply with the reason.
    """

    kind: ClassVar[str]
    connector: Any  # the module, or the object
    exact: ClassVar[frozenset[Kind]] = frozenset()  # what arrives as a value of its type; the rest may come as text
    padded: ClassVar[bool] = False  # text comes filled up with blanks to the width of its column
    secret = ""  # a password that the location refers to; no error may show it

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.columns: Columns = {}
        self.rows: dict[Any, Row] = {}

    @abstractmethod
    def put(self, columns: Columns, rows: Sequence[Row]) -> None:
        """Let the system answer, whatever was before, and hold these columns and rows, in this order, and no others."""

    @abstractmethod
    def vanish(self) -> None:
        """Let nothing answer any more: the file is gone, the server is down."""

    @abstractmethod
    def spoil(self) -> None:
        """Let it answer with what cannot be read: half a file, a table without its columns."""

    @abstractmethod
    def location(self) -> str:
        """The source's `location`."""

    def options(self) -> dict[str, Any]:
        """The source's `options`."""
        return {}

    def upsert(self, rows: Sequence[Row]) -> None:
        """Add rows, or change those whose `id` is there. By default everything is put again."""
        self.put(self.columns, list({**self.rows, **{row["id"]: row for row in rows}}.values()))

    def remove(self, keys: Iterable[Any]) -> None:
        """Take rows away. By default the others are put again."""
        lost = set(keys)
        self.put(self.columns, [row for key, row in self.rows.items() if key not in lost])

    def close(self) -> None:  # noqa: B027 - most systems are files in a folder that goes anyway
        """Take away what the test left."""

    def source(self, **habits: Any) -> Source:
        """The source, with habits such as `batch_rows`."""
        known = {"location": self.location(), "options": self.options(), **habits}
        return Source(name="system", kind=self.kind, place=PLACE, **known)

    def dataset(self, columns: Columns | None = None, **habits: Any) -> Dataset:
        """The contract of `things`, which promises these columns; by default those that were put."""
        promised = self.columns if columns is None else columns
        fields = tuple(
            Field(**{
                "name": name, "physical_name": name, "type": LOGICAL[kind], "place": PLACE,
                "key_position": 1 if name == "id" else None, **self.field(name),
            })
            for name, kind in promised.items()
        )  # fmt: skip
        known = {"physical_name": self.physical_name(), "incremental": self.incremental(), **habits}
        return Dataset(
            name="things", version="1.0.0", title="Things", source="system", fields=fields, fingerprint="", place=PLACE,
            **known,
        )  # fmt: skip

    def physical_name(self) -> str:
        """The contract's `physicalName`: a table, a file, a glob."""
        return "things"

    def field(self, name: str) -> dict[str, Any]:
        """What the contract says of a column beside its type."""
        return {}

    def incremental(self) -> Incremental:
        """How the contract says the dataset is read again."""
        return Incremental()

    def holds(self, columns: Columns, rows: Sequence[Row]) -> None:
        """Put, and remember what was put."""
        self.put(columns, rows)
        self.columns, self.rows = columns, {row["id"]: row for row in rows}

    def changes(self, rows: Sequence[Row]) -> None:
        """Upsert, and remember."""
        self.upsert(rows)
        self.rows = {**self.rows, **{row["id"]: row for row in rows}}

    def loses(self, keys: Iterable[Any]) -> None:
        """Remove, and remember."""
        lost = set(keys)
        self.remove(lost)
        self.rows = {key: row for key, row in self.rows.items() if key not in lost}
