"""Let one run at a time write: the next one waits for its turn, and is told for whom and since when.

A lock is whatever `lock_for` gives for the place of the store. On a file system it is an advisory lock, which the
system drops with the process: a killed run leaves none behind. In an object store it is a lease that runs out.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace

PATIENCE = 3600.0  # seconds; a first run over a large estate may well take that long
POLL = 0.2  # seconds
TOLD_EVERY = 60.0  # seconds

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who writes: the run, its process, since when (aware UTC, ISO 8601), and on which machine if that may differ."""

    run: str
    process: int
    since: str
    machine: str = ""

    def __str__(self) -> str:
        named = f"run {self.run}" if self.run else "another run"
        place = f"process {self.process}{f' on {self.machine}' if self.machine else ''}"
        return f"{named} ({place}) since {self.since}"


Still = Callable[[], None]  # IndexStoreError if the turn was lost meanwhile
Waiting = Callable[[Holder | None, float], None]  # hears for whom it waits, and for how many seconds already


class WriterLock(Protocol):
    """Anything that lets one run at a time write one store."""

    def hold(self, *, run: str, patience: float, waiting: Waiting | None = None) -> AbstractContextManager[Still]:
        """Wait up to `patience` seconds for the turn, then hold it. IndexStoreError when it does not come.

        What it gives tells whether the turn is still held: to be asked right before what must not be done without.
        """
        ...


class FileLock:
    """An advisory lock on a file, for stores on a file system."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def hold(self, *, run: str, patience: float, waiting: Waiting | None = None) -> Iterator[Still]:
        """See `WriterLock.hold`. The system takes it from nobody, so it is held until the end."""
        handle = self._opened()
        try:
            self._wait(handle, patience, waiting)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            told = json.dumps(asdict(Holder(run, os.getpid(), now))).encode()
            os.truncate(handle, 0)
            os.pwrite(handle, told, 0)
            yield lambda: None
        finally:
            os.close(handle)

    def _opened(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            what = f"the index cannot be written: {self.path.parent}: {(error.strerror or 'refused').lower()}"
            raise IndexStoreError(
                what, "Give this user the right to write there, and see that the disk has room."
            ) from error

    def _wait(self, handle: int, patience: float, waiting: Waiting | None) -> None:
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                waited, holder = time.monotonic() - began, _holder(handle)
                if waited >= patience:
                    raise IndexStoreError(
                        f"another run is writing the index: {holder or 'nobody knows which'}",
                        "Wait until it has ended, then run again.",
                    ) from error
                if waiting:
                    waiting(holder, waited)
                time.sleep(min(POLL, patience - waited))


def waiting_told(*, every: float = TOLD_EVERY) -> Waiting:
    """A listener that logs for whom a run waits: at once, and then now and again."""
    told = float("-inf")

    def waiting(holder: Holder | None, waited: float) -> None:
        nonlocal told
        if waited - told >= every:
            told = waited
            logger.warning("waiting for %s, for %.0f s so far", holder or "another run", waited)

    return waiting


def lock_for(place: Path | ObjectPlace) -> WriterLock:
    """The lock of the store at `place`: a folder, or a place in an object store."""
    if isinstance(place, Path):
        return FileLock(place / "writer.lock")
    from index.leasing import ObjectLease

    return ObjectLease(place)


def _holder(handle: int) -> Holder | None:
    """Who wrote its name into the lock; None while it is being written, or where an older version wrote it."""
    try:
        return Holder(**json.loads(os.pread(handle, 4096, 0)))
    except (ValueError, TypeError):
        return None
