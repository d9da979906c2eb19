"""A document whose shape is known, and the tables of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from connectors.formats.slices import refuse_reserved
from connectors.formats.tables import TEXT, File, Limits, Noticed, Piece, Table
from connectors.formats.xml_records.chosen import chosen
from connectors.formats.xml_records.columns import Node, plan_of
from connectors.formats.xml_records.gathering import Gathering
from connectors.formats.xml_records.options import Options
from connectors.formats.xml_records.parsing import parsed
from connectors.formats.xml_records.records import Records
from connectors.formats.xml_records.shapes import Shape, merged


@dataclass(frozen=True)
class Document:
    """A file, how it is read, and the shape of its root element."""

    file: File
    encoding: str
    root: Shape
    options: Options
    limits: Limits

    def table(self, name: str, records: Records, *, noticed: tuple[Noticed, ...] = ()) -> Table:
        """The table of some records. Raises FileRefused where a column's name is taken."""
        shape = merged(list(records.shapes))
        schema, row_of, absent = self._columns(shape)
        refuse_reserved(schema)
        meta = {"format": "xml", "encoding": self.encoding, "record": records.path}
        told = [*noticed, *_mixed(shape), *absent]
        return Table(name, schema, dict.fromkeys(schema, TEXT), self._pieces(records, schema, row_of), meta, told)

    def _columns(self, shape: Shape) -> tuple[pl.Schema, Callable[[Node], dict[str, Any]], list[Noticed]]:
        """The columns, what makes a row of a record, and the declared fields that there are none of."""
        prefixes = {space: prefix for prefix, space in self.options.namespaces.items()}
        plan = plan_of(shape, prefixes, self.options.lists)
        if not self.options.fields:
            return pl.Schema(plan.schema), plan.row, []
        picked = chosen(plan, self.options.fields)
        return picked.schema, lambda node: picked.row(plan.row(node)), [_absent(picked.absent)] * bool(picked.absent)

    def _pieces(
        self, records: Records, schema: pl.Schema, row_of: Callable[[Node], dict[str, Any]]
    ) -> Callable[[], Iterator[Piece]]:
        def pieces() -> Iterator[Piece]:
            gathering = Gathering(self.root, frozenset(map(id, records.shapes)), row_of, schema, self.limits)
            for _ in parsed(self.file, self.encoding, gathering):
                yield from gathering.pieces()
            yield from gathering.pieces(last=True)

        return pieces


def record_detected(records: Records) -> Noticed:
    """That nobody declared which elements are the records."""
    message = f"the records were taken to be the elements at {records.path}"
    return Noticed("record-detected", message, "info", unit="files", remedy="Name them as `record`.")


def outside(root: Shape, records: Records) -> list[Noticed]:
    """That a document has values beside its declared records."""
    count = root.values() - sum(one.values() for one in records.shapes)
    message = "values outside the record elements are not read"
    return [Noticed("outside-records", message, "info", count=count, unit="values")] if count > 0 else []


def _mixed(shape: Shape) -> list[Noticed]:
    count = sum(one.count for one in shape.below() if one.mixed)
    message = "elements hold text and elements side by side; their order is not kept"
    return [Noticed("mixed-content", message, count=count, unit="elements")] if count else []


def _absent(names: tuple[str, ...]) -> Noticed:
    return Noticed(
        "field-absent", f"no record has the paths of the fields {', '.join(names)}", count=len(names), unit="fields",
        remedy="Check the paths of `fields`.",
    )  # fmt: skip
