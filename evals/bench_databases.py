"""Measure how fast database tables are read, beside connectorx, ADBC and plain SQLAlchemy.

    python -m evals.bench_databases [--rows 5000000] [--repeat 3] [--servers postgresql,mariadb,sqlite]

A table of sixteen mixed columns is made on each server, in a database `landbridge_bench` that is dropped afterwards.
Each reading is a process of its own; the ways take turns. A server that does not answer, and a rival that is not
installed, are left out and named. Medians, with the lowest and highest.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from sqlalchemy.exc import OperationalError

from evals.readers import THROWN_AWAY, Reading
from evals.wide_table import SERVERS, TABLE, in_file, on_server

ROOT = Path(__file__).resolve().parent.parent
SMALL, TENTH = "wide_tenth", 10  # a table of a tenth of the rows: memory should be the same
BEST_OF, PLAIN, OURS = ("connectorx", "ADBC"), "SQLAlchemy", "ours"
RAW = "ours, into the raw zone"
MEMORY = {"ours, a tenth of the rows": OURS, "ours, into the raw zone, a tenth of the rows": RAW}
VERSIONS = ("polars", "connectorx", "adbc-driver-postgresql", "adbc-driver-sqlite", "sqlalchemy", "psycopg", "pymysql")
WAYS = {
    "postgresql": [OURS, "ours, two connections", "connectorx", "ADBC", PLAIN, "psql, thrown away"],
    "mariadb": [OURS, "ours, a snapshot for each table", "connectorx", PLAIN],
    "sqlite": [OURS, "connectorx", "ADBC", PLAIN],
}


def main(words: Sequence[str] | None = None) -> int:
    """Print a table for each server."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the table (default 5,000,000)")
    parser.add_argument("--repeat", type=int, default=3, help="readings of each kind (default 3)")
    parser.add_argument("--servers", default=",".join(WAYS), help="which of them, by commas (default all)")
    given = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream: rows are seen as they come
    print(f"{_machine()}\n")
    for kind in given.servers.split(","):
        with tempfile.TemporaryDirectory() as place:
            try:
                with _table(kind, Path(place), given.rows) as url:
                    _measured(kind, url, Path(place), given.rows, given.repeat)
            except OperationalError:
                print(f"## {kind}: no server answers on this machine\n")
    return 0


@contextmanager
def _table(kind: str, folder: Path, rows: int) -> Iterator[str]:
    sizes = {SMALL: rows // TENTH, TABLE: rows}
    with on_server(kind, sizes) if kind in SERVERS else in_file(folder, sizes) as url:
        yield url


def _measured(kind: str, url: str, folder: Path, rows: int, repeat: int) -> None:
    lacking = {way: why for way in WAYS[kind] if (why := _lacking(kind, way))}
    ways = [way for way in WAYS[kind] if way not in lacking]
    told: dict[str, list[Reading]] = {way: [] for way in (*ways, RAW, *MEMORY)}
    for _ in range(repeat):
        for way in (*ways, RAW):
            told[way].append(_whole(read(way, kind, url, TABLE, folder), way, rows))
        for name, way in MEMORY.items():
            told[name].append(_whole(read(way, kind, url, SMALL, folder), name, rows // TENTH))
    print(f"## {kind}: {rows:,} rows x 16 columns, n={repeat}\n")
    print("| way | thousand rows a second | thousand rows a CPU second | peak, MiB |\n|---|---|---|---|")
    for way, readings in told.items():
        fast = spread([one.rows / one.wall / 1000 for one in readings])
        lean = spread([one.rows / one.cpu / 1000 for one in readings])
        if readings[0].rows == THROWN_AWAY:
            fast, lean = spread([rows / one.wall / 1000 for one in readings]), "-"
        path = f" ({readings[0].path})" if readings[0].path else ""
        print(f"| {way}{path} | {fast} | {lean} | {spread([one.peak for one in readings])} |")
    print("\n| times as fast | by wall | by CPU |\n|---|---|---|")
    for way in (way for way in ways if way.startswith(OURS)):
        for name, others in (("the best rival", [one for one in BEST_OF if one in told]), (PLAIN, [PLAIN])):
            if others:
                walls = _times(
                    [one.wall for one in told[way]], *([one.wall for one in told[other]] for other in others)
                )
                cpus = _times([one.cpu for one in told[way]], *([one.cpu for one in told[other]] for other in others))
                print(f"| {way} as {name} | {walls} | {cpus} |")
    print("".join(f"\n{way} was left out: {why}." for way, why in lacking.items()))


def _times(ours: Sequence[float], *others: Sequence[float]) -> str:
    """How many times as fast as the best of the others, round by round."""
    return spread([min(theirs) / mine for mine, *theirs in zip(ours, *others, strict=True)], ".2f")


def _whole(reading: Reading, way: str, rows: int) -> Reading:
    if reading.rows not in (rows, THROWN_AWAY):
        raise RuntimeError(f"{way} read {reading.rows:,} rows of {rows:,}")
    return reading


def read(way: str, kind: str, url: str, table: str, folder: Path) -> Reading:
    """One reading in its own process; one that fails is an error, not a figure."""
    command = [sys.executable, "-m", "evals.readers", way, kind, url, table, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise RuntimeError(f"{way} on {kind} ended with {done.returncode}: {done.stderr[-2000:]}")
    return Reading(**json.loads(done.stdout.splitlines()[-1]))


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """The median, and the lowest and highest in brackets."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def _machine() -> str:
    """When, on what and with which versions."""
    info, model = Path("/proc/cpuinfo"), platform.machine()
    if info.exists():
        lines = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        model = next(lines, model).rpartition(": ")[2]
    known = [name for name in VERSIONS if find_spec(name.replace("-", "_"))]
    told = ", ".join(f"{name} {version(name)}" for name in known)
    return f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} x {model}, load {os.getloadavg()[0]:.1f}; {told}"


def _lacking(kind: str, way: str) -> str:
    """What a way needs and this environment has not."""
    needs = {"connectorx": "connectorx", "ADBC": f"adbc_driver_{kind}"}.get(way, "")
    if needs and find_spec(needs) is None:
        return f"{needs} is not installed"
    return "psql is not installed" if way.startswith("psql") and not which("psql") else ""


if __name__ == "__main__":
    sys.exit(main())
