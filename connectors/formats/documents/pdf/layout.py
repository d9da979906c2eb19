"""Lines of a PDF as blocks: headings by font, lists by markers, tables by places, paragraphs by gaps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from connectors.formats.documents.blocks import Block, heading, plain, table
from connectors.formats.documents.pdf.hyphens import PARTED, Hyphens
from connectors.formats.documents.pdf.lines import Line
from connectors.formats.documents.pdf.tables import LEADERS, is_row, table_at

LARGER = 1.15  # times the body's size: the text of a heading
LONGEST_HEADING = 200  # characters
LONGEST_BOLD = 100
MOST_HEADING_LINES = 3
LEADING = 1.55  # times the font's size between two lines of a paragraph, at most
WIDER = 1.2  # times the document's usual leading: a new paragraph
INDENT = 0.8  # times the font's size by which a paragraph's first line is moved in
SHORT = 0.8  # share of the region's width below which a line was broken on purpose
SAME_SIZE = 0.6  # points
BULLET = re.compile(r"[•◦▪‣●○■□–·]\s*(?=\S)|[*-]\s+(?=\S)")  # noqa: RUF001 - a dash
NUMBER = re.compile(r"\(?(?:\d{1,3}|[a-z])[.)]\s+\S")
CAPTION = re.compile(r"(?:Figure|Fig\.|Table|Abbildung|Abb\.|Tabelle|Tab\.|Tableau) ?\d+[.:]? ")
LETTER = re.compile(r"[^\W\d_]")


@dataclass
class Style:
    """How a document is set: the size of its body, the sizes of its headings, what its outline calls headings."""

    body: float
    sizes: list[float]
    bold: bool
    monospaced: bool
    leading: float
    outline: Mapping[str, int]

    def level_of(self, lines: Sequence[Line]) -> int:
        """The level of the heading that lines are; 0 where they are none."""
        text = plain(" ".join(line.text for line in lines))
        if key_of(text) in self.outline:
            return self.outline[key_of(text)] + 1
        if (
            LEADERS.search(text)
            or len(text) > LONGEST_HEADING
            or len(lines) > MOST_HEADING_LINES
            or not LETTER.search(text)
        ):
            return 0
        size = max(line.size for line in lines)
        if size >= LARGER * self.body:
            return 1 + sum(other > size + SAME_SIZE for other in self.sizes)
        is_bold = all(line.bold for line in lines) and not self.bold and len(text) <= LONGEST_BOLD
        return 1 + len(self.sizes) if is_bold and size > self.body - SAME_SIZE and text[-1] not in ".,;:" else 0


@dataclass
class Paragraph:
    """Lines that belong together while they are gathered."""

    lines: list[Line] = field(default_factory=list)

    def takes(self, line: Line, style: Style) -> bool:
        """Whether a line goes on with it."""
        if not self.lines:
            return True
        last = self.lines[-1]
        far, size = last.middle - line.middle, max(last.size, line.size)
        if not 0 < far <= style.leading * size or abs(last.size - line.size) > SAME_SIZE or _marked(line):
            return False
        if PARTED.search(last.text) and line.text[:1].islower():
            return True
        if last.bold != line.bold and (all(one.bold for one in self.lines) or (line.bold and _ends(last))):
            return False
        if (last.monospaced != line.monospaced) and not style.monospaced:
            return False
        return len(self.lines) == 1 or not self._begins_anew(line, INDENT * size)

    def _begins_anew(self, line: Line, indent: float) -> bool:
        """Whether a line is moved in, or out behind lines that are moved in."""
        before, last = self.lines[-2:]
        hangs = abs(before.left - last.left) < indent / 2
        return line.left > last.left + indent or (hangs and line.left < last.left - indent)


def style_of(pages: Sequence[Sequence[Line]], outline: Mapping[str, int]) -> Style:
    """How the document is set, by the number of characters."""
    sizes: Counter[float] = Counter()
    bold = monospaced = whole = 0
    for lines in pages:
        for line in lines:
            count = len(line.text)
            sizes[round(line.size * 2) / 2] += count
            whole += count
            bold += count * line.bold
            monospaced += count * line.monospaced
    body = sizes.most_common(1)[0][0] if sizes else 1.0
    larger = sorted({size for size in sizes if size >= LARGER * body}, reverse=True)
    distinct = [size for at, size in enumerate(larger) if not at or larger[at - 1] - size > SAME_SIZE]
    return Style(body, distinct, bold > whole / 2, monospaced > whole / 2, _leading(pages, body), outline)


def _leading(pages: Sequence[Sequence[Line]], body: float) -> float:
    """How far the lines of a paragraph are apart at most, in sizes of their font."""
    far = [
        (above.middle - line.middle) / line.size
        for lines in pages
        for above, line in pairwise(lines)
        if abs(line.size - body) <= SAME_SIZE and 0 < above.middle - line.middle < 2 * line.size
    ]
    return min(LEADING * 1.3, WIDER * median(far)) if far else LEADING


def blocks_of(lines: Sequence[Line], style: Style, hyphens: Hyphens, page: int) -> Iterator[Block]:
    """The blocks of one region of a page."""
    if not lines:
        return
    width = max(line.right for line in lines) - min(line.left for line in lines)
    gathered = Paragraph()
    at = 0
    while at < len(lines):
        found = table_at(lines, at)
        if found or not gathered.takes(lines[at], style):
            yield from _closed(gathered, style, hyphens, page, width)
            gathered = Paragraph()
        if found:
            yield table([[hyphens.without(cell) for cell in row] for row in found[0]], page)
            at += found[1]
        else:
            gathered.lines.append(lines[at])
            at += 1
    yield from _closed(gathered, style, hyphens, page, width)


def key_of(text: str) -> str:
    """A text by its letters and digits, for comparison."""
    return re.sub(r"[\W_]+", "", text).casefold()


def _closed(gathered: Paragraph, style: Style, hyphens: Hyphens, page: int, width: float) -> Iterator[Block]:
    """The block that a paragraph's lines are."""
    lines = gathered.lines
    if not lines:
        return
    level = style.level_of(lines)
    if all(line.monospaced for line in lines) and not style.monospaced and not level:
        yield Block("code", "\n".join(_indented(lines)), page=page)
        return
    text = _text(lines, hyphens, width)
    if level and not BULLET.match(text):
        yield heading(text, level, page)
    elif BULLET.match(text):
        yield Block("list", "- " + BULLET.sub("", text, count=1), page=page)
    elif NUMBER.match(text):
        yield Block("list", text, page=page)
    else:
        yield Block("caption" if CAPTION.match(text) else "paragraph", text, page=page)


def _text(lines: Sequence[Line], hyphens: Hyphens, width: float) -> str:
    """The lines as running text; a line that ends early was broken on purpose, and stays a line."""
    told = lines[0].text
    for before, line in pairwise(lines):
        is_short = before.right - before.left < SHORT * width and len(lines) > 1
        told = hyphens.joined(told, line.text, "\n" if is_short else " ")
    return LEADERS.sub(" ... ", hyphens.without(told))


def _indented(lines: Sequence[Line]) -> list[str]:
    """Lines of code with the blanks that their places stand for."""
    left = min(line.left for line in lines)
    told = []
    for line in lines:
        pitch = (line.right - line.left) / max(len(line.text), 1)
        told.append(" " * round((line.left - left) / max(pitch, 1.0)) + line.text)
    return told


def _marked(line: Line) -> bool:
    return BULLET.match(line.text) is not None or NUMBER.match(line.text) is not None


def _ends(line: Line) -> bool:
    return line.text.rstrip()[-1:] in (".", ":", "!", "?") or is_row(line)
