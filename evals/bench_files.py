"""Measure how fast files are read, beside the bare libraries in the same run.

    python -m evals.bench_files [--rows 2000000] [--repeat 3] [--large-gib 0]

The files are made first, in a temporary folder. Each reading is a process of its own; the ways take turns. Medians,
with the lowest and highest. `--large-gib 10` adds one CSV file of that size, for its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from evals.file_readings import WIDTHS

ROOT = Path(__file__).resolve().parent.parent
CITIES = ("Ulm", "Köln", "São Paulo", "Zürich", "Graz", "Łódź", "Bern", "Aachen")
SHEET_ROWS = 60_000
FEW = 100  # rows of the file that is read first
ENDINGS = {"plain": "csv", "quoted": "csv", "texts": "csv", "fixed": "txt", "sheet": "xlsx"}
VERSIONS = ("polars", "python-calamine", "openpyxl")


def main(words: Sequence[str] | None = None) -> int:
    """Print a table for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the text files (default 2,000,000)")
    parser.add_argument("--repeat", type=int, default=3, help="readings of each kind (default 3)")
    parser.add_argument("--large-gib", type=int, default=0, help="also read one CSV file of so many GiB")
    given = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream: rows are seen as they come
    libraries = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}\n")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        frame = table(given.rows)
        made = {name: (folder / f"{name}.{end}", folder / f"few.{name}.{end}") for name, end in ENDINGS.items()}
        for large, small in made.values():
            written(frame, large)
            written(frame.head(FEW), small)
        of_text = (
            "ours, declared",
            "ours, detected",
            "ours, declared, through the door",
            "Polars, in batches",
            "Polars, whole",
        )
        for title, name in (
            ("CSV without quotes", "plain"),
            ("CSV, every text quoted", "quoted"),
            ("CSV, with separators, quotes and line ends in cells", "texts"),
        ):
            _measured(title, made[name], of_text, "Polars, in batches", given.repeat)
        of_records = ("ours, fixed width", "ours, fixed width, through the door", "Polars slices")
        _measured("Fixed width", made["fixed"], of_records, "Polars slices", given.repeat)
        of_sheets = ("ours, Excel", "ours, Excel, through the door", "calamine", "openpyxl")
        _measured("Excel", made["sheet"], of_sheets, "calamine", given.repeat)
        if given.large_gib:
            _large(made["plain"][0], folder / "large.csv", given.large_gib)
    return 0


def written(frame: pl.DataFrame, path: Path) -> None:
    """The file of the form that its name begins with."""
    form = path.name.removeprefix("few.").partition(".")[0]
    if form == "plain":
        frame.write_csv(path)
    elif form == "quoted":
        frame.write_csv(path, quote_style="non_numeric")
    elif form == "texts":
        worded(frame).write_csv(path)
    elif form == "fixed":
        records(frame).write_csv(path, include_header=False, quote_style="never")
    else:
        frame.head(SHEET_ROWS).write_excel(path)


def table(rows: int) -> pl.DataFrame:
    """Eight columns of numbers, texts and moments, the same at each call."""
    at = pl.int_range(rows, eager=True)
    return pl.DataFrame({"id": at + 1_000_000_000}).with_columns(
        (pl.col("id") * 7919 % 100_000).alias("quantity"),
        ((pl.col("id") * 31 % 10_000_000) / 100).alias("price"),
        (pl.lit("ORD-") + (pl.col("id") % 999_983).cast(pl.String)).alias("code"),
        pl.Series("city", CITIES)[(at % len(CITIES)).to_list()].alias("city"),
        (pl.datetime(2020, 1, 1) + pl.duration(seconds=pl.col("id") % 90_000_000))
        .dt.to_string("%Y-%m-%d %H:%M:%S")
        .alias("seen"),
        (pl.lit("note of row ") + pl.col("id").cast(pl.String)).alias("note"),
        (pl.col("id") % 3 == 0).cast(pl.String).alias("active"),
    )


def worded(frame: pl.DataFrame) -> pl.DataFrame:
    """The same with notes as people write them: a comma in every fifth, in others quotes or a second line."""
    note, at = pl.col("note"), pl.int_range(pl.len())
    return frame.with_columns(
        pl.when(at % 5 == 0)
        .then(note + ", as agreed")
        .when(at % 50 == 1)
        .then(note + ', "urgent"')
        .when(at % 200 == 2)
        .then(note + "\nand a second line")
        .otherwise(note)
        .alias("note")
    )


def records(frame: pl.DataFrame) -> pl.DataFrame:
    """The same as fixed-width records, one text column."""
    cells = [
        pl.col(name).cast(pl.String).str.pad_end(width).str.slice(0, width)
        for name, width in zip(frame.columns, WIDTHS, strict=True)
    ]
    return frame.select(pl.concat_str(cells))


def reading(way: str, path: Path, small: Path) -> dict[str, Any]:
    """One reading, in a process of its own."""
    words = [sys.executable, "-m", "evals.file_readings", way, str(path), str(small)]
    settled = os.environ | {"LANDBRIDGE_SETTLED_AFTER": "0"}  # the files were made just now, and are whole
    done = subprocess.run(words, cwd=ROOT, env=settled, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return dict(json.loads(done.stdout))


def _measured(title: str, files: tuple[Path, Path], ways: Sequence[str], rival: str, repeat: int) -> None:
    path = files[0]
    told: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(repeat):
        for way in ways:
            told[way].append(reading(way, *files))
    rows = {one["rows"] for readings in told.values() for one in readings}
    if len(rows) != 1:
        raise ValueError(f"{title}: the ways do not agree on the rows: {sorted(rows)}")
    print(f"## {title}: {rows.pop():,} rows, {path.stat().st_size / 1e6:,.0f} MB\n")
    print("| way | MB/s | lowest to highest | MB per core-second | peak MiB | of the rival's MB/s |")
    print("|---|---:|---:|---:|---:|---:|")
    size = path.stat().st_size / 1e6
    against = statistics.median(size / one["seconds"] for one in told[rival])
    for way, readings in told.items():
        rates = [size / one["seconds"] for one in readings]
        core = statistics.median(size / one["cpu"] for one in readings)
        peak = max(one["peak_mib"] for one in readings)
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        ratio = statistics.median(rates) / against
        print(f"| {way} | {statistics.median(rates):,.0f} | {spread} | {core:,.0f} | {peak:,.0f} | {ratio:.2f} |")
    print()


def _large(plain: Path, large: Path, gib: int) -> None:
    """One file made of copies of another, header once; memory is what counts."""
    header, _, body = plain.read_bytes().partition(b"\n")
    with large.open("wb") as file:
        file.write(header + b"\n")
        while file.tell() < gib * 2**30:
            file.write(body)
    told = reading("ours, declared, through the door", large, plain.with_name(f"few.{plain.name}"))
    size = large.stat().st_size
    print(
        f"One CSV file of {size / 2**30:.1f} GiB: {told['rows']:,} rows, {size / 1e6 / told['seconds']:,.0f} MB/s, "
        f"peak {told['peak_mib']:,.0f} MiB\n"
    )
    large.unlink()


if __name__ == "__main__":
    sys.exit(main())
