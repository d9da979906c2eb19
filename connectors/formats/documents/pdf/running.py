"""Lines that a document repeats at the top or the bottom of its pages: titles, dates, page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from connectors.formats.documents.pdf.lines import Line

EDGE = 3  # lines at either end of a page that are looked at
FEWEST_PAGES = 3
SHARE = 0.5  # of the pages on which a line must stand
NUMBERS = re.compile(r"\d+|\b[ivxlcdm]+\b", re.IGNORECASE)


def running_lines(pages: Sequence[Sequence[Line]]) -> list[set[int]]:
    """For each page the places (in its list) of its running lines; a number stands for any number."""
    seen = Counter(key for lines in pages for key in {_key(lines[at]) for at in _edges(lines)})
    filled = sum(bool(lines) for lines in pages)
    often = {key for key, count in seen.items() if count >= max(FEWEST_PAGES, SHARE * filled)}
    return [{at for at in _edges(lines) if _key(lines[at]) in often} for lines in pages]


def _edges(lines: Sequence[Line]) -> set[int]:
    """The places of the uppermost and the lowest lines."""
    order = sorted(range(len(lines)), key=lambda at: -lines[at].middle)
    return {*order[:EDGE], *order[-EDGE:]}


def _key(line: Line) -> tuple[str, int]:
    """What makes two running lines the same: their words, and the height at which they stand."""
    return NUMBERS.sub("#", line.text), round(line.middle / 10)
