"""What a person should know about one table of a sheet: what was left out, what is hidden, what failed."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Literal

from connectors.formats.excel.addresses import address, letters, named
from connectors.formats.excel.columns import Column
from connectors.formats.excel.layout import Layout
from connectors.formats.excel.suspicions import EVIDENCE, suspicions
from connectors.formats.excel.workbook import Sheet
from connectors.formats.tables import Noticed
from ledger.models import Severity


def oddities(
    sheet: Sheet,
    laid: Layout,
    columns: Sequence[Column],
    numbers: Sequence[int],
    positions: Sequence[int],
    hidden: Literal["read", "skip"],
) -> list[Noticed]:
    """All that is odd. `numbers` and `positions` are the columns' and rows' places in the sheet, from 0."""
    told = [*_of_header(sheet, laid), *_of_layout(sheet, laid), *_of_hidden(sheet, laid, hidden)]
    told += _of_cells(sheet, set(numbers), positions if isinstance(positions, range) else set(positions))
    return told + suspicions(columns, numbers, positions, set(sheet.marks.padded))


def _of_header(sheet: Sheet, laid: Layout) -> Iterator[Noticed]:
    header = laid.header
    if not header.rows:
        message = "the table has no header: its columns are called by their position"
        yield Noticed("no-header", message, unit="tables", remedy="Declare `header_rows`, or ask for one.")
    elif header.unnamed:
        message = "columns without a name are called by their position"
        yield Noticed("unnamed-columns", message, count=header.unnamed, unit="columns")
    if header.repeated:
        message = "columns of the same name are told apart by a number"
        yield Noticed("repeated-names", message, count=header.repeated, unit="columns")
    if len(header.rows) > 1:
        message = f"the header takes {len(header.rows)} rows, which are joined"
        yield Noticed("header-joined", message, "info", len(header.rows))


def _of_layout(sheet: Sheet, laid: Layout) -> Iterator[Noticed]:
    """Rows of the sheet that are no rows of the table, each kind with its rows' numbers."""
    kinds: list[tuple[str, str, Severity, Sequence[int]]] = [
        ("title-rows", "rows above the header are not read", "info", laid.titles),
        ("notes-below", "rows below the table are notes, and are rejected", "warning", laid.notes),
        ("repeated-header", "rows say the header again, and are not read", "info", laid.repeated),
        ("totals-row", "the last row looks like a total of those above", "warning", laid.totals),
    ]
    for rule, message, severity, rows in kinds:
        if rows:
            at = [sheet.top + row + 1 for row in rows]
            shown = ", ".join(map(str, at[:5])) + (" and more" if len(at) > 5 else "")
            remedy = "Say with `totals` whether it is read." if rule == "totals-row" else ""
            yield Noticed(rule, f"{message}: {shown}", severity, len(rows), "rows", remedy, {"rows": at[:EVIDENCE]})
    if laid.blank_rows:
        yield Noticed("blank-rows", "blank rows inside the table are left out", "info", laid.blank_rows)


def _of_hidden(sheet: Sheet, laid: Layout, hidden: str) -> Iterator[Noticed]:
    done = "not read" if hidden == "skip" else "read like the others"
    remedy = "Say with `hidden` whether they belong to the export."
    spans = [(sheet.top + top, sheet.top + bottom) for top, bottom in laid.body]
    rows = sorted(row for row in sheet.marks.hidden_rows if any(top <= row < bottom for top, bottom in spans))
    if rows:
        message = f"rows that are hidden or filtered out are {done}"
        numbers = {"rows": [row + 1 for row in rows[:EVIDENCE]]}
        yield Noticed("hidden-rows", message, count=len(rows), remedy=remedy, evidence=numbers)
    left, right = sheet.left + laid.left, sheet.left + laid.right
    columns = sorted(at for at in sheet.marks.hidden_columns if left <= at <= right)
    if columns:
        names = [letters(at) for at in columns]
        message = f"hidden columns are {done}: {', '.join(names[:5])}"
        told = {"columns": names[:EVIDENCE]}
        yield Noticed("hidden-columns", message, count=len(columns), unit="columns", remedy=remedy, evidence=told)


def _of_cells(sheet: Sheet, columns: set[int], rows: Container[int]) -> Iterator[Noticed]:
    """Cells that hold nothing because a formula failed, was never calculated, or because they are merged."""
    failed = {cell: code for cell, code in sheet.marks.errors.items() if cell[0] in rows and cell[1] in columns}
    if failed:
        cells, codes = sorted(failed), sorted(set(failed.values()))
        message = f"cells hold an error ({', '.join(codes)}) and are read as unknown: {named(cells)}"
        yield Noticed("error-cells", message, "warning", len(cells), "cells", "Repair the formulas at the source.",
                      {"cells": [address(*cell) for cell in cells[:EVIDENCE]]})  # fmt: skip
    blank = sorted(cell for cell in sheet.marks.uncalculated if cell[0] in rows and cell[1] in columns)
    if blank:
        message = f"formulas have no stored result and are read as unknown: {named(blank)}"
        yield Noticed("formulas-uncalculated", message, "warning", len(blank), "cells",
                      "Open the workbook in a spreadsheet program and save it.",
                      {"cells": [address(*cell) for cell in blank[:EVIDENCE]]})  # fmt: skip
    merged = [span for span in sheet.merged if span.top in rows and columns & set(range(span.left, span.right + 1))]
    if merged:
        message = f"merged cells have their value in the first cell only: {named((m.top, m.left) for m in merged)}"
        yield Noticed("merged-cells", message, "info", len(merged), "cells", "Say with `merged` how they are read.")
