"""The numbers and bullets that Word shows before paragraphs: they are counted, not written, in the file."""

from __future__ import annotations

import re

from connectors.formats.documents.packages import Element
from connectors.formats.documents.word.runs import W, value_of
from connectors.formats.documents.word.styles import Style

LEVELS = 9
PLACE = re.compile(r"%(\d)")
ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
         (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
MOST = 3999  # that Roman numbers and letters are written for


class Numbering:
    """The lists of a document, counted as its paragraphs are read."""

    def __init__(self, part: Element | None) -> None:
        found = list(part) if part is not None else []
        abstract = {one.get(f"{W}abstractNumId"): one for one in found if one.tag == f"{W}abstractNum"}
        numbers = [one for one in found if one.tag == f"{W}num"]
        self.lists = {one.get(f"{W}numId", ""): abstract.get(value_of(one, "abstractNumId")) for one in numbers}
        self.counts: dict[int, list[int]] = {}

    def place(self, properties: Element | None, style: Style) -> tuple[str, int]:
        """The list that a paragraph is of, and its level there; an empty name where it is of none."""
        numbered = properties.find(f"{W}numPr") if properties is not None else None
        number = value_of(numbered, "numId") or style.number
        level = value_of(numbered, "ilvl")
        if number in ("", "0") or number not in self.lists:
            return "", 0
        return number, min(int(level) if level.isdigit() else style.level, LEVELS - 1)

    def label(self, number: str, level: int) -> tuple[str, bool]:
        """What is shown before the next paragraph of a list, and whether it is a bullet."""
        element = self.lists[number]
        if element is None:
            return "", True
        levels = {one.get(f"{W}ilvl"): one for one in element.iterfind(f"{W}lvl")}
        counts = self.counts.setdefault(id(element), [0] * LEVELS)
        start = value_of(levels.get(str(level)), "start")
        counts[level] = counts[level] + 1 if counts[level] else int(start) if start.isdigit() else 1
        counts[level + 1 :] = [0] * (LEVELS - level - 1)
        form = value_of(levels.get(str(level)), "numFmt")
        if form in ("bullet", "none", ""):
            return "", True
        text = value_of(levels.get(str(level)), "lvlText")

        def shown(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            return _number(max(counts[at], 1), value_of(levels.get(str(at)), "numFmt")) if 0 <= at < LEVELS else ""

        return PLACE.sub(shown, text).strip(), False


def _number(count: int, form: str) -> str:
    """A count as a list shows it."""
    if form in ("lowerLetter", "upperLetter") and count <= MOST:
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and count <= MOST:
        told = _roman(count)
        return told if form == "lowerRoman" else told.upper()
    return f"{count:02}" if form == "decimalZero" else str(count)


def _roman(count: int) -> str:
    told = ""
    for value, sign in ROMAN:
        told += sign * (count // value)
        count %= value
    return told
