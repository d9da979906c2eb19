"""Lines as records of declared columns: those that fit, those that do not, and the trailer that counts them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from catalog.errors import FileRefused
from connectors.formats.fixed_width.grids import Grid
from connectors.formats.fixed_width.splitting import Lines
from connectors.formats.tables import Reject

DIGITS = re.compile(r"[0-9]+")
LINE = pl.col("line")
BLANK = "\0 \t"
FIRST_LETTER = "!"  # all blanks, and lines that begin with one, come before it


class Column(BaseModel):
    """A column by its first character, from 1, and its length in characters, not bytes.

    `trimmed`: where it is the last one, its trailing blanks may be missing in the file. A number never loses any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    start: int = Field(ge=1)
    length: int = Field(ge=1)
    trimmed: bool = True

    @property
    def end(self) -> int:
        """The number of its last character."""
        return self.start + self.length - 1


@dataclass(frozen=True)
class Layout:
    """Where a record's columns lie. `whole` is its length."""

    columns: tuple[Column, ...]
    whole: int
    least: int  # a record whose last column is text may have lost trailing blanks, down to here
    trailing: bool  # records hold more than is declared

    def cuts(self) -> list[pl.Expr]:
        """An expression for each column."""
        return [LINE.str.slice(column.start - 1, column.length).alias(column.name) for column in self.columns]

    def holds(self, width: int) -> bool:
        """Whether a record of `width` characters is neither too short nor too long."""
        return width >= self.least and (self.trailing or width <= self.whole)

    def surely_fits(self, body: pl.DataFrame) -> bool:
        """Whether no line of a body is shorter or longer than a record."""
        widths = body["line"].str.len_chars()
        is_long = not self.trailing and bool((widths > self.whole).any())
        return not is_long and not bool((widths < self.least).any())

    def misfits(self, *, cut_off: bool) -> pl.Expr:
        """Whether a line is too short or too long; `cut_off`: it is the last one and lacks its line end."""
        width = LINE.str.len_chars()
        short = width < (self.whole if cut_off else self.least)
        return short if self.trailing else short | ((width > self.whole) & self._overflows())

    def _overflows(self) -> pl.Expr:
        return LINE.str.strip_chars_end().str.len_chars() > self.whole


def layout_of(columns: tuple[Column, ...], body: pl.DataFrame, *, guessed: bool) -> Layout:
    """The layout, as the first record of a file fills it."""
    whole = max(column.end for column in columns)
    last = [column for column in columns if column.end == whole]
    least = max(column.start for column in last) if all(column.trimmed for column in last) else whole
    first = body["line"][0].rstrip() if body.height else ""
    return Layout(columns, whole, 1 if guessed else least, trailing=not guessed and len(first) > whole)


@dataclass
class Trailer:
    """The line that ends the records, and how many came before it. Lives while a file is read."""

    pattern: str
    count: int = 0
    line: str = ""
    search: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.search = re.compile(self.pattern)  # Python's, because the declaration was checked as Python's

    def before(self, body: pl.DataFrame, broken: list[Reject]) -> pl.DataFrame:
        """The records before the trailer. Raises FileRefused where lines follow it. A loop, as `search` is Python's."""
        if not self.pattern:
            return body
        ends = pl.Series([self.search.search(line) is not None for line in body["line"]], dtype=pl.Boolean)
        if self.line or (ends.any() and not ends[-1]) or ends.sum() > 1:
            if body.height or broken:
                raise _refused("it has lines behind its trailer")
            return body
        if ends.any():
            self.line = body["line"][-1]
        told = body.filter(~ends)
        self.count += told.height + len(broken)
        return told

    def judge(self) -> None:
        """Raise FileRefused unless the trailer is there and counts the records that were read."""
        if not self.pattern:
            return
        if not self.line:
            raise _refused(f"it ends after {self.count} records without a trailer")
        match = self.search.search(self.line)
        group = match[1] if match and self.search.groups else None
        told = [int(number) for number in DIGITS.findall(self.line if group is None else group)]
        if told and self.count not in told:
            raise _refused(f"it holds {self.count} records and its trailer says {' or '.join(map(str, told))}")


@dataclass(frozen=True)
class Fitting:
    """The records of a block that fit their layout, and the rejects. `first` is the number of the first line."""

    records: pl.DataFrame | Grid
    first: int
    rejects: list[Reject]
    layout: Layout

    def columns(self) -> pl.DataFrame:
        """The declared columns and `_position`."""
        if isinstance(self.records, pl.DataFrame):
            return self.records.select(*self.layout.cuts(), "_position")
        told = [self.records.column(one.start - 1, one.length).alias(one.name) for one in self.layout.columns]
        rows = len(self.records.signs)
        return pl.DataFrame(told).with_columns(_position=pl.int_range(self.first, self.first + rows, dtype=pl.Int64))


def records(
    blocks: Iterator[Lines], columns: tuple[Column, ...], header_lines: int, trailer: Trailer, *, guessed: bool
) -> Iterator[Fitting]:
    """The lines that fit, and the rejects, block by block."""
    layout = None
    for lines in blocks:
        first = lines.block.first
        if layout and lines.grid and layout.holds(lines.grid.width) and first > header_lines and not trailer.pattern:
            yield Fitting(lines.grid, first, [], layout)
            continue
        broken = [fault for fault in lines.broken if fault[0] > header_lines]
        body = _filled(lines.frame)
        if first <= header_lines:
            body = body.filter(pl.col("_position") > header_lines)
        body = trailer.before(body, broken)
        layout = layout or (layout_of(columns, body, guessed=guessed) if body.height or lines.block.last else None)
        if layout is not None:
            fit, faults = _fitting(body, layout, cut_off=lines.cut_off)
            yield Fitting(fit, first, sorted(broken + faults), layout)


def _filled(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that are not blank, looked for among those that begin with a blank."""
    doubtful = lines["line"] < FIRST_LETTER
    if not doubtful.any():
        return lines
    blank = lines.filter(doubtful).filter(LINE.str.strip_chars(BLANK) == "")["_position"]
    return lines.filter(~pl.col("_position").is_in(blank.implode())) if len(blank) else lines


def _fitting(body: pl.DataFrame, layout: Layout, *, cut_off: int) -> tuple[pl.DataFrame, list[Reject]]:
    """The records that fit, and the others as rejects."""
    if not cut_off and layout.surely_fits(body):
        return body, []
    misfit = layout.misfits(cut_off=False)
    if cut_off and layout.least > 1:
        misfit = pl.when(pl.col("_position") == cut_off).then(layout.misfits(cut_off=True)).otherwise(misfit)
    marked = body.with_columns(misfit.alias("_misfit"))
    if not marked["_misfit"].any():
        return body, []
    wrong = marked.filter("_misfit").select("_position", LINE.str.len_chars().alias("width"), "line")
    faults = [
        (at, f"{width} characters where the record has {layout.whole}", line) for at, width, line in wrong.iter_rows()
    ]
    return marked.filter(~pl.col("_misfit")).drop("_misfit"), faults


def _refused(what: str) -> FileRefused:
    return FileRefused(what, "Ask for a whole export; the last good rows stay.")
