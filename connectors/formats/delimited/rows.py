"""The rows of one table of a file, block by block: at column speed where it is proven right, else record by record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from connectors.formats.ahead import ahead
from connectors.formats.delimited.columns import Split, split_at_once, split_without_ragged
from connectors.formats.delimited.record_ends import frame_with_line_ends, respelled, with_line_ends
from connectors.formats.delimited.records import BEGINS_INSIDE, Reading, Record
from connectors.formats.delimited.repairs import repaired
from connectors.formats.slices import sliced
from connectors.formats.tables import Limits, Noticed, Piece, Reject, empty
from connectors.formats.text_blocks import Block, blocks, longest_of, portion_of, shown


@dataclass(frozen=True)
class Body:
    """Where a table's rows are: from line `first` to before line `end` (0: the file's end, less `below` lines)."""

    path: Path
    reading: Reading
    first: int
    end: int = 0
    below: int = 0
    repeated: tuple[str, ...] = ()  # the header's cells: a record of them again is no row

    def blocks(self, limits: Limits) -> Iterator[Block]:
        """Blocks of whole lines that hold the table's rows and nothing else."""
        told = blocks(self.path, encoding=self.reading.encoding, portion=portion_of(limits), longest=longest_of(limits))
        told = respelled(told, self.reading.dialect.record_end)
        if self.below and not self.end:
            told = _without_last(told, self.below)
        begun = False  # from then on nobody needs to count lines, unless there is an end to find
        for block in told:
            if self.end and block.first >= self.end:
                return
            cut = block if begun and not self.end else self._cut(block)
            begun = begun or block.first >= self.first
            if cut.content or cut.last:
                yield cut

    def _cut(self, block: Block) -> Block:
        ends_here = bool(self.end) and block.first + block.line_ends + 1 > self.end
        if block.first >= self.first and not ends_here:
            return block
        above = max(0, self.first - block.first)
        if not ends_here:
            return block.below(above)
        lines = block.lines()[above : self.end - block.first]
        last = block.last or ends_here
        return Block("".join(lines), max(block.first, self.first), block.encoding, last, block.longest)


def pieces(
    body: Body, columns: Sequence[str], limits: Limits, *, fill: bool = False, trailing: bool = False
) -> Iterator[Piece]:
    """Rows and rejects, at least one piece. `trailing`: a nameless, empty cell ends each row, and is left out."""
    told = False
    schema = pl.Schema(dict.fromkeys(columns, pl.String()))
    width = len(columns) + trailing
    for frame, rejects, noticed in _read(body, width, limits, fill=fill):
        kept, more = _without_trailing(frame, rejects) if trailing else (frame, rejects)
        named = kept.rename(dict(zip(kept.columns, [*columns, "_position"], strict=True)))
        for at, piece in enumerate(sliced(named, limits)):
            if piece.height or (more and not at) or (noticed and not at):
                told = True
                yield Piece(piece, more if not at else (), noticed if not at else ())
    if not told:
        yield empty(schema)


def texts(body: Body, header: Sequence[Sequence[str]], limits: Limits) -> Iterator[Sequence[str]]:
    """The header and the rows as the file has them, ragged ones too; of several header lines, the columns' names.

    A badly quoted line is read the one way that gives it the table's width, where there is just one.
    """
    yield from header
    for _, record in _records(body, limits):
        if record.fault:
            yield repaired(record.cells[0], body.reading.dialect, body.reading.width) or record.cells
        elif any(record.cells) or record.cells:
            yield record.cells


Read = tuple[pl.DataFrame, list[Reject], list[Noticed]]


def _read(body: Body, width: int, limits: Limits, *, fill: bool) -> Iterator[Read]:
    columns = [f"{at}" for at in range(width)]
    waiting: list[str] = []
    for block, split in _splits(body, columns, limits):
        whole = None if waiting or split is None else _unrepeated(split.numbered(block), body)
        if whole is not None:
            yield (frame_with_line_ends(whole) if body.reading.dialect.record_end else whole), [], []
            continue
        lines = [*waiting, *block.lines()]
        first = block.first - len(waiting)
        usual = None if fill else _without_ragged(body, block, waiting, columns) or _by_line(body, lines, first, width)
        told, waiting = (usual, []) if usual else _by_record(body, lines, first, width, block.last, fill=fill)
        yield told


def _splits(body: Body, columns: Sequence[str], limits: Limits) -> Iterator[tuple[Block, Split | None]]:
    """Each block with its split."""

    def split(block: Block) -> Split | None:
        return None if body.reading.comment else split_at_once(block, body.reading, columns)

    return ahead(body.blocks(limits), split, portion=portion_of(limits))


def _unrepeated(frame: pl.DataFrame, body: Body) -> pl.DataFrame | None:
    """The frame, or None where the header stands in it again."""
    names = body.repeated
    if not names or len(names) != frame.width - 1:
        return frame
    if not (frame["0"] == names[0]).any():
        return frame
    again = pl.all_horizontal(pl.col(f"{at}") == name for at, name in enumerate(names))
    return None if frame.select(again.any()).item() else frame


def _without_ragged(body: Body, block: Block, waiting: Sequence[str], columns: Sequence[str]) -> Read | None:
    """A block without quotes at column speed, and its ragged lines."""
    if waiting or body.reading.comment or body.reading.dialect.record_end:
        return None
    told = split_without_ragged(block, body.reading, columns)
    if told is None or _unrepeated(told[0], body) is None:
        return None
    return told[0], [(at, _miscounted(cells, len(columns)), line) for at, cells, line in told[1]], []


