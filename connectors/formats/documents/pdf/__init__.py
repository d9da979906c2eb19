"""PDF files: text by page, with headings, lists and tables as far as places and fonts tell them.

The format is ISO 32000; PDFium reads it. A page is open at a time; its lines are held until the last one is read,
because what is a heading shows only against the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.errors import FileRefused
from connectors.formats.documents.blocks import Document, with_code_joined
from connectors.formats.documents.pdf.columns import regions
from connectors.formats.documents.pdf.hyphens import Hyphens
from connectors.formats.documents.pdf.layout import blocks_of, key_of, style_of
from connectors.formats.documents.pdf.lines import Line, Piece, is_turned, pieces_of
from connectors.formats.documents.pdf.running import running_lines
from connectors.formats.tables import File, Noticed

if TYPE_CHECKING:
    import pypdfium2

TAIL_BYTES = 64 * 1024
END = b"%%EOF"
BEHIND_END = 2048  # bytes that careless writers leave behind the end
DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?")
PASSWORD = "password"  # noqa: S105 - a word of PDFium's message
FEW_LETTERS = 100  # on a page that a picture covers: a stamp or a page number on a scan
COVERED = 0.5  # share of a page
FEWEST_PATHS = 30  # drawn lines on a page without text that may be letters
UNREADABLE = 0.3  # share of characters without a meaning: a font that does not say what its glyphs are
MEANINGLESS = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")
MOST_PAGES_NAMED = 20

Pages = list[list[list[Line]]]  # by page and region


def read(file: File, *, ocr: bool, running: bool) -> Document:
    """The document. With `ocr`, pages without text are recognised; without `running`, running lines are left out.

    Raises FileRefused where it is cut, damaged, encrypted, has no page, or no page has text.
    """
    _refuse_cut(file)
    with _opened(file) as pdf:
        pages, dark, broken = _pages(pdf, ocr=ocr)
        told = _metadata(pdf)
        told.pages = len(pdf)
        outline = _outline(pdf)
    _refuse_textless(pages, dark, broken)
    told.noticed += _noticed(dark, broken)
    told.noticed += _without_running(pages, keep=running)
    flat = [[line for region in page for line in region] for page in pages]
    style = style_of(flat, outline)
    hyphens = Hyphens(line.text for lines in flat for line in lines)
    told.blocks = with_code_joined([
        block
        for number, page in enumerate(pages, start=1)
        for region in page
        for block in blocks_of(region, style, hyphens, number)
    ])  # fmt: skip
    return told


@contextmanager
def _opened(file: File) -> Iterator[pypdfium2.PdfDocument]:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(file.path)
    except pypdfium2.PdfiumError as error:
        if PASSWORD in str(error).lower():
            raise FileRefused("the PDF is encrypted", "Ask for it without a password.") from None
        raise FileRefused("it is not a whole PDF file: it was cut off or damaged", "Ask for it again.") from None
    try:
        if not len(pdf):
            raise FileRefused("the PDF has no pages", "Ask for it again.")
        yield pdf
    finally:
        pdf.close()


def _refuse_cut(file: File) -> None:
    """PDFium repairs a file that was cut off and says nothing of the pages that are gone."""
    with file.path.open("rb") as content:
        content.seek(max(0, file.size - TAIL_BYTES))
        tail = content.read()
    at = tail.rfind(END)
    if at < 0 or len(tail[at:].strip(b"\0\r\n\t \x1a")) > BEHIND_END:
        raise FileRefused("the PDF is cut off: it has no end", "Ask for it again.")


def _pages(pdf: pypdfium2.PdfDocument, *, ocr: bool) -> tuple[Pages, list[int], list[int]]:
    """The lines of each page, the pages whose text is a picture, and those that cannot be read."""
    import pypdfium2

    pages: Pages = []
    dark, broken = [], []
    for number in range(1, len(pdf) + 1):
        regions_of_page: list[list[Line]] = []
        try:
            page = pdf[number - 1]
            pieces = _pieces(page)
            if _is_picture(page, pieces):
                found = _recognised(page) if ocr else []
                dark += [] if found else [number]
                pieces = found or (pieces if _means_something(pieces) else [])
            regions_of_page = regions(pieces)
            page.close()
        except pypdfium2.PdfiumError:
            broken.append(number)
        pages.append(regions_of_page)
    return pages, dark, broken


def _pieces(page: pypdfium2.PdfPage) -> list[Piece]:
    """The pieces of a page; where its text is turned, each of PDFium's own lines as one."""
    text = page.get_textpage()
    try:
        if not is_turned(text):
            return pieces_of(text)
        lines = [line for line in text.get_text_range().splitlines() if line.strip()]
        height = page.get_height() or 1.0
        step = height / (len(lines) + 1)
        size = min(step / 1.2, 10.0)
        return [
            Piece(line, 0.0, size * len(line) / 2, height - step * at - size, height - step * at, size)
            for at, line in enumerate(lines)
        ]
    finally:
        text.close()


