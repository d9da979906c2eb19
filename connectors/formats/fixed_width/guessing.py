"""Guess where the columns of a fixed-width file are: by a ruler of dashes, or by blanks in the same places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from connectors.formats.encodings import encoding_of_head
from connectors.formats.fixed_width.records import Column
from connectors.formats.tables import File
from connectors.formats.text_blocks import BLANKS, blocks

LINES = 1_000  # that the guess looks at
FEWEST_LINES = 4  # below it, blanks in the same places are chance
LEAST_WIDTH = 10  # characters of a record
FEWEST_COLUMNS = 3
SAME = 0.9  # share of the lines that have the common length, or less by trailing blanks
RULER = re.compile(r"[-=]+(?: +[-=]+)+\s*")
WORD = re.compile(r"\S+")
DELIMITERS = ",;|\t"


def guessed(file: File, encoding: str, header_lines: int) -> tuple[tuple[Column, ...], int]:
    """The columns, and how many lines stand above the first record."""
    head = list(islice(_lines(file, encoding), header_lines + LINES))
    above, lines = head[:header_lines], [line for line in head[header_lines:] if line.strip(BLANKS)]
    ruled = next((at for at, line in enumerate(head[: header_lines + 2]) if RULER.fullmatch(line)), None)
    if ruled is not None:
        starts = [match.start() for match in WORD.finditer(head[ruled])]
        lines, header_lines = head[ruled + 1 :] or [head[ruled]], ruled + 1
        names: Sequence[str] = _cells(head[ruled - 1], starts) if ruled else []
    else:
        starts = _starts(lines) or [0]
        names = _cells(above[-1], starts) if above else []
        if not above and _is_header(lines, starts):
            names, header_lines = _cells(lines[0], starts), head.index(lines[0]) + 1
    width = max([len(line.rstrip()) for line in lines] + [starts[-1] + 1])
    ends = [*starts[1:], width]
    told = _named(names, len(starts))
    return tuple(
        Column(name=name, start=start + 1, length=end - start)
        for name, start, end in zip(told, starts, ends, strict=True)
    ), header_lines


def looks_fixed(head: bytes, *, whole: bool) -> bool:
    """Whether a file's beginning looks like records of one length with at least three columns."""
    encoding = encoding_of_head(head)
    text = head.decode(encoding.name if encoding else "latin-1", errors="replace")
    lines = text.splitlines()[: LINES if whole else LINES - 1]
    lines = [line for line in (lines if whole else lines[:-1]) if line.strip(BLANKS)]
    if len(lines) < FEWEST_LINES or any("\0" in line for line in lines):
        return False
    if any(RULER.fullmatch(line) for line in lines[:2]):
        return True
    width = max(map(len, lines))
    starts = _starts(lines)
    return (
        width >= LEAST_WIDTH
        and len(starts) >= FEWEST_COLUMNS
        and sum(len(line) in (width, len(lines[0])) for line in lines) >= SAME * len(lines)
        and not _is_delimited(lines)
    )


def _lines(file: File, encoding: str) -> Iterator[str]:
    for block in blocks(file.path, encoding=encoding, portion=64 * 1024):
        for line in block.lines():
            yield line.rstrip("\r\n")


def _starts(lines: Sequence[str]) -> list[int]:
    """Where columns begin: the characters after a gap that is blank in every line. A loop, over LINES at most."""
    filled: set[int] = set()
    for line in lines:
        for word in WORD.finditer(line):
            filled.update(range(word.start(), word.end()))
    return sorted(at for at in filled if at - 1 not in filled)


def _is_delimited(lines: Sequence[str]) -> bool:
    """Whether some delimiter stands equally often in nearly all lines."""
    for sign in DELIMITERS:
        counts = [line.count(sign) for line in lines]
        if counts[0] and counts.count(counts[0]) >= SAME * len(lines):
            return True
    return False


def _is_header(lines: Sequence[str], starts: Sequence[int]) -> bool:
    """Whether the first line names the columns: a word without digits in each, and digits below in some column."""
    first, *rest = [_cells(line, starts) for line in lines]
    if not rest or len(set(first)) < len(first) or any(not cell or re.search(r"\d", cell) for cell in first):
        return False
    return any(all(re.search(r"\d", row[at]) for row in rest) for at in range(len(starts)))


def _cells(line: str, starts: Sequence[int]) -> list[str]:
    return [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _named(names: Sequence[str], count: int) -> list[str]:
    """Names, each once; one that is not told is the column's position."""
    told: list[str] = []
    for at in range(count):
        name = (names[at] if at < len(names) else "") or f"column_{at + 1}"
        number = 2
        unique = name
        while unique in told:
            unique, number = f"{name}_{number}", number + 1
        told.append(unique)
    return told
