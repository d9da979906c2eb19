"""Documents made for people: PDF, Word, PowerPoint, HTML and plain text, each one row, and one table of its blocks.

The first table has the document as Markdown with what the file says of itself; the second its headings, paragraphs,
list items, tables and captions in reading order, each with the headings above it. A document without text is no row.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.documents.blocks import Block, Document, without_blank
from connectors.formats.slices import refuse_too_large, sliced
from connectors.formats.tables import TEXT, File, FormatOptions, Limits, Noticed, Piece, Table, empty

PDF = b"%PDF-"
PDF_WITHIN = 1024  # bytes in which PDF's mark may come
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
RTF = b"{\\rtf"
HTML = re.compile(rb"^[\s\xef\xbb\xbf\0]*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
                  re.IGNORECASE | re.DOTALL)  # fmt: skip
HTML_SUFFIXES = (".html", ".htm", ".xhtml")
PARTS = {"word/": "docx", "ppt/": "pptx"}
LARGEST = 512 * 2**20  # bytes of a file; what is read from it is held until it is handed over
UNREAD = {
    ".doc": "Word of before 2007", ".ppt": "PowerPoint of before 2007", ".odt": "OpenDocument", ".odp": "OpenDocument",
    ".epub": "EPUB", ".rtf": "Rich Text",
}  # fmt: skip
SAVE_ANEW = "Save it as docx, pptx, PDF or HTML."

DOCUMENT = pl.Schema({
    "path": pl.String(), "title": pl.String(), "text": pl.String(), "pages": pl.Int64(), "format": pl.String(),
    "author": pl.String(), "created": pl.String(), "modified": pl.String(),
})  # fmt: skip
BLOCKS = pl.Schema({
    "ordinal": pl.Int64(), "page": pl.Int64(), "kind": pl.String(), "level": pl.Int64(), "heading_path": pl.String(),
    "text": pl.String(),
})  # fmt: skip


class Options(FormatOptions):
    """How documents are read.

    `ocr`: pages without text are recognised from their picture (the extra `landbridge[ocr]`). `running`: headers and
    footers that pages repeat stay in the text. `page_markers`: a comment stands where a page begins.
    """

    ocr: bool = False
    running: bool = True
    page_markers: bool = True


def recognises(head: bytes, file: File) -> bool:
    """Whether a file is a PDF, a Word or PowerPoint package, HTML, or Rich Text (which is refused with its reason)."""
    if PDF in head[:PDF_WITHIN] or head.startswith(RTF) or HTML.match(head):
        return True
    return head.startswith(ZIP) and _package_kind(file) != ""


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The document as one row, and its blocks. Raises FileRefused where it cannot be read whole or holds no text."""
    if not file.size:
        raise FileRefused("the file is empty", "Ask for it again.")
    if file.size > LARGEST:
        raise FileRefused(f"it is larger than {LARGEST:,} bytes", "Split the document.")
    told = _read(file, options)
    told.blocks = without_blank([_clean(block) for block in told.blocks])
    if not told.blocks:
        pictures = any(one.rule == "pictures-not-read" for one in told.noticed)
        reason = "needs OCR: it holds pictures and no text" if pictures else "it holds no text"
        raise FileRefused(reason, "Ask for the document as text.")
    meta = {"format": told.format, "pages": told.pages, "blocks": len(told.blocks)}
    whole, blocks = _row(file, told, options), _block_rows(told)
    refuse_too_large(whole, limits)
    return [
        _table("document", whole, DOCUMENT, meta, told.noticed, limits),
        _table("blocks", blocks, BLOCKS, meta, (), limits),
    ]


def _read(file: File, options: Options) -> Document:
    """The document by what the file is."""
    head = file.head()
    if PDF in head[:PDF_WITHIN]:
        from connectors.formats.documents import pdf

        return pdf.read(file, ocr=options.ocr, running=options.running)
    kind = _package_kind(file) if head.startswith(ZIP) else ""
    if kind == "docx" or (head.startswith(OLE) and file.suffix == ".docx"):
        from connectors.formats.documents import word

        return word.read(file, running=options.running)
    if kind == "pptx" or (head.startswith(OLE) and file.suffix == ".pptx"):
        from connectors.formats.documents import slides

        return slides.read(file)
    if head.startswith((RTF, ZIP, OLE)) or file.suffix in UNREAD:
        raise FileRefused(f"documents of this kind ({_kind_of(head, file)}) are not read", SAVE_ANEW)
    if HTML.match(head) or file.suffix in HTML_SUFFIXES:
        from connectors.formats.documents import web

        return web.read(file)
    return _plain(file)


def _package_kind(file: File) -> str:
    """Which kind of document a zip archive is, by its parts; empty where it is none or cannot be opened."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return {".docx": "docx", ".docm": "docx", ".pptx": "pptx", ".pptm": "pptx"}.get(file.suffix, "")
    return next((kind for part, kind in PARTS.items() if any(name.startswith(part) for name in names)), "")


def _kind_of(head: bytes, file: File) -> str:
    return "Rich Text" if head.startswith(RTF) else UNREAD.get(file.suffix, "an archive or of before 2007")


def _plain(file: File) -> Document:
    """A text file: its paragraphs are what blank lines part."""
    from connectors.formats.encodings import detected_encoding

    encoding = detected_encoding(file.path)
    if encoding.broken:
        raise FileRefused(f"some of its lines are no {encoding.name} text", "Ask for it in one encoding.")
    try:
        text = file.path.read_bytes().decode(encoding.name).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise FileRefused(f"it is no whole {encoding.name} text", "Ask for it again.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise FileRefused("it is no text", "Name its format.")
    blocks = [Block("paragraph", part) for part in re.split(r"\n[ \t]*\n", text)]
    return Document("text", blocks, noticed=encoding.noticed())


def _clean(block: Block) -> Block:
    """The block without characters that no text has."""
    if block.text.isprintable():
        return block
    kept = "".join(
        sign for sign in block.text if sign in "\n\t" or not (ord(sign) < 32 or "\ud800" <= sign <= "\udfff")
    )
    return Block(block.kind, kept, block.level, block.page)


def _row(file: File, told: Document, options: Options) -> pl.DataFrame:
    stem = PurePosixPath(file.name.rpartition("!")[2]).stem.replace("-", " ").replace("_", " ")
    title = told.title or told.first_heading() or stem
    text = told.text(page_markers=options.page_markers)
    row = (
        file.name,
        title,
        text,
        told.pages,
        told.format,
        told.author or None,
        told.created or None,
        told.modified or None,
    )
    return pl.DataFrame([row], schema=DOCUMENT, orient="row")


def _block_rows(told: Document) -> pl.DataFrame:
    rows = [
        (ordinal, block.page or None, block.kind, block.level, path, block.text)
        for ordinal, (block, path) in enumerate(told.paths(), start=1)
    ]
    return pl.DataFrame(rows, schema=BLOCKS, orient="row")


def _table(
    name: str, frame: pl.DataFrame, schema: pl.Schema, meta: Mapping[str, object], noticed: list[Noticed] | tuple[()],
    limits: Limits,
) -> Table:  # fmt: skip
    """A table of rows that are held."""
    numbered = frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("_position"))

    def pieces() -> Iterator[Piece]:
        if not frame.height:
            yield empty(schema)
        for part in sliced(numbered, limits):
            yield Piece(part)

    declared = {column: TEXT if dtype == pl.String() else "integer" for column, dtype in schema.items()}
    return Table(name, schema, declared, pieces, meta, noticed)