def _is_picture(page: pypdfium2.PdfPage, pieces: Sequence[Piece]) -> bool:
    """Whether what a page says is not its text: there is none, or hardly any on a picture, or it means nothing."""
    import pypdfium2.raw as raw

    letters = sum(len(piece.text) for piece in pieces)
    if not _means_something(pieces) and letters:
        return True
    if letters >= FEW_LETTERS:
        return False
    objects = list(page.get_objects(max_depth=3))
    pictures = [found for found in objects if found.type == raw.FPDF_PAGEOBJ_IMAGE]
    if letters:
        return bool(sum(map(_area, pictures)) >= COVERED * page.get_width() * page.get_height())
    return bool(pictures) or sum(found.type == raw.FPDF_PAGEOBJ_PATH for found in objects) >= FEWEST_PATHS


def _means_something(pieces: Sequence[Piece]) -> bool:
    """Whether the characters of a page have meanings: a font may not say what its glyphs are."""
    text = "".join(piece.text for piece in pieces)
    return len(MEANINGLESS.findall(text)) < UNREADABLE * len(text)


def _area(found: pypdfium2.PdfObject) -> float:
    left, bottom, right, top = found.get_bounds()
    return float(abs(right - left) * abs(top - bottom))


def _recognised(page: pypdfium2.PdfPage) -> list[Piece]:
    from connectors.formats.documents.ocr import pieces_in

    return pieces_in(page)


def _refuse_textless(pages: Pages, dark: Sequence[int], broken: Sequence[int]) -> None:
    if any(region for page in pages for region in page):
        return
    if dark:
        raise FileRefused(
            f"needs OCR: none of its {len(pages)} pages has text, only pictures of it",
            "Declare `ocr: true` and install landbridge[ocr], or ask for the document as text.",
        )
    if broken:
        raise FileRefused("none of its pages can be read", "Ask for it again.")
    raise FileRefused("its pages are blank", "Ask for it again.")


def _noticed(dark: Sequence[int], broken: Sequence[int]) -> list[Noticed]:
    told = []
    if dark:
        message = f"pages without text, only pictures of it: {_numbers(dark)}"
        told.append(
            Noticed("needs-ocr", message, "critical", len(dark), "pages", "Declare `ocr: true`.", {"pages": list(dark)})
        )
    if broken:
        message = f"pages that cannot be read: {_numbers(broken)}"
        told.append(Noticed("pages-unreadable", message, "critical", len(broken), "pages", "Ask for the file again."))
    return told


def _without_running(pages: Pages, *, keep: bool) -> list[Noticed]:
    """Take running lines out of the pages, and say so."""
    flat = [[line for region in page for line in region] for page in pages]
    running = running_lines(flat)
    count = sum(map(len, running))
    if not count:
        return []
    if keep:
        return [Noticed("running-lines", "headers and footers are repeated on its pages", "info", count, "lines",
                        "Declare `running: false` to leave them out.")]  # fmt: skip
    for page, lines, places in zip(pages, flat, running, strict=True):
        gone = {id(lines[at]) for at in places}
        page[:] = [[line for line in region if id(line) not in gone] for region in page]
    return [Noticed("running-lines", "headers and footers that its pages repeat are left out", "info", count, "lines")]


def _metadata(pdf: pypdfium2.PdfDocument) -> Document:
    """What the file says of itself. Names that writers put where nobody gave one are none."""
    told = pdf.get_metadata_dict(skip_empty=True)
    names = {key: told.get(key, "").strip("\0 ") for key in ("Title", "Author")}
    unknown = ("untitled", "anonymous", "unspecified", "unknown")
    title, author = ("" if name.casefold() in unknown else name for name in names.values())
    return Document("pdf", title=title, author=author, created=_iso(told.get("CreationDate", "")),
                    modified=_iso(told.get("ModDate", "")))  # fmt: skip


def _outline(pdf: pypdfium2.PdfDocument) -> dict[str, int]:
    """The bookmarks with their levels from 0."""
    import pypdfium2

    told: dict[str, int] = {}
    try:
        for mark in pdf.get_toc():
            told.setdefault(key_of(mark.get_title()), mark.level)
    except pypdfium2.PdfiumError:
        return {}
    return {key: level for key, level in told.items() if key}


def _iso(text: str) -> str:
    """A PDF date as ISO 8601; empty where it is none."""
    found = DATE.match(text)
    if found is None:
        return ""
    year, month, day, hour, minute, second, sign, hours, minutes = found.groups()
    zone = f"{sign}{hours}:{minutes or '00'}" if sign else "Z" if "Z" in found[0] else ""
    clock = f"T{hour}:{minute or '00'}:{second or '00'}{zone}" if hour else ""
    return f"{year}-{month or '01'}-{day or '01'}{clock}"


def _numbers(pages: Sequence[int]) -> str:
    more = f" and {len(pages) - MOST_PAGES_NAMED} more" if len(pages) > MOST_PAGES_NAMED else ""
    return ", ".join(map(str, pages[:MOST_PAGES_NAMED])) + more
