"""What the cells' values do not tell of a sheet: what is hidden, what failed, what was never calculated."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.errors import FileRefused
from connectors.formats.excel.addresses import Area

LARGEST_MARKS = 100_000  # errors or formulas of a sheet that are kept with their addresses
LARGEST_AREA = 26 * 2**20  # cells from the first to the last of a sheet: the reader holds the blank ones, too
HARMLESS_COUNT = 4_000_000  # texts; some writers count references instead
ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip

Cell = tuple[int, int]  # row and column, from 0


@dataclass(frozen=True)
class Declared:
    """A table that the workbook itself declares on a sheet, with its header and totals rows."""

    name: str
    area: Area
    header_rows: int = 1
    totals_rows: int = 0


@dataclass
class Marks:
    """Of one sheet; rows and columns count from 0. `errors` has the text that a cell shows, `#DIV/0!`."""

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    errors: dict[Cell, str] = field(default_factory=dict)
    uncalculated: list[Cell] = field(default_factory=list)
    padded: list[Cell] = field(default_factory=list)  # numbers shown with leading zeros
    declared: list[Declared] = field(default_factory=list)
    merged: list[Area] | None = None  # where the reader does not tell them


def refuse_area(rows: int, columns: int) -> None:
    """Raise FileRefused where a sheet would need more memory than is given to one."""
    if rows * columns > LARGEST_AREA:
        raise FileRefused(
            f"a sheet reaches over {rows:,} rows and {columns:,} columns, more cells than are read of one",
            "Delete stray cells far from the table, or ask for the export as CSV or Parquet.",
        )


def refuse_count(count: int, size: int) -> None:
    """Raise FileRefused where a part counts more texts than fit into it: the reader takes memory for as many."""
    if count > max(size, HARMLESS_COUNT):
        raise FileRefused("the workbook is damaged: it counts more texts than it holds", "Ask for the export again.")
