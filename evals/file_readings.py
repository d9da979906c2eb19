"""Read one file by one way in this process, and tell seconds, processor seconds, rows and the peak of memory.

    python -m evals.file_readings WAY PATH SMALL

A reading is a process of its own, so that no way profits from what another one cached. SMALL is a file of the same
form with a few rows, read first, so that no library is still being loaded when the time counts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from catalog.models import Dataset, Field, Place, Source
from connectors.formats import format_named
from connectors.formats.tables import File, Limits

PLACE = Place(file="sources/bench.yaml", line=1)
WIDTHS = (10, 8, 14, 12, 10, 19, 22, 8)  # of the fixed-width records; their ends are their starts


def of_format(name: str, path: Path, **options: Any) -> Iterator[int]:
    """Rows of each piece of the first table, as the format's reader gives them."""
    module = format_named(name)
    for piece in module.tables(File(path, path.name), module.Options(**options), limits=Limits())[0].pieces():
        yield piece.frame.height


def fixed_columns() -> list[dict[str, Any]]:
    """The layout of the fixed-width records."""
    starts = [1 + sum(WIDTHS[:at]) for at in range(len(WIDTHS))]
    return [
        {"name": f"c{at}", "start": start, "length": width}
        for at, (start, width) in enumerate(zip(starts, WIDTHS, strict=True))
    ]


def of_csv(path: Path, **habits: Any) -> Iterator[int]:
    """Rows of each batch of a CSV file through the door: hashed, placed, with what was noticed."""
    yield from _batches("csv", path, {}, **habits)


def of_fixed_width(path: Path) -> Iterator[int]:
    """Rows of each batch of fixed-width records through the door."""
    fields = {one["name"]: {"start": one["start"], "length": one["length"]} for one in fixed_columns()}
    yield from _batches("fixed_width", path, fields)


def of_excel(path: Path) -> Iterator[int]:
    """Rows of each batch of a sheet through the door."""
    yield from _batches("excel", path, {})


def polars_csv(path: Path) -> Iterator[int]:
    """Polars with the dialect it is right about, all columns text, in batches: what ours is held against."""
    scan = pl.scan_csv(path, infer_schema=False, empty_string_is_null=False)
    for frame in scan.collect_batches(chunk_size=100_000):
        yield frame.height


def polars_whole(path: Path) -> Iterator[int]:
    """Polars, the whole file at once."""
    yield pl.read_csv(path, infer_schema=False).height


def polars_slices(path: Path) -> Iterator[int]:
    """Lines read by Polars and cut by its slices, the whole file at once."""
    starts = [sum(WIDTHS[:at]) for at in range(len(WIDTHS))]
    cuts = [
        pl.col("line").str.slice(start, width).alias(f"c{at}")
        for at, (start, width) in enumerate(zip(starts, WIDTHS, strict=True))
    ]
    lines = pl.read_csv(
        path, has_header=False, separator="\x01", quote_char=None, new_columns=["line"], infer_schema=False
    )
    yield lines.select(cuts).height


def calamine(path: Path) -> Iterator[int]:
    """The cells of the first sheet as Python values, as calamine gives them."""
    from python_calamine import CalamineWorkbook

    yield len(CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()) - 1


def openpyxl(path: Path) -> Iterator[int]:
    """The cells of the first sheet as openpyxl gives them, read-only."""
    import openpyxl as library

    sheet = library.load_workbook(path, read_only=True, data_only=True).worksheets[0]
    yield sum(1 for _ in sheet.iter_rows(values_only=True)) - 1


DECLARED = {"separator": ",", "quote": '"', "encoding": "utf-8"}
WAYS: dict[str, Callable[[Path], Iterator[int]]] = {
    "ours, declared": lambda path: of_format("csv", path, **DECLARED),
    "ours, detected": lambda path: of_format("csv", path),
    "ours, declared, through the door": lambda path: of_csv(path, **DECLARED),
    "Polars, in batches": polars_csv,
    "Polars, whole": polars_whole,
    "ours, fixed width": lambda path: of_format("fixed_width", path, columns=fixed_columns(), encoding="utf-8"),
    "ours, fixed width, through the door": of_fixed_width,
    "Polars slices": polars_slices,
    "ours, Excel": lambda path: of_format("excel", path),
    "ours, Excel, through the door": of_excel,
    "calamine": calamine,
    "openpyxl": openpyxl,
}


def main(words: list[str]) -> int:
    """Print one JSON object."""
    way, path = WAYS[words[0]], Path(words[1])
    sum(way(Path(words[2])))
    start, before = time.perf_counter(), time.process_time()
    rows = sum(way(path))
    told = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - before,
        "rows": rows,
        "peak_mib": peak_kib() / 1024,
    }
    print(json.dumps(told))
    return 0


def peak_kib() -> int:
    """Most resident memory of this process since it began; `ru_maxrss` would tell its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _batches(kind: str, path: Path, positions: dict[str, dict[str, int]], **habits: Any) -> Iterator[int]:
    import connectors

    source = Source(name="bench", kind=kind, location=str(path.parent), place=PLACE, **habits)
    fields = tuple(
        Field(name=name, physical_name=name, type="string", place=PLACE, **where) for name, where in positions.items()
    )
    dataset = Dataset(
        name="bench", version="1.0.0", title="Bench", source="bench", physical_name=path.name, fields=fields,
        fingerprint="", place=PLACE,
    )  # fmt: skip
    for batch in connectors.read(source, dataset, folder=path.parent):
        yield batch.frame.height


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
