"""Write rows as the records of a copybook: the inverse of reading, with the same options.

Records are laid out at their full length first, with a mask of the bytes that exist; where tables take only the room of
their elements, the bytes that do not exist are left out. Fields that are in no column (FILLER) are blanks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.errors import FileRefused
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.layout import Layout, Node, laid_out
from connectors.formats.mainframe.options import Options
from connectors.formats.mainframe.planning import copybooks_of

PORTION = 16 * 2**20  # bytes laid out at once
LONGEST_WORD = 65_535  # what a record or block descriptor word can say
BLOCK = 27_920  # bytes of a block where none is declared: two to a track of a 3390 disk
NEWLINES = {"ascii": 0x0A, "ebcdic": 0x15}
BLANKS = {"ascii": 0x20, "ebcdic": 0x40}

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Columns = Mapping[str, pl.Series]


@dataclass(frozen=True)
class Sheet:
    """Records, or elements of tables, at their full length: (rows, length), and which of the bytes exist."""

    data: Bytes
    exists: Mask

    def rows(self, chosen: npt.NDArray[np.int64]) -> Sheet:
        """A copy of some rows."""
        return Sheet(self.data[chosen], self.exists[chosen])


def written(frame: pl.DataFrame, options: Options, target: Path) -> int:
    """Write rows to a file, as records of the options' copybook; the number of bytes. Raises FileRefused."""
    if options.segment_children or options.record_header is not None:
        raise FileRefused("nested rows and records with headers of one's own are not written", "Write them flat, as V.")
    layout = laid_out(copybooks_of(options), options)
    writer = _Writer(layout, options)
    count = 0
    with target.open("wb") as file:
        for part in frame.iter_slices(max(1, PORTION // max(layout.size, 1))):
            for content in writer.framed(writer.sheet(part)):
                count += file.write(content)
    return count


class _Writer:
    """Writes rows of one layout."""

    def __init__(self, layout: Layout, options: Options) -> None:
        self._layout, self._options = layout, options
        self._reading: Reading = options.reading()
        self._blank = BLANKS[self._reading.encoding]
        self._shrinks = options.variable_size_occurs != "max_size"

    def sheet(self, frame: pl.DataFrame) -> Sheet:
        """The rows at their full length."""
        sheet = self._empty(frame.height, self._layout.size)
        columns = {column.name: column for column in frame.get_columns()}
        kept = [id(node) for node in self._layout.columns]
        roots = self._layout.roots
        if any(id(root) not in kept for root in roots if root.kept):
            columns = {root.name: _root(root, columns, frame.height) for root in roots}
        self._fill(sheet, roots, columns, 0, {})
        return sheet

    def _empty(self, rows: int, length: int) -> Sheet:
        return Sheet(np.full((rows, length), self._blank, np.uint8), np.ones((rows, length), np.bool_))

    def _fill(self, sheet: Sheet, nodes: Sequence[Node], columns: Columns, base: int, counts: Columns) -> None:
        """Write neighbours. Of items that share their bytes, the first one that is not null is written."""
        known = dict(counts)
        for block in _blocks(nodes):
            free = np.ones(len(sheet.data), np.bool_)
            for node in block:
                if not node.kept:
                    self._unnamed(sheet, node, base)
                    continue
                column = _column(columns, node)
                chosen = np.flatnonzero(free & column.is_not_null().to_numpy()) if len(block) > 1 else None
                self._place(sheet, node, column, base, known, chosen)
                if node.counts:
                    known[node.name.upper()] = column
                if chosen is not None:
                    free[chosen] = False
                    self._end_after(sheet, node, chosen)

    def _end_after(self, sheet: Sheet, node: Node, chosen: npt.NDArray[np.int64]) -> None:
        """End records of differing length after their own segment, where nothing but other segments could follow."""
        words = self._options.record_format in ("V", "VB")
        if words and node.segment and node.offset + node.size == self._layout.size == sheet.data.shape[1]:
            sheet.exists[chosen, node.offset + node.length :] = False

    def _unnamed(self, sheet: Sheet, node: Node, base: int) -> None:
        """Leave blanks where no column is; refuse tables of differing length there."""
        if node.varies or node.counts:
            raise FileRefused(f"{node.name} is in no column, but tables depend on it", "Keep FILLER, or name it.")

    def _place(
        self,
        sheet: Sheet,
        node: Node,
        column: pl.Series,
        base: int,
        counts: Columns,
        chosen: npt.NDArray[np.int64] | None,
    ) -> None:
        """Write one node, for all rows or for the chosen ones."""
        if chosen is None:
            self._node(sheet, node, column, base, counts)
            return
        part = sheet.rows(chosen)
        some = {name: count.gather(chosen) for name, count in counts.items()}
        self._node(part, node, column.gather(chosen), base, some)
        sheet.data[chosen], sheet.exists[chosen] = part.data, part.exists

    def _node(self, sheet: Sheet, node: Node, column: pl.Series, base: int, counts: Columns) -> None:
        if node.item.occurs is not None:
            self._table(sheet, node, column, base, counts)
        else:
            self._element(sheet, node, column, node.offset - base, counts)

    def _element(self, sheet: Sheet, node: Node, column: pl.Series, at: int, counts: Columns) -> None:
        """A field, or the fields of a group that begins at `at`."""
        if node.field is not None:
            sheet.data[:, at : at + node.length] = self._encoded(node, node.field, column)
            return
        if not isinstance(column.dtype, pl.Struct):
            raise FileRefused(f"the column {node.name} is no struct, but the copybook has a group", "Nest its fields.")
        fields = {field.name: column.struct.field(field.name) for field in column.dtype.fields}
        self._fill(sheet, node.children, fields, node.offset - at, counts)

    def _encoded(self, node: Node, kind: FieldType, column: pl.Series) -> Bytes:
        from connectors.formats.mainframe.encoding import encode

        try:
            return encode(column, kind, self._reading)
        except FileRefused as error:
            raise FileRefused(f"the column {node.name} cannot be written: {error.what}", error.remedy) from error

    def _table(self, sheet: Sheet, node: Node, column: pl.Series, base: int, counts: Columns) -> None:
        """The elements of a table, each as a row of its own, put where they belong."""
        if not isinstance(column.dtype, pl.List):
            raise FileRefused(f"the column {node.name} is no list, but the copybook has a table", "Make it a list.")
        many = column.list.len().fill_null(0).cast(pl.Int64)
        self._check_counts(node, many, counts)
        number = many.to_numpy()
        of_row = np.repeat(np.arange(len(number)), number)
        nth = np.arange(len(of_row)) - np.repeat(np.cumsum(number) - number, number)
        elements = self._empty(len(of_row), node.length)
        values = column.filter(many > 0).explode().alias(node.name)
        inner = {name: count.gather(of_row) for name, count in counts.items()}
        self._element(elements, node, values, 0, inner)
        start = node.offset - base
        for place in range(node.item.occurs or 1):  # by element of the table, not by row
            here, rows = nth == place, of_row[nth == place]
            begin = start + place * node.length
            sheet.data[rows, begin : begin + node.length] = elements.data[here]
            sheet.exists[rows, begin : begin + node.length] = elements.exists[here]
            if self._shrinks and node.item.depending_on:
                sheet.exists[number <= place, begin : begin + node.length] = False

    def _check_counts(self, node: Node, many: pl.Series, counts: Columns) -> None:
        """Refuse lists that are not as long as the copybook, or the field it names, says."""
        most, least = node.item.occurs or 1, node.item.occurs_least if node.item.depending_on else node.item.occurs or 1
        if len(many) and not ((many >= least) & (many <= most)).all():
            raise FileRefused(f"lists of {node.name} do not have {least} to {most} elements", "Correct the lists.")
        said = counts.get(node.item.depending_on.upper()) if node.item.depending_on else None
        if said is not None and said.dtype.is_numeric() and not (said.cast(pl.Int64) == many).all():
            raise FileRefused(f"{node.item.depending_on} does not count the elements of {node.name}", "Correct it.")

    def framed(self, sheet: Sheet) -> Iterator[bytes]:
        """The records as their format frames them."""
        before, after = self._options.record_start_offset, self._options.record_end_offset
        data = np.pad(sheet.data, ((0, 0), (before, after)), constant_values=self._blank)
        exists = np.pad(sheet.exists, ((0, 0), (before, after)), constant_values=True)
        if self._options.variable_size_occurs == "pad_record":
            data, exists = _padded(data, exists, self._blank), np.ones_like(exists)
        if self._options.is_text:
            data, exists = self._lines(data, exists)
        if self._options.record_format in ("V", "VB"):
            data, exists = self._with_words(data, exists)
        if self._options.record_format == "VB":
            yield from self._blocks(data[exists].tobytes(), exists.sum(axis=1))
        elif self._options.record_format == "FB" and self._options.block_length is None:
            length = data.shape[1]
            whole = np.full(len(data), length, np.int64)
            yield from self._blocks(data.tobytes(), whole)
        else:
            yield data[exists].tobytes()

    def _lines(self, data: Bytes, exists: Mask) -> tuple[Bytes, Mask]:
        """Records with a line's end after each. Refuses a record that holds one."""
        newline = NEWLINES[self._reading.encoding]
        if (data[exists] == newline).any():
            raise FileRefused("a value holds the end of a line", "Write the records in another format than lines.")
        return np.pad(data, ((0, 0), (0, 1)), constant_values=newline), np.pad(
            exists, ((0, 0), (0, 1)), constant_values=True
        )

    def _with_words(self, data: Bytes, exists: Mask) -> tuple[Bytes, Mask]:
        """Records with a record descriptor word before each."""
        own = self._options.rdw_adjustment - (4 if self._options.is_rdw_part_of_record_length else 0)
        words = _words(exists.sum(axis=1) - own, self._options.is_rdw_big_endian)
        return np.hstack([words, data]), np.pad(exists, ((0, 0), (4, 0)), constant_values=True)

    def _blocks(self, content: bytes, lengths: npt.NDArray[np.int64]) -> Iterator[bytes]:
        """Records in blocks with a block descriptor word before each."""
        ends = np.cumsum(lengths)
        start = done = 0
        while done < len(lengths):
            room = int(lengths[done]) * self._options.records_per_block if self._options.records_per_block else BLOCK
            fits = max(int(np.searchsorted(ends, start + room, side="right")), done + 1)
            end = int(ends[fits - 1])
            word = _words(np.array([end - start - self._options.bdw_adjustment]), self._options.is_bdw_big_endian)
            yield word.tobytes() + content[start:end]
            start, done = end, fits


def _words(lengths: npt.NDArray[np.int64], big_endian: bool) -> Bytes:
    """Descriptor words of lengths, (rows, 4)."""
    if len(lengths) and not 0 < int(lengths.min()) <= int(lengths.max()) <= LONGEST_WORD:
        raise FileRefused(f"a record of {int(lengths.max()):,} bytes is too long for its length word", "Write it as F.")
    high, low = (lengths >> 8).astype(np.uint8), (lengths & 0xFF).astype(np.uint8)
    zero = np.zeros_like(high)
    return np.stack([high, low, zero, zero] if big_endian else [zero, zero, low, high], axis=1)


def _padded(data: Bytes, exists: Mask, blank: int) -> Bytes:
    """Records with the bytes that do not exist taken out, and as many blanks at their ends."""
    told = np.full_like(data, blank)
    lengths = exists.sum(axis=1)
    told[np.arange(data.shape[1]) < lengths[:, None]] = data[exists]
    return told


def _blocks(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """Neighbours, those together that share their bytes."""
    block: list[Node] = []
    for node in nodes:
        if node.extra:
            continue
        if block and not node.item.redefines:
            yield block
            block = []
        block.append(node)
    if block:
        yield block


def _root(root: Node, columns: Columns, rows: int) -> pl.Series:
    """The columns below a root as one struct."""
    fields = [_column(columns, child) for child in root.children if child.kept and not child.extra]
    return pl.DataFrame(fields).to_struct(root.name) if fields else pl.Series(root.name, [None] * rows)


def _column(columns: Columns, node: Node) -> pl.Series:
    """The column of a node. Raises FileRefused where there is none."""
    if node.name not in columns:
        raise FileRefused(f"the rows have no column {node.name}", "Add it, null where it has no value.")
    return columns[node.name]
