"""Rows of a sample seen as a table: which line is its header, where its rows begin, and which lines below are notes.

A header is told by what stands under it: in columns of numbers, dates or codes it has something else. Lines above and
below are told by how little of the table's width they fill. The evidence is that of "Pytheas: Pattern-based Table
Discovery in CSV Files" (Christodoulakis et al., 2020) and "Strudel" (Jiang, Vitagliano, Naumann, 2021), without a
trained model: line by line, from the cells' kinds in the rows below. What stays uncertain is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from connectors.formats.delimited.cells import are_ordinals, are_units, column_kinds, is_year, kind_of

MOST_HEADER_LINES = 6
LOOKED_AHEAD = 300  # records below a candidate that are compared with it
FEWEST_ROWS, MOST_CELLS = 10, 100_000
SPARSE = 0.5  # of the usual number of filled cells, and less is no row
MEASURES = ("number", "date")
REMARKS = ("#", "%", "//", "--", ";")  # begin a line that is a remark
NOTE = re.compile(
    r"\W*(?:sources?|notes?|quellen?|fuente|fonte|footnotes?|figures|data (?:from|as|source)|generated|created|printed|"
    r"contact|copyright|last updated|updated|end of|total (?:rows|records)|"
    r"\(c\)|©|\*|†|‡|\d\)|\[\d\]|\(\d\)|"
    r"prepared|report|this (?:table|file|data)|excludes?|includes?|see |records? |rows? )",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    """A record of the sample: its first physical line from 1, the lines it takes, its cells. A blank line has none.

    `broken`: its quoting is, and its cells are what stands between separators.
    """

    line: int
    lines: int
    cells: tuple[str, ...]
    broken: bool = False
    filled: tuple[int, ...] = field(init=False)  # positions of cells that hold something

    def __post_init__(self) -> None:
        object.__setattr__(self, "filled", tuple(at for at, cell in enumerate(self.cells) if cell.strip()))

    @property
    def end(self) -> int:
        """The line behind it."""
        return self.line + self.lines


@dataclass(frozen=True)
class Shape:
    """Rows seen as a table: how wide it is, how many cells of a row are usually filled, and its first filled column."""

    rows: Sequence[Row]
    width: int
    usual: float
    margin: int = 0

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Shape:
        """The shape that most rows have."""
        width = width_of(rows)
        alike = [len(row.filled) for row in rows if len(row.cells) == width and row.filled]
        usual = median([count for count in alike if count > 1] or alike or [1])
        full = [row for row in rows if len(row.cells) == width and len(row.filled) > 1]
        return cls(rows, width, usual, min((row.filled[0] for row in full), default=0))

    def is_full(self, row: Row) -> bool:
        """Whether a row fills enough of the table's width to be a row of it, or its header."""
        filled = len(row.filled)
        if row.broken or not filled:
            return False
        if self.width == 1:
            return len(row.cells) == 1
        if row.cells[0].startswith(REMARKS) and len(row.cells) != self.width:
            return False
        enough = filled >= max(2, SPARSE * self.usual)
        return enough and (self.is_as_wide(row) or filled >= 0.8 * self.usual)

    def is_as_wide(self, row: Row) -> bool:
        """Whether a row has about as many cells as the table."""
        return abs(len(row.cells) - self.width) <= 1

    def kinds_below(self, at: int, end: int) -> list[str]:
        """The kinds of columns in the full rows behind `at`."""
        return column_kinds((row.cells for row in self._full_below(at, end)), self.width)

    def _full_below(self, at: int, end: int) -> list[Row]:
        """The full rows behind `at`, as many as are looked at: fewer where they are wide."""
        ahead = max(FEWEST_ROWS, min(LOOKED_AHEAD, MOST_CELLS // self.width))
        return [row for row in self.rows[at + 1 : min(end, at + 1 + ahead)] if self.is_full(row)]

    def against(self, row: Row, kinds: Sequence[str]) -> tuple[int, int]:
        """In how many columns of a kind the row is of that kind, and in how many it is of another."""
        fits = clashes = 0
        for at, kind in enumerate(kinds):
            own = kind_of(row.cells[at]) if at < len(row.cells) else "missing"
            if kind == "text" or own == "missing":
                continue
            if kind in MEASURES:
                fits, clashes = fits + (own == kind), clashes + (own != kind)
            else:
                clashes += own == "text"  # codes have many shapes, and a name may have one of them
        return fits, clashes

    def reads_as_header(self, at: int, end: int) -> bool | None:
        """Whether a row differs from those below it as a header does; None where nothing tells."""
        if at >= end:
            return None
        row, kinds = self.rows[at], self.kinds_below(at, end)
        if self._are_years(row, kinds, at, end) or self._numbers_columns(row, kinds, at, end):
            return True
        fits, clashes = self.against(row, kinds)
        return None if fits == clashes == 0 else clashes > fits or (clashes > 0 and at == self.first_full())

    def _numbers_columns(self, row: Row, kinds: Sequence[str], at: int, end: int) -> bool:
        """Whether a row counts its columns: `(1)`, `(2)` in brackets, numbers over texts too, or days behind a name."""
        cells = [row.cells[one] for one in row.filled]
        if at == self.first_full():
            days = cells[1:] if cells and kind_of(cells[0]) == "text" else cells[:0]
            below = self._full_below(at, end)
            again = any(are_ordinals(other.cells[-len(days) :]) for other in below[:3])
            return len(days) > 3 and are_ordinals(days) and not again
        plain = len(cells) > 3 and kinds[0] == "text" and len(cells) == self.width  # 1, 2, 3 may be a row
        return (plain or any("(" in cell for cell in cells)) and are_ordinals(cells)

    def _are_years(self, row: Row, kinds: Sequence[str], at: int, end: int) -> bool:
        """Whether years stand over columns of other numbers."""
        years = [one for one in row.filled if is_year(row.cells[one])]
        texts = [one for one in row.filled if kind_of(row.cells[one]) == "text"]
        fewest = 1 if texts and at == self.first_full() else 2  # below other lines, one year is any number
        if len(years) < fewest or len(years) + len(texts) < len(row.filled):
            return False
        below = self._full_below(at, end)
        cells = [
            other.cells[one] for other in below for one in years if one < len(other.cells) and other.cells[one].strip()
        ]
        return bool(cells) and sum(map(is_year, cells)) * 2 < len(cells)

    def first_full(self) -> int:
        """The index of the first full row; of the first that holds anything where none is full."""
        full = next((at for at, row in enumerate(self.rows) if self._may_begin(row, at)), None)
        return full if full is not None else next(at for at, row in enumerate(self.rows) if row.filled)

    def _may_begin(self, row: Row, at: int) -> bool:
        """Whether a row may be the table's first: not a remark, nor a line of another width that stands alone."""
        alone = at + 1 < len(self.rows) and not self.rows[at + 1].filled and len(row.cells) != self.width
        return self.is_full(row) and not alone and not self.is_key(row)

    def is_key(self, row: Row) -> bool:
        """Whether a row is a remark such as `Station:` and its value, above the table."""
        if not row.filled or len(row.filled) > 2 or self.width == 1:
            return False
        first = row.cells[row.filled[0]].rstrip()
        return first.endswith(":") or (self.width > 2 and ": " in first)

    def declared(self, header_lines: int) -> tuple[int, int, bool]:
        """Header of a declared number of records, from the first that holds something."""
        begin = next(at for at, row in enumerate(self.rows) if row.filled)
        return begin, min(begin + header_lines, len(self.rows)), True

    def header(self, end: int) -> tuple[int, int, bool]:
        """Where the header begins and the rows do, and whether something told it."""
        start = self.first_full()
        body, told = self._body(start, end)
        begin = self._begin(body, start)
        if body == start and begin == body:
            return body, body, True
        return begin, body, told

    def _body(self, start: int, end: int) -> tuple[int, bool]:
        """The index of the first row that is data, and whether anything told it from the header."""
        told = False
        for at in range(start, min(end, start + 2 * MOST_HEADER_LINES)):
            row = self.rows[at]
            if not row.filled:
                continue
            verdict = False if row.broken and at > start else self.reads_as_header(at, end)
            if verdict and told and not self._continues(row, self.rows[at - 1], at, end):
                return at, True
            if verdict is False:
                return at, told or not row.broken
            if verdict:
                told = True
            elif at > start and (told or self.is_full(row)):
                return at, told
            elif at == start and not self.reads_as_header(self._behind(at, end), end):
                return self._behind(at, end), False
        return self._behind(start, end), told

    def _continues(self, row: Row, above: Row, at: int, end: int) -> bool:
        """Whether a line below a header belongs to it: a row of data may have words where numbers are usual, too.

        Below a line that names every column it must begin with an empty cell, repeat the line, count the columns, or
        have other words in all of several columns.
        """
        if len(above.filled) == self.width != len(row.cells):
            return False  # a row that lost a separator
        if len(above.filled) < min(self.usual, self.width) or self.margin not in row.filled or row.cells == above.cells:
            return True
        kinds = self.kinds_below(at, end)
        if self._numbers_columns(row, kinds, at, end) or self._are_years(row, kinds, at, end):
            return True
        if at == self.rows.index(above) + 1 and are_units(row.cells):
            return True
        kinds = [kind if kind in MEASURES else "text" for kind in kinds]
        words = [row.cells[one] for one in row.filled if one < len(kinds) and kinds[one] != "text"]
        fits, clashes = self.against(row, kinds)
        return fits == 0 and clashes > 1 and len(set(words)) == len(words)

    def _behind(self, at: int, end: int) -> int:
        """The next row that holds something."""
        return next((one for one in range(at + 1, end) if self.rows[one].filled), max(at + 1, end))

    def _begin(self, body: int, start: int) -> int:
        """The first line of the header that ends where the body begins: lines without a blank one between them."""
        at = body - 1
        while at >= 0 and not self.rows[at].filled:
            at -= 1
        begin = body
        while at >= 0 and body - at <= MOST_HEADER_LINES + 1 and self._may_head(self.rows[at], at >= start):
            begin, at = at, at - 1
        return begin if begin < body or body <= start else min(start, body)

    def _may_head(self, row: Row, in_table: bool) -> bool:
        """Whether a row above the data belongs to its header: full, or with names that span columns."""
        if not row.filled or row.broken or self.is_key(row):
            return False
        if in_table and self.is_full(row):
            return True
        if self.width <= 2 or any(
            kind_of(row.cells[at]) == "number" and not is_year(row.cells[at]) for at in row.filled
        ):
            return False
        spans = row.filled[0] > self.margin or (len(row.filled) > 1 and row.filled[-1] >= self.width / 2)
        return spans and len(row.cells) >= self.width / 2

    def below(self) -> int:
        """The index behind the table's last row: what follows are notes and blank lines."""
        end = len(self.rows)
        while end and not self.rows[end - 1].filled:
            end -= 1
        found, at = end, end
        while at > 1 and end - at < LOOKED_AHEAD:
            row = self.rows[at - 1]
            if not row.filled:
                at -= 1
                continue
            if row.broken or not self._may_be_below(row):
                break
            at -= 1
            if self._is_note(row, at) or (found < end and self.usual > 2):  # a name and a value may be a row
                found = at
        while found and not self.rows[found - 1].filled:
            found -= 1
        return found if any(self.is_full(row) for row in self.rows[:found]) else end

    def _may_be_below(self, row: Row) -> bool:
        """Whether a row fills too little of the table, and nothing where its numbers are."""
        first = row.cells[row.filled[0]]
        if self.width == 1 or "\0" in first or kind_of(first) == "number":
            return False
        return len(row.filled) == 1 or (not self.is_full(row) and len(row.cells) != self.width)

    def _is_note(self, row: Row, at: int) -> bool:
        """Whether more than its emptiness says that a row is a note: its words, length, or a blank line above."""
        first = row.cells[row.filled[0]]
        if NOTE.match(first) or not any(map(str.isalnum, first)) or (at and not self.rows[at - 1].filled):
            return True
        usual = [len(other.cells[0]) for other in self.rows[max(0, at - LOOKED_AHEAD) : at] if self.is_full(other)]
        return len(row.cells) < self.width and " " in first.strip() and len(first) > 2 * max(usual, default=0)


def width_of(rows: Sequence[Row]) -> int:
    """The number of cells that most rows with more than one filled cell have; 1 where none has."""
    several = Counter(len(row.cells) for row in rows if len(row.filled) > 1 and not row.broken)
    if several:
        most = max(several.values())
        return max(width for width, count in several.items() if count == most)
    return max((len(row.cells) for row in rows if row.filled), default=1) if _is_wide(rows) else 1


def _is_wide(rows: Sequence[Row]) -> bool:
    """Whether rows without a second filled cell have separators all the same."""
    counts = Counter(len(row.cells) for row in rows if row.filled)
    return bool(counts) and counts.most_common(1)[0][0] > 1
