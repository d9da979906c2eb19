"""Where a file's tables are: the lines above them, their headers, their rows, and the lines below.

A second table begins where a header stands in the midst of rows; each part of the file is then looked at alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.formats.delimited.cells import is_year, kind_of
from connectors.formats.delimited.shapes import LOOKED_AHEAD, MOST_HEADER_LINES, Row, Shape

TOTAL = re.compile(
    r"\W*(?:grand |sub|over)?-?\s?(?:total|sum|all|average|mean|gesamt|insgesamt|summe)s?\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Layout:
    """One table: its header's rows (none where it has no header), and the lines where its rows begin and end.

    `end` is the line behind its last row, 0 where that is not known (the sample is not the whole file). `certain` tells
    whether the header was told by evidence. `preamble` and `below` count lines. `mended`: a stray quote in the
    header was taken for text.
    """

    header: tuple[Row, ...]
    first: int
    end: int
    width: int
    preamble: int = 0
    below: int = 0
    certain: bool = True
    totals: bool = False
    mended: bool = False


def layouts(rows: Sequence[Row], *, whole: bool, header_lines: int | None = None, noted: bool = True) -> list[Layout]:
    """The tables of a sample of records, at least one where a record holds something, in their order.

    `whole`: the sample is the whole file. `noted`: lines below a table are looked for.
    """
    told: list[Layout] = []
    start = 0
    for end in [*_splits(rows, header_lines), len(rows)]:
        part = rows[start:end]
        if any(row.filled for row in part):
            at = part[0].line if start else 1
            told.append(_layout(part, whole or end < len(rows), header_lines, at, noted=noted))
        start = end
    return told


def _layout(rows: Sequence[Row], whole: bool, header_lines: int | None, at: int, *, noted: bool) -> Layout:
    shape = Shape.of(rows)
    below = shape.below() if whole and noted else len(rows)
    begin, body, certain = shape.header(below) if header_lines is None else shape.declared(header_lines)
    if begin and rows[begin - 1].broken and (begin == body or not certain) and shape.is_as_wide(rows[begin - 1]):
        begin -= 1  # the line above would be the header, were its quotes in order
    header = tuple(row for row in rows[begin:body] if row.filled)
    first = rows[body].line if body < len(rows) else rows[-1].end
    end = (rows[below - 1].end if below > body else first) if whole else 0
    notes = sum(row.lines for row in rows[below:]) if whole else 0
    top = rows[begin].line if begin < len(rows) else first
    totals = (
        any(row.cells and TOTAL.match(row.cells[0]) for row in rows[max(body, below - 2) : below]) if whole else False
    )
    return Layout(header, first, end, shape.width, top - at, notes, certain, totals)


def _splits(rows: Sequence[Row], header_lines: int | None) -> list[int]:
    """Indexes where another table begins: a header in the midst of rows, that names other columns."""
    if header_lines is not None:
        return []
    found: list[int] = []
    start = 0
    while (split := _next_split(rows, start)) is not None:
        found.append(split)
        start = split
    return found


def _next_split(rows: Sequence[Row], start: int) -> int | None:
    shape = Shape.of(rows[start : start + LOOKED_AHEAD])
    if shape.width == 1 or not any(row.filled for row in shape.rows):
        return None
    begin, body, told = shape.header(len(shape.rows))
    if not told or body >= len(shape.rows) or begin == body:
        return None
    kinds = shape.kinds_below(body - 1, len(shape.rows))
    names = [cell.strip() for cell in shape.rows[body - 1].cells]
    for at in range(start + body + 1, len(rows) - 1):
        if _begins_another(rows, at, shape, kinds, names):
            return max(_top(rows, at), start + body + 1)
    return None


def _top(rows: Sequence[Row], header: int) -> int:
    """Where the lines begin that stand above a header: titles of one cell, and names that span columns."""
    at = header
    while at > 0 and rows[at - 1].filled and header - at < MOST_HEADER_LINES and _is_title(rows[at - 1], rows[header]):
        at -= 1
    return at


def _is_title(above: Row, header: Row) -> bool:
    return len(above.filled) == 1 or (not above.cells[0].strip() and len(above.cells) == len(header.cells))


def _begins_another(rows: Sequence[Row], at: int, shape: Shape, kinds: Sequence[str], names: Sequence[str]) -> bool:
    row = rows[at]
    if (
        row.broken
        or len(row.filled) < 2
        or any(kind_of(row.cells[one]) in ("number", "date") and not is_year(row.cells[one]) for one in row.filled)
    ):
        return False
    if [cell.strip() for cell in row.cells] == names:
        return False
    top = _top(rows, at)
    parted = top > 0 and not rows[top - 1].filled
    known = len(set(names) & {cell.strip() for cell in row.cells} - {""}) * 2 >= len(row.filled)
    if not parted and not (known and len(row.cells) != shape.width):
        return False
    fits, clashes = shape.against(row, kinds)
    return fits == 0 and (clashes > 0 or len(row.cells) != shape.width) and _heads(rows, at)


def _heads(rows: Sequence[Row], at: int) -> bool:
    """Whether a row is the header of the rows directly below it."""
    end = next((one for one in range(at + 1, len(rows)) if not rows[one].filled), len(rows))
    below = Shape.of(rows[at:end])
    return (
        end > at + 1
        and len(rows[at + 1].filled) > 1
        and len(rows[at].filled) > 1
        and below.reads_as_header(0, end - at) is True
    )
