"""The text of a Word paragraph: what stands there once every tracked change is accepted, without what is hidden."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.formats.documents.packages import Element, local

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
THROUGH = ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice")
LEFT_OUT = (
    "del",
    "moveFrom",
    "Fallback",
    "instrText",
    "delText",
    "delInstrText",
    "pPr",
    "rPr",
    "sdtPr",
    "sdtEndPr",
    "rt",
)
SIGNS = {"tab": "\t", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}


class Runs:
    """Reads paragraphs in order: it counts pages, and numbers the notes they refer to."""

    def __init__(self) -> None:
        self.page = 1
        self.breaks = "br"
        self.notes: dict[str, dict[str, str]] = {"footnote": {}, "endnote": {}}

    def read(self, paragraph: Element) -> tuple[str, list[Element]]:
        """The text of a paragraph, and the text boxes within it."""
        boxes: list[Element] = []
        told = "".join(self._texts(paragraph, boxes))
        return told, boxes

    def _texts(self, element: Element, boxes: list[Element]) -> Iterator[str]:
        for child in element:
            name = local(child)
            if name == "t":
                yield child.text or ""
            elif name == "txbxContent":
                boxes.append(child)
            elif name in SIGNS:
                yield SIGNS[name]
            elif name in ("br", "lastRenderedPageBreak"):
                yield self._break(child, name)
            elif name in ("footnoteReference", "endnoteReference"):
                yield self._reference(name.removesuffix("Reference"), child.get(f"{W}id", ""))
            elif name not in LEFT_OUT and not (name == "r" and _is_hidden(child)):
                yield from self._texts(child, boxes)

    def _break(self, element: Element, name: str) -> str:
        is_page = name == "lastRenderedPageBreak" or element.get(f"{W}type") == "page"
        if is_page and name == self.breaks:
            self.page += 1
        return "" if is_page else "\n"

    def _reference(self, kind: str, number: str) -> str:
        known = self.notes[kind]
        mark = known.setdefault(number, f"{'e' if kind == 'endnote' else ''}{len(known) + 1}")
        return f"[^{mark}]"


def children(holder: Element, name: str = "") -> Iterator[Element]:
    """The children of an element, through wrappers that say nothing about structure."""
    for child in holder:
        if local(child) in THROUGH:
            yield from children(child, name)
        elif not name or local(child) == name:
            yield child


def value_of(properties: Element | None, name: str) -> str:
    """The value of a property; empty where it is not set."""
    found = properties.find(f"{W}{name}") if properties is not None else None
    return found.get(f"{W}val", "") if found is not None else ""


def _is_hidden(run: Element) -> bool:
    properties = run.find(f"{W}rPr")
    hidden = properties.find(f"{W}vanish") if properties is not None else None
    return hidden is not None and hidden.get(f"{W}val", "1") not in ("0", "false", "off")
