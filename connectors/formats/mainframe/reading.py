"""Decode the records of a portion into columns: one call of a decoder per field, whatever the number of records.

A field of many records is a window that begins at each record's start plus an offset. Offsets are the same for all
records until a table of differing length has been passed (`variable_size_occurs`); then each record has its own. The
elements of a table are decoded as rows of their own, which a list column then groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from connectors.formats.mainframe.copybook.items import column_name
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.framing import Offsets
from connectors.formats.mainframe.layout import Layout, Node
from connectors.formats.mainframe.lengths import Mappings, occurs_mappings
from connectors.formats.mainframe.options import Options
from connectors.formats.mainframe.records import Records

UNKNOWN = np.int64(-1)  # the count of a table where its field holds none
TEXTS = ("text", "national", "bytes")
Place = int | Offsets  # offset from a row's start: the same for all rows, or one each
Counts = dict[str, Offsets]  # by the field that tables depend on, for each row


@dataclass(frozen=True)
class Rows:
    """What is decoded at once: records, or elements of their tables. `segment`: which segment's record each row is."""

    buffer: npt.NDArray[np.uint8]
    starts: Offsets
    ends: Offsets
    segment: npt.NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def taken(self, rows: Offsets) -> Rows:
        """Some of them, as often as they are named."""
        segment = None if self.segment is None else self.segment[rows]
        return Rows(self.buffer, self.starts[rows], self.ends[rows], segment)

    def window(self, place: Place, length: int) -> npt.NDArray[np.uint8]:
        """`length` bytes of each row from `place` on, as (rows, length); a view where rows are evenly spaced."""
        first = self.starts + place
        if not len(first):
            return np.empty((0, length), np.uint8)
        step = _spacing(first)
        if step and int(first[-1]) + length <= len(self.buffer):
            stride = (step, 1)
            return np.lib.stride_tricks.as_strided(self.buffer[int(first[0]) :], (len(first), length), stride)
        windows = np.lib.stride_tricks.sliding_window_view(self.buffer, length)
        told: npt.NDArray[np.uint8] = windows[first]
        return told


def _spacing(starts: Offsets) -> int:
    """The distance between neighbours where it is always the same; 0 where it is not."""
    if len(starts) < 2:
        return 1
    step = int(starts[1] - starts[0])
    return step if step > 0 and bool((np.diff(starts) == step).all()) else 0


