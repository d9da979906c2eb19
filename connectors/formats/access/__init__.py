"""Microsoft Access databases (.mdb, .accdb): every table of the user's, read by mdbtools, with the types it declares.

Mdbtools is a set of programs (Debian package `mdbtools`), started with lists of arguments and never through a shell.
Formats: Jet 3 and 4 and ACE, as mdbtools' own HACKING document describes them.
"""

from __future__ import annotations

from catalog.errors import FileRefused
from connectors.formats.tables import File, FormatOptions, Limits, Table

__all__ = ["Options", "recognises", "tables"]

MARKS = (b"Standard Jet DB\0", b"Standard ACE DB\0")
MARK_AT = 4


class Options(FormatOptions):
    """What may be declared about Access databases."""

    table: str = ""  # the only table that is read
    encoding: str = ""  # of texts in Jet 3 (Access 97), as iconv names it; later ones are Unicode


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins as databases of Jet and ACE do."""
    return head[MARK_AT:].startswith(MARKS)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The tables of the database in its own order. Raises FileRefused where it is cut, encrypted, or has none."""
    from connectors.formats.access.database import Database

    head = file.head(64)
    if not head.strip(b"\0 \r\n\t"):
        raise FileRefused("the file is empty" if not head else "the file holds nothing but blanks or NULs",
                          "Ask for the export again.")  # fmt: skip
    if not recognises(head, file):
        raise FileRefused("it is no Access database, or was cut off within its header", "Ask for the export again.")
    return Database(file, options.encoding).tables(options.table, limits)
