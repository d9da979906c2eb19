"""Cut long text where a reader would: Markdown at headings and blocks, other text at sentences and commas.

Sizes are in estimated tokens; a chunk that outgrows the model would be embedded only in part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

WHOLE = 240.0  # tokens: a text up to here stays one chunk (the model reads 256)
TARGET = 220.0  # tokens: the size of a chunk of a longer text
TOKENS_PER_WORD = 1.3
CHARACTERS_PER_TOKEN = 4.5  # codes and numbers have more tokens than words suggest

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_COMMA = re.compile(r"(?<=,)\s+")


class Passage(NamedTuple):
    """A piece of a document: the headings above it, joined by ` > `, and its text."""

    breadcrumb: str
    text: str


def estimated_tokens(text: str) -> float:
    """About how many tokens a sentence model makes of a text."""
    return max(len(text.split()) * TOKENS_PER_WORD, len(text) / CHARACTERS_PER_TOKEN)


def split_text(text: str) -> list[Passage]:
    """Plain text in passages of about TARGET tokens; one passage if it is short."""
    if estimated_tokens(text) <= WHOLE:
        return [Passage("", text)]
    return [Passage("", passage) for passage in _packed(_sentences(text), " ")]


def split_markdown(text: str) -> list[Passage]:
    """Markdown in passages per heading; tables and code stay whole. A text without a body is one empty passage."""
    passages = [
        Passage(breadcrumb, passage)
        for breadcrumb, body in _sections(text)
        for passage in _packed((piece for block in _blocks(body) for piece in _block_pieces(block)), "\n\n")
    ]
    return passages or [Passage("", text.strip())]


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """(breadcrumb, lines) under each heading; `#` inside a fence is code, not a heading."""
    trail: dict[int, str] = {}
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield " > ".join(trail.values()), lines
        level, lines = len(heading[1]), []
        trail = {**{depth: name for depth, name in trail.items() if depth < level}, level: heading[2]}
    yield " > ".join(trail.values()), lines


def _blocks(lines: list[str]) -> Iterator[str]:
    """Paragraphs, lists, tables and fenced code, parted by blank lines outside fences."""
    block: list[str] = []
    fenced = False
    for line in lines:
        fenced ^= bool(_FENCE.match(line))
        if line.strip() or fenced:
            block.append(line)
        elif block:
            yield "\n".join(block)
            block = []
    if block:
        yield "\n".join(block)


def _block_pieces(block: str) -> Iterable[str]:
    whole = block.lstrip().startswith(("|", "```", "~~~")) or estimated_tokens(block) <= TARGET
    return [block] if whole else list(_packed(_sentences(block), " "))


def _sentences(text: str) -> Iterator[str]:
    """Sentences; a sentence that is too long by itself at its commas, and failing that at words."""
    for sentence in _SENTENCE.split(text.strip()):
        if estimated_tokens(sentence) <= TARGET:
            yield sentence
            continue
        for clause in _COMMA.split(sentence):
            if estimated_tokens(clause) <= TARGET:
                yield clause
            else:
                yield from _packed(clause.split(), " ")


def _packed(pieces: Iterable[str], joint: str) -> Iterator[str]:
    """Pieces joined into passages of at most TARGET tokens; a piece that is larger stands alone."""
    passage: list[str] = []
    size = 0.0
    for piece in pieces:
        tokens = estimated_tokens(piece)
        if passage and size + tokens > TARGET:
            yield joint.join(passage)
            passage, size = [], 0.0
        passage.append(piece)
        size += tokens
    if passage:
        yield joint.join(passage)
