"""Records of delimited lines, one by one: exact where a file keeps to its dialect, and told where it does not.

A line whose quoting is broken is a fault alone: reading goes on with the next one, so that a quote that is never closed
does not swallow the file. The grammar is RFC 4180, with the dialect's signs.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from connectors.formats.delimited.dialects import Dialect, single
from connectors.formats.text_blocks import LONGEST_LINE, Block, fault_of, is_broken, shown

csv.field_size_limit(LONGEST_LINE)  # a cell larger than that is an error, not a value

NEVER_CLOSED = "broken quoting: a quote is never closed"
BEGINS_INSIDE = "broken quoting: a quote begins inside a cell and ends in another one"


@dataclass(frozen=True)
class Record:
    """Cells of a record, the index of its first line among those read, and how many lines it takes.

    `fault` says why it is no record of its dialect; its cells are then the line alone. `open`: its quote is not closed
    by any line there is.
    """

    at: int
    lines: int
    cells: list[str]
    fault: str = ""
    open: bool = False


@dataclass(frozen=True)
class Reading:
    """How lines are read: the dialect, their encoding, the longest line, and a comment's first sign, if any."""

    dialect: Dialect
    encoding: str = "utf-8"
    longest: int = LONGEST_LINE
    comment: str = ""
    width: int = 0  # cells of a row, where known: a record over several lines that has another number is broken

    def records(self, lines: Sequence[str], *, last: bool = True) -> Iterator[Record]:
        """The records of lines with their endings; where more lines follow, the last record may be missing.

        A record by record loop: no column operation knows where a record with line breaks in its cells ends.
        """
        separator, text = single(self.dialect.separator, lines)
        if self.dialect.escape and self.dialect.quote:
            text = [_plain_escapes(line, self.dialect) for line in text]
        begin = 0
        while begin < len(text):
            for record in self._run(text, begin, separator):
                if record.open and not last and self._may_go_on(lines, record.at):
                    return
                yield self._restored(record, lines, separator)
                begin = record.at + record.lines
                if record.fault:
                    break

    def one_a_line(self, lines: Sequence[str]) -> list[list[str]] | None:
        """The records, where each is one sound line and nothing in them is odd; else None."""
        dialect = self.dialect
        separator, text = single(dialect.separator, lines)
        held = "".join(lines)
        odd = is_broken(held) or "\0" in held or len(held) > self.longest or dialect.record_end or dialect.escape
        if odd or self.comment or (separator != dialect.separator and dialect.quote and dialect.quote in held):
            return None
        try:
            records = list(csv.reader(text, strict=True, **dialect.reader_options(separator)))  # type: ignore[arg-type]
        except csv.Error:
            return None
        return records if len(records) == len(lines) else None

    def begins_inside(self, text: str) -> bool:
        """Whether a line of the text has a quote inside a bare cell that is closed at the end of a later one.

        That is what a lost separator leaves: `9.99"Shirt, plaid",blue` has as many cells as the row should have, by
        chance. Inches (`48",50"`) are not followed by text, and doubled quotes are no end.
        """
        dialect = self.dialect
        if not dialect.quote or len(dialect.separator) > 1 or dialect.quote not in text:
            return False
        begins, within = _inside(re.escape(dialect.separator), re.escape(dialect.quote))
        for begin in begins.finditer(text):
            end = within.match(text, begin.end() - 1).end()  # type: ignore[union-attr]  # it matches nothing as well
            behind = text[end + 1 : end + 2]
            closed = text[end : end + 1] == dialect.quote and behind in (dialect.separator, "\n", "\r", "")
            if closed and dialect.separator in text[begin.end() : end]:
                return True
        return False

    def begins_inside_of(self, block: Block) -> bool:
        """As `begins_inside`, of a block; its text is made only where a quote stands in it."""
        quote = self.dialect.quote
        return bool(quote) and quote.encode() in block.data and self.begins_inside(block.text)

    def _run(self, lines: Sequence[str], begin: int, separator: str) -> Iterator[Record]:
        """Records until the first fault."""
        reader = csv.reader(_from(lines, begin), strict=True, **self.dialect.reader_options(separator))  # type: ignore[arg-type]
        at = begin
        while at < len(lines):
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(lines, at, begin + reader.line_num, str(error))
                return
            taken = begin + reader.line_num - at
            if taken > 1 and self._swallowed(lines, at, cells, separator):
                yield Record(at, 1, [lines[at]], NEVER_CLOSED)
                return
            yield Record(at, taken, cells)
            at += taken

    def _swallowed(self, lines: Sequence[str], at: int, cells: list[str], separator: str) -> bool:
        """Whether a record over several lines has the wrong width, and the line after its first would be a row."""
        if not self.width or len(cells) == self.width:
            return False
        try:
            after = next(csv.reader([lines[at + 1]], strict=True, **self.dialect.reader_options(separator)))  # type: ignore[arg-type]
        except (csv.Error, StopIteration):
            return False
        return len(after) == self.width

    def _broken(self, lines: Sequence[str], at: int, end: int, error: str) -> Record:
        if "field larger" in error or len(lines[at]) > self.longest:
            return Record(at, 1, [lines[at]], f"longer than {self.longest:,} characters")
        is_open = "unexpected end" in error
        several = is_open or end - at > 1
        return Record(at, 1, [lines[at]], NEVER_CLOSED if several else f"broken quoting: {error}", is_open)

    def _may_go_on(self, lines: Sequence[str], at: int) -> bool:
        """Whether an open record may be closed by lines that are not here yet."""
        return sum(map(len, lines[at:])) <= self.longest

    def _restored(self, record: Record, lines: Sequence[str], separator: str) -> Record:
        """With the dialect's own separator in its cells, and the fault that its text has."""
        if record.fault:
            return Record(record.at, record.lines, [shown(lines[record.at].rstrip("\r\n"))], record.fault)
        cells = record.cells
        if separator != self.dialect.separator:
            cells = [cell.replace(separator, self.dialect.separator) for cell in cells]
        if self.comment and lines[record.at].lstrip().startswith(self.comment):
            return Record(record.at, record.lines, [])
        fault = fault_of("".join(cells), self.encoding, self.longest)
        return Record(record.at, record.lines, cells, fault)


def _plain_escapes(line: str, dialect: Dialect) -> str:
    """An escape sign before anything but itself or a quote is text: doubled for the csv module, which drops it."""
    escape = dialect.escape
    if escape not in line or escape == dialect.quote:
        return line
    parts = line.split(escape * 2)
    odd = re.compile(rf"{re.escape(escape)}(?!{re.escape(dialect.quote)})")
    return (escape * 2).join(odd.sub(lambda _: escape * 2, part) for part in parts)


def _from(lines: Sequence[str], begin: int) -> Iterator[str]:
    return (lines[at] for at in range(begin, len(lines)))


@cache
def _inside(separator: str, quote: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A quote inside a bare cell with text behind it, and what follows up to the next quote that is not doubled."""
    bare = rf"[^{quote}{separator}\r\n]"
    begins = re.compile(rf"(?:^|(?<=[{separator}\r\n])){bare}+{quote}[^{quote}{separator}\s]")
    return begins, re.compile(rf"(?:[^{quote}\r\n]|{quote}{quote})*")
