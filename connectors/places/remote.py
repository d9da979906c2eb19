"""Places that are reached over a network, by fsspec: what their listings say, and how their files get here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.callbacks import Callback

from catalog.errors import FileRefused, SourceUnreachable
from catalog.models import Dataset, Source
from connectors.places.content import CHANGED, Content
from connectors.places.delivering import STILL
from connectors.places.hosts import HostRefused
from connectors.places.limits import PlaceLimits, limits_of
from connectors.places.local import shown
from connectors.places.place import Entry, Place, Unlisted, Unreachable
from connectors.places.unpacking import refuse_growth

_unknown = count(1)


def remote_place(location: str, source: Source, dataset: Dataset, *, folder: Path) -> Place:
    """The place of a URL; it is connected to when it is first asked."""
    scheme = location.partition("://")[0].lower()
    try:
        limits = limits_of(source, dataset)
        if scheme == "s3":
            from connectors.places.buckets import bucket

            return bucket(location, source, dataset, limits, folder=folder)
        if scheme == "sftp":
            from connectors.places.ssh_servers import ssh_server

            return ssh_server(location, source, dataset, limits, folder=folder)
        from connectors.places.web_servers import web_server

        return web_server(location, source, dataset, limits, folder=folder)
    except HostRefused as error:
        raise SourceUnreachable(source.name, dataset.name, error.what, error.remedy) from None


class RemotePlace(ABC):
    """A place behind an fsspec file system. A subclass connects, names its faults, and reads its listings."""

    atomic = False
    tries = 2  # a connection that was lost is made anew once

    def __init__(self, root: str, limits: PlaceLimits) -> None:
        self.root, self.limits = root, limits
        self._fs: Any = None

    @abstractmethod
    def connected(self) -> Any:
        """A new file system. Raises one of `faults`."""

    @property
    @abstractmethod
    def faults(self) -> tuple[type[Exception], ...]:
        """What its library raises when something is wrong, beside OSError."""

    @abstractmethod
    def entry_of(self, path: str, info: Mapping[str, Any]) -> Entry:
        """An entry, from what fsspec tells of it."""

    @abstractmethod
    def told(self, error: Exception) -> str:
        """What is wrong, in a few words without a secret."""

    def refuses(self, error: Exception) -> bool:
        """Whether the place answers and says no, to this path alone."""
        return isinstance(error, PermissionError)

    def full(self, path: str) -> str:
        """A path as the file system calls it."""
        return f"{self.root.rstrip('/')}/{path}" if path else self.root

    def above(self) -> tuple[Place, str] | None:
        """See `Place.above`."""
        folder, _, name = self.root.rpartition("/")
        place = copy(self)
        place.root = folder
        return (place, name) if folder and name else None

    def outside(self, entry: Entry) -> bool:
        """See `Place.outside`; only a place that has links has any that lead out."""
        return False

    def look(self, path: str) -> Entry | None:
        """See `Place.look`."""
        try:
            return self.entry_of(path, self._asked("info", self.full(path)))
        except FileNotFoundError:
            return None
        except Denied as error:
            return Entry(path, "other", fault=f"it cannot be looked at: {error}")

    def entries(self, path: str) -> Sequence[Entry]:
        """See `Place.entries`."""
        try:
            listed = self._asked("ls", self.full(path), detail=True)
        except FileNotFoundError:
            return []
        except Denied as error:
            raise Unlisted(str(error)) from None
        told = [(self.below(path, info["name"]), info) for info in listed]
        return [self.entry_of(below, info) for below, info in told if below]

    def below(self, path: str, name: str) -> str:
        """The path of something that is listed in a folder; empty where it is no direct part of it."""
        own = name.rstrip("/").rpartition("/")[2]
        if self.full(path).rstrip("/") == name.rstrip("/") or own in ("", ".", ".."):
            return ""
        return f"{path}/{own}" if path else own

    def content(self, entry: Entry) -> Content:
        """See `Place.content`."""
        return RemoteContent(self, entry, entry.version if _vouched(entry) else f"{entry.version} {next(_unknown)}")

    def cited(self, path: str) -> str:
        """Its path below the place; the name of a place that is one file."""
        return shown(path or self.root.rstrip("/").rpartition("/")[2])

    def fetch(self, entry: Entry, target: Path) -> None:
        """Write a file's bytes to `target`. Raises FileRefused where it cannot be had, or is another one by now."""
        refuse_growth(entry.size, max(entry.size, 1), self.limits)
        try:
            self._asked("get_file", self.full(entry.path), str(target), callback=_Limited(self.limits))
            now = self.look(entry.path)
        except FileNotFoundError:
            raise FileRefused("it is not there any more", CHANGED[1]) from None
        except (Denied, Unreachable) as error:
            raise FileRefused(f"it cannot be fetched: {error}", "Try again; check the rights on it.") from None
        size = target.stat().st_size
        if now is None or (now.version, now.size) != (entry.version, entry.size):
            raise FileRefused(*CHANGED)
        if entry.size not in (-1, size):
            raise FileRefused(f"it is cut: {size} of {entry.size} bytes came", "Try again.")

    def _asked(self, what: str, *told: Any, **named: Any) -> Any:
        """What the file system answers. Raises FileNotFoundError, Denied or Unreachable."""
        caught: tuple[type[Exception], ...] = (OSError, *self.faults)
        for tried in range(1, self.tries + 1):
            try:
                if self._fs is None:
                    self._fs = self.connected()
                return getattr(self._fs, what)(*told, **named)
            except (HostRefused, FileRefused):
                raise
            except caught as error:
                fault = self.cause(error)
                if isinstance(fault, FileRefused):
                    raise fault from None
                if isinstance(fault, FileNotFoundError):
                    raise FileNotFoundError from None
                if self.refuses(fault):
                    raise Denied(self.told(fault)) from None
                self._fs = None
                if tried == self.tries:
                    raise Unreachable(self.told(fault)) from None
        raise AssertionError("the last try raises")

    def cause(self, error: Exception) -> Exception:
        """The fault behind an error."""
        return error


