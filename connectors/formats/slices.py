"""What every format owes the reader: slices that the limits allow, names that are free, values of bearable size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from catalog.errors import FileRefused
from connectors.bounding import bounded
from connectors.formats.tables import Limits

RESERVED = ("_location", "_position")


def sliced(frame: pl.DataFrame, limits: Limits) -> Iterator[pl.DataFrame]:
    """The rows in order, at most as many rows and bytes at once as the limits allow, one row however large."""
    return bounded(frame, limits)


def refuse_reserved(names: Iterable[str]) -> None:
    """Raise FileRefused where a file's own column has a name that provenance needs."""
    for name in names:
        if name in RESERVED:
            raise FileRefused(
                f"it has a column '{name}', a name that is taken by provenance",
                "Rename it in the export, or read a view that does.",
            )


def refuse_too_large(frame: pl.DataFrame, limits: Limits) -> None:
    """Raise FileRefused where one value is larger than a cell may be."""
    if frame.estimated_size() <= limits.cell_bytes:
        return
    for name, dtype in frame.schema.items():
        if dtype == pl.String:
            largest = frame[name].str.len_bytes().max()
        elif dtype == pl.Binary:
            largest = frame[name].bin.size().max()
        else:
            continue
        if isinstance(largest, int) and largest > limits.cell_bytes:
            raise FileRefused(
                f"a value of column '{name}' is larger than {limits.cell_bytes:,} bytes",
                "Raise `cell_bytes` of the source, or ask for an export without it.",
            )
