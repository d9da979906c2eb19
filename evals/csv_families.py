"""Tables as offices publish them, made up: titles above, headers of several lines, units, groups, notes below.

Each family draws its words and numbers from a seed, so that a reader can be measured on many files of a kind without
any of them being known to it.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field

Cells = list[list[str]]

PLACES = ("Ashford", "Bury", "Calder Valley", "Dover", "Eden", "Falmouth", "Great Oakley", "Hull", "Ilkeston", "Jarrow",
          "Kent", "Luton", "Merton", "North East", "Oxford", "Poole")  # fmt: skip
MEASURES = ("Population", "Households", "Area (sq km)", "Rate", "Total", "Cases", "Expenditure", "Share", "Index",
            "Staff", "Vehicles", "Accidents", "Income", "Pupils")  # fmt: skip
CODES = ("E06", "W07", "S12", "N09")


@dataclass(frozen=True)
class Example:
    """A file as text, and what is right: its header lines and its rows, as cells, and the columns' names."""

    text: str
    header: Cells
    rows: Cells
    family: str = ""
    names: list[str] = field(default_factory=list)  # where the header has several lines

    @property
    def told(self) -> Cells:
        """What is right to print: a header of one line, and the rows."""
        return [*([self.names] if self.names else self.header), *self.rows]


def _text(rows: Cells, separator: str = ",", *, ends: str = "\r\n") -> str:
    told = io.StringIO()
    csv.writer(told, delimiter=separator, lineterminator=ends).writerows(rows)
    return told.getvalue()


def _padded(rows: Cells, width: int) -> Cells:
    return [[*row, *[""] * (width - len(row))] for row in rows]


def _number(draw: random.Random) -> str:
    small, large, share = draw.randint(0, 999), draw.randint(1000, 999999), draw.random() * 100
    return draw.choice([str(small), f"{large:,}", f"{share:.1f}", str(large)])


def _body(draw: random.Random, numbers: int, *, rows: int | None = None, code: bool = False) -> Cells:
    places = draw.sample(PLACES, rows or draw.randint(4, 15))
    return [
        [
            *([f"{draw.choice(CODES)}{draw.randint(100000, 999999)}"] if code else []),
            place,
            *(_number(draw) for _ in range(numbers)),
        ]
        for place in places
    ]


def _titles(draw: random.Random) -> Cells:
    told = [[f"Table {draw.randint(1, 40)}: {draw.choice(MEASURES)} by area, {draw.randint(1990, 2020)}"]]
    if draw.random() < 0.6:
        told.append([draw.choice(["England and Wales", "Thousands", "Crown copyright", "Experimental statistics"])])
    return told


def _notes(draw: random.Random) -> Cells:
    told = [
        [f"Source: Office of {draw.choice(MEASURES)}"],
        ["1. Figures may not sum due to rounding."],
        ["* provisional"],
    ]
    return told[: draw.randint(1, 3)]


def _names(draw: random.Random, numbers: int) -> list[str]:
    return [draw.choice(["Area", "Region", "District", "Local authority"]), *draw.sample(MEASURES, numbers)]


def plain(draw: random.Random) -> Example:
    """A header and rows."""
    numbers = draw.randint(2, 8)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    return Example(_text([*header, *rows], draw.choice(",;\t|")), header, rows)


def titled(draw: random.Random) -> Example:
    """Titles of one cell above."""
    numbers = draw.randint(2, 8)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    blank: Cells = [[]] if draw.random() < 0.5 else []
    return Example(_text([*_titles(draw), *blank, *header, *rows], draw.choice(",;\t")), header, rows)


def titled_padded(draw: random.Random) -> Example:
    """Titles above and notes below with as many separators as a row."""
    numbers = draw.randint(2, 8)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    whole = _padded([*_titles(draw), [""], *header, *rows, [""], *_notes(draw)], numbers + 1)
    return Example(_text(whole), header, rows)


