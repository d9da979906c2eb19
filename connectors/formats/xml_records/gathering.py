"""Rows of the record elements of a document, while it is parsed, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from connectors.bounding import CELL_BYTES
from connectors.formats.tables import Limits, Piece
from connectors.formats.xml_records.columns import NODE_BYTES, Node
from connectors.formats.xml_records.parsing import Name
from connectors.formats.xml_records.shapes import Shape


@dataclass
class Gathering:
    """A handler of `parsing` that makes a row of each record; `records` are their shapes below `root`.

    A record's memory is bounded by `limits.cell_bytes`: above it FileRefused is raised.
    """

    root: Shape
    records: frozenset[int]  # ids of shapes
    row_of: Callable[[Node], dict[str, Any]]
    schema: pl.Schema
    limits: Limits
    rows: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    told: int = 0  # records so far
    _way: list[Shape] = field(default_factory=list)  # the elements around, outside records
    _record: list[Node] = field(default_factory=list)  # the record's open elements
    _weight: int = 0

    def start(self, name: Name, attributes: dict[Name, str]) -> None:
        """An element begins."""
        if self._record:
            node = Node(name[:2], attributes)
            self._record[-1].children.append(node)
            self._record.append(node)
            self._weigh(NODE_BYTES + sum(map(len, attributes.values())))
            return
        shape = self._way[-1].children[name[:2]] if self._way else self.root
        self._way.append(shape)
        if id(shape) in self.records:
            self._record, self._weight = [Node(name[:2], attributes)], 0
            self._weigh(NODE_BYTES + sum(map(len, attributes.values())))

    def text(self, text: str) -> None:
        """Text of the innermost element."""
        if self._record:
            self._record[-1].texts.append(text)
            self._weigh(len(text))

    def end(self) -> None:
        """The innermost element ends; where it is a record, it becomes a row."""
        if not self._record:
            self._way.pop()
            return
        node = self._record.pop()
        if not self._record:
            self.told += 1
            self.rows.append({**self.row_of(node), "_position": self.told})
            self.size += self._weight + CELL_BYTES * len(self.schema)
            self._way.pop()

    def pieces(self, *, last: bool = False) -> Iterator[Piece]:
        """The pieces that are full; with `last` whatever there is, at least one in all."""
        while self.full or (last and (self.rows or not self.told)):
            count = min(len(self.rows), self.limits.batch_rows)
            rows, self.rows = self.rows[:count], self.rows[count:]
            self.size = 0 if not self.rows else self.size - self.size * count // (count + len(self.rows))
            yield Piece(_frame(rows, self.schema))
            if not self.rows:
                break

    @property
    def full(self) -> bool:
        """Whether it is time for a piece."""
        return len(self.rows) >= self.limits.batch_rows or self.size >= self.limits.batch_bytes

    def _weigh(self, size: int) -> None:
        self._weight += size
        if self._weight > self.limits.cell_bytes:
            raise FileRefused(
                f"a record takes more than {self.limits.cell_bytes:,} bytes",
                "Name the record element's path as `record`, or raise `cell_bytes`.",
            )


def _frame(rows: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    columns = {**schema, "_position": pl.Int64()}
    return pl.DataFrame(
        {name: pl.Series(name, [row[name] for row in rows], dtype=one) for name, one in columns.items()}
    )
