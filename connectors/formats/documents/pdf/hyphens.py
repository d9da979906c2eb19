"""Put words together that a line's end parted, and keep the hyphens that belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.formats.documents.pdf.lines import HYPHENS

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
PARTED = re.compile(rf"([^\W\d_]+)([-{HYPHENS}])$")
WITHIN = re.compile(rf"([^\W\d_]+)[{HYPHENS}] ?([^\W\d_]+)")
STRAY = re.compile(rf"[{HYPHENS}] ?")
FIRST = re.compile(r"[^\W\d_]+")


class Hyphens:
    """Knows the words of a document, which tell `con-firming` from `chat-optimized`."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.words: set[str] = set()
        for line in lines:
            whole = PARTED.sub("", line.rstrip())
            self.words.update(word.casefold() for word in WORD.findall(STRAY.sub("-", whole)))

    def joined(self, text: str, following: str, between: str) -> str:
        """A text and the line that follows it; a word that its end parts is whole again."""
        parted, rest = PARTED.search(text), FIRST.match(following)
        if parted is None or rest is None or rest[0][0].isupper():
            return text + ("" if parted and rest else between) + following
        return text[: parted.start()] + self._word(parted[1], rest[0]) + following[rest.end() :]

    def without(self, text: str) -> str:
        """A text in which no line's end is left."""
        return STRAY.sub("-", WITHIN.sub(lambda found: self._word(found[1], found[2]), text))

    def _word(self, before: str, behind: str) -> str:
        together, hyphened = f"{before}{behind}".casefold(), f"{before}-{behind}".casefold()
        if together in self.words and hyphened not in self.words:
            return before + behind
        both = before.casefold() in self.words and behind.casefold() in self.words
        return f"{before}-{behind}" if hyphened in self.words or both else before + behind
