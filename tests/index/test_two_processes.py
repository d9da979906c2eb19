"""Two processes write one store: a killed holder of the lock keeps nobody waiting, and no writer loses a row."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from catalog.models import Project
from index import Change, Store, publish, reconcile, verify
from index.locking import Holder
from index.testing import HashEmbedder

Chunks = Callable[..., pl.DataFrame]
Frames = dict[str, pl.DataFrame]
ROOT = Path(__file__).parents[2]
SOON = 10.0  # seconds; the lock itself is looked at five times a second, the rest is a busy machine
HOLDS = """
import sys, time
from index import Store
store = Store(sys.argv[1])
with store.writer(run="night"):
    store.begin()
    store.latest().to_lance().delete("dataset = 'aircraft'")
    print("holds", flush=True)
    time.sleep(120)
"""
WRITES = """
import sys, time
import polars as pl
from catalog.models import Dataset, Place
from index import Store, reconcile
from index.testing import HashEmbedder
place, chunks, name, rounds = sys.argv[1:]
frame = pl.read_parquet(chunks)
dataset = Dataset(name=name, version="1", title=name, source="ops", physical_name=name, fields=(), fingerprint="",
                  deletion_threshold=1.0, place=Place(file="x"))
class Slow(HashEmbedder):
    def embed(self, texts, *, progress=None):
        began = time.monotonic()
        time.sleep(0.05)
        made = super().embed(texts, progress=progress)
        print(began, time.monotonic())
        return made
print("ready", flush=True)
sys.stdin.readline()
for age in range(int(rounds)):
    aged = frame.with_columns(pl.col("text") + f" age {age}", pl.col("hash") + f"-{age}")
    change = reconcile(Store(place), aged, dataset=dataset, embedder=Slow)
    assert change.added + change.changed == frame.height, change
"""


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a script with words, once it has said its first line; none outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def one(script: str, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *words],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None and process.stdout.readline()
        return process

    yield one
    for process in running:
        process.kill()
        process.communicate()


def test_who_waits_for_a_holder_that_is_killed_goes_on_within_seconds_and_the_index_is_sound(
    build: Callable[..., Change],
    store: Store,
    project: Project,
    frames: Frames,
    chunks_of: Chunks,
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    build("aircraft", frames)
    served = store.read(["id", "hash"], at="live").sort("id")
    holder = started(HOLDS, store.uri)
    heard: list[Holder | None] = []
    turns: list[float] = []

    def wait() -> None:
        other = Store(store.uri)
        with other.writer(run="next", waiting=lambda who, _: heard.append(who)):
            turns.append(time.monotonic())
            other.begin()
            dataset = project.datasets["airports"]
            change = reconcile(other, chunks_of("airports", frames), dataset=dataset, embedder=HashEmbedder)
            publish(other, change.version)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not heard:
        time.sleep(0.05)
    assert not turns and heard[0] is not None and heard[0].run == "night"
    killed = time.monotonic()
    holder.kill()
    waiting.join(60)
    assert turns and turns[0] - killed < SOON
    assert served.equals(
        store.read(["id", "hash", "dataset"], at="live").filter(dataset="aircraft").sort("id")[["id", "hash"]]
    )
    for name in ("aircraft", "airports"):
        assert verify(store, chunks_of(name, frames), project.datasets[name]) == ()


def test_two_processes_that_reconcile_at_once_take_turns_and_lose_no_row(
    store: Store,
    project: Project,
    frames: Frames,
    chunks_of: Chunks,
    tmp_path: Path,
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    rounds, names = 6, ("aircraft", "airports")
    reconcile(store, chunks_of("flights", frames), dataset=project.datasets["flights"], embedder=HashEmbedder)
    before = store.version
    writers = []
    for name in names:
        chunks_of(name, frames).write_parquet(tmp_path / f"{name}.parquet")
        writers.append(started(WRITES, store.uri, str(tmp_path / f"{name}.parquet"), name, str(rounds)))
    for one in writers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    told = [one.communicate(timeout=120)[0] for one in writers]
    assert [one.returncode for one in writers] == [0, 0]
    turns = sorted(tuple(map(float, line.split())) for lines in told for line in lines.splitlines())
    assert len(turns) == 2 * rounds
    assert all(ended <= began for (_, ended), (began, _) in pairwise(turns)), "two wrote at once"
    state = store.read(["id", "dataset", "text"])
    assert state["id"].is_unique().all()
    for name in names:
        assert set(state.filter(dataset=name)["id"]) == set(chunks_of(name, frames)["id"])
        assert state.filter(dataset=name)["text"].str.ends_with(f" age {rounds - 1}").all()
    assert set(state.filter(dataset="flights")["id"]) == set(chunks_of("flights", frames)["id"])
    assert store.version >= before + 2 * rounds