def _by_line(body: Body, lines: list[str], first: int, width: int) -> Read | None:
    """A block in which every record is one line, several times as fast; None where one is not, or is odd."""
    records = body.reading.one_a_line(lines)
    if records is None:
        return None
    again = list(body.repeated) if body.repeated else None
    sound = [at for at, cells in enumerate(records) if len(cells) == width and cells != again]
    inside = set(_inside(body, lines)).intersection(sound)
    kept = [at for at in sound if at not in inside]
    ragged = [at for at, cells in enumerate(records) if cells and len(cells) != width and cells != again]
    wrong = [
        (at, BEGINS_INSIDE if at in inside else _miscounted(len(records[at]), width))
        for at in sorted({*ragged, *inside})
    ]
    rejects = [(first + at, fault, lines[at].rstrip("\r\n")) for at, fault in wrong]
    blank = sum(not cells for cells in records)
    frame = _framed([records[at] for at in kept], [first + at for at in kept], width)
    return frame, rejects, _repeated(len(records) - len(kept) - len(wrong) - blank)


def _inside(body: Body, lines: Sequence[str]) -> list[int]:
    """Which lines have a quote that begins inside a cell; looked for one by one only where any has."""
    if not body.reading.begins_inside("".join(lines)):
        return []
    return [at for at, line in enumerate(lines) if body.reading.begins_inside(line)]


def _by_record(
    body: Body, lines: list[str], first: int, width: int, last: bool, *, fill: bool
) -> tuple[Read, list[str]]:
    """A block record by record, and the lines of the record that it does not finish."""
    rows: list[list[str | None]] = []
    positions: list[int] = []
    rejects: list[Reject] = []
    again, done = 0, 0
    for record in body.reading.records(lines, last=last):
        done = record.at + record.lines
        fault = record.fault or _fault(record, width, fill=fill)
        if not fault and record.lines == 1 and body.reading.begins_inside(lines[record.at]):
            fault = BEGINS_INSIDE
        if fault:
            rejects.append((first + record.at, fault, shown(lines[record.at].rstrip("\r\n"))))
        elif body.repeated and tuple(record.cells) == body.repeated:
            again += 1
        elif record.cells:
            cells = with_line_ends(record.cells) if body.reading.dialect.record_end else record.cells
            rows.append([*cells, *[None] * (width - len(cells))])
            positions.append(first + record.at)
    return (_framed(rows, positions, width), rejects, _repeated(again)), ([] if last else lines[done:])


def _repeated(count: int) -> list[Noticed]:
    message = "the header stands again among the rows, and is left out there"
    return [Noticed("header-repeated", message, "info", count, "lines")] if count else []


def _fault(record: Record, width: int, *, fill: bool) -> str:
    cells = len(record.cells)
    if _is_nul(record.cells):
        return "nothing but NULs"
    if not cells or cells == width or (fill and cells < width):
        return ""
    return _miscounted(cells, width)


def _miscounted(cells: int, width: int) -> str:
    return f"{cells} cells where the header has {width}"


def _is_nul(cells: Sequence[str]) -> bool:
    """Whether a record is what a power failure leaves: NULs only."""
    return any("\0" in cell for cell in cells) and not any(cell.strip("\0") for cell in cells)


def _framed(rows: Sequence[Sequence[str | None]], positions: list[int], width: int) -> pl.DataFrame:
    cells = list(zip(*rows, strict=True)) if rows else [()] * width
    data = {f"{at}": pl.Series(cells[at], dtype=pl.String) for at in range(width)}
    return pl.DataFrame(data).with_columns(pl.Series("_position", positions, dtype=pl.Int64))


def _without_trailing(frame: pl.DataFrame, rejects: list[Reject]) -> tuple[pl.DataFrame, list[Reject]]:
    last = frame.columns[-2]
    filled = frame.filter(pl.col(last).fill_null("") != "")
    fault = f"{frame.width - 1} cells where the header has {frame.width - 2}"
    more = [(row[-1], fault, " ".join(filter(None, row[:-1]))) for row in filled.iter_rows()]
    kept = frame.filter(pl.col(last).fill_null("") == "") if more else frame
    return kept.drop(last), sorted([*rejects, *more])


def _records(body: Body, limits: Limits) -> Iterator[tuple[int, Record]]:
    waiting: list[str] = []
    for block in body.blocks(limits):
        lines = [*waiting, *block.lines()]
        done = 0
        for record in body.reading.records(lines, last=block.last):
            done = record.at + record.lines
            if body.reading.dialect.record_end and not record.fault:
                record = Record(record.at, record.lines, with_line_ends(record.cells))
            yield block.first - len(waiting) + record.at, record
        waiting = [] if block.last else lines[done:]


def _without_last(told: Iterator[Block], count: int) -> Iterator[Block]:
    """All but the last `count` lines, which are kept back until the next block comes."""
    kept: list[str] = []
    for block in told:
        lines = [*kept, *block.lines()]
        first = block.first - len(kept)
        cut = max(len(lines) - count, 0)
        if cut or block.last:
            yield Block("".join(lines[:cut]), first, block.encoding, block.last, block.longest)
        kept = lines[cut:]