class Denied(Exception):
    """The place answers, and does not give this. The message says why."""


@dataclass(frozen=True)
class RemoteContent(Content):
    """A file of a remote place; it is fetched when it is read."""

    place: RemotePlace
    entry: Entry
    version: str

    @property
    def key(self) -> tuple[object, ...]:
        """Its place, path, and version there."""
        return ("remote", type(self.place).__name__, self.place.full(self.entry.path), self.entry.size, self.version)

    @property
    def suffix(self) -> str:
        """See `Content.suffix`."""
        return Path(self.place.cited(self.entry.path)).suffix.lower()

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """See `Content.stream`."""
        with self.local() as path, path.open("rb") as file:
            yield file

    def _written(self, path: Path) -> None:
        self.place.fetch(self.entry, path)


class _Limited(Callback):  # type: ignore[misc]  # fsspec has no types
    """Counts what comes, and refuses what is too much: a server may send more than it said."""

    def __init__(self, limits: PlaceLimits) -> None:
        super().__init__()
        self._limits = limits

    def relative_update(self, inc: int = 1) -> None:
        """Called by fsspec for each piece."""
        super().relative_update(inc)
        refuse_growth(self.value, max(self.value, 1), self._limits)


def _vouched(entry: Entry) -> bool:
    """Whether the version tells the content from what is written next: times are told in seconds."""
    old = entry.modified is not None and datetime.now(UTC) - entry.modified > STILL
    return bool(entry.proof or (entry.version and old))


def moment(told: object) -> datetime | None:
    """A time as fsspec tells it, where it is aware."""
    return told if isinstance(told, datetime) and told.tzinfo is not None else None