@dataclass
class Decoder:
    """Decodes records of one layout.

    What was odd is counted by field: `undecodable` numbers, `unreadable` texts (characters that the code page lacks),
    numbers that a record ends in, counts of tables that are out of range. `decoded` counts the numbers that are some.
    """

    layout: Layout
    options: Options
    reading: Reading
    undecodable: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    decoded: Counter[str] = field(default_factory=Counter)
    counts_out_of_range: Counter[str] = field(default_factory=Counter)
    mappings: Mappings = field(init=False)
    pages: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.mappings = occurs_mappings(self.options)
        self.pages = {
            column_name(name).upper(): page for page, names in self.options.field_code_page.items() for name in names
        }
        self.variable = self.options.variable_size_occurs != "max_size"

    def columns(self, records: Records, segment: npt.NDArray[np.int32] | None = None) -> list[pl.Series]:
        """The columns of the rows, in the layout's order."""
        rows = Rows(records.buffer, records.starts, records.ends, segment)
        told = dict(self._walked(self.layout.roots, rows, 0, {})[0])
        chosen = {id(node) for node in self.layout.columns}
        if all(id(root) in chosen for root in self.layout.roots if root.kept):
            return [told[node.name] for node in self.layout.columns if node.name in told]
        below = {id(root): told[root.name].struct for root in self.layout.roots if root.name in told}
        return [
            below[id(root)].field(node.name)
            for root in self.layout.roots
            for node in root.children
            if id(node) in chosen
        ]

    def group(self, node: Node, rows: Rows) -> list[tuple[str, pl.Series]]:
        """The fields of one group, where it lies by the copybook."""
        return self._walked(node.children, rows, node.offset, {})[0]

    def _walked(
        self, nodes: Sequence[Node], rows: Rows, place: Place, counts: Counts
    ) -> tuple[list[tuple[str, pl.Series]], Place]:
        """Neighbouring nodes from `place` on: what is kept of them, and where the last one ends."""
        told: list[tuple[str, pl.Series]] = []
        before = place
        for node in nodes:
            if node.extra:
                told.append((node.name, self._node(node, rows, before, counts)[0]))
                continue
            series, size = self._node(node, rows, place, counts) if self._wanted(node) else (None, node.size)
            if series is not None and node.kept and not node.parent:
                told.append((node.name, series))
            before = place
            if not node.redefined:
                place = place + (node.size if node.item.redefines else size)
        return told, place

    def _wanted(self, node: Node) -> bool:
        """Whether a node must be looked at."""
        if node.parent:
            return False
        return node.needed or (self.variable and node.varies)

    def _node(self, node: Node, rows: Rows, place: Place, counts: Counts) -> tuple[pl.Series, Place]:
        """One node's values for each row, and the bytes it takes."""
        if node.item.occurs is not None:
            return self._table(node, rows, place, counts)
        if node.segment and rows.segment is not None:
            return self._of_segment(node, rows, rows.segment, place, counts), node.size
        return self._element(node, rows, place, counts)

    def _element(self, node: Node, rows: Rows, place: Place, counts: Counts) -> tuple[pl.Series, Place]:
        """A field or a group, or one element of a table."""
        if node.field is not None:
            series = self.values(node, rows, place)
            if node.counts:
                counts[node.name.upper()] = self._counted(node, series)
            return series, node.length
        fields, end = self._walked(node.children, rows, place, counts)
        size = end - place if self.variable and node.varies else node.length
        return structured(node.name, fields, len(rows)), size

    def _of_segment(
        self, node: Node, rows: Rows, segment: npt.NDArray[np.int32], place: Place, counts: Counts
    ) -> pl.Series:
        """A group that only records of its segment hold; null for the others."""
        active = np.flatnonzero(segment == self.segment_number(node))
        inner: Counts = {name: values[active] for name, values in counts.items()}
        series, _ = self._element(node, rows.taken(active), place if isinstance(place, int) else place[active], inner)
        for name, values in inner.items():
            known = counts.setdefault(name, np.full(len(rows), UNKNOWN))
            known[active] = values
        return scattered(series, active, len(rows))

    def segment_number(self, node: Node) -> int:
        """A segment's number: its place among those of `redefine_segment_id_map`."""
        wanted = node.item.name.upper()
        return [column_name(name).upper() for name in self.options.redefine_segment_id_map].index(wanted)

    def _table(self, node: Node, rows: Rows, place: Place, counts: Counts) -> tuple[pl.Series, Place]:
        """A table as lists, and the bytes that its elements take."""
        many = self._elements(node, len(rows), counts)
        of_row = np.repeat(np.arange(len(rows)), many)
        nth = np.arange(len(of_row)) - np.repeat(np.cumsum(many) - many, many)
        inner = {name: values[of_row] for name, values in counts.items()}
        size: Place = node.size
        if self.variable and any(child.varies for child in node.children):
            offsets, size = self._uneven(node, rows, place, many, counts)
            first = offsets[of_row, nth]
        else:
            first = (place if isinstance(place, int) else place[of_row]) + nth * node.length
            if self.variable and node.item.depending_on:
                size = many * node.length
        elements = rows.taken(of_row)
        moved = replace(elements, starts=elements.starts + first)
        series, _ = self._element(node, moved, 0, inner)
        return listed(node.name, series, many), size

    def _uneven(self, node: Node, rows: Rows, place: Place, many: Offsets, counts: Counts) -> tuple[Offsets, Offsets]:
        """Where the elements of a table begin whose elements differ in size, and the bytes of all of them.

        One step per element, not per row: an element begins where the one before it ends.
        """
        at = np.broadcast_to(np.asarray(place, np.int64), (len(rows),)).copy()
        begin, first = at.copy(), np.zeros((len(rows), int(many.max(initial=0))), np.int64)
        quiet = self.uncounted()
        for nth in range(first.shape[1]):
            has = np.flatnonzero(many > nth)
            first[has, nth] = at[has]
            inner = {name: values[has] for name, values in counts.items()}
            at[has] += quiet._element(node, rows.taken(has), at[has], inner)[1]
        return first, at - begin

    def uncounted(self) -> Decoder:
        """A decoder that counts apart, for bytes that are looked at twice."""
        return Decoder(self.layout, self.options, self.reading)

    def _elements(self, node: Node, rows: int, counts: Counts) -> Offsets:
        """How many elements a table has in each row: the most where the count is missing or out of its range."""
        most, name = node.item.occurs or 1, node.item.depending_on.upper()
        said = counts.get(name)
        if not name or said is None:
            return np.full(rows, most, np.int64)
        said = self._mapped(node, said)
        fits = (said >= node.item.occurs_least) & (said <= most)
        if not fits.all():
            self.counts_out_of_range[node.name] += int((~fits).sum())
        return np.where(fits, said, most)

    def _counted(self, node: Node, series: pl.Series) -> Offsets:
        """A field's values as counts of elements; a text as the place it has among those that stand for counts."""
        if series.dtype == pl.String:
            known = self._texts(node.name.upper())
            if not known:
                return np.full(len(series), UNKNOWN)
            places = series.replace_strict(known, range(len(known)), default=None, return_dtype=pl.Int64)
            return places.fill_null(int(UNKNOWN)).to_numpy()
        return series.cast(pl.Int64, strict=False).fill_null(int(UNKNOWN)).to_numpy()

    def _texts(self, name: str) -> list[str]:
        """The texts that stand for counts in the tables that depend on a field."""
        tables = {node.name.upper() for node in self.layout.all() if node.item.depending_on.upper() == name}
        return sorted({text for table in tables for text in self.mappings.get(table, {})})

    def _mapped(self, node: Node, said: Offsets) -> Offsets:
        """Counts that texts stand for, where the table depends on a text."""
        name = node.item.depending_on.upper()
        if not any(_is_text(field) for field in self.layout.all() if field.counts and field.name.upper() == name):
            return said
        mapping, known = self.mappings.get(node.name.upper(), {}), self._texts(name)
        stands_for = np.array([*(mapping.get(text, UNKNOWN) for text in known), UNKNOWN], np.int64)
        return stands_for[said]

    def values(self, node: Node, rows: Rows, place: Place) -> pl.Series:
        """An elementary item's values; null where a record ends before it."""
        kind = _kind(node)
        if node.raw:
            return _raw(node.name, rows, place, kind.length)
        beyond = rows.starts + place + kind.length > rows.ends
        if not beyond.any():
            return self._decoded(node, kind, rows.window(place, kind.length))
        if kind.usage in TEXTS:
            return self._cut_texts(node, kind, rows, place)
        self.cut[node.name] += int((beyond & (rows.starts + place < rows.ends)).sum())
        whole = np.flatnonzero(~beyond)
        at = place if isinstance(place, int) else place[whole]
        return scattered(self._decoded(node, kind, rows.taken(whole).window(at, kind.length)), whole, len(rows))

    def _decoded(self, node: Node, kind: FieldType, raw: npt.NDArray[np.uint8]) -> pl.Series:
        from connectors.formats.mainframe.decoding import decode_checked

        series, bad = decode_checked(raw, kind, self._reading(node))
        if bad and not node.extra:
            (self.unreadable if kind.usage in TEXTS else self.undecodable)[node.name] += bad
        if not node.alternative and kind.usage not in TEXTS:
            self.decoded[node.name] += len(series) - series.null_count()
        if self.options.strict_integral_precision and series.dtype.is_integer():
            series = series.cast(pl.Decimal(38, 0))
        return series.alias(node.name)

    def _reading(self, node: Node) -> Reading:
        """How a field is written: as the file is, but for fields of a code page of their own."""
        if node.item.charset:
            return replace(self.reading, encoding="ascii", ascii_charset=node.item.charset)
        page = self.pages.get(node.item.name.upper())
        if page is None:
            return self.reading
        return replace(self.reading, code_page=page, ascii_charset=page)

    def _cut_texts(self, node: Node, kind: FieldType, rows: Rows, place: Place) -> pl.Series:
        """Texts of which some are cut by the end of their record: what is there of them, null where nothing is."""
        left = rows.ends - rows.starts - place
        told = pl.Series(node.name, [None], dtype=pl.String).new_from_index(0, len(rows))
        for length in np.unique(np.clip(left, 0, kind.length)).tolist():
            chosen = np.flatnonzero(left >= length if length == kind.length else left == length)
            if length:
                at = place if isinstance(place, int) else place[chosen]
                part = self._decoded(node, replace(kind, length=length), rows.taken(chosen).window(at, length))
            elif self.reading.null_low_values:
                continue
            else:
                part = pl.Series([""]).new_from_index(0, len(chosen))
            told = told.scatter(chosen, part) if len(chosen) else told
        return told


