"""A copybook as words, and as sentences of words: one entry each, ended by a period; COPY statements filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.formats.mainframe.copybook.items import refusal
from connectors.formats.mainframe.copybook.source import lines_of

WORD = re.compile(
    r"\s+|\*>.*"  # blanks; the rest of the line is a comment
    r"|(?P<pseudo>==.*?==)"
    r"|(?P<name>'[\w:-]+'[-_]*\w[\w-]*)"  # a quoted prefix is part of a name
    r"|(?P<literal>[XNZGxnzg]?(?:'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"))"
    r"|(?P<end>\.(?=\s|$))"
    r"|[,;](?=\s|$)"
    r"|(?P<word>(?:[^\s.,;'\"]|[.,;](?!\s|$))+)"
)
DEEPEST_COPY = 8  # a copybook that copies itself is refused, not followed
OUTSIDE = re.compile(r"(.*\b(DIVISION|SECTION)\b.*|[FS]D\b.*)", re.IGNORECASE)  # what stands around record descriptions


@dataclass(frozen=True)
class Word:
    """A word or a literal (with its quotes), and the line it stands on. `end`: the period of an entry."""

    text: str
    line: int
    end: bool = False

    @property
    def upper(self) -> str:
        """In capitals, as keywords are compared."""
        return self.text.upper()


Margins = tuple[int | None, int | None]
Sentence = Sequence[Word]


def sentences(text: str, copies: Mapping[str, str], margins: Margins = (None, None)) -> list[Sentence]:
    """The entries of a copybook as words without their periods; the last one's period may be missing."""
    told: list[Sentence] = []
    open_: list[Word] = []
    for word in _filled(_words(text, margins), copies, margins, 0):
        if not word.end:
            open_.append(word)
        elif open_:
            told.append(tuple(open_))
            open_ = []
    if open_:
        told.append(tuple(open_))
    return [told_ for told_ in told if not OUTSIDE.fullmatch(" ".join(word.text for word in told_))]


def _words(text: str, margins: Margins) -> list[Word]:
    """The words of a text in order."""
    told = []
    for number, line in lines_of(text, *margins):
        at = 0
        while at < len(line):
            found = WORD.match(line, at)
            if found is None:
                raise refusal(number, f"'{line[at:].strip()[:20]}' is not understood; is a quote open?")
            if found.lastgroup is not None:
                told.append(Word(found.group(found.lastgroup), number, found.lastgroup == "end"))
            at = found.end()
    return told


def _filled(words: Sequence[Word], copies: Mapping[str, str], margins: Margins, depth: int) -> list[Word]:
    """The words with COPY statements replaced by what they copy."""
    told: list[Word] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word.upper != "COPY" or (told and not told[-1].end):
            told.append(word)
            at += 1
            continue
        end = next((place for place in range(at, len(words)) if words[place].end), len(words))
        told += _copied(words[at:end], copies, margins, depth)
        at = end + 1
    return told


def _copied(statement: Sequence[Word], copies: Mapping[str, str], margins: Margins, depth: int) -> list[Word]:
    """The words that a COPY statement brings."""
    line = statement[0].line
    name = statement[1].text.strip("'\"").upper() if len(statement) > 1 else ""
    texts = {known.upper(): text for known, text in copies.items()}
    if name not in texts:
        raise refusal(line, f"COPY {name} needs another copybook", f"Name its file in `copies: {{{name}: PATH}}`.")
    if depth >= DEEPEST_COPY:
        raise refusal(line, f"COPY {name} goes round in a circle")
    words = _filled(_words(texts[name], margins), copies, margins, depth + 1)
    place = next((at for at, word in enumerate(statement) if word.upper == "REPLACING"), None)
    told = words if place is None else _replaced(words, _pairs(statement[place + 1 :], line))
    return [replace(word, line=line) for word in told]


def _pairs(words: Sequence[Word], line: int) -> list[tuple[str, str]]:
    """What REPLACING gives: (old, new), without the marks of pseudo-text."""
    told = [word.text for word in words if word.upper not in ("LEADING", "TRAILING")]
    if len(told) % 3 or any(by.upper() != "BY" for by in told[1::3]):
        raise refusal(line, "COPY ... REPLACING is not understood")
    bare = [text[2:-2].strip() if text.startswith("==") else text for text in told]
    return list(zip(bare[0::3], bare[2::3], strict=True))


def _replaced(words: Sequence[Word], pairs: Sequence[tuple[str, str]]) -> list[Word]:
    """The words with replacements made: of whole words, and of `:TAG:` inside a word."""
    told = []
    for word in words:
        text = word.text
        for old, new in pairs:
            if text.upper() == old.upper():
                text = new
            elif old.startswith((":", "(")) and not word.end:
                text = re.sub(re.escape(old), lambda _, new=new: new, text, flags=re.IGNORECASE)  # type: ignore[misc]
        told += [replace(word, text=part) for part in text.split()] if text != word.text else [word]
    return told
