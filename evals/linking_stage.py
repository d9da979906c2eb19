"""Measure what one entity over many ready rows costs a run: linking, names, golden values and files.

    python -m evals.linking_stage [--rows 1000000] [--engine polars]

The rows are the synthetic people of `evals.linking`, half in either of two datasets, laid down as ready rows; the stage
runs in a process of its own, then once more where nothing changed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import yaml

from evals.linking import Known, people, score

ROOT = Path(__file__).resolve().parents[1]
SIDES = ("crm", "billing")
KINDS = {"given_name": "text", "family_name": "text", "birth_date": "date", "street": "text", "town": "text",
         "telephone": "code"}  # fmt: skip
BLOCKING = [
    {"fields": ["family_name"], "by": "words"}, {"fields": ["street"], "by": "words"}, {"fields": ["telephone"]},
    {"fields": ["birth_date"]}, {"fields": ["family_name", "town"]}, {"fields": ["family_name", "given_name"]},
    {"fields": ["given_name", "town"]},
]  # fmt: skip


def written(folder: Path, rows: int, *, engine: str) -> Known:
    """A project with the entity `person` over two datasets, and their ready rows; the records and the true pairs."""
    from catalog.home import Home

    one = people(rows)
    for name in ("sources", "datasets", "entities"):
        (folder / name).mkdir(parents=True)
    _write(folder / "project.yaml", {"name": "people", "model": "hashed-words"})
    _write(folder / "sources" / "files.yaml", {"name": "files", "kind": "csv", "location": "."})
    for name, frame in zip(SIDES, (one.left, one.right), strict=True):
        _write(folder / "datasets" / f"{name}.odcs.yaml", _contract(name))
        path = Home.of(folder).ready(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        place = {"_key": pl.col("id"), "_location": pl.lit(f"{name}.csv"), "_position": pl.int_range(pl.len())}
        frame.with_columns(**place).write_parquet(path)
    _write(folder / "entities" / "person.yaml", _entity(engine))
    return one


def _contract(name: str) -> dict[str, Any]:
    plain = {"logicalType": "string", "classification": "public"}
    key = {"name": "id", "physicalName": "id", "primaryKey": True, "primaryKeyPosition": 1, **plain}
    fields = [key, *({"name": field, "physicalName": field, **plain} for field in KINDS)]
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": f"people.{name}", "name": name, "version": "1.0.0",
        "status": "active", "schema": [{"name": name, "physicalName": f"{name}.csv", "properties": fields}],
        "customProperties": [{"property": "landbridge.source", "value": "files"}],
    }  # fmt: skip


def _entity(engine: str) -> dict[str, Any]:
    fields = [{"name": name, "kind": kind, "in": dict.fromkeys(SIDES, name)} for name, kind in KINDS.items()]
    golden = {name: {"from": [f"{side}.{name}" for side in SIDES], "rule": "most_complete"} for name in KINDS}
    members = [{"dataset": name, "onePerEntity": True} for name in SIDES]
    match = {"fields": fields, "blocking": BLOCKING}
    return {"name": "person", "members": members, "match": match, "engine": engine, "golden": golden}


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def staged(folder: Path) -> dict[str, Any]:
    """Time and memory of the stage over a folder that `written` made, and of the stage once more."""
    from pipelines import stages
    from pipelines.site import Site

    site = Site.open(folder)
    start, cpu = time.perf_counter(), time.process_time()
    known = stages.resolve_entities(site, run_id="measured")
    ended, used = time.perf_counter(), time.process_time()
    again = stages.resolve_entities(site, run_id="measured")
    return {
        **known.counts["person"],
        "first run, s": round(ended - start, 1),
        "CPU, s": round(used - cpu, 1),
        "again, nothing changed, s": round(time.perf_counter() - ended, 2),
        "changed again": again.changed,
        "findings": len(known.findings),
        "peak, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main(words: Sequence[str] | None = None) -> int:
    """Print the measurements, or be the process that runs the stage."""
    given = list(sys.argv[1:] if words is None else words)
    if given[:1] == ["once"]:
        print(json.dumps(staged(Path(given[1]))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000, help="records, half in either dataset")
    parser.add_argument("--engine", choices=("polars", "splink"), default="polars", help="what weighs the pairs")
    asked = parser.parse_args(given)
    with TemporaryDirectory() as place:
        folder = Path(place) / "people"
        truth = written(folder, asked.rows, engine=asked.engine).truth
        for name, value in _once(folder).items():
            print(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}")
        links = pl.read_parquet(folder / ".landbridge" / "entities" / "person" / "links.parquet")
        linked = links.filter(pl.col("decision") == "link").select(left="left_key", right="right_key")
        print("precision {:.4f}, recall {:.4f}, F1 {:.4f}".format(*score(linked, truth)))
    return 0


def _once(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "evals.linking_stage", "once", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise RuntimeError(f"the stage ended with {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    sys.exit(main())
