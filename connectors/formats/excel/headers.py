"""The header of a table in a sheet: which rows it takes, and the columns' names.

A header is text above values. Merged cells spread their text over the columns and rows they cover; lines are joined
where the last one alone does not tell the columns apart, or where cells merged above it group them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.formats.excel.addresses import Area
from connectors.formats.excel.texts import text_of
from connectors.formats.excel.workbook import Sheet

SEARCHED = 30  # rows at the top of a block in which a header is looked for
JOINED = 4  # lines of a header at most
BRACKETED = re.compile(r"^\s*[\[(].*[\])]\s*$")  # a line of units below the names
YEARS = range(1800, 2201)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Header:
    """`rows` are its lines, `skipped` the rows above it that are none; `texts` is its last line as it stands."""

    rows: list[int]
    names: list[str]
    texts: list[str]
    skipped: list[int] = field(default_factory=list)
    unnamed: int = 0
    repeated: int = 0


def is_text(value: object) -> bool:
    """Whether a cell holds text."""
    return isinstance(value, str) and value != ""


def header_of(sheet: Sheet, filled: Mask, block: Area, header_rows: int | None) -> Header:
    """The header of a block. `header_rows` says how many lines it has, where somebody knows."""
    if header_rows is not None:
        lines = list(range(block.top, min(block.top + header_rows, block.bottom + 1)))
        return _named(sheet, block, lines, [])
    base = _base(sheet, filled, block)
    if base is None:
        titles = _titles_without_header(sheet, filled, block)
        return _named(sheet, block, [], titles)
    lines = _with_units(sheet, block, base)
    lines = _with_groups(sheet, block, lines)
    return _named(sheet, block, lines, list(range(block.top, lines[0])))


def _base(sheet: Sheet, filled: Mask, block: Area) -> int | None:
    """The row that names the columns, or None where there is none."""
    texts = _leading_texts(sheet, block)
    counts = filled[block.top : block.bottom + 1, block.left : block.right + 1].sum(axis=1)
    if not texts:
        return block.top if _is_progression(sheet, block) else None
    if texts < min(len(counts), SEARCHED):
        if _is_progression(sheet, block, texts):
            return block.top + texts
        usual = int(np.median(counts[texts : texts + 200]))
        best = int(np.argmax(counts[:texts]))
        return block.top + best if int(counts[best]) * 2 >= usual else None
    usual = int(np.median(counts[:200]))
    least = max(-(-usual * 3 // 5), min(usual, 2))
    return block.top + int(np.argmax(counts >= least))


def _leading_texts(sheet: Sheet, block: Area) -> int:
    """How many rows at the top hold nothing but text."""
    last = min(block.bottom + 1, block.top + SEARCHED)
    for number in range(block.top, last):
        if any(not isinstance(value, str) for value in sheet.rows[number][block.left : block.right + 1]):
            return number - block.top
    return last - block.top


def _titles_without_header(sheet: Sheet, filled: Mask, block: Area) -> list[int]:
    """Text rows above a table that has no header."""
    count = _leading_texts(sheet, block)
    return list(range(block.top, block.top + count)) if count <= block.bottom - block.top else []


def _is_progression(sheet: Sheet, block: Area, offset: int = 0) -> bool:
    """Whether a row names columns by years or dates: 2019, 2020, 2021 above something else."""
    if block.top + offset >= block.bottom:
        return False
    row, below = (sheet.rows[block.top + offset + next_one][block.left : block.right + 1] for next_one in (0, 1))
    at = [index for index, value in enumerate(row) if value != "" and not is_text(value)]
    told, under = [row[index] for index in at], [below[index] for index in at]
    if len(told) < 2:
        return False
    if all(isinstance(value, date) for value in told):
        return len(set(told)) == len(told) and not any(isinstance(value, date) for value in under)
    return all(_is_year(value) for value in told) and not all(_is_year(value) for value in under)


def _is_year(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value in YEARS


def _with_units(sheet: Sheet, block: Area, base: int) -> list[int]:
    """The base row, and the line of bracketed units below it."""
    if base >= block.bottom:
        return [base]
    below = [value for value in sheet.rows[base + 1][block.left : block.right + 1] if value != ""]
    units = below and all(isinstance(value, str) and BRACKETED.match(value) for value in below)
    return [base, base + 1] if units else [base]


def _with_groups(sheet: Sheet, block: Area, lines: list[int]) -> list[int]:
    """The lines and those above them that are needed to name the columns."""
    while lines[0] > block.top and len(lines) < JOINED:
        above = lines[0] - 1
        if not (_is_group(sheet, block, above) or _tells_apart(sheet, block, above, lines)):
            break
        lines = [above, *lines]
    return lines


def _is_group(sheet: Sheet, block: Area, row: int) -> bool:
    """Whether a row consists of cells merged over some of the columns, each with a text."""
    spans = _merged_at(sheet, row)
    wide = [span for span in spans if span.right > span.left and span.right - span.left < block.right - block.left]
    starts = {span.left for span in spans}
    cells = sheet.rows[row]
    return bool(wide) and all(
        cells[column] == "" or (is_text(cells[column]) and column in starts)
        for column in range(block.left, block.right + 1)
    )


def _tells_apart(sheet: Sheet, block: Area, row: int, lines: list[int]) -> bool:
    """Whether a row above makes names different that are the same without it, or fills those that are blank."""
    now = _joined(sheet, block, lines)
    named = [name for name in now if name]
    if len(set(named)) == len(now):
        return False
    cells = sheet.rows[row][block.left : block.right + 1]
    if sum(value != "" for value in cells) < 2 or not all(isinstance(value, str) for value in cells):
        return False
    then = _joined(sheet, block, [row, *lines])
    return len({name for name in then if name}) > len(set(named))


def _named(sheet: Sheet, block: Area, lines: list[int], skipped: list[int]) -> Header:
    """Names that are there and different, whatever the header says."""
    said = _joined(sheet, block, lines) if lines else [""] * (block.right - block.left + 1)
    names: list[str] = []
    taken, told = set[str](), set(said)
    for at, name in enumerate(said, start=1):
        wanted, again = name or f"column_{at}", 2
        unique = wanted
        while unique in taken or (unique != name and unique in told):
            unique, again = f"{wanted}_{again}", again + 1
        taken.add(unique)
        names.append(unique)
    last = sheet.rows[lines[-1]][block.left : block.right + 1] if lines else []
    texts = [str(value).strip() if value != "" else "" for value in last]
    unnamed = sum(not name for name in said)
    changed = sum(bool(name) and name != unique for name, unique in zip(said, names, strict=True))
    return Header(lines, names, texts, skipped, unnamed, changed)


def _joined(sheet: Sheet, block: Area, lines: Sequence[int]) -> list[str]:
    """Each column's texts from all lines, one after the other; a merged cell's text in all the columns it covers."""
    columns: list[list[str]] = [[] for _ in range(block.right - block.left + 1)]
    for line in lines:
        spread = _spread(sheet, block, line, carry=line != lines[-1])
        for parts, value in zip(columns, spread, strict=True):
            text = " ".join(text_of(value).split())
            if text and (not parts or parts[-1] != text):
                parts.append(text)
    return [" ".join(parts) for parts in columns]


def _spread(sheet: Sheet, block: Area, line: int, *, carry: bool) -> list[Any]:
    """A line's cells with merged ones spread; with `carry`, a text also reaches over the blanks to its right."""
    row = list(sheet.rows[line])
    spans = _merged_at(sheet, line)
    for span in spans:
        value = sheet.rows[max(span.top, 0)][span.left] if 0 <= span.top < len(sheet.rows) else ""
        for column in range(max(span.left, 0), min(span.right + 1, len(row))):
            row[column] = value
    cells = row[block.left : block.right + 1]
    if carry and not spans:
        for at in range(1, len(cells)):
            cells[at] = cells[at] if cells[at] != "" else cells[at - 1]
    return cells


def _merged_at(sheet: Sheet, row: int) -> list[Area]:
    """The merged cells that cover a row, in the loaded cells' own rows and columns."""
    return [
        Area(span.top - sheet.top, span.left - sheet.left, span.bottom - sheet.top, span.right - sheet.left)
        for span in sheet.merged
        if span.top - sheet.top <= row <= span.bottom - sheet.top and span.left >= sheet.left
    ]
