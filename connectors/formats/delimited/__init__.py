"""Delimited text, CSV of any dialect: every column as text, every line in a row, in a reject or counted as no row.

What is not declared is detected: the encoding, the dialect, and where the tables are. The grammar is RFC 4180 where a
file keeps to it. Files are read in blocks, in memory that does not grow with the file; only its beginning and its end
are looked at to find titles, headers and notes, and a file of up to SAMPLE_CHARACTERS as a whole.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.delimited.dialects import Dialect
from connectors.formats.delimited.layouts import Layout
from connectors.formats.delimited.names import column_names
from connectors.formats.delimited.options import Options
from connectors.formats.delimited.recognition import recognises
from connectors.formats.delimited.records import Reading
from connectors.formats.delimited.rows import Body, pieces, texts
from connectors.formats.delimited.sampling import Sample, sampled
from connectors.formats.encodings import Encoding, detected_encoding
from connectors.formats.tables import TEXT, File, Limits, Noticed, Table

__all__ = ["Options", "recognises", "tables"]

UNSURE = 0.6  # of a dialect's confidence: its nearest rival does nearly as well


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The tables of the file, at least one. Raises FileRefused where it is empty, no text, or has no table `table`."""
    encoding = Encoding(options.encoding) if options.encoding else detected_encoding(file.path)
    sample = sampled(file.path, options, encoding, limits)
    told = [_table(file, options, limits, encoding, sample, at) for at in range(len(sample.layouts))]
    if options.table is None:
        return told
    if options.table > len(told):
        raise FileRefused(
            f"it has {len(told)} tables, and number {options.table} is wanted", "Declare a number it has."
        )
    return [told[options.table - 1]]


def _table(file: File, options: Options, limits: Limits, encoding: Encoding, sample: Sample, at: int) -> Table:
    layout = sample.layouts[at]
    header = [row.cells for row in layout.header]
    width, trailing = _width(layout, sample)
    columns, made_up = column_names(header, width)
    reading = Reading(sample.dialect, sample.encoding, sample.longest, options.comment, width + trailing)
    last = at == len(sample.layouts) - 1
    body = Body(
        file.path, reading, layout.first, layout.end, 0 if layout.end else sample.below,
        header[-1] if len(header) == 1 else (),
    )  # fmt: skip
    below = sample.below if last and (options.footer_lines or not layout.end) else layout.below
    meta = _meta(encoding, sample, layout, len(columns), below)
    noticed = [*encoding.noticed(), *_noticed(sample, layout, meta, trailing=trailing), *made_up]
    fill = options.ragged == "fill"
    return Table(
        f"table_{at + 1}", pl.Schema(dict.fromkeys(columns, pl.String())), dict.fromkeys(columns, TEXT),
        lambda: pieces(body, columns, limits, fill=fill, trailing=trailing), meta, noticed,
        lambda: texts(body, [columns] if len(header) > 1 else header, limits),
    )  # fmt: skip


def _width(layout: Layout, sample: Sample) -> tuple[int, bool]:
    """The number of columns, and whether each row has an empty, nameless cell behind them.

    The header decides: a row of another number of cells is a reject, never shifted. Only where the header has several
    lines or none, the rows do.
    """
    if not layout.header:
        return layout.width, False
    named = max((row.filled[-1] + 1 for row in layout.header if row.filled), default=0)
    written = max(len(row.cells) for row in layout.header)
    rows = sample.rows_of(layout)
    if named == layout.width - 1 and rows and all(len(row.filled) == 0 or row.filled[-1] < named for row in rows):
        return named, named > 0
    if len(layout.header) > 1 or not rows:
        return max(named, layout.width if rows else written), False
    return max(named, min(written, layout.width)), False


def _meta(encoding: Encoding, sample: Sample, layout: Layout, columns: int, below: int) -> dict[str, Any]:
    dialect: Dialect = sample.dialect
    return {
        "format": "csv",
        "encoding": sample.encoding,
        "encoding_confidence": round(encoding.confidence, 3),
        "delimiter": dialect.separator,
        "quote": dialect.quote,
        "escape": dialect.escape or dialect.quote,
        "record_separator": dialect.record_end or sample.line_end,
        "preamble_lines": layout.preamble,
        "header_lines": len(layout.header),
        "footer_lines": below,
        "columns": columns,
        "confidence": round(min(dialect.confidence, 1.0 if layout.certain else 0.5), 3),
    }


def _noticed(sample: Sample, layout: Layout, meta: dict[str, Any], *, trailing: bool) -> list[Noticed]:
    told = []
    if sample.dialect.confidence < UNSURE and layout.width > 1:
        told.append(Noticed("separator-guessed", "the separator is a guess", remedy="Declare `separator`."))
    if not layout.header:
        message = "the file has no header: its columns are called column_N by their place"
        told.append(Noticed("header-missing", message, remedy="Declare `header_lines: 1` if its first line is one."))
    elif layout.mended:
        message = "a quote in the header neither opens nor closes a name, and was taken for a part of it"
        told.append(Noticed("header-mended", message, remedy="Ask for a header that is quoted throughout."))
    elif not layout.certain:
        message = "nothing tells the header from the rows: the first line is taken for it"
        told.append(Noticed("header-uncertain", message, "info", remedy="Declare `header_lines`."))
    for rule, lines, where in (("lines-above", "preamble_lines", "above"), ("lines-below", "footer_lines", "below")):
        if meta[lines]:
            message = f"lines {where} the table are no rows and were left out"
            told.append(Noticed(rule, message, "info", int(meta[lines]), "lines"))
    if len(layout.header) == 1 and meta["columns"] != layout.width - trailing and sample.rows_of(layout):
        message = "the header has another number of cells than most rows, which are rejects for that"
        told.append(Noticed("header-mismatch", message, "critical", remedy="Ask for a header that names each column."))
    if trailing:
        message = "every row ends with a separator: the empty cell behind it is left out"
        told.append(Noticed("separator-trailing", message, "info"))
    if layout.totals:
        told.append(
            Noticed("total-row", "the last row looks like a total of the others", remedy="Filter it in the contract.")
        )
    if len(sample.layouts) > 1:
        told.append(Noticed("several-tables", "the file holds several tables", "info", len(sample.layouts), "tables",
                            "Declare `table`."))  # fmt: skip
    return told
