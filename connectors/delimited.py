"""CSV exports: every column as text, every physical line either in a row or a reject with its number.

Files are read in blocks. A block without a quote is split at column speed; one with quotes goes through Python's csv
reader, because a record may span lines.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.batch import Batch, rejected
from connectors.bounding import bounded
from connectors.files import common_columns, files_of, is_personal, location_of, refuse_reserved
from connectors.lines import LONGEST_LINE, Block, Broken, blocks, fault_of, is_broken, shown

csv.field_size_limit(LONGEST_LINE)  # a cell larger than that is an error, not a value

Piece = tuple[pl.DataFrame, list[Broken]]


def read(source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
    """Rows of all files of the dataset. A line with too few or too many cells is a reject, never a shifted row.

    All batches have the columns of all files, in the order of the first; a column that a file lacks is null there.
    """
    files = files_of(source, dataset, folder=folder)
    headers = [_header(source, dataset, path)[0] for path in files]
    names = list(dict.fromkeys(name for header in headers for name in header))
    personal = is_personal(dataset)
    for path, header in zip(files, headers, strict=True):
        place = location_of(path, folder=folder)
        absent = [pl.lit(None, pl.String).alias(name) for name in names if name not in header]
        for frame, faults in _pieces(source, dataset, path, header):
            rejects = rejected([(place, *fault) for fault in faults], personal=personal)
            told = frame.with_columns(*absent, pl.lit(place).alias("_location")).select(
                *names, "_location", "_position"
            )
            for piece in bounded(told, source):
                yield Batch(piece, rejects)
                rejects = rejects.clear()


def columns(source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
    """Column names of the files: a promised one only where every file has it, a new one where any has it."""
    headers = [_header(source, dataset, path)[0] for path in files_of(source, dataset, folder=folder)]
    return dict.fromkeys(common_columns(dataset, headers), "text")


def _header(source: Source, dataset: Dataset, path: Path) -> tuple[list[str], int]:
    """Cells of the first record, each named and each once, and the number of lines it takes."""
    lines = chain.from_iterable(block.lines() for block in blocks(path, source, dataset))
    reader = _reader(source, lines)
    try:
        cells = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise _refused(source, dataset, path, f"is not quoted as declared: {error}") from None
    if any(is_broken(cell) for cell in cells):
        raise SourceUnreadable(
            source.name, dataset.name, f"{path.name}:1: the header is not {source.encoding} text",
            "Declare the file's encoding in the source.",
        )  # fmt: skip
    if not cells:
        deque(lines, maxlen=0)  # to the end, where a file that holds nothing at all is refused as empty
    repeated = sorted({cell for cell in cells if cell and cells.count(cell) > 1})
    if repeated:
        raise _refused(source, dataset, path, f"names the column '{repeated[0]}' twice")
    if not cells or "" in cells:
        raise _refused(source, dataset, path, "has a column without a name")
    refuse_reserved(cells, source, dataset, f"{path.name}:1: the header")
    return cells, _lines_read(reader)


def _refused(source: Source, dataset: Dataset, path: Path, what: str) -> SourceUnreadable:
    remedy = "Ask for an export with one name per column, or declare its separator and quote."
    return SourceUnreadable(source.name, dataset.name, f"{path.name}:1: the header {what}", remedy)


def _reader(source: Source, lines: Iterable[str]) -> Iterator[list[str]]:
    if source.quote:
        return csv.reader(lines, delimiter=source.separator, quotechar=source.quote, strict=True)
    return csv.reader(lines, delimiter=source.separator, quoting=csv.QUOTE_NONE)


def _lines_read(reader: Iterator[list[str]]) -> int:
    return int(getattr(reader, "line_num"))  # noqa: B009 - the csv reader's own counter, untyped


def _pieces(source: Source, dataset: Dataset, path: Path, header: list[str]) -> Iterator[Piece]:
    """Rows and faults of a file, at least one piece. A record that a block does not finish waits for the next block."""
    skip = _header(source, dataset, path)[1]
    waiting: list[str] = []
    for block in blocks(path, source, dataset):
        lines = block.lines() if skip or waiting else []
        if skip:
            header_lines = min(skip, len(lines))
            skip, lines = skip - header_lines, lines[header_lines:]
            block = Block("".join(lines), block.first + header_lines, block.encoding, block.last)
        if not waiting and not (source.quote and source.quote in block.text):
            yield _plain(source, block, header)
            continue
        first = block.first - len(waiting)
        piece, waiting = _quoted(source, block, [*waiting, *(lines or block.lines())], first, header)
        yield piece


def _plain(source: Source, block: Block, header: list[str]) -> Piece:
    """A block without a single quote: every line split at the separator, all at once."""
    lines, broken = block.frame()
    counted = lines.filter(pl.col("line") != "").with_columns(
        (pl.col("line").str.count_matches(source.separator, literal=True) + 1).alias("cells")
    )
    good = counted.filter(pl.col("cells") == len(header))
    wrong = counted.filter(pl.col("cells") != len(header)).select("_position", "cells", "line")
    faults = [(number, _miscounted(cells, header), line) for number, cells, line in wrong.iter_rows()]
    parts = pl.col("line").str.split_exact(source.separator, len(header) - 1).struct.rename_fields(header)
    cells = good.select(parts.alias("cells")).unnest("cells")
    return cells.with_columns(good["_position"]), sorted(broken + faults)


def _miscounted(cells: int, header: list[str]) -> str:
    return f"{cells} cells where the header has {len(header)}"


def _quoted(source: Source, block: Block, lines: list[str], first: int, header: list[str]) -> tuple[Piece, list[str]]:
    """Records of `lines`, which begin at number `first`, and the lines of a record that is not finished here.

    A record by record loop: no column operation knows where a record with line breaks in its cells ends. Where quoting
    is broken, all lines that the broken record took are rejects, because nobody knows which of them are rows.
    """
    rows: list[list[str]] = []
    positions: list[int] = []
    faults: list[Broken] = []
    begin, base, reader = 0, 0, _reader(source, lines)
    while begin < len(lines):
        try:
            record = next(reader)
        except csv.Error as error:
            end = base + _lines_read(reader)
            if end >= len(lines) and not block.last and sum(map(len, lines[begin:])) <= LONGEST_LINE:
                return (_framed(rows, positions, header), faults), lines[begin:]
            faults += [
                (first + at, f"broken quoting: {error}", shown(lines[at].rstrip("\r\n"))) for at in range(begin, end)
            ]
            begin = base = end
            reader = _reader(source, lines[end:])
            continue
        end = base + _lines_read(reader)
        fault = fault_of("".join(record), block.encoding)
        if fault or (record and len(record) != len(header)):
            text = shown(lines[begin].rstrip("\r\n"))
            faults.append((first + begin, fault or _miscounted(len(record), header), text))
        elif record:
            rows.append(record)
            positions.append(first + begin)
        begin = end
    return (_framed(rows, positions, header), faults), []


def _framed(rows: list[list[str]], positions: list[int], header: list[str]) -> pl.DataFrame:
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    data = {name: pl.Series(cells[at], dtype=pl.String) for at, name in enumerate(header)}
    return pl.DataFrame(data).with_columns(pl.Series("_position", positions, dtype=pl.Int64))
