"""Part text of any script where a reader would: at sentences, else clauses, else words, and a word only if it must be.

Every part keeps the blanks behind it, so that the parts one after the other are the text again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from index.tokens import Count

CHARACTERS_PER_TOKEN = 8  # beyond it a tokenizer has given up: it makes one "unknown" of a word it finds too long
SMALLEST = 8  # characters of a part of a word
LONGEST_CLUSTER = 16  # code points that are kept together as one sign

# full stops of other scripts stand without a blank behind them: CJK, Devanagari, Arabic, Urdu, Ethiopic, Khmer, Tibetan
_SENTENCE = re.compile(
    r"(?<=[.!?;\u2026\u061f\u06d4])\s+|(?<=[\u3002\uff01\uff1f\uff1b\u0964\u0965\u1362\u17d4\u0f0d])\s*|\n\s*\n\s*"
)
_CLAUSE = re.compile(r"(?<=[,:\u060c])\s+|(?<=[\uff0c\u3001\uff1a])\s*|\n+")
_WORD = re.compile(r"\s+")
_JOINERS = "\u200d\ufe0f"


class Part:
    """A part of a text, its tokens, and whether a sentence ends with it."""

    __slots__ = ("ends", "size", "text")

    def __init__(self, text: str, size: int, *, ends: bool) -> None:
        self.text, self.size, self.ends = text, size, ends


def parted(texts: Sequence[str], *, count: Count, most: int) -> list[list[Part]]:
    """Each text as parts of at most `most` tokens: its sentences, and what is smaller of those too long."""
    found = [[Part(one, 0, ends=True) for one in _cut(text, _SENTENCE)] for text in texts]
    _measure([part for parts in found for part in parts], count, most)
    for cutting in (_CLAUSE, _WORD, None):
        if all(_fits(part, most) for parts in found for part in parts):
            break
        found = [[small for part in parts for small in _smaller(part, cutting, most)] for parts in found]
        _measure([part for parts in found for part in parts if not part.size], count, most)
    return found


def _fits(part: Part, most: int) -> bool:
    return part.size <= most and len(part.text) <= most * CHARACTERS_PER_TOKEN


def _smaller(part: Part, cutting: re.Pattern[str] | None, most: int) -> Iterator[Part]:
    if _fits(part, most):
        yield part
        return
    # a part of a word may have more tokens than its share of the word: a few characters never have too many
    pieces = list(_cut(part.text, cutting)) if cutting else list(_clusters(part.text, max(SMALLEST, most // 16)))
    for number, piece in enumerate(pieces, start=1):
        yield Part(piece, 0, ends=part.ends and number == len(pieces))


def _measure(parts: Sequence[Part], count: Count, most: int) -> None:
    for part in parts:
        part.size = most + 1  # what has too many characters is not counted: a text of 10 MB would be counted thrice
    short = [part for part in parts if len(part.text) <= most * CHARACTERS_PER_TOKEN]
    for part, size in zip(short, count([part.text for part in short]) if short else (), strict=True):
        part.size = max(1, size)


def _cut(text: str, at: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in at.finditer(text):
        if start < found.end() < len(text):
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


def _clusters(text: str, size: int) -> Iterator[str]:
    """Pieces of about `size` characters, none parted from its accents and vowel signs."""
    start = 0
    while start < len(text):
        end = start + size
        latest = end + LONGEST_CLUSTER
        while end < min(len(text), latest) and _joined(text, end):
            end += 1
        yield text[start:end]
        start = end


def _joined(text: str, at: int) -> bool:
    return text[at - 1] == "\u200d" or text[at] in _JOINERS or unicodedata.category(text[at]).startswith("M")
