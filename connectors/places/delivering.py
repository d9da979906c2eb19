"""Deliveries as they are found: a file that lies in a place, a member of an archive, or what is wrong with one."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from catalog.errors import FileRefused
from connectors.formats.tables import File
from connectors.places.cache import CACHE
from connectors.places.content import COPY_BYTES, Content
from connectors.places.place import Entry, Place

MOST_FINGERPRINTS = 100_000  # remembered by this process
STILL = timedelta(seconds=2)  # a file written since may be written again within the tick of its file system's clock
STEM = "table"  # what a file and those that belong to it are called while they are read


@dataclass(frozen=True)
class Lying:
    """A file as it lies in its place, before anything is unpacked.

    `siblings` are those that belong to it, by the names that a format looks for them under; see `places.siblings`.
    """

    place: Place
    entry: Entry
    siblings: tuple[tuple[str, Entry], ...] = ()

    @cached_property
    def name(self) -> str:
        """How it is cited."""
        return self.place.cited(self.entry.path)

    @property
    def entries(self) -> list[Entry]:
        """The file, and what belongs to it."""
        return [self.entry, *(one for _, one in self.siblings)]

    @property
    def state(self) -> str:
        """What changes with it, as far as a listing tells."""
        return " ".join(f"{one.size}:{one.version}" for one in self.entries)

    def unchanged(self) -> bool:
        """Whether it is the same, looked at now."""
        return all(self.place.look(one.path) == one for one in self.entries)


@dataclass(frozen=True)
class Sibling:
    """A file that belongs to a delivery. `own` is its own name, `name` the one that a format looks for it under."""

    name: str
    own: str
    content: Content

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The file on this machine."""
        with ExitStack() as stack:
            with self._blamed():
                path = stack.enter_context(self.content.local())
            yield path

    def fingerprint(self, modified: datetime | None) -> str:
        """Its name and SHA-256, as a line."""
        with self._blamed():
            return f"\n{self.name} {_fingerprint(self.content, modified)}"

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except FileRefused as error:
            raise FileRefused(f"'{self.own}', which belongs to it: {error.what}", error.remedy) from None


@dataclass(frozen=True)
class FoundFile:
    """A delivery; see `connectors.places.delivery.Delivery`. `lying` is the file that it is, or is a part of."""

    name: str
    size: int
    modified: datetime | None
    table: str
    content: Content
    lying: Lying
    siblings: tuple[Sibling, ...] = ()

    @property
    def version(self) -> str:
        """See `Delivery.version`."""
        proofs = [one.proof for one in self.lying.entries]
        return " ".join(proofs) if all(proofs) else ""

    def fingerprint(self) -> str:
        """See `Delivery.fingerprint`."""
        told = _fingerprint(self.content, self._written)
        if not self.siblings:
            return told
        lines = [told, *(one.fingerprint(self._written) for one in self.siblings)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @contextmanager
    def fetched(self) -> Iterator[File]:
        """See `Delivery.fetched`; leaving it raises FileRefused, too, where the file changed meanwhile."""
        with ExitStack() as stack:
            path = stack.enter_context(self.content.local())
            if self.siblings:
                path = stack.enter_context(self._together(path))
            yield File(path, self.name)

    @property
    def _written(self) -> datetime | None:
        """When the file, or what belongs to it, was last written."""
        return max((one.modified for one in self.lying.entries if one.modified), default=None)

    @contextmanager
    def _together(self, path: Path) -> Iterator[Path]:
        """The file in a folder with what belongs to it and nothing else, by names that come from nowhere else."""
        with ExitStack() as stack:
            told = {one.name: stack.enter_context(one.local()) for one in self.siblings}
            folder = stack.enter_context(CACHE.folder())
            for name, lies in {File(path, self.name).suffix: path, **told}.items():
                (folder / (f"{STEM}{name}" if name.startswith(".") else name)).symlink_to(lies)
            yield folder / f"{STEM}{File(path, self.name).suffix}"


@dataclass(frozen=True)
class Refused(Content):
    """What cannot be had, and why."""

    what: str
    remedy: str

    @property
    def key(self) -> tuple[object, ...]:
        """See `Content.key`."""
        return ("refused", self.what)

    def stream(self) -> NoReturn:
        """Raise the refusal."""
        raise FileRefused(self.what, self.remedy)

    def local(self) -> NoReturn:
        """Raise the refusal."""
        raise FileRefused(self.what, self.remedy)


class _Known:
    """Fingerprints by the keys of contents; the oldest are forgotten."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._held: OrderedDict[tuple[object, ...], str] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> str | None:
        with self._lock:
            return self._held.get(key)

    def put(self, key: tuple[object, ...], mark: str) -> None:
        with self._lock:
            self._held[key] = mark
            if len(self._held) > self._most:
                self._held.popitem(last=False)


_known = _Known(MOST_FINGERPRINTS)


def _fingerprint(content: Content, modified: datetime | None) -> str:
    """SHA-256 of a content, remembered unless it was written just now."""
    known = _known.get(content.key)
    if known is None:
        known = _hashed(content)
        if modified is None or datetime.now(UTC) - modified > STILL:
            _known.put(content.key, known)
    return known


def _hashed(content: Content) -> str:
    digest = hashlib.sha256()
    with content.stream() as stream:
        while True:
            try:
                told = stream.read(COPY_BYTES)
            except OSError as error:
                raise FileRefused(f"it cannot be read: {error.strerror or error}", "Check the rights on it.") from None
            if not told:
                return digest.hexdigest()
            digest.update(told)
