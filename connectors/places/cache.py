"""Files that were fetched or unpacked, on this machine for as long as they are read, and a little longer where room is.

They lie in a folder of this process below the system's temporary folder, which nobody else may read. What nobody reads
is removed, oldest first, when there is more of it than the limit, and all of it when the process ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

PREFIX = "landbridge-files-"
IDLE_BYTES = 8 * 2**30  # of files that nobody reads just now
IDLE_FILES = 4096


@dataclass
class _Kept:
    path: Path
    size: int = 0
    readers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Cache:
    """Fetched files by their keys. One file is fetched once, also where several threads want it at once."""

    def __init__(self, idle_bytes: int = IDLE_BYTES) -> None:
        self.idle_bytes = idle_bytes
        self._folder: Path | None = None
        self._owner = 0
        self._numbers = count(1)
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._idle: OrderedDict[tuple[object, ...], int] = (
            OrderedDict()
        )  # sizes of those that nobody reads, oldest first
        self._idle_size = 0
        self._lock = threading.Lock()

    @contextmanager
    def holding(self, key: tuple[object, ...], fill: Callable[[Path], None], *, suffix: str = "") -> Iterator[Path]:
        """The file of a key, filled by `fill` where it is not there; it stays while the context lasts."""
        kept = self._taken(key, suffix)
        try:
            with kept.lock:
                if not kept.path.exists():
                    _filled(kept.path, fill)
                    kept.size = kept.path.stat().st_size
            yield kept.path
        finally:
            self._left(key, kept)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder, removed with what is in it when the context ends."""
        with self._lock:
            self._own()
            path = Path(tempfile.mkdtemp(dir=self._home()))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def clear(self) -> None:
        """Remove everything that nobody reads."""
        with self._lock:
            self._make_room(0)

    def _taken(self, key: tuple[object, ...], suffix: str) -> _Kept:
        with self._lock:
            self._own()
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _Kept(self._home() / f"{next(self._numbers)}{suffix}")
            self._idle_size -= self._idle.pop(key, 0)
            kept.readers += 1
            return kept

    def _left(self, key: tuple[object, ...], kept: _Kept) -> None:
        with self._lock:
            kept.readers -= 1
            if not kept.readers and self._kept.get(key) is kept:
                self._idle[key] = kept.size
                self._idle_size += kept.size
                self._make_room(self.idle_bytes)

    def _own(self) -> None:
        """A forked process has files of its own."""
        if self._owner != os.getpid():
            self._folder, self._owner = None, os.getpid()
            self._kept, self._idle, self._idle_size = {}, OrderedDict(), 0

    def _home(self) -> Path:
        if self._folder is None:
            _sweep(Path(tempfile.gettempdir()))
            self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))  # mode 0700
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _make_room(self, most: int) -> None:
        while self._idle and (self._idle_size > most or len(self._idle) > IDLE_FILES or not most):
            key, size = self._idle.popitem(last=False)
            self._idle_size -= size
            self._kept.pop(key).path.unlink(missing_ok=True)


def _filled(path: Path, fill: Callable[[Path], None]) -> None:
    """A file that was filled to its end, or none."""
    half = path.with_name(f"{path.name}.part")
    try:
        fill(half)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what processes left behind that were killed."""
    for left in folder.glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not _alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


CACHE = Cache()
