"""Word's paragraph styles: which are headings, captions or code, whatever language they are named in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.formats.documents.blocks import Kind
from connectors.formats.documents.packages import Element
from connectors.formats.documents.word.runs import W, value_of

HEADING = re.compile(r"heading (\d)", re.IGNORECASE)  # the name in the file is English in every language's Word
CODE = re.compile(r"html preformatted|plain text|source ?code|code( block)?|macro text", re.IGNORECASE)
DEEPEST = 20  # styles that a style may be based on, one on the other


@dataclass(frozen=True)
class Style:
    """What a style says. `heading`: a level from 1, 0 where it is none; `number` and `level` place it in a list."""

    heading: int = 0
    kind: Kind = "paragraph"
    number: str = ""
    level: int = 0


class Styles:
    """The styles of a document by their ids."""

    def __init__(self, part: Element | None) -> None:
        found = part.iterfind(f"{W}style") if part is not None else ()
        self.elements = {one.get(f"{W}styleId", ""): one for one in found}
        self.known: dict[str, Style] = {}

    def of(self, name: str) -> Style:
        """The style of an id; a plain paragraph's where there is none."""
        if name not in self.known:
            self.known[name] = self._resolved(name)
        return self.known[name]

    def _resolved(self, name: str) -> Style:
        """The style with what it takes over from those it is based on."""
        heading, number, level = "", "", ""
        kind: Kind = "paragraph"
        for _ in range(DEEPEST):
            element = self.elements.get(name)
            if element is None:
                break
            title = value_of(element, "name")
            properties = element.find(f"{W}pPr")
            numbered = properties.find(f"{W}numPr") if properties is not None else None
            number = number or value_of(numbered, "numId")
            level = level or value_of(numbered, "ilvl")
            heading = heading or _heading(title, value_of(properties, "outlineLvl"))
            kind = _kind(title) if kind == "paragraph" else kind
            name = value_of(element, "basedOn")
        return Style(int(heading or 0), kind, number, int(level) if level.isdigit() else 0)


def _heading(title: str, outline: str) -> str:
    if outline.isdigit():
        return str((int(outline) + 1) % 10)
    found = HEADING.fullmatch(title)
    return found[1] if found else "1" if title.casefold() == "title" else ""


def _kind(title: str) -> Kind:
    if title.casefold() == "caption":
        return "caption"
    return "code" if CODE.fullmatch(title) else "paragraph"
