"""Laws of cost: rows come as they are read, memory stays flat, and a read that is given up lets go of everything."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from connectors.testing.reading import NUMBERED, batches_of, columns_of, demand, keys_of, numbered, rows_of, stream
from connectors.testing.system import DoesNotApply, System

LARGE_ROWS, LARGE_CELL = 384, 64 * 1024  # together 24 MiB of text
BATCH_BYTES = 256 * 1024
FEW_ROWS = 32
SOON = 0.25  # seconds after which nobody minds to have waited
SETTLED_AFTER = 1.0  # seconds; Polars gives back what is freed after half of one
MOST_HELD = LARGE_ROWS * LARGE_CELL // 2  # bytes a read may add to the process while it runs
MOST_AT_FIRST = 0.5  # share of a whole read's time after which the first batch is there
TRIES = 3  # a machine that is busy with something else delays one read, hardly three
OPEN_FILES = (Path("/proc/self/fd"), Path("/dev/fd"))  # Linux; macOS and the BSDs
PATIENCE = 60.0  # seconds


class CostLaws:
    """See the module."""

    def test_the_first_batch_comes_before_everything_is_read(self, system: System) -> None:
        """It is there at once, or in less than half the time that the whole read takes."""
        self._large(system, cell=LARGE_CELL // 4)
        shares = []
        for _ in range(TRIES):
            begun = time.perf_counter()
            batches = stream(system, batch_bytes=BATCH_BYTES)
            next(batches)
            first = time.perf_counter() - begun
            count = 1 + sum(1 for _ in batches)
            demand(count > 1, "6 MiB came in one batch, with batch_bytes of 256 KiB")
            shares.append(first / (time.perf_counter() - begun))
            if first < SOON or shares[-1] < MOST_AT_FIRST:
                return
        raise AssertionError(f"the first of {count} batches came after {min(shares):.0%} of the time of a whole read")

    def test_memory_does_not_grow_with_the_source(self, system: System) -> None:
        """Of 24 MiB that are read in batches of 256 KiB, less than half are ever held."""
        self._large(system, count=FEW_ROWS)
        batches_of(system, batch_bytes=BATCH_BYTES)  # what a first read loads for good is no part of the measure
        self._large(system)
        settle()
        before = held_bytes()
        most = 0
        for batch in stream(system, batch_bytes=BATCH_BYTES):
            del batch
            if resident_bytes() - before > MOST_HELD // 2:  # a closer look takes 20 ms in a large process
                most = max(most, held_bytes() - before)
        demand(most < MOST_HELD, f"a read of 24 MiB in batches of 256 KiB held {most / 2**20:.0f} MiB")

    def test_a_read_that_is_given_up_lets_go(self, system: System) -> None:
        """No file and no connection stays open, and the source can be changed at once."""
        system.holds(NUMBERED, numbered(50))
        batches_of(system, batch_rows=5)  # what a first read opens for good, such as the threads of a library
        columns_of(system)
        gc.collect()
        before = open_files()
        for _ in range(3):
            batches: Any = stream(system, batch_rows=5)
            next(batches)
            if hasattr(batches, "close"):
                batches.close()
            del batches
        gc.collect()
        after = open_files()
        demand(after <= before, f"{after - before} files or connections are open after three reads were given up")
        begun = time.perf_counter()
        system.holds(NUMBERED, numbered(3))
        demand(time.perf_counter() - begun < PATIENCE, "the source could not be changed at once")
        demand(
            keys_of(rows_of(system, batches_of(system), NUMBERED)) == ["1", "2", "3"],
            "the next read is not a whole one",
        )

    def test_two_threads_read_at_once(self, system: System) -> None:
        """Each gets everything."""
        system.holds(NUMBERED, numbered(30))
        told: dict[int, list[str]] = {}
        ready = threading.Barrier(2)

        def work(at: int) -> None:
            ready.wait(PATIENCE)
            with suppress(Exception):  # that it has nothing to tell says enough
                told[at] = keys_of(rows_of(system, batches_of(system, batch_rows=4), NUMBERED))

        threads = [threading.Thread(target=work, args=(at,)) for at in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        demand(len(told) == 2, "a read fails, or does not end, while another thread reads")
        wanted = [str(number) for number in range(1, 31)]
        demand(all(sorted(keys, key=int) == wanted for keys in told.values()), "a read misses rows beside another one")

    def _large(self, system: System, *, count: int = LARGE_ROWS, cell: int = LARGE_CELL) -> None:
        """So many rows, each different."""
        rows = [{"id": at, "note": f"{at:08}" * (cell // 8)} for at in range(1, count + 1)]
        system.holds(NUMBERED, rows)
        system.rows = {}


def open_files() -> int:
    """How many files and connections this process has open."""
    for folder in OPEN_FILES:
        if folder.is_dir():
            return sum(1 for _ in folder.iterdir())
    raise DoesNotApply("this machine does not tell which files are open")


def settle() -> None:
    """Give back what is freed, so that a read does not hide in it."""
    gc.collect()
    with suppress(OSError, AttributeError):  # a C library that keeps no memory back, or has another word for it
        ctypes.CDLL(None).malloc_trim(0)
    time.sleep(SETTLED_AFTER)


def resident_bytes() -> int:
    """Memory this process has, told at once, with what it has given back and the system has not taken yet."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return held_bytes()


def held_bytes() -> int:
    """Memory this process needs now; where that is not told, the most it ever held."""
    told = {"Rss": 0, "LazyFree": 0}
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            name, _, size = line.partition(":")
            if name in told:
                told[name] = int(size.split()[0]) * 1024
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return told["Rss"] - told["LazyFree"]
