"""dBase, FoxPro and Clipper tables: records of fixed length, read in blocks, with the memo file that lies beside them.

Formats: dBase III to V (dBASE .DBF file structure), FoxPro and Visual FoxPro (Table File Structure, Microsoft). Those
of dBase II and 7 are others and are refused. Blocks of records become columns without a look at single rows.
"""

from __future__ import annotations

import polars as pl
from pydantic import field_validator

from catalog.errors import FileRefused
from connectors.formats.dbf.headers import VERSIONS, header_of
from connectors.formats.tables import File, FormatOptions, Limits, Table

__all__ = ["Options", "recognises", "tables"]


class Options(FormatOptions):
    """What may be declared about dBase tables."""

    encoding: str = ""  # of texts; empty: the .cpg file's, the header's code page, or what the texts themselves show
    deleted: bool = False  # whether records that are marked as deleted are read like the others

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        import codecs

        try:
            return codecs.lookup(name).name if name else ""
        except LookupError as error:
            raise ValueError(f"'{name}' is no encoding that Python knows") from error


def recognises(head: bytes, file: File) -> bool:
    """Whether a file begins with the header of a dBase table whose fields make up its records."""
    if not head or head[0] not in VERSIONS:
        return False
    try:
        header = header_of(head)
    except FileRefused:
        return file.suffix == ".dbf"
    return file.suffix == ".dbf" or header.record_bytes == 1 + sum(field.length for field in header.fields)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file. Raises FileRefused where it is cut, encrypted, or of dBase II or 7."""
    from connectors.formats.dbf.records import Reading

    reading = Reading.of(file, options.encoding, options.deleted, limits)

    return [Table("table", pl.Schema(reading.schema), reading.declared, reading.pieces, reading.meta, reading.noticed)]
