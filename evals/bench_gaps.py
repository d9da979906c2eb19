"""Measure ten gap rules, one of each kind and two references, over 5,000,000 rows: time and peak memory.

    python -m evals.bench_gaps [--rows 5000000] [--rounds 3]

The rules run as a run evaluates them, from the ready rows on disk, each round in a process of its own; beside it a
fifth of the rows and twice as many, so that the growth is seen. About a thousandth of the rows has a gap of each kind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from catalog.home import Home
from catalog.models import ConflictField, Dataset, Field, GapRule, LogicalType, Place, Project, Source
from evals.file_readings import peak_kib

ROWS, ROUNDS = 5_000_000, 3
RECORDS = 50  # rows of the large dataset for one of the small ones
PLACE = Place(file="bench")
START = datetime(2020, 1, 1)
TEXTS = 6  # columns that no rule looks at
READINGS: dict[str, LogicalType] = {
    "id": "integer", "device": "integer", "site": "string", "number": "integer", "at": "timestamp", "day": "date",
    "value": "string", "note": "string", "serial": "string", "changed": "timestamp",
    **dict.fromkeys((f"text{number}" for number in range(TEXTS)), "string"),
}  # fmt: skip
DEVICES: dict[str, LogicalType] = {"device": "integer", "serial": "string", "changed": "timestamp", "name": "string"}
RULES = (
    GapRule(name="device", kind="missing_reference", fields=("device",), to_dataset="devices", to_fields=("device",),
            direction="both", place=PLACE),
    GapRule(name="late", kind="missing_reference", fields=("device",), to_dataset="devices", to_fields=("device",),
            late_from="at", lateness="2d", place=PLACE),
    GapRule(name="value", kind="missing_value", field="note", place=PLACE),
    GapRule(name="days", kind="missing_period", field="day", every="1d", per=("site",), place=PLACE),
    GapRule(name="known", kind="missing_entity", fields=("device",), systems=(("devices", "device"),), place=PLACE),
    GapRule(name="numbers", kind="missing_sequence", field="number", place=PLACE),
    GapRule(name="stale", kind="stale_field", to_dataset="devices", on=(("device", "device"),), changed="changed",
            their_changed="changed", max_age="30d", place=PLACE),
    GapRule(name="segments", kind="segment_coverage", field="note", per=("site",), max_share=0.1, place=PLACE),
    GapRule(name="format", kind="mixed_format", field="value", place=PLACE),
    GapRule(name="differs", kind="conflict", to_dataset="devices", on=(("device", "device"),),
            compare=(ConflictField(field="serial", other="serial"),), place=PLACE),
)  # fmt: skip


def bench_project() -> Project:
    """Readings of devices with ten rules, and the register of the devices."""
    readings = _dataset("readings", READINGS, "id").model_copy(update={"gap_rules": RULES})
    source = Source(name="bench", kind="csv", location=".", place=PLACE)
    datasets = {"readings": readings, "devices": _dataset("devices", DEVICES, "device")}
    return Project(name="bench", folder=Path(), sources={"bench": source}, datasets=datasets)


def _dataset(name: str, types: dict[str, LogicalType], key: str) -> Dataset:
    fields = tuple(
        Field(name=one, physical_name=one, type=kind, key_position=1 if one == key else None, place=PLACE)
        for one, kind in types.items()
    )
    return Dataset(name=name, version="1", title=name, source="bench", physical_name=name, fields=fields,
                   fingerprint="", place=PLACE)  # fmt: skip


def write_ready(home: Home, rows: int) -> None:
    """The ready rows of both datasets, a thousandth of them with a gap of each kind."""
    number, devices = pl.int_range(rows, eager=False), rows // RECORDS
    odd, site, device = number % 1000 == 999, number % 100, number % devices
    at = (pl.lit(START) + pl.duration(seconds=number * 15)).dt.replace_time_zone("UTC")
    unreported = (site == 7) & (at.dt.ordinal_day() % 50 == 0)  # the day is told as the one after
    silent = odd | ((site == 13) & (number % 3 == 0))
    columns = {
        "id": number, "device": pl.when(odd).then(number + rows).otherwise(device),
        "site": pl.format("Site {}", site), "number": pl.when(odd).then(number + 1).otherwise(number),
        "at": at, "day": at.dt.date() + pl.duration(days=unreported.cast(pl.Int64)),
        "value": pl.when(odd).then(pl.lit("3,5")).otherwise(pl.format("{}.5", number % 900)),
        "note": pl.when(~silent).then(pl.lit("read")),
        "serial": pl.format("S{}", pl.when(number % 1000 == 500).then(0).otherwise(device)),
        "changed": _changed(device) - pl.duration(days=60 * (number % 1000 == 300).cast(pl.Int64)),
        **{f"text{one}": pl.format("text {} of {}", number % 5000, one) for one in range(TEXTS)},
    }  # fmt: skip
    _write(home, "readings", columns, "id", number)
    own = pl.int_range(devices, eager=False)
    _write(home, "devices", {
        "device": own, "serial": pl.format("S{}", own), "name": pl.format("Device {}", own),
        "changed": _changed(own),
    }, "device", own)  # fmt: skip


def _changed(device: pl.Expr) -> pl.Expr:
    return (pl.lit(START) + pl.duration(days=device % 300)).dt.replace_time_zone("UTC")


def _write(home: Home, name: str, columns: dict[str, pl.Expr], key: str, number: pl.Expr) -> None:
    home.ready(name).parent.mkdir(parents=True, exist_ok=True)
    provenance = {"_location": pl.lit("bench"), "_position": number, "_key": columns[key].cast(pl.String)}
    pl.select(value.alias(one) for one, value in (columns | provenance).items()).write_parquet(home.ready(name))


def _one(folder: Path) -> None:
    """One measured round, in a process of its own."""
    from ledger import Ledger
    from pipelines import stages
    from pipelines.site import Site

    home = Home(folder)
    home.manifest("gaps", "all").unlink(missing_ok=True)
    site = Site(bench_project(), home, Ledger(f"sqlite:///{folder / 'ledger.db'}"))
    began, cpu = time.perf_counter(), time.process_time()
    findings = stages.find_gaps(site, run_id="bench").findings
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = peak_kib() / 1024
    told = {one.rule.partition("/")[0] for one in findings if "status" not in one.evidence}
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "told": len(told)}))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--one", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        _one(given.one)
        return
    print(f"{len(RULES)} gap rules, {given.rounds} rounds, median (range)")
    print(f"{'rows':>10} {'wall, s':<22} {'CPU, s':<22} {'peak, MiB':<24} rules that told")
    for rows in (given.rows // 5, given.rows, given.rows * 2):
        with TemporaryDirectory() as temporary:
            write_ready(Home(Path(temporary)), rows)
            spent = [spent_on(temporary) for _ in range(given.rounds)]
        wall, cpu, peak = (
            _range([one[name] for one in spent], digits) for name, digits in (("wall", 1), ("cpu", 1), ("peak", 0))
        )
        print(f"{rows:>10,} {wall:<22} {cpu:<22} {peak:<24} {spent[0]['told']:.0f}", flush=True)


def spent_on(folder: str) -> dict[str, float]:
    """Wall and CPU seconds, peak MiB and rules that told, of one round over the rows in a folder."""
    command = [sys.executable, "-m", "evals.bench_gaps", "--one", folder]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    spent: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return spent


def _range(values: list[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


if __name__ == "__main__":
    main()
