"""The formats that files come in, and how a file that nobody declared is recognised.

Each format is a module of this package (or a package, `mainframe`), loaded when a file of it is read. The order is that
of recognition: formats that a signature tells come before those that only a guess does.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from catalog.errors import FileRefused
from connectors.formats.signatures import signature
from connectors.formats.tables import HEAD_BYTES, File, Format, FormatOptions, Limits, Table

__all__ = ["FORMATS", "format_named", "recognised", "tables_of"]

FORMATS = {
    "parquet": "connectors.formats.parquet",
    "arrow": "connectors.formats.arrow",
    "excel": "connectors.formats.excel",
    "document": "connectors.formats.documents",
    "access": "connectors.formats.access",
    "sas": "connectors.formats.statistical.sas",
    "spss": "connectors.formats.statistical.spss",
    "stata": "connectors.formats.statistical.stata",
    "dbf": "connectors.formats.dbf",
    "hl7": "connectors.formats.hl7_messages",
    "edifact": "connectors.formats.edifact",
    "x12": "connectors.formats.x12",
    "mail": "connectors.formats.mail",
    "xml": "connectors.formats.xml_records",
    "ndjson": "connectors.formats.json_lines",
    "json": "connectors.formats.nested_json",
    "markdown": "connectors.formats.markdown_files",
    "mainframe": "connectors.formats.mainframe",  # only where a copybook is declared; nothing in the bytes tells
    "fixed_width": "connectors.formats.fixed_width",
    "csv": "connectors.formats.delimited",
}

OF_TEXT = ("csv", "fixed_width", "ndjson", "json", "xml", "hl7", "edifact", "x12", "markdown")


def format_named(name: str) -> Format:
    """The format's module. KeyError where there is none of that name."""
    return cast(Format, import_module(FORMATS[name]))


def recognised(file: File) -> str:
    """The name of a file's format. Raises FileRefused where it is empty, or no format knows it."""
    head = file.head(HEAD_BYTES)
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise FileRefused("the file is empty" if not head else "the file holds nothing but blanks or NULs",
                          "Ask for the export again.")  # fmt: skip
    for name in FORMATS:
        if format_named(name).recognises(head, file):
            return name
    raise FileRefused("its format is not recognised", "Name it with --format, or in the source's `kind`.")


def tables_of(name: str, file: File, options: FormatOptions, *, limits: Limits) -> Sequence[Table]:
    """The tables of a file of the format `name`; see `Format.tables`.

    Raises FileRefused also where the file's first bytes show that it is no text, and the format is one of text.
    """
    found = signature(file.head(64)) if name in OF_TEXT else ""
    if found:
        raise FileRefused(f"it is {found}, and no {name} file", "Ask for the export again, or correct the `kind`.")
    return format_named(name).tables(file, options, limits=limits)