def noted(draw: random.Random) -> Example:
    """Notes below, after a blank line or at once."""
    numbers = draw.randint(2, 8)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    blank: Cells = [[]] if draw.random() < 0.5 else []
    return Example(_text([*header, *rows, *blank, *_notes(draw)]), header, rows)


def years(draw: random.Random) -> Example:
    """Years as names."""
    numbers, first = draw.randint(3, 9), draw.randint(1985, 2012)
    header = [[draw.choice(["Area", "", "Country"]), *(str(first + at) for at in range(numbers))]]
    rows = _body(draw, numbers)
    top = _titles(draw) if draw.random() < 0.5 else []
    return Example(_text([*top, *header, *rows]), header, rows)


def spanned(draw: random.Random) -> Example:
    """Two lines of header, the upper one over groups of columns."""
    groups, each = draw.randint(2, 4), draw.randint(2, 3)
    above = ["", *(cell for at in range(groups) for cell in [str(2010 + at), *[""] * (each - 1)])]
    below = ["Area", *(cell for _ in range(groups) for cell in ["Male", "Female", "All"][:each])]
    rows = _body(draw, groups * each)
    names = ["Area", *(f"{2010 + at} {cell}" for at in range(groups) for cell in ["Male", "Female", "All"][:each])]
    top = _padded([*_titles(draw), [""]], len(below)) if draw.random() < 0.5 else []
    return Example(_text([*top, above, below, *rows]), [above, below], rows, names=names)


def units(draw: random.Random) -> Example:
    """A line of units below the names."""
    numbers = draw.randint(2, 6)
    below = ["", *(draw.choice(["kg", "%", "km2", "GBP m", "per 1,000"]) for _ in range(numbers))]
    header, rows = [_names(draw, numbers), below], _body(draw, numbers)
    names = [f"{name} {unit}".strip() for name, unit in zip(*header, strict=True)]
    return Example(_text([*_titles(draw), [], *header, *rows]), header, rows, names=names)


def grouped(draw: random.Random) -> Example:
    """Group headers among the rows."""
    numbers = draw.randint(2, 6)
    header = [_names(draw, numbers)]
    rows = [[f"{name} England", *[""] * numbers] for name in ("North", "South")]
    rows = [rows[0], *_body(draw, numbers), rows[1], *_body(draw, numbers)]
    return Example(_text([*_titles(draw), [], *header, *rows]), header, rows)


def coded(draw: random.Random) -> Example:
    """Codes and places, and values that are missing in several spellings."""
    numbers = draw.randint(2, 6)
    header, rows = [["Code", *_names(draw, numbers)]], _body(draw, numbers, code=True)
    for row in rows:
        row[draw.randint(2, numbers + 1)] = draw.choice(["-", "..", "n/a", ":", "", "*"])
    return Example(_text([*header, *rows, *([[]] if draw.random() < 0.5 else []), *_notes(draw)]), header, rows)


def remarks(draw: random.Random) -> Example:
    """Keys and values above the table."""
    numbers = draw.randint(3, 8)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    keys = [["Station:", "4711"], ["Period:", "2019-01 to 2019-12"], ["Contact:", "data desk"]][: draw.randint(1, 3)]
    return Example(
        _text([*keys, *([[]] if draw.random() < 0.5 else []), *header, *rows], draw.choice(",;")), header, rows
    )


def all_text(draw: random.Random) -> Example:
    """Text in every column."""
    header = [["Name", "Town", "Department", "Remark"]]
    first, last, remarks = ("Ann", "Ben", "Cy"), ("Hall", "Low"), ("ok", "to do", "")
    rows = [
        [f"{draw.choice(first)} {draw.choice(last)}", draw.choice(PLACES), "Sales", draw.choice(remarks)]
        for _ in range(draw.randint(5, 12))
    ]
    top = [*_titles(draw), []] if draw.random() < 0.5 else []
    return Example(_text([*top, *header, *rows]), header, rows)


