"""HTML pages: headings, lists, tables, code and the text between them; scripts, styles and navigation are left out.

HTML is that of the living standard (html.spec.whatwg.org), also for which encoding a page is in.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from catalog.errors import FileRefused
from connectors.formats.documents.blocks import BLANKS, Block, Document, Kind, heading, table
from connectors.formats.documents.packages import Element
from connectors.formats.encodings import detected_encoding
from connectors.formats.tables import File, Noticed
from connectors.formats.text_blocks import BOMS

CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
HEAD = 4096  # bytes in which a page says its encoding; browsers look at 1,024
LEFT_OUT = frozenset({
    "script", "style", "nav", "noscript", "template", "svg", "math", "iframe", "object", "select", "datalist", "button",
    "textarea", "canvas", "audio", "video", "map", "head",
})  # fmt: skip
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
BREAK = "\u2028"  # stands for a line break while a paragraph is open; line ends of the page are blanks
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
LARGEST_SPAN = 1000
CREATED = ("article:published_time", "date", "dc.date", "dcterms.created")
MODIFIED = ("article:modified_time", "last-modified", "dcterms.modified")


def read(file: File) -> Document:
    """The page. Raises FileRefused where it holds no markup, or is nested too deeply."""
    from lxml import etree, html

    text, noticed = _decoded(file)
    try:
        parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        content = DECLARATION.sub("", text).replace("\0", "").encode("utf-8", "replace")
        root = html.document_fromstring(content, parser=parser)
        told = _described(root)
        told.blocks = list(_Walk().blocks(root))
    except (etree.ParserError, etree.XMLSyntaxError):
        raise FileRefused("it holds no HTML", "Ask for the page again.") from None
    except RecursionError:
        raise FileRefused("its elements are nested too deeply", "Ask for a plainer page.") from None
    told.noticed += noticed
    return told


def _decoded(file: File) -> tuple[str, list[Noticed]]:
    """The text by the page's mark, its own word, or what its bytes show."""
    content = file.path.read_bytes()
    mark, name = next(((mark, name) for mark, name in BOMS if content.startswith(mark)), (b"", ""))
    said = CHARSET.search(content, 0, HEAD)
    noticed: list[Noticed] = []
    if not name and said:
        name = _codec(said[1].decode("ascii"))
    if not name:
        encoding = detected_encoding(file.path)
        name, noticed = encoding.name, encoding.noticed()
    text = content[len(mark) :].decode(name, errors="replace")
    broken = text.count("\ufffd") - (content.count(b"\xef\xbf\xbd") if name == "utf-8" else 0)
    if broken > 0:
        message = f"characters are no {name} text, which the page says it is"
        noticed.append(
            Noticed("characters-replaced", message, count=broken, unit="characters", remedy="Ask for it again.")
        )
    return text, noticed


