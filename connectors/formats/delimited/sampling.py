"""What is looked at of a file before its rows are read: its beginning and its end, or all of a small one."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.errors import FileRefused
from connectors.formats.delimited.dialects import HINT, Dialect, detected_dialect
from connectors.formats.delimited.layouts import Layout, layouts
from connectors.formats.delimited.options import Options
from connectors.formats.delimited.record_ends import respelled
from connectors.formats.delimited.records import Reading, Record
from connectors.formats.delimited.repairs import repaired
from connectors.formats.delimited.shapes import Row, Shape
from connectors.formats.encodings import Encoding
from connectors.formats.tables import Limits
from connectors.formats.text_blocks import Block, blocks, is_broken, longest_of, portion_of

SAMPLE_CHARACTERS = 1_000_000  # a file of no more is looked at as a whole
HEAD_CHARACTERS = 120_000  # of a longer one
SAMPLE_PORTION = 2**20  # bytes read at once, a little more than that
LEAST_SAMPLE = 128 * 1024  # however little may be held at once
TAIL_BYTES = 64 * 1024
TAIL_LINES = 60
DIALECT_LINES = 400
FEWEST_RECORDS = 10  # below, titles and notes may well be more than rows
SEVERAL_BYTES = ("utf-16", "utf-32", "iso2022", "iso-2022", "hz", "utf-7")  # whose text cannot be entered anywhere


@dataclass(frozen=True)
class Sample:
    """What was found: the dialect, the tables, and the lines below the last one where the file was not read whole."""

    dialect: Dialect
    encoding: str
    longest: int
    rows: Sequence[Row]
    layouts: Sequence[Layout]
    below: int
    line_end: str

    def rows_of(self, layout: Layout) -> list[Row]:
        """The rows of a table, as far as they are in the sample."""
        return [row for row in self.rows if row.line >= layout.first and (not layout.end or row.line < layout.end)]


def sampled(path: Path, options: Options, encoding: Encoding, limits: Limits) -> Sample:
    """Look at a file. Raises FileRefused where it is empty, or cannot be read."""
    skip, footer = options.skip_lines or 0, options.footer_lines
    head, whole = _head(path, encoding, limits, "")
    dialect = detected_dialect(_typical(head.lines()[skip:]), options.dialect)
    if dialect.record_end:
        head, whole = _head(path, encoding, limits, dialect.record_end)
    lines = head.lines()
    hinted = bool(lines) and not skip and HINT.fullmatch(lines[0].lstrip("\ufeff")) is not None
    skip = skip or int(hinted)
    kept = lines[: len(lines) - footer] if footer and whole else lines
    reading = Reading(dialect, head.encoding, head.longest, options.comment)
    rows = _rows(reading, kept, skip, whole=whole)
    told = layouts(rows, whole=whole, header_lines=options.header_lines, noted=footer is None)
    if not told:
        raise FileRefused("it holds no record", "Ask for the export again, or check what is declared about it.")
    told = [_mended(layout, dialect) for layout in told]
    if (
        options.separator is None
        and options.header_lines is None
        and not _are_rows(rows, told, fill=options.ragged == "fill")
    ):
        raise FileRefused(
            "no table of rows is found: most of its lines are no rows of any table",
            "Declare `separator`, `quote` and `header_lines`, if it is delimited text.",
        )
    if any(row.broken for layout in told for row in layout.header):
        raise FileRefused(
            "the header is not quoted as its dialect wants, or too long", "Declare `separator` and `quote`."
        )
    if any(is_broken(cell) for layout in told for row in layout.header for cell in row.cells):
        raise FileRefused(f"the header is not {head.encoding} text", "Declare the file's encoding.")
    below = footer if footer is not None else (0 if whole else _below(path, reading, told[-1].width))
    return Sample(dialect, head.encoding, head.longest, rows, told, below, _line_end(head.text))


def _head(path: Path, encoding: Encoding, limits: Limits, record_end: str) -> tuple[Block, bool]:
    """The beginning of the file as one block of whole lines, and whether that is all of it."""
    text, told = "", Block("", 1, encoding.name)
    most, head = (
        min(count, max(LEAST_SAMPLE, limits.batch_bytes // 2)) for count in (SAMPLE_CHARACTERS, HEAD_CHARACTERS)
    )
    portion = min(portion_of(limits), SAMPLE_PORTION)
    source = blocks(path, encoding=encoding.name, portion=portion, longest=longest_of(limits))
    for block in respelled(source, record_end):
        text, told = text + block.text, block
        if block.last or len(text) > most:
            break
    whole = told.last and len(text) <= most
    if not whole:
        cut = max(text.rfind("\n", 0, head), text.rfind("\r", 0, head)) + 1
        text = text[: cut or head]
    return Block(text, 1, told.encoding, whole, told.longest), whole


def _typical(lines: list[str]) -> list[str]:
    """Lines for the dialect: the first ones, or more from the middle, where titles do not stand."""
    if len(lines) <= DIALECT_LINES:
        return lines
    middle = len(lines) // 2
    return [*lines[: DIALECT_LINES // 2], *lines[middle : middle + DIALECT_LINES // 2]]


def _rows(reading: Reading, lines: list[str], skip: int, *, whole: bool) -> list[Row]:
    told = []
    for record in reading.records(lines[skip:], last=whole):
        broken = _is_unreadable(record)
        cells = record.cells[0].split(reading.dialect.separator) if broken else record.cells
        told.append(Row(skip + record.at + 1, record.lines, tuple(cells), broken))
    return told


def _mended(layout: Layout, dialect: Dialect) -> Layout:
    """With a header whose stray quote is text, where just one way to read its line gives the table's width."""
    if len(layout.header) != 1 or not layout.header[0].broken:
        return layout
    row = layout.header[0]
    cells = repaired(dialect.separator.join(row.cells), dialect, layout.width)
    if cells is None or layout.first == layout.end:
        return layout
    return replace(layout, header=(Row(row.line, row.lines, tuple(cells)),), certain=False, mended=True)


