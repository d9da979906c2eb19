"""Say how far a run is, to whoever listens: a bar in a terminal, a line in a log, the Dagster event log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, str, int, int], None]
"""Called with (stage, dataset, done, total). `total` 0 means that it is not known yet."""


def _silent(stage: str, dataset: str, done: int, total: int) -> None:
    """Nobody listens."""


_listener: Listener = _silent


def tell(stage: str, dataset: str, done: int, total: int = 0) -> None:
    """Report that `done` of `total` units of a stage are behind us."""
    _listener(stage, dataset, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear everything told inside the block. One listener a process: a run is one at a time."""
    global _listener
    previous, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = previous
