"""A line with a stray quote read the one way that gives it the table's width: for showing it, never for a row."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.formats.delimited.dialects import Dialect

MOST_CELLS = 200  # beyond, the ways to read a line are too many to weigh

Way = tuple[int, int, tuple[tuple[int, int, bool], ...]]  # cost, how often it comes up, cells


def repaired(line: str, dialect: Dialect, width: int) -> list[str] | None:
    """The cells of a badly quoted line, or None where no way, or more than one, gives `width` cells.

    Each cell is either quoted from its first sign to its last, or plain text; a quote that does neither open nor close
    is text, at a cost. The cheapest way wins, if it is alone.
    """
    bare, quote = line.rstrip("\r\n"), dialect.quote
    starts = [0, *(at + len(dialect.separator) for at in _found(bare, dialect.separator))]
    if not quote or not 1 < width <= MOST_CELLS or len(starts) > MOST_CELLS:
        return None
    ends = [*(at - len(dialect.separator) for at in starts[1:]), len(bare)]
    ways: list[dict[int, Way]] = [{} for _ in range(len(starts) + 1)]  # by cut, by number of cells
    ways[0][0] = (0, 1, ())
    for begin, start in enumerate(starts):
        for stop in range(begin, len(ends)):
            for cost, is_quoted in _readings(bare[start : ends[stop]], quote, alone=stop == begin):
                _extend(ways[begin], ways[stop + 1], cost, (start, ends[stop], is_quoted), width)
    best = ways[-1].get(width)
    return None if best is None or best[1] != 1 else [_cell(bare, quote, *cell) for cell in best[2]]


def _extend(here: dict[int, Way], there: dict[int, Way], cost: int, cell: tuple[int, int, bool], width: int) -> None:
    for cells, (before, count, path) in here.items():
        if cells >= width:
            continue
        known = there.get(cells + 1)
        if known is None or before + cost < known[0]:
            there[cells + 1] = (before + cost, count, (*path, cell))
        elif before + cost == known[0]:
            there[cells + 1] = (known[0], known[1] + count, known[2])


def _readings(text: str, quote: str, *, alone: bool) -> Sequence[tuple[int, bool]]:
    """What it costs to read a text as a quoted cell, and (where no separator stands in it) as plain text."""
    told = []
    if len(text) > 1 and text[0] == text[-1] == quote:
        told.append((2 * (text[1:-1].replace(quote * 2, "").count(quote)), True))
    if alone:
        told.append((_cost_of_plain(text, quote), False))
    return told


def _cost_of_plain(text: str, quote: str) -> int:
    closed = len(text) > 1 and text[0] == text[-1] == quote
    return (5 if closed else 0) + (1 if text.startswith(quote) else 0) + (text.endswith(quote) and not closed)


def _cell(line: str, quote: str, start: int, end: int, is_quoted: bool) -> str:
    return line[start + 1 : end - 1].replace(quote * 2, quote) if is_quoted else line[start:end]


def _found(line: str, separator: str) -> list[int]:
    told, at = [], line.find(separator)
    while at >= 0:
        told.append(at)
        at = line.find(separator, at + len(separator))
    return told
