"""Measure what reading a table again costs when nothing, or one row in a hundred, changed, in each mode.

    python -m evals.bench_incremental [--rows 5000000] [--repeat 3] [--servers postgresql,mariadb]

On throw-away servers of its own (`evals.clusters`), because a change log needs settings that a machine's server may not
have. Each reading is a process of its own that writes the raw zone's Parquet file, as a run does; after each, the
file holds what the table holds. Medians, with the lowest and highest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.bench_databases import spread
from evals.clusters import Cluster, MariadbCluster, PostgresCluster
from evals.readers import contract, peak
from evals.wide_table import TABLE, changed, on_engine

ROOT = Path(__file__).resolve().parent.parent
CLUSTERS: dict[str, type[Cluster]] = {"postgresql": PostgresCluster, "mariadb": MariadbCluster}
MODES = ("full", "watermark", "keys", "feed")


class Took(NamedTuple):
    """What one reading took: rows held and fetched, seconds, MiB."""

    rows: int
    fetched: int
    written: bool
    wall: float
    cpu: float
    peak: float
    path: str


def main(words: Sequence[str] | None = None) -> int:
    """Print a table for each server, or be the process that reads once."""
    given = list(sys.argv[1:] if words is None else words)
    if given[:1] == ["once"]:
        print(json.dumps(_once(*given[1:])._asdict()))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the table (default 5,000,000)")
    parser.add_argument("--repeat", type=int, default=3, help="nights that are measured (default 3)")
    parser.add_argument("--servers", default=",".join(CLUSTERS), help="which of them, by commas (default both)")
    asked = parser.parse_args(given)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream: rows are seen as they come
    for kind in asked.servers.split(","):
        if CLUSTERS[kind].available():
            _measured(kind, asked.rows, asked.repeat)
        else:
            print(f"## {kind}: {CLUSTERS[kind].absent}\n")
    return 0


def _measured(kind: str, rows: int, nights: int) -> None:
    still: dict[str, list[Took]] = {mode: [] for mode in MODES}
    after: dict[str, list[Took]] = {mode: [] for mode in MODES}
    with CLUSTERS[kind]() as server, tempfile.TemporaryDirectory() as place:
        on_engine(server.engine(), kind, rows)
        folders = {mode: Path(place) / mode for mode in MODES}
        for mode, folder in folders.items():
            folder.mkdir()
            _read(mode, kind, server, folder)
        for night in range(nights):
            for mode, folder in folders.items():
                still[mode].append(_read(mode, kind, server, folder))
            count = changed(server.engine(), kind, rows, night)
            for mode, folder in folders.items():
                after[mode].append(_read(mode, kind, server, folder))
    for what, told in (("nothing changed", still), (f"{count:,} rows changed, came or went", after)):
        print(f"## {kind}, {rows:,} rows, {what}, n={nights}\n")
        print("| mode | wall, s | CPU, s | rows fetched | peak, MiB | way |\n|---|---|---|---|---|---|")
        for mode, ones in told.items():
            figures = " | ".join([
                spread([one.wall for one in ones], ".1f"), spread([one.cpu for one in ones], ".1f"),
                spread([one.fetched for one in ones]), spread([one.peak for one in ones]),
            ])  # fmt: skip
            print(f"| {mode} | {figures} | {ones[-1].path} |")
        print()


def _read(mode: str, kind: str, server: Cluster, folder: Path) -> Took:
    """One reading in its own process; what it left is compared with the table."""
    command = [sys.executable, "-m", "evals.bench_incremental", "once", mode, kind, server.location(), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise RuntimeError(f"{mode} on {kind} ended with {done.returncode}: {done.stderr[-2000:]}")
    told = Took(**json.loads(done.stdout.splitlines()[-1]))
    _compare(mode, server, folder)
    return told


def _compare(mode: str, server: Cluster, folder: Path) -> None:
    import polars as pl

    (there,) = server.run(f"SELECT count(*), sum(id), sum(qty) FROM {TABLE}")  # noqa: S608 - our own table
    held = pl.scan_parquet(folder / "rows.parquet")
    here = held.select(pl.len(), pl.sum("id"), pl.sum("qty")).collect(engine="streaming").row(0)
    if [int(one) for one in there] != [int(one) for one in here]:
        raise RuntimeError(f"{mode} holds {here} of {there}")


def _once(mode: str, kind: str, url: str, place: str) -> Took:
    """Read the table into the folder, on what an earlier reading left there."""
    import connectors
    from catalog.models import Incremental
    from connectors.batch import Since
    from connectors.drifting import drift_of
    from connectors.sql.dialects import dialect_of
    from pipelines.taking import taken_into

    folder, known = Path(place), Path(place) / "cursor.json"
    rows, fresh, rejects = folder / "rows.parquet", folder / "fresh.parquet", folder / "rejects.parquet"
    column = "seen" if mode == "watermark" else ""
    source, dataset = contract(url, TABLE, incremental=Incremental.model_validate({"mode": mode, "column": column}))
    dialect_of(kind)
    wall, cpu = time.perf_counter(), time.process_time()
    drift = drift_of(source, dataset, connectors.shape(source, dataset, folder=folder), None)
    cursor: dict[str, Any] = json.loads(known.read_text()) if known.exists() else {}
    taken = taken_into(source, dataset, drift, folder, fresh, rejects, Since(cursor, rows) if cursor else None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if taken.written:
        fresh.replace(rows)
    known.write_text(json.dumps(taken.cursor))
    return Took(taken.rows, taken.fetched, taken.written, wall, cpu, peak(), taken.path)


if __name__ == "__main__":
    sys.exit(main())
