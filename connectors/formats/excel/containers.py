"""Which kind of workbook a file is, told by what its container holds, and what only looks like a workbook.

Containers: the ZIP of Office Open XML (ECMA-376 part 2) and OpenDocument 1.3 part 2, the compound file of [MS-CFB].
"""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import Literal

from catalog.errors import FileRefused
from connectors.formats.excel import compound
from connectors.formats.tables import File

Kind = Literal["xlsx", "xlsb", "xls", "ods", "xml"]

SUFFIXES = (".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".xlt", ".xla", ".xlam", ".ods", ".ots")
ZIP_MARK = b"PK\x03\x04"
BARE_BIFF = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00", b"\x09\x08\x08\x00", b"\x09\x08\x10\x00")
SPREADSHEET_2003 = b"urn:schemas-microsoft-com:office:spreadsheet"
OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
LARGEST_PARTS = 2 * 2**30  # bytes that the parts of a workbook may unpack to; a million full rows of 20 columns fit
LARGEST_XML = 512 * 2**20  # bytes of an XML Spreadsheet of Excel 2003
MOST_TIMES = 200  # a part that unpacks to more than this many times its size, and is large, is a bomb
LARGE_PART = 256 * 2**20
AGAIN = "Ask for the export again."
BROKEN = (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, KeyError, EOFError)
LIES = (
    (re.compile(rb"^\s*<(!doctype html|html|table|head|meta)", re.I), "an HTML page", "document"),
    (re.compile(rb"^\s*\{\\rtf"), "an RTF document", "document"),
    (re.compile(rb"^%PDF-"), "a PDF document", "document"),
    (re.compile(rb"^(PAR1|ARROW1)"), "a file of columns", "parquet"),
    (re.compile(rb"^\s*<\?xml|^\s*<\w"), "an XML document", "xml"),
)


def recognises(head: bytes, file: File) -> bool:
    """Whether a file is a workbook, or would be one if it were whole and open."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith(ZIP_MARK):
        return _kind_in_zip(file) is not None or (_is_cut(file) and _tells_of_workbook(head, file))
    if head.startswith(compound.MARK):
        return _recognises_compound(file)
    if head.startswith(BARE_BIFF):
        return file.suffix in SUFFIXES
    return _is_spreadsheet_2003(head)


def kind_of(file: File) -> Kind:
    """The kind of workbook. Raises FileRefused where it is none, is encrypted, is cut off or unpacks to too much."""
    head = file.head()
    if not head.strip(b"\0 \t\r\n"):
        raise FileRefused("the file is empty" if not head else "the file holds nothing but blanks or NULs", AGAIN)
    if head.startswith(ZIP_MARK):
        return _checked_zip(file)
    if head.startswith(compound.MARK):
        return _checked_compound(file)
    if head.startswith(BARE_BIFF):
        return "xls"
    if _is_spreadsheet_2003(head):
        return _checked_xml(file)
    raise _what_it_is(head)


def encrypted() -> FileRefused:
    """The refusal of a workbook that only a password opens."""
    return FileRefused("the workbook is protected by a password", "Deliver a copy that is saved without one.")


def _what_it_is(head: bytes) -> FileRefused:
    for pattern, name, kind in LIES:
        if pattern.search(head.removeprefix(b"\xef\xbb\xbf")[:2048]):
            return FileRefused(f"it is {name}, not a workbook, whatever its ending", f"Declare the kind '{kind}'.")
    if b"\0" not in head and re.search(rb"[,;\t|]", head[:4096]):
        return FileRefused("it is text with separators, not a workbook, whatever its ending", "Declare the kind 'csv'.")
    return FileRefused("it is not a workbook", AGAIN)


def _is_spreadsheet_2003(head: bytes) -> bool:
    """Whether an XML document begins as a workbook of Excel 2003 does."""
    plain = head.replace(b"\0", b"") if head.startswith((b"\xff\xfe", b"\xfe\xff")) else head
    return SPREADSHEET_2003 in plain and re.search(rb"<(?:\w+:)?Workbook\b", plain) is not None


def _checked_xml(file: File) -> Kind:
    if file.size > LARGEST_XML:
        raise FileRefused(
            f"the workbook has {file.size:,} bytes of XML, more than is read of one (a workbook must be held whole)",
            "Ask for the export as CSV or Parquet.",
        )
    return "xml"


def _recognises_compound(file: File) -> bool:
    try:
        names = compound.stream_names(file.path)
    except FileRefused:
        return file.suffix in SUFFIXES
    return bool({"Workbook", "Book"} & names) or ("EncryptedPackage" in names and file.suffix in SUFFIXES)


def _checked_compound(file: File) -> Kind:
    names = compound.stream_names(file.path)
    if "EncryptedPackage" in names:
        raise encrypted()
    if not {"Workbook", "Book"} & names:
        raise FileRefused("it is an Office file without a workbook in it", "Declare the kind that it is.")
    return "xls"


def _checked_zip(file: File) -> Kind:
    try:
        with zipfile.ZipFile(file.path) as archive:
            parts = archive.infolist()
    except BROKEN as error:
        raise FileRefused("the workbook is damaged: it was cut off, or is no ZIP archive", AGAIN) from error
    if any(part.flag_bits & 0x1 for part in parts):
        raise encrypted()
    _refuse_bombs(parts)
    kind = _kind_in_zip(file)
    if kind is None:
        raise FileRefused("it is a ZIP archive without a workbook in it", "Declare the kind of the files in it.")
    return kind


def _refuse_bombs(parts: list[zipfile.ZipInfo]) -> None:
    """Raise FileRefused where the parts would unpack to more than a workbook may."""
    whole = sum(part.file_size for part in parts)
    bombs = [p for p in parts if p.file_size > LARGE_PART and p.file_size > MOST_TIMES * max(p.compress_size, 1)]
    if whole > LARGEST_PARTS or bombs:
        raise FileRefused(
            f"the workbook unpacks to {whole:,} bytes, more than is read of one (a workbook must be held whole)",
            "Ask for the export as CSV or Parquet, or in several workbooks.",
        )


def _kind_in_zip(file: File) -> Kind | None:
    """The kind by the names of the parts, or None. OpenDocument's own part tells it."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = {name.lower().replace("\\", "/") for name in archive.namelist()}
            if "mimetype" in names:
                return "ods" if _start_of(archive, "mimetype").startswith(OPEN_DOCUMENT) else None
            if any(name.startswith("xl/workbook") and name.endswith(".bin") for name in names):
                return "xlsb"
            if "xl/workbook.xml" in names:
                return "xlsx"
            types = _start_of(archive, "[Content_Types].xml") if "[content_types].xml" in names else b""
            return "xlsx" if b"spreadsheetml.sheet.main+xml" in types else None
    except BROKEN:
        return None


def _start_of(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        return part.read(64 * 1024)


def _is_cut(file: File) -> bool:
    """Whether the archive's directory, which is its end, is missing."""
    return not zipfile.is_zipfile(file.path)


def _tells_of_workbook(head: bytes, file: File) -> bool:
    return file.suffix in SUFFIXES or b"xl/worksheets/" in head or b"xl/workbook" in head or OPEN_DOCUMENT in head[:200]
