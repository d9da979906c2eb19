"""The first bytes by which binary files are known, so that none of them is taken for text."""

from __future__ import annotations

SIGNATURES: dict[bytes, str] = {
    b"PK\x03\x04": "a zip archive or an Office document",
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document",
    b"%PDF-": "a PDF document",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3\0": "a SQLite database",
    b"\x1f\x8b\x08": "gzip data",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"\x7fELF": "a program",
    b"{\\rtf": "an RTF document",
    b"HEADER RECORD*******LIB": "a SAS transport file",
    b"$FL2@(#)": "an SPSS file",
    b"$FL3@(#)": "an SPSS file",
    b"<stata_dta>": "a Stata file",
}


def signature(head: bytes) -> str:
    """What a file is by its first bytes; empty where they tell nothing."""
    return next((words for mark, words in SIGNATURES.items() if head.startswith(mark)), "")