def headless(draw: random.Random) -> Example:
    """Numbers and dates without a header."""
    rows = [
        [f"2020-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}", place, *more]
        for place, *more in _body(draw, draw.randint(2, 5))
    ]
    return Example(_text(rows), [], rows)


def two_tables(draw: random.Random) -> Example:
    """A second table of other columns below the first, under a title of its own."""
    numbers = draw.randint(2, 5)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    other = [
        ["Year", "Month", *draw.sample(MEASURES, 2)],
        *[["2019", str(at), _number(draw), _number(draw)] for at in range(1, 7)],
    ]
    title = _titles(draw)[:1] if draw.random() < 0.5 else []
    return Example(_text([*header, *rows, [], *title, *other]), header, rows)


def total(draw: random.Random) -> Example:
    """A last row of totals, and notes behind it."""
    numbers = draw.randint(2, 6)
    header, rows = [_names(draw, numbers)], _body(draw, numbers)
    rows.append(["Total", *(_number(draw) for _ in range(numbers))])
    return Example(_text([*_titles(draw), *header, *rows, [], *_notes(draw)]), header, rows)


def decimal_comma(draw: random.Random) -> Example:
    """Semicolons between cells and commas within numbers."""
    numbers = draw.randint(2, 6)
    header = [["Gebiet", *(f"Anteil {at}" for at in range(numbers))]]
    rows = [
        [place, *(f"{draw.random() * 1000:.2f}".replace(".", ",") for _ in range(numbers))]
        for place in draw.sample(PLACES, 9)
    ]
    top = [["Tabelle 12411-0001"], ["Bevölkerung: Gebiete, Stichtag"]] if draw.random() < 0.7 else []
    below = (
        [["__________"], ["(C)opyright Statistisches Amt"], ["Stand: 01.02.2020 / 12:00:00"]]
        if draw.random() < 0.7
        else []
    )
    return Example(_text([*top, *header, *rows, *below], ";"), header, rows)


def three_lines(draw: random.Random) -> Example:
    """Names over groups over measures, and a line of column numbers."""
    rows = _body(draw, 4)
    header = [
        ["Area", "Urban", "", "Rural", ""],
        ["", "Men", "Women", "Men", "Women"],
        ["(1)", "(2)", "(3)", "(4)", "(5)"],
    ]
    names = ["Area (1)", "Urban Men (2)", "Urban Women (3)", "Rural Men (4)", "Rural Women (5)"]
    return Example(_text([*_padded(_titles(draw), 5), *header, *rows]), header, rows, names=names)


def two_columns(draw: random.Random) -> Example:
    """A name and a number."""
    header, rows = [["Area", draw.choice(MEASURES)]], _body(draw, 1)
    top = _titles(draw) if draw.random() < 0.5 else []
    below = [[], *_notes(draw)] if draw.random() < 0.5 else []
    return Example(_text([*top, *header, *rows, *below]), header, rows)


def long_names(draw: random.Random) -> Example:
    """Names that are sentences, with separators and line breaks in them."""
    numbers = draw.randint(2, 5)
    header = [["Area", *(f"{draw.choice(MEASURES)}, all persons\naged {at}0 and over" for at in range(numbers))]]
    rows = _body(draw, numbers)
    return Example(_text([*_titles(draw), *header, *rows]), header, rows)


FAMILIES: tuple[Callable[[random.Random], Example], ...] = (
    plain, titled, titled_padded, noted, years, spanned, units, grouped, coded, remarks, all_text, headless, two_tables,
    total, decimal_comma, three_lines, two_columns, long_names,
)  # fmt: skip


def examples(each: int, *, seed: int = 1) -> list[Example]:
    """So many files of each family."""
    told = []
    for family in FAMILIES:
        for at in range(each):
            example = family(random.Random(f"{family.__name__} {seed} {at}"))  # noqa: S311 - a draw, not a secret
            told.append(Example(example.text, example.header, example.rows, family.__name__, example.names))
    return told
