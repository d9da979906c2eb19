"""Fixed-width exports: each record cut at declared positions, all columns at once.

Nothing in such a file says where its columns are. A contract declares them; without one they are guessed, and said to
be.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import AfterValidator, Field

from catalog.errors import FileRefused
from catalog.models import Dataset, Source
from connectors.formats.ahead import ahead
from connectors.formats.encodings import Encoding, detected_encoding
from connectors.formats.fixed_width.guessing import guessed, looks_fixed
from connectors.formats.fixed_width.records import Column, Fitting, Trailer, records
from connectors.formats.fixed_width.splitting import lines_of, portion_at
from connectors.formats.slices import refuse_reserved, sliced
from connectors.formats.tables import TEXT, File, FormatOptions, Limits, Noticed, Piece, Table, empty

__all__ = ["Column", "Options", "options_of", "recognises", "tables"]


LETTERS = string.ascii_letters + string.digits + " "


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text


class Options(FormatOptions):
    """Where the columns are, and what stands around the records.

    `header_lines` are skipped. A line that matches `footer_pattern` ends the records: then a file without one, with
    lines behind it, or whose trailer counts other than its records (by the pattern's first group, or else any number in
    it) is refused. `encoding`: a Python codec's name; empty: it is detected.
    """

    columns: tuple[Column, ...] = ()
    header_lines: int = Field(default=0, ge=0)
    footer_pattern: Annotated[str, AfterValidator(_pattern)] = ""
    encoding: str = ""


def _detected(file: File) -> Encoding:
    """The file's encoding. A guess that reads ASCII as other letters would move no column and change every value."""
    told = detected_encoding(file.path)
    wide = told.bom or told.name.startswith(("utf-16", "utf-32"))
    is_plain = wide or LETTERS.encode(told.name, errors="replace") == LETTERS.encode("ascii")
    return told if is_plain else Encoding("utf-8", told.confidence, broken=True)


def options_of(source: Source, dataset: Dataset) -> Options:
    """The columns that a contract declares by `start` and `length`, and what its source says about the lines."""
    columns = tuple(
        Column(name=field.physical_name, start=field.start, length=field.length, trimmed=field.type == "string")
        for field in dataset.fields
        if field.start is not None and field.length is not None
    )
    told = {"header_lines": source.header_lines, "footer_pattern": source.footer_pattern, "encoding": source.encoding}
    return Options(**{"columns": columns, **told, **source.options})


def recognises(head: bytes, file: File) -> bool:
    """Whether lines are of one length and blanks stand in the same places in all of them; a guess, so it comes late."""
    return looks_fixed(head, whole=file.size <= len(head))


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The one table of the file. A record that is too short or too long is a reject: its values may be cut or shifted.

    Raises FileRefused where the file is empty, or is not whole by its trailer.
    """
    encoding = Encoding(options.encoding) if options.encoding else _detected(file)
    noticed = encoding.noticed()
    columns, header_lines = options.columns, options.header_lines
    if not columns:
        columns, header_lines = guessed(file, encoding.name, options.header_lines)
        message = f"{len(columns)} columns are guessed from the blanks between them"
        noticed.append(Noticed("columns-guessed", message, count=len(columns), unit="columns",
                               remedy="Declare the fields with `start` and `length`."))  # fmt: skip
    names = [column.name for column in columns]
    refuse_reserved(names)
    if len(set(names)) < len(names):
        raise FileRefused("two declared columns have one name", "Give each its own.")
    schema = pl.Schema(dict.fromkeys(names, pl.String()))

    def pieces() -> Iterator[Piece]:
        lines = lines_of(file.path, encoding.name, limits)
        trailer = Trailer(options.footer_pattern)
        told = False
        found = records(lines, columns, header_lines, trailer, guessed=not options.columns)
        for fitting, frame in ahead(found, Fitting.columns, portion=portion_at(limits)):
            left = fitting.rejects
            for part in sliced(frame, limits):
                yield Piece(part, left)
                left, told = [], True
        trailer.judge()
        if not told:
            yield empty(schema)

    meta = {"format": "fixed_width", "encoding": encoding.name, "header_lines": header_lines,
            "columns": [column.model_dump(include={"name", "start", "length"}) for column in columns]}  # fmt: skip
    return [Table("table", schema, dict.fromkeys(names, TEXT), pieces, meta, noticed)]