def _kind(node: Node) -> FieldType:
    """What an elementary node is."""
    if node.field is None:
        raise TypeError(f"{node.name} is a group")
    return node.field


def _is_text(node: Node) -> bool:
    return node.field is not None and node.field.usage in TEXTS


def _raw(name: str, rows: Rows, place: Place, length: int) -> pl.Series:
    """The bytes as they are."""
    window = np.ascontiguousarray(rows.window(place, length))
    return pl.Series(name, [row.tobytes() for row in window], dtype=pl.Binary)  # a debugging column: no speed is asked


def structured(name: str, fields: Sequence[tuple[str, pl.Series]], rows: int) -> pl.Series:
    """Fields as one struct column; a group of which nothing is kept is null."""
    if not fields:
        return pl.Series(name, [None], dtype=pl.Null).new_from_index(0, rows)
    return pl.DataFrame([series.alias(called) for called, series in fields]).to_struct(name)


def scattered(series: pl.Series, rows: Offsets, count: int) -> pl.Series:
    """Values at their rows among `count`, null elsewhere."""
    if len(rows) == count:
        return series
    places = np.full(count, -1, np.int64)
    places[rows] = np.arange(len(rows))
    taken = pl.Series(places)
    return series.gather(taken.set(taken < 0, None)) if len(series) else series.extend_constant(None, count)


def listed(name: str, elements: pl.Series, many: Offsets) -> pl.Series:
    """Elements in the order of their rows as one list for each row."""
    import pyarrow as pa

    offsets = np.concatenate([[0], np.cumsum(many)]).astype(np.int64)
    values = elements.to_arrow(compat_level=pl.CompatLevel.oldest())
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), values)
    return pl.Series(name, lists, dtype=pl.List(elements.dtype))
