"""Nested rows: each root record with the records that follow it, its children as lists in its segment's group.

`segment_children` says which segment's records belong to which (as in Cobrix): a child belongs to the nearest record of
its parent segment before it, unless a record of a segment above that parent comes between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from catalog.errors import FileRefused
from connectors.formats.mainframe.columns import children_of
from connectors.formats.mainframe.framing import Offsets
from connectors.formats.mainframe.layout import Layout, Node
from connectors.formats.mainframe.notices import about_orphans
from connectors.formats.mainframe.planning import Plan
from connectors.formats.mainframe.reading import Decoder, Rows, listed, structured
from connectors.formats.mainframe.records import Records, records
from connectors.formats.mainframe.rows import Reader
from connectors.formats.mainframe.segments import NO_SEGMENT, Numbers, segment_ids, segment_numbers
from connectors.formats.tables import File, Noticed

LARGEST_FAMILY = 100 * 2**20  # bytes of a root record and all below it, which must be held at once

FAMILIES = 2**20  # bytes read at once, because all children of a portion are decoded together

Links = dict[str, tuple[Offsets, Offsets]]  # by child segment: its records, and the record each belongs to


class FamilyReader(Reader):
    """Reads a file once, each root record a row; the last root of a portion waits for what may still belong to it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._families = Families(plan.layout, self._decoder)

    def frames(self, file: File, portion: int, at_once: int) -> Iterator[pl.DataFrame]:
        """The rows of root records, those of one portion after the other."""
        waiting: list[Records] = []  # from the last root on
        for found in records(file, self._framing, min(portion, FAMILIES)):
            roots = np.flatnonzero(np.isin(self._numbers(found), self._families.roots))
            if len(roots):
                yield self._nested([*waiting, found.taken(slice(0, int(roots[-1])))])
                waiting = []
            waiting.append(found.taken(slice(int(roots[-1]) if len(roots) else 0, None)))
            if sum(_bytes(some) for some in waiting) > LARGEST_FAMILY:
                raise FileRefused(f"one root record and those below it hold more than {LARGEST_FAMILY:,} bytes",
                                  "Read it flat, without `segment_children`.")  # fmt: skip
        yield self._nested(waiting)

    def noticed(self) -> list[Noticed]:
        """What was odd about the file, once it is read."""
        return super().noticed() + about_orphans(self._families.orphans)

    def _numbers(self, found: Records) -> Numbers:
        """Which segment each record is of."""
        return segment_numbers(segment_ids(found, self._layout, self._decoder), self._options)

    def _nested(self, parts: Sequence[Records]) -> pl.DataFrame:
        """The rows of the roots in consecutive records; records before the first root are counted and left out.

        As in Cobrix, `Record_Id` is that of the record after the last of the row, and the length that of all of them.
        """
        found = _joined(parts, self._framing.room)
        numbers = self._numbers(found)
        roots = np.flatnonzero(np.isin(numbers, self._families.roots))
        first = int(roots[0]) if len(roots) else len(found)
        self._framing.odd["records-before-root"] += first
        if not len(roots):
            return self.empty()
        whole, numbers, roots = found.taken(slice(first, None)), numbers[first:], roots - first
        self._framing.odd["segments-unmapped"] += int((numbers == NO_SEGMENT).sum())
        after = whole.ids[0] + np.append(roots[1:], len(whole))
        lengths = np.add.reduceat(self._lengths(whole), roots)
        return self._table(whole.taken(roots), nested(self._families, numbers, whole), ids=after, lengths=lengths)