def _codec(label: str) -> str:
    """The codec that browsers use for a label; empty where there is none."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return ""
    if name in ("iso8859-1", "ascii"):
        return "cp1252"
    return "utf-8" if name.startswith(("utf-16", "utf-32", "utf_16", "utf_32")) else name  # the tag was read as ASCII


def _described(root: Element) -> Document:
    """What the page says of itself."""
    told = Document("html", title=BLANKS.sub(" ", root.findtext(".//title") or "").strip())
    named: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or meta.get("http-equiv") or "").casefold()
        named.setdefault(name, (meta.get("content") or "").strip())
    told.author = named.get("author", "")
    told.created = next((named[name] for name in CREATED if named.get(name)), "")
    told.modified = next((named[name] for name in MODIFIED if named.get(name)), "")
    return told


class _Walk:
    """Goes through a page once. `words` holds the text of the paragraph that is open."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.lists: list[int] = []  # of each list that is open: the next number, or -1 for bullets
        self.marker = ""

    def blocks(self, root: Element) -> Iterator[Block]:
        """The blocks of the page."""
        yield from self._inside(root)
        yield from self._flushed()

    def _inside(self, element: Element) -> Iterator[Block]:
        self.words.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str) and not _is_left_out(child):
                yield from self._element(child)
            self.words.append(child.tail or "")

    def _element(self, element: Element) -> Iterator[Block]:
        tag = str(element.tag)
        if tag == "br":
            self.words.append(BREAK)
        elif tag not in BLOCKS:
            yield from self._inside(element)
        else:
            yield from self._flushed()
            yield from self._block(element, tag)
            yield from self._flushed()

    def _block(self, element: Element, tag: str) -> Iterator[Block]:
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            inner = list(self._inside(element)) + list(self._flushed())
            if text := " ".join(block.text for block in inner):
                yield heading(text, int(tag[1]))
        elif tag == "pre":
            yield Block("code", "".join(element.itertext()))
        elif tag == "table" and not _is_layout(element):
            yield from self._table(element)
        elif tag in ("ul", "ol", "menu", "dl"):
            start = element.get("start", "1")
            self.lists.append(int(start) if tag == "ol" and start.isdigit() else 1 if tag == "ol" else -1)
            yield from self._inside(element)
            yield from self._flushed()
            self.lists.pop()
        elif tag in ("li", "dt", "dd"):
            yield from self._item(element)
        elif tag in ("figcaption", "caption"):
            yield from self._inside(element)
            yield from self._flushed("caption")
        else:
            yield from self._inside(element)

    def _item(self, element: Element) -> Iterator[Block]:
        """An item of a list; its first text carries the marker."""
        number = self.lists[-1] if self.lists else -1
        self.marker = f"{number}. " if number >= 0 else "- "
        if number >= 0:
            self.lists[-1] += 1
        yield from self._inside(element)
        yield from self._flushed()
        self.marker = ""

    def _table(self, element: Element) -> Iterator[Block]:
        """A table; a cell that spans rows or columns is told in each of them."""
        for caption in element.iterfind("caption"):
            if text := _line("".join(caption.itertext())):
                yield Block("caption", text)
        rows: list[list[str]] = []
        below: dict[int, tuple[int, str]] = {}  # column: rows still covered, text
        for row in element.iter("tr"):
            if next(row.iterancestors("table"), None) is element:
                rows.append(_row(row, below))
        if any(cell for row in rows for cell in row):
            yield table(rows)

    def _flushed(self, kind: Kind = "paragraph") -> Iterator[Block]:
        """The open paragraph, if it holds text."""
        lines = [_line(line) for line in "".join(self.words).split(BREAK)]
        self.words = []
        text = "\n".join(line for line in lines if line)
        if not text:
            return
        if self.marker:
            yield Block("list", self.marker + text, max(len(self.lists) - 1, 0))
            self.marker = ""
        else:
            yield Block(kind, text)


def _row(row: Element, below: dict[int, tuple[int, str]]) -> list[str]:
    told: list[str] = []

    def covered() -> None:
        while below.get(len(told), (0, ""))[0] > 0:
            left, text = below[len(told)]
            below[len(told)] = (left - 1, text)
            told.append(text)

    for cell in row:
        if cell.tag not in ("td", "th"):
            continue
        covered()
        text = _line(" ".join(_visible(cell)))
        for _ in range(_span(cell, "colspan")):
            below[len(told)] = (_span(cell, "rowspan") - 1, text)
            told.append(text)
    covered()
    return told


def _visible(cell: Element) -> Iterator[str]:
    """The texts of a cell that are shown."""
    if cell.text:
        yield cell.text
    for child in cell:
        if isinstance(child.tag, str) and not _is_left_out(child):
            yield (
                "".join(_visible(child))
                if child.tag not in BLOCKS and child.tag != "br"
                else f" {' '.join(_visible(child))} "
            )
        if child.tail:
            yield child.tail


def _is_left_out(element: Element) -> bool:
    return (
        element.tag in LEFT_OUT
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or HIDDEN.search(element.get("style") or "") is not None
    )


def _is_layout(element: Element) -> bool:
    """Whether a table only places things: it says so, holds blocks of its own, or has but one column."""
    if element.get("role") in ("presentation", "none"):
        return True
    if any(next(element.iter(tag), None) is not None for tag in ("h1", "h2", "h3", "pre")):
        return True
    if sum(1 for _ in element.iter("table")) > 1:
        return True
    return all(sum(cell.tag in ("td", "th") for cell in row) < 2 for row in element.iter("tr"))


def _span(cell: Element, name: str) -> int:
    told = cell.get(name, "1")
    return max(1, min(int(told), LARGEST_SPAN)) if told.isdigit() else 1


def _line(text: str) -> str:
    return BLANKS.sub(" ", text).strip()
