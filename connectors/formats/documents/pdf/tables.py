"""Lines whose cells stand below each other, as a table: PDF has no tables, only places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.formats.documents.pdf.lines import Line, Piece

FEWEST_ROWS = 2
FEWEST_COLUMNS = 2
FARTHEST = 3.5  # times the font's size that the next row may be below
WRAPPED = 1.6  # times the font's size that the second line of a cell is below the first
LEADERS = re.compile(r" ?(?:\. ?){4,}|…{2,}")  # of a table of contents, of a form
MARKER = re.compile(r"[•◦▪‣●○■□–·*o-]|\(?(?:\d{1,3}|[a-zA-Z])[.)]")  # noqa: RUF001 - a dash


@dataclass(frozen=True)
class Span:
    """From where to where a column reaches."""

    left: float
    right: float


def is_row(line: Line) -> bool:
    """Whether a line has cells: pieces with wide gaps between them, and not only the marker of a list's item."""
    if len(line.pieces) < FEWEST_COLUMNS or LEADERS.search(line.text):
        return False
    return len(line.pieces) > FEWEST_COLUMNS or MARKER.fullmatch(line.pieces[0].text) is None


def table_at(lines: Sequence[Line], at: int) -> tuple[list[list[str]], int] | None:
    """The cells of the table that begins at a line, and how many lines it takes; None where none begins."""
    if not is_row(lines[at]):
        return None
    group = [lines[at]]
    for number, line in enumerate(lines[at + 1 :], start=at + 1):
        last = group[-1]
        far = last.middle - line.middle
        if not 0 < far <= FARTHEST * last.size:
            break
        if not (is_row(line) or _wraps(line, group, far) or _stands_between(line, lines[number + 1 :][:1], group)):
            break
        group.append(line)
    while group and not is_row(group[-1]) and not _wraps(group[-1], group[:-1], 0.0):
        group.pop()
    if sum(map(is_row, group)) < FEWEST_ROWS:
        return None
    spans = _spans(group)
    return (_cells(group, spans), len(group)) if len(spans) >= FEWEST_COLUMNS else None


def _wraps(line: Line, group: Sequence[Line], far: float) -> bool:
    """Whether a line is the second line of one cell of the row above it."""
    if not group or len(line.pieces) != 1 or far > WRAPPED * group[-1].size:
        return False
    piece = line.pieces[0]
    spans = _spans(group)
    return _fits(piece, spans) and len(spans) > FEWEST_COLUMNS


def _fits(piece: Piece, spans: Sequence[Span]) -> bool:
    """Whether a piece stands within one column."""
    near = piece.size
    return sum(span.left - near < piece.left and piece.right <= span.right + near for span in spans) == 1


def _stands_between(line: Line, following: Sequence[Line], group: Sequence[Line]) -> bool:
    """Whether a line is a remark on a row of a wide table that goes on behind it with the same columns."""
    if len(line.pieces) != 1 or not following or len(group) < FEWEST_ROWS or not is_row(following[0]):
        return False
    spans = _spans(group)
    parts = following[0].parts
    columns = {_column(part, spans) for part in parts}
    near = line.middle - following[0].middle <= WRAPPED * 2 * line.size
    return near and len(columns) == len(parts) > 2 and len(parts) >= len(spans) - 1 and line.size < group[0].size + 1


def _spans(group: Sequence[Line]) -> list[Span]:
    """The columns: places that the cells of the fullest rows share."""
    most = max(len(line.parts) for line in group)
    parts = [part for line in group if len(line.parts) >= 0.7 * most for part in line.parts]
    spans: list[Span] = []
    for part in sorted(parts, key=lambda one: one.left):
        if spans and part.left < spans[-1].right:
            spans[-1] = Span(spans[-1].left, max(spans[-1].right, part.right))
        else:
            spans.append(Span(part.left, part.right))
    return spans


def _cells(group: Sequence[Line], spans: Sequence[Span]) -> list[list[str]]:
    """The cells by row; a line that goes on with a cell of the row above is put to it."""
    rows: list[list[str]] = []
    for line in group:
        row = [""] * len(spans)
        for part in line.parts:
            at = _column(part, spans)
            row[at] = f"{row[at]} {part.text}".strip()
        if rows and not is_row(line) and _fits(line.pieces[0], spans):
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], row, strict=True)]
        else:
            rows.append(row)
    return rows


def _column(part: Piece, spans: Sequence[Span]) -> int:
    """The column that a cell overlaps most, or else the nearest."""
    shared = [min(part.right, span.right) - max(part.left, span.left) for span in spans]
    return max(range(len(spans)), key=lambda at: shared[at])
