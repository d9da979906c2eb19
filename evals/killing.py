"""Runs that are killed at any moment, beside a reader that asks all the time: what it saw, and what remained.

`python -m evals.killing PROJECT` is `landbridge run`, which says `begun` once its libraries are loaded: a kill that
comes while Python reads its modules proves nothing.
"""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from catalog.index_place import ObjectPlace

ROOT = Path(__file__).parents[1]
ROWS = 300
DEADLINE = 300.0  # seconds for one run, on a machine that does other things too
FASTER = 0.9  # of the time a kill may come in, where a run had ended before: the machine has less to do now
PAUSE = 0.2  # seconds between two looks of the reader
DATASET = "berths"


def write_project(folder: Path) -> Path:
    """A project of one dataset, from one file, embedded without a model."""
    for name in ("sources", "datasets", "policies", "systems"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    told: Mapping[str, Any] = {
        "project.yaml": {"name": "harbour", "model": "hashed-words"},
        "sources/desk.yaml": {"name": "desk", "kind": "csv", "location": "systems"},
        "policies/access.yaml": {"local": {"clearance": "restricted"}},
        "datasets/berths.odcs.yaml": {
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": "harbour.berths", "name": "berths",
            "version": "1.0.0", "status": "active",
            "schema": [{"name": "berths", "physicalName": "berths.csv", "properties": [
                {"name": "number", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1},
                {"name": "note", "logicalType": "string", "classification": "public"},
            ]}],
            "customProperties": [
                {"property": "landbridge.source", "value": "desk"},
                {"property": "landbridge.deletionThreshold", "value": 1.0},
                {"property": "landbridge.documents", "value": [
                    {"name": "berth", "title": "Berth {number}", "text": "{note}"},
                ]},
            ],
        },
    }  # fmt: skip
    for path, content in told.items():
        (folder / path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


def rows_of(age: int) -> dict[str, str]:
    """The berths of an age, each with its note: one went, one came, and every note is another than before."""
    return {f"B{number:05}": f"As seen at age {age}." for number in range(age, age + ROWS)}


def write_age(folder: Path, age: int) -> None:
    """Let the source hold that age."""
    path = folder / "systems" / "berths.csv"
    with path.with_suffix(".tmp").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("number", "note"))
        writer.writerows(rows_of(age).items())
    path.with_suffix(".tmp").replace(path)


@dataclass
class Run:
    """`landbridge run` in a process group of its own."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this lives; elsewhere, as the disk may be full
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "evals.killing", str(self.folder)],
            cwd=ROOT,
            env={**os.environ, "LANDBRIDGE_SETTLED_AFTER": "0", "PYTHONUNBUFFERED": "1", **self.environment},
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    def begun(self) -> None:
        """Wait until it works."""
        if self._process.stdout is None or b"begun" not in self._process.stdout.readline():
            raise RuntimeError(f"the run did not begin: {self.told()}")

    def killed_after(self, seconds: float) -> bool:
        """Kill it that long after it began, with all that it started; whether it was still under way."""
        self.begun()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
        return self._ended() == -signal.SIGKILL

    def finished(self) -> int:
        """Wait for its end; its exit code."""
        try:
            self._process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise
        return self._ended()

    def told(self) -> str:
        """The last of what it logged."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _ended(self) -> int:
        code = self._process.wait(DEADLINE)
        if self._process.stdout:
            self._process.stdout.close()
        return code


class Watcher:
    """Reads the live version all the time: it must be of one age, whole, without doubles, and never older than before.

    It runs in this process, as a server would beside the runs.
    """

    def __init__(self, place: Path | ObjectPlace) -> None:
        from index import Reader, Store

        self._reader = Reader(Store(place), every=0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.looks = 0
        self.ages: list[int] = []
        self.faults: list[str] = []

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(DEADLINE)

    def _watch(self) -> None:
        from lancedb.expr import col, lit

        from index.store import read_table

        while not self._stop.is_set():
            try:
                serving = self._reader.serving()
                if serving is not None:
                    self._judge(read_table(serving.table, ["id", "key", "text"], col("dataset") == lit(DATASET)))
                elif self.ages:
                    self.faults.append("nothing is live any more")
            except Exception as error:  # noqa: BLE001  # whatever it is, the exam tells it
                self.faults.append(f"{type(error).__name__}: {error}")
            time.sleep(PAUSE)

    def _judge(self, seen: pl.DataFrame) -> None:
        age = age_of(seen)
        self.looks += 1
        if age is None:
            self.faults.append(f"{seen.height} passages of the notes {sorted(set(seen['text'].to_list()))[:3]}")
            return
        if self.ages and age < self.ages[-1]:
            self.faults.append(f"age {age} after age {self.ages[-1]}")
        if not self.ages or age != self.ages[-1]:
            self.ages.append(age)


def age_of(seen: pl.DataFrame) -> int | None:
    """The age whose passages these are, each once; None where they are of no age, or of two."""
    notes = set(seen["text"].to_list())
    if len(notes) != 1 or seen["id"].n_unique() != seen.height:
        return None
    age = int("".join(one for one in notes.pop().rpartition("age ")[2] if one.isdigit()))
    return age if sorted(seen["key"].to_list()) == sorted(rows_of(age)) else None


@dataclass(frozen=True)
class Killed:
    """What a series of kills did: runs that were under way when they were killed, and runs that ended before."""

    under_way: int
    too_late: int
    seconds: tuple[float, ...]  # of the runs that were left alone


def kill_at_random(
    folder: Path, *, kills: int, span: float, every: int, draw: random.Random, environment: Mapping[str, str]
) -> tuple[Killed, int]:
    """Kill `kills` runs at random moments of `span`, each after the source changed; every few kills leave one alone.

    What happened, and the age that is served then. RuntimeError where a run that is left alone fails.
    """
    age, under_way, too_late, seconds = 1, 0, 0, []
    while under_way < kills:
        age += 1
        write_age(folder, age)
        if not Run(folder, environment).killed_after(draw.uniform(0, span)):
            too_late, span = too_late + 1, span * FASTER
            if too_late > 2 * kills:
                raise RuntimeError("runs end too soon to be killed")
            continue
        under_way += 1
        if under_way % every == 0 or under_way == kills:
            began, run = time.monotonic(), Run(folder, environment)
            if run.finished():
                raise RuntimeError(f"the run after kill {under_way} failed: {run.told()}")
            seconds.append(time.monotonic() - began)
    return Killed(under_way, too_late, tuple(seconds)), age


def main() -> None:
    """Be `landbridge run`, loudly begun."""
    import lancedb  # noqa: F401  # loaded before the word

    import pipelines.runs  # noqa: F401  # as this is
    from landbridge.cli import main as landbridge

    folder = sys.argv[1]
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.argv = ["landbridge", "run", "--project", folder]
    landbridge()


if __name__ == "__main__":
    main()