def _are_rows(rows: Sequence[Row], layouts: Sequence[Layout], *, fill: bool) -> bool:
    """Whether at least half of the records that hold something are rows or headers of a table."""
    filled = [row for row in rows if row.filled]
    fits = 0
    for layout in layouts:
        heads = {row.line for row in layout.header}
        body = [row for row in filled if row.line >= layout.first and (not layout.end or row.line < layout.end)]
        fits += sum(row.line in heads for row in filled)
        usual = sum(len(row.cells) == layout.width and not row.broken for row in body)
        if usual * 2 < len(body) and len(body) >= FEWEST_RECORDS and not fill:
            return False
        fits += usual
    return fits * 2 >= len(filled) or len(filled) < FEWEST_RECORDS or fill


def _is_unreadable(record: Record) -> bool:
    """Whether a record has no cells because of its quotes or length; one of another encoding has its cells."""
    return bool(record.fault) and not any(map(is_broken, record.cells))


def _below(path: Path, reading: Reading, width: int) -> int:
    """Lines at the end of a long file that are no rows of its table."""
    if reading.encoding.startswith(SEVERAL_BYTES) or reading.dialect.record_end:
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        text = codecs.decode(file.read(), reading.encoding, errors="replace").rstrip("\x1a")
    lines = Block(text, 1, reading.encoding).lines()[1:][-TAIL_LINES:]
    rows = _rows(reading, lines, 0, whole=True)
    alike = [len(row.filled) for row in rows if len(row.cells) == width and len(row.filled) > 1]
    if not alike:
        return 0
    shape = Shape(rows, width, sorted(alike)[len(alike) // 2])
    return sum(row.lines for row in rows[shape.below() :])


def _line_end(text: str) -> str:
    if "\r\n" in text:
        return "\r\n"
    return "\r" if "\r" in text and "\n" not in text else "\n"
