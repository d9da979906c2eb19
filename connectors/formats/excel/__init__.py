"""Workbooks: .xlsx, .xlsm, .xlsb, .xls and .ods, each table of each sheet with its cells exactly as they are held.

Cells are read by calamine and typed one by one, because a workbook declares no column's type. A sheet is held whole
while it is read; larger ones than `marks.LARGEST_AREA` are refused. What is odd about a table is told with the
addresses of the cells. Formats: ECMA-376, [MS-XLSB], [MS-XLS], OpenDocument 1.3.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from connectors.formats.excel import containers
from connectors.formats.excel.addresses import area
from connectors.formats.tables import File, FormatOptions, Limits, Table

__all__ = ["Options", "recognises", "tables"]


class Options(FormatOptions):
    """What may be declared about workbooks. What is left out is found out, and told where it is unusual."""

    table: str = ""  # the only table that is read: `Sheet`, or `Sheet!A5:F20`
    range: str = ""  # the only cells that are looked at, on every sheet: `B3:F200`
    skip_rows: int = Field(default=0, ge=0)  # rows at the top of the sheet that are not looked at
    header_rows: int | None = Field(default=None, ge=0, le=10)  # lines of the header; 0: there is none
    hidden: Literal["read", "skip"] = "read"  # hidden sheets, rows and columns
    totals: Literal["keep", "skip"] = "keep"  # a row of totals at a table's end
    merged: Literal["first", "fill"] = "first"  # a merged cell's value stands in its first cell, or in all of them

    @field_validator("range")
    @classmethod
    def _names_cells(cls, text: str) -> str:
        if text and area(text) is None:
            raise ValueError(f"'{text}' names no cells; write it as `B3:F200`")
        return text


def recognises(head: bytes, file: File) -> bool:
    """Whether a file is a workbook, by its container's content; text that is only named `.xls` is none."""
    return containers.recognises(head, file)


def tables(file: File, options: Options, *, limits: Limits) -> list[Table]:
    """The tables of all sheets, the largest of a sheet first, those of READMEs and hidden sheets last."""
    from connectors.formats.excel.reading import tables_of

    return tables_of(file, options, limits)
