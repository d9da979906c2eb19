"""Show a run on stderr: bars in a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, str, int, int], None]
EVERY = 2.0  # seconds between plain lines of one task


@contextmanager
def shown() -> Iterator[Listener]:
    """A listener for `pipelines.runs.execute` that draws on stderr until the block ends."""
    if sys.stderr.isatty():
        with _bars() as listener:
            yield listener
    else:
        yield _lines()


@contextmanager
def _bars() -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    from pipelines.progress import Pace

    pace, speed = Pace(), TextColumn("{task.fields[pace]}")
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), speed)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[tuple[str, str], TaskID] = {}

        def listen(stage: str, dataset: str, done: int, total: int) -> None:
            key = (stage, dataset)
            if key not in tasks:
                tasks[key] = progress.add_task(f"{stage} {dataset}", total=total or None, pace="")
            told = pace.of(stage, dataset, done, total).removeprefix(", ")
            progress.update(tasks[key], completed=done, total=total or None, pace=told)

        yield listen


def _lines() -> Listener:
    from pipelines.progress import Pace

    began, pace = time.monotonic(), Pace()
    last: dict[tuple[str, str], float] = {}

    def listen(stage: str, dataset: str, done: int, total: int) -> None:
        now, key = time.monotonic(), (stage, dataset)
        speed = pace.of(stage, dataset, done, total)
        if done != total and now - last.get(key, -EVERY) < EVERY:
            return
        last[key] = now
        of = f" of {total:,}" if total else ""
        sys.stderr.write(f"{now - began:6.1f} s  {stage:<8} {dataset:<12} {done:,}{of}{speed}\n")
        sys.stderr.flush()

    return listen
