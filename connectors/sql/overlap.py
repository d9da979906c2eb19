"""Which rows are recent by the source's own stamps: those a clock may have stamped before we looked the last time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source


def recent(rows: Path, column: str, source: Source, dataset: Dataset) -> pl.Expr:
    """True for rows whose stamp is at or above the highest one held, less the overlap, and for those without a stamp.

    The overlap is measured on the source's values, never on our clock. Raises SourceUnreadable where it cannot be
    taken off values of the column's type.
    """
    scan = pl.scan_parquet(rows)
    kind, highest = scan.collect_schema()[column], scan.select(pl.col(column).max()).collect().item()
    overlap = dataset.incremental.overlap
    stamp = pl.col(column)
    if highest is None:
        return pl.lit(True)
    if not overlap or overlap == "0":
        return stamp.is_null() | (stamp >= pl.lit(highest, dtype=kind))
    if kind.is_numeric() and overlap.isdecimal():
        return stamp.is_null() | (stamp >= pl.lit(highest, dtype=kind) - int(overlap))
    if kind.is_temporal() and not overlap.isdecimal():
        edge = pl.select(pl.lit(highest, dtype=kind).dt.offset_by(f"-{overlap}")).item()
        return stamp.is_null() | (stamp >= pl.lit(edge, dtype=kind))
    if kind == pl.String and not overlap.isdecimal() and (edge := _edge_of_text(highest, overlap)) is not None:
        return stamp.is_null() | (stamp >= edge)
    raise SourceUnreadable(
        source.name, dataset.name, f"an overlap of '{overlap}' cannot be taken off '{column}', which is {kind}",
        "Write a duration such as 1d for moments, a whole number for numbers, or no overlap.",
    )  # fmt: skip


def _edge_of_text(highest: str, overlap: str) -> str | None:
    """A stamp that is text, less the overlap, written the same way: ISO 8601 sorts as it counts."""
    try:
        moment = datetime.fromisoformat(highest)
    except ValueError:
        return None
    earlier = pl.select(pl.lit(moment.replace(tzinfo=None)).dt.offset_by(f"-{overlap}")).item()
    told = earlier.isoformat(sep=highest[10:11] or "T", timespec="seconds")
    return str(told[: len(highest)])