@dataclass
class Families:
    """Makes nested rows: each root record with the records that follow it, its children as lists in its groups."""

    layout: Layout
    decoder: Decoder
    orphans: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        groups = [node for node in self.layout.all() if node.segment]
        self._by_number = {self.decoder.segment_number(node): node for node in groups}
        self._groups = {node.item.name.upper(): node for node in groups}
        self.roots = np.array([number for number, node in self._by_number.items() if not node.parent], np.int32)

    def children(self, node: Node) -> list[Node]:
        """The segments below one."""
        return children_of(node, self.layout, self.decoder.options)

    def parents(self, numbers: Numbers) -> Links:
        """For each child segment its records and the record that each belongs to; those of no parent are left out."""
        told: Links = {}
        known = {
            node.name: np.flatnonzero(numbers == number) for number, node in self._by_number.items() if not node.parent
        }
        for node in self._downwards():
            own = np.flatnonzero(numbers == self.decoder.segment_number(node))
            above = self._ancestors(node)
            stops = np.flatnonzero(np.isin(numbers, [self.decoder.segment_number(group) for group in above]))
            place = np.searchsorted(stops, own) - 1
            parent = np.where(place >= 0, stops[np.maximum(place, 0)] if len(stops) else -1, -1)
            fits = np.isin(parent, known[above[0].name])
            if not fits.all():
                self.orphans[node.name] += int((~fits).sum())
            told[node.name] = own[fits], parent[fits]
            known[node.name] = own[fits]
        return told

    def _downwards(self) -> list[Node]:
        """Child segments, parents before their children."""
        told: list[Node] = []
        open_ = [node for node in self._by_number.values() if not node.parent]
        while open_:
            below = [child for node in open_ for child in self.children(node)]
            told += below
            open_ = below
        return told

    def _ancestors(self, node: Node) -> list[Node]:
        """The segments above one, the nearest first."""
        told = []
        while node.parent:
            node = self._groups[node.parent.upper()]
            told.append(node)
        return told


def nested(families: Families, numbers: Numbers, records: Records) -> list[pl.Series]:
    """The columns of the root records, their children as lists at the end of their segment's group."""
    links = families.parents(numbers)
    roots = np.flatnonzero(np.isin(numbers, families.roots))
    columns = families.decoder.columns(records.taken(roots), numbers[roots])
    for node in (node for node in families.layout.all() if node.segment and not node.parent):
        own = _with_children(families, node, roots, records, links)
        columns = _put(columns, families.layout.columns, node, own)
    return columns


def _with_children(
    families: Families, node: Node, rows: Offsets, records: Records, links: Links
) -> list[tuple[str, pl.Series]]:
    """The list columns of a segment's children, for the records `rows` of the segment above them."""
    told = []
    for child in families.children(node):
        own, parent = links[child.name]
        order = np.searchsorted(rows, parent)
        many = np.bincount(order, minlength=len(rows)).astype(np.int64)
        taken = records.taken(own)
        fields = families.decoder.group(child, Rows(taken.buffer, taken.starts, taken.ends))
        fields += _with_children(families, child, own, records, links)
        told.append((child.name, listed(child.name, structured(child.name, fields, len(own)), many)))
    return told


def _put(
    columns: list[pl.Series], nodes: Sequence[Node], node: Node, children: list[tuple[str, pl.Series]]
) -> list[pl.Series]:
    """Put list columns at the end of a segment's group, wherever among the columns it lies."""
    if not children:
        return columns
    for at, top in enumerate(nodes):
        if any(below is node for below in top.all()):
            columns[at] = _extended(columns[at], top, node, children)
    return columns


def _extended(series: pl.Series, top: Node, node: Node, children: list[tuple[str, pl.Series]]) -> pl.Series:
    """A struct column with more fields at the end of the group `node` in it."""
    fields = {column.name: column for column in series.struct.unnest().get_columns()}
    if top is node:
        fields |= dict(children)
    else:
        for child in top.children:
            if any(below is node for below in child.all()):
                fields[child.name] = _extended(fields[child.name], child, node, children)
    whole = structured(series.name, list(fields.items()), len(series))
    if not series.null_count():
        return whole
    there = pl.DataFrame([whole.alias("whole"), series.is_not_null().alias("there")])
    return there.select(pl.when("there").then("whole")).to_series().alias(series.name)


def _bytes(found: Records) -> int:
    """From the first record's start to the last one's end."""
    return int(found.ends[-1] - found.starts[0]) if len(found) else 0


def _joined(parts: Sequence[Records], room: int) -> Records:
    """Consecutive records of several portions in one buffer, with `room` bytes after the last."""
    held = [part for part in parts if len(part)]
    firsts = [int(part.starts[0]) for part in held]
    begins = np.cumsum([0, *(_bytes(part) for part in held)])
    buffers = [part.buffer[first : int(part.ends[-1])] for part, first in zip(held, firsts, strict=True)]
    moves = [int(begin) - first for begin, first in zip(begins[:-1], firsts, strict=True)]
    none = np.empty(0, np.int64)
    return Records(
        np.concatenate([*buffers, np.zeros(room, np.uint8)]),
        np.concatenate([none, *(part.starts + move for part, move in zip(held, moves, strict=True))]),
        np.concatenate([none, *(part.ends + move for part, move in zip(held, moves, strict=True))]),
        np.concatenate([none, *(part.ordinals for part in held)]),
        np.concatenate([none, *(part.ids for part in held)]),
    )
