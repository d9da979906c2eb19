"""Cells by their names: `C5` is row 4 and column 2, counted from 0."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

SHOWN = 5  # addresses that a message names; the evidence holds more
RANGE = re.compile(r"^\$?([A-Za-z]{1,3})\$?(\d{1,7})(?::\$?([A-Za-z]{1,3})\$?(\d{1,7}))?$")


class Area(NamedTuple):
    """A rectangle of cells, its edges included, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{address(self.top, self.left)}:{address(self.bottom, self.right)}"


def letters(column: int) -> str:
    """A column's name: 0 is `A`, 26 is `AA`."""
    name, column = "", column + 1
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(65 + digit) + name
    return name


def column_number(name: str) -> int:
    """A column by its name, from 0."""
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def address(row: int, column: int) -> str:
    """A cell's name."""
    return f"{letters(column)}{row + 1}"


def area(text: str) -> Area | None:
    """The cells that `B3:F20` or `B3` names; None where the text is no such name."""
    found = RANGE.match(text.strip())
    if not found:
        return None
    left, top, right, bottom = found[1], found[2], found[3] or found[1], found[4] or found[2]
    across = sorted((column_number(left), column_number(right)))
    down = sorted((int(top) - 1, int(bottom) - 1))
    return Area(max(down[0], 0), across[0], max(down[1], 0), across[1])


def named(cells: Iterable[tuple[int, int]], count: int | None = None) -> str:
    """The first few of `count` cells, for a message: `B2, B7 and 12 more`."""
    told = [address(row, column) for row, column in cells]
    more = (len(told) if count is None else count) - SHOWN
    return ", ".join(told[:SHOWN]) + (f" and {more} more" if more > 0 else "")
