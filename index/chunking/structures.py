"""Cut what is not prose without losing what it means: tables between rows, code between lines, lists between items.

Each part of a table begins with its header, each part of code is fenced in its language, and a nested item stands
below the items it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from index.chunking.blocks import Block
from index.chunking.packing import Piece
from index.chunking.sentences import CHARACTERS_PER_TOKEN, Part, parted
from index.tokens import Count

WIDEST_FRAME = 0.5  # of the budget: what is repeated in each part leaves as much room for what is new

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_CELL = re.compile(r"(?<!\\)\|")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|\d{1,9}[.)])\s+\S")


def pieces_of(block: Block, *, number: int, count: Count, most: int) -> list[Piece]:
    """A table, code or list as pieces: one, if the model reads it whole."""
    text = block.text.rstrip()
    size = sum(count([text])) if len(text) <= most * CHARACTERS_PER_TOKEN else most + 1
    if size <= most:
        return [Piece(text, max(1, size), number, page=block.page)]
    cut = {"table": _table, "code": _code, "list": _list}[block.kind]
    return list(cut(block, number, count, most))


def _table(block: Block, number: int, count: Count, most: int) -> Iterator[Piece]:
    """Rows under their header. A row that is too wide, or has too wide a header, is told as `column: value`."""
    headed = len(block.lines) > 1 and bool(_RULE.match(block.lines[1]))
    lead = "\n".join(block.lines[:2]) + "\n" if headed else ""
    rows, names = (block.lines[2:], _cells(block.lines[0])) if headed else (block.lines, [])
    frame = sum(count([lead])) if lead else 0
    fits = frame <= most * WIDEST_FRAME and len(lead) <= most * WIDEST_FRAME * CHARACTERS_PER_TOKEN
    sizes = count(rows) if rows else ()
    room, again = most - (frame if fits else 0), False
    for row, size in zip(rows, sizes, strict=True):
        if fits and size <= room and len(row) + len(lead) <= most * CHARACTERS_PER_TOKEN:
            yield Piece(row + "\n", max(1, size), number, lead=lead, frame=frame, again=again, page=block.page)
            again = True
        else:
            yield from _cell_pieces(row, names, number + 1, count, most, block.page)
            number += 2  # what follows opens a block of its own, with its header


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in _CELL.split(row.strip().removeprefix("|").removesuffix("|"))]


def _cell_pieces(row: str, names: Sequence[str], number: int, count: Count, most: int, page: int) -> Iterator[Piece]:
    """The cells of a row that is too wide, each with the name of its column, cut at sentences where they are long."""
    cells = _cells(row)
    told = [f"{names[at]}: " if at < len(names) and names[at] else "" for at in range(len(cells))]
    sizes = count(told) if told else ()
    for cell, name, frame in zip(cells, told, sizes, strict=True):
        if not cell:
            continue
        named = frame <= most * WIDEST_FRAME and len(name) <= most * WIDEST_FRAME * CHARACTERS_PER_TOKEN
        text = cell if named else name + cell  # a name that long is cut with its value
        yield from _framed(
            [text + "\n"], name if named else "", "", number, count=count, most=most, frame=frame if named else 0,
            page=page,
        )  # fmt: skip
        number += 1


def _code(block: Block, number: int, count: Count, most: int) -> Iterator[Piece]:
    """Lines between the fences, opened again with the language."""
    opening = block.lines[0].strip()
    closed = len(block.lines) > 1 and block.lines[-1].strip().startswith(opening[:3])
    tail = re.match(r"`+|~+", opening)[0] if re.match(r"`+|~+", opening) else "```"  # type: ignore[index]  # asked just before
    body = block.lines[1:-1] if closed else block.lines[1:]
    lead, end = opening + "\n", "\n" + tail
    frame = sum(count([lead + end]))
    if frame > most * WIDEST_FRAME:
        body, lead, end, frame = block.lines, "", "", 0
    yield from _framed(
        [line + "\n" for line in body], lead, end, number, count=count, most=most, frame=frame, page=block.page
    )


def _framed(
    texts: Sequence[str], lead: str, tail: str, number: int, *, count: Count, most: int, frame: int, page: int
) -> Iterator[Piece]:
    parts = [part for many in parted(texts, count=count, most=most - frame) for part in many]
    for at, part in enumerate(parts):
        yield Piece(part.text, part.size, number, lead=lead, tail=tail, frame=frame, again=at > 0, page=page)


def _list(block: Block, number: int, count: Count, most: int) -> Iterator[Piece]:
    """Items; a nested one that begins a passage is told below its parents."""
    items = _items(block.lines)
    parts = parted(["\n".join(lines) + "\n" for _, lines in items], count=count, most=most // 2)
    parents: list[tuple[int, str, int]] = []  # indent, first line, tokens
    for (indent, lines), many in zip(items, parts, strict=True):
        parents = [one for one in parents if one[0] < indent]
        lead, frame = _lead(parents, most)
        for at, part in enumerate(many):
            mine, size = (lead, frame) if at == 0 else _lead([*parents, _parent(indent, lines, many)], most)
            yield Piece(part.text, part.size, number, lead=mine, frame=size, again=bool(mine), page=block.page)
        parents.append(_parent(indent, lines, many))


def _parent(indent: int, lines: Sequence[str], parts: Sequence[Part]) -> tuple[int, str, int]:
    """An item as what stands above its children: its first line."""
    return indent, lines[0] + "\n", sum(part.size for part in parts)  # no less than the line's own


def _lead(parents: Sequence[tuple[int, str, int]], most: int) -> tuple[str, int]:
    """As many of the nearest parents as leave room for what is told."""
    told: list[str] = []
    size = 0
    for _, line, tokens in reversed(parents):
        if size + tokens > most * WIDEST_FRAME or sum(map(len, told)) + len(line) > most * CHARACTERS_PER_TOKEN // 2:
            break
        told.insert(0, line)
        size += tokens
    return "".join(told), size


def _items(lines: Sequence[str]) -> list[tuple[int, list[str]]]:
    """(indent, lines) of each item; lines without a mark belong to the item above."""
    items: list[tuple[int, list[str]]] = []
    for line in lines:
        mark = _ITEM.match(line)
        if mark or not items:
            items.append((len(mark[1].expandtabs(4)) if mark else 0, [line]))
        else:
            items[-1][1].append(line)
    return items
