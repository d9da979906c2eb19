"""Word documents (docx): paragraphs by their styles, lists, tables, footnotes, text boxes; all changes accepted.

The format is ECMA-376 part 1 (WordprocessingML). The document's part is held whole, up to a limit on its size.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.formats.documents.blocks import Block, Document, heading, table, with_code_joined
from connectors.formats.documents.packages import Element, Package, local, opened
from connectors.formats.documents.word.numbering import Numbering
from connectors.formats.documents.word.runs import Runs, W, children, value_of
from connectors.formats.documents.word.styles import Style, Styles
from connectors.formats.tables import File, Noticed

NOTES = (("footnotes", "footnote"), ("endnotes", "endnote"))


def read(file: File, *, running: bool) -> Document:
    """The document; without `running`, headers and footers are left out. Raises FileRefused where it is damaged."""
    with opened(file) as package:
        return _Reader(package, package.main()).document(running=running)


class _Reader:
    """It lives while one document is read."""

    def __init__(self, package: Package, main: str) -> None:
        self.package, self.main = package, main
        self.relations = package.relations(main)
        self.styles = Styles(self._part("styles"))
        self.numbering = Numbering(self._part("numbering"))
        self.runs = Runs()
        self.root = package.tree(main)
        rendered = next(self.root.iter(f"{W}lastRenderedPageBreak"), None) is not None
        self.runs.breaks = "lastRenderedPageBreak" if rendered else "br"

    def document(self, *, running: bool) -> Document:
        """The whole document."""
        told = Document("docx")
        body = self.root.find(f"{W}body")
        blocks = list(self._blocks(body)) if body is not None else []
        blocks += self._notes()
        if running:
            blocks = [*self._running("header"), *blocks, *self._running("footer")]
        told.blocks = with_code_joined(blocks)
        told.pages = self.runs.page if self.runs.page > 1 else None
        pictures = sum(1 for _ in self.root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}blip"))
        if pictures:
            told.noticed.append(Noticed("pictures-not-read", "pictures are not read", "info", pictures, "pictures"))
        return self.package.described(told)

    def _part(self, kind: str) -> Element | None:
        """A part by the last word of its relation's type; None where there is none."""
        name = next((target for told, target in self.relations.values() if told == kind), "")
        return self.package.tree(name) if name and self.package.has(name) else None

    def _blocks(self, holder: Element) -> Iterator[Block]:
        """The blocks of a body, a cell, a text box or a note."""
        for child in children(holder):
            if local(child) == "p":
                yield from self._paragraph(child)
            elif local(child) == "tbl":
                yield from self._table(child)

    def _paragraph(self, paragraph: Element) -> Iterator[Block]:
        """The block of a paragraph, then those of the text boxes that hang on it."""
        page = self.runs.page if self.runs.page > 1 else 0
        text, boxes = self.runs.read(paragraph)
        properties = paragraph.find(f"{W}pPr")
        style = self.styles.of(value_of(properties, "pStyle"))
        if text.strip():
            yield self._styled(text, properties, style, page)
        for box in boxes:
            yield from self._blocks(box)

    def _styled(self, text: str, properties: Element | None, style: Style, page: int) -> Block:
        number, level = self.numbering.place(properties, style)
        label, is_bullet = self.numbering.label(number, level) if number else ("", False)
        direct = value_of(properties, "outlineLvl")
        outline = int(direct) + 1 if direct.isdigit() else style.heading
        if 0 < outline <= 9:
            return heading(f"{label} {text}" if label and not is_bullet else text, outline, page)
        if number:
            return Block("list", f"{'-' if is_bullet or not label else label} {text}", level, page)
        return Block(style.kind, text, page=page)

    def _table(self, element: Element) -> Iterator[Block]:
        """A table; a cell that spans rows or columns is told in each of them. One cell alone is a frame around text."""
        rows: list[list[str]] = []
        above: dict[int, str] = {}
        for row in children(element, "tr"):
            properties = row.find(f"{W}trPr")
            if properties is not None and properties.find(f"{W}del") is not None:
                continue
            rows.append(self._row(row, above))
        width = max(map(len, rows), default=0)
        if width == 1 and len(rows) == 1:
            for cell in children(next(children(element, "tr")), "tc"):
                yield from self._blocks(cell)
        elif any(cell.strip() for row in rows for cell in row):
            yield table([_once(row, width) for row in rows], self.runs.page if self.runs.page > 1 else 0)

    def _row(self, row: Element, above: dict[int, str]) -> list[str]:
        before = value_of(row.find(f"{W}trPr"), "gridBefore")
        cells = [""] * (int(before) if before.isdigit() else 0)
        for cell in children(row, "tc"):
            properties = cell.find(f"{W}tcPr")
            merged = properties.find(f"{W}vMerge") if properties is not None else None
            if merged is not None and merged.get(f"{W}val", "continue") == "continue":
                text = above.get(len(cells), "")
            else:
                text = " ".join(block.text for block in self._blocks(cell))
            above[len(cells)] = text
            span = value_of(properties, "gridSpan")
            cells += [text] * max(1, min(int(span), 1000) if span.isdigit() else 1)
        return cells

    def _notes(self) -> Iterator[Block]:
        """The footnotes and endnotes that the text refers to, in its order."""
        for kind, tag in NOTES:
            part = self._part(kind)
            known = {note.get(f"{W}id"): note for note in part} if part is not None else {}
            for number, mark in list(self.runs.notes[tag].items()):
                if number in known:
                    text = " ".join(block.text for block in self._blocks(known[number]))
                    yield Block("paragraph", f"[^{mark}]: {text}")

    def _running(self, kind: str) -> Iterator[Block]:
        """The different headers or footers of all sections."""
        seen: set[str] = set()
        for told, name in self.relations.values():
            if told == kind and self.package.has(name):
                for block in self._blocks(self.package.tree(name)):
                    if block.text.strip() not in seen:
                        seen.add(block.text.strip())
                        yield Block("paragraph" if block.kind == "heading" else block.kind, block.text)


def _once(row: list[str], width: int) -> list[str]:
    """A row whose one cell spans the table tells its text once."""
    return [row[0], *[""] * (width - 1)] if len(row) > 1 and len(set(row)) == 1 else row
