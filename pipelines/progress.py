"""Say how far a run is, to whoever listens: a bar in a terminal, a line in a log, the Dagster event log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, str, int, int], None]
"""Called with (stage, dataset, done, total). `total` 0 means that it is not known yet."""


EVERY = 10.0  # seconds between two lines in the log
SOON = 1.0  # seconds; a rate over less says nothing
TOLD = {"indexed": ("embedded", " passages")}  # a stage in words; others go by their names


class Pace:
    """How fast a stage goes, and how long it will still take, from what was told of it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: dict[tuple[str, str, int], tuple[float, int]] = {}

    def of(self, stage: str, dataset: str, done: int, total: int) -> str:
        """`, 164 a second, 46 s left`; empty while that cannot be said. A new total is a new piece of work."""
        now, key = self._clock(), (stage, dataset, total)
        began, first = self._began.setdefault(key, (now, done))
        if not total or now - began < SOON or done <= first:
            return ""
        rate = (done - first) / (now - began)
        left = f", {_duration((total - done) / rate)} left" if done < total else ""
        return f", {rate:,.{0 if rate >= 10 else 1}f} a second{left}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Lines:
    """A listener that writes a line every ten seconds of a long stage, and none of a short one: for an event log."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._pace, self._last = Pace(clock), clock()

    def __call__(self, stage: str, dataset: str, done: int, total: int) -> None:
        """Hear how far a stage is; see `Listener`."""
        pace, now = self._pace.of(stage, dataset, done, total), self._clock()
        if pace and done < total and now - self._last >= EVERY:
            self._last = now
            what, unit = TOLD.get(stage, (f"{stage} {dataset}:", ""))
            self._write(f"{what} {done:,} of {total:,}{unit}{pace}")


_listeners: tuple[Listener, ...] = ()


def tell(stage: str, dataset: str, done: int, total: int = 0) -> None:
    """Report that `done` of `total` units of a stage are behind us."""
    for listener in _listeners:
        listener(stage, dataset, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear everything told inside the block, beside those who listen already: a run is one at a time in a process."""
    global _listeners
    before, _listeners = _listeners, (*_listeners, listener)
    try:
        yield
    finally:
        _listeners = before
