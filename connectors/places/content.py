"""What a file holds, wherever it lies: as a stream of bytes, and as a local file while it is read."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from catalog.errors import FileRefused
from connectors.places.cache import CACHE

COPY_BYTES = 1024 * 1024  # read at once
CHANGED = ("it changed while it was read", "The next run reads it, when nobody writes to it any more.")


class Readable(Protocol):
    """Bytes that are read from their beginning to their end."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, at most so many; none at the end."""
        ...


class Content(ABC):
    """Bytes that lie somewhere. `key` tells them from any others that lay or will lie there."""

    @property
    @abstractmethod
    def key(self) -> tuple[object, ...]:
        """Where they lie and which ones they are."""

    @abstractmethod
    def stream(self) -> AbstractContextManager[Readable]:
        """The bytes from their beginning. Raises FileRefused, also when they are read."""

    @property
    def suffix(self) -> str:
        """The ending that its file gets on this machine."""
        return ""

    @contextmanager
    def local(self) -> Iterator[Path]:
        """A file with the bytes, to be read only, while the context lasts. Raises FileRefused."""
        with CACHE.holding(self.key, self._written, suffix=self.suffix) as path:
            yield path

    def _written(self, path: Path) -> None:
        """Write the bytes into a file."""
        with self.stream() as stream, path.open("wb") as file:
            try:
                shutil.copyfileobj(stream, file, COPY_BYTES)
            except OSError as error:
                raise FileRefused(
                    f"it cannot be fetched: {error.strerror or error}", "Make room, or try again."
                ) from None


@dataclass(frozen=True)
class LocalContent(Content):
    """A file of this machine, as it was when it was looked at."""

    path: str  # parsed where it is needed: there may be a hundred thousand of them
    root: Path
    size: int
    modified: datetime | None
    version: str

    @property
    def key(self) -> tuple[object, ...]:
        """Its path, size, time of writing and file number."""
        return ("local", self.path, self.size, self.version)

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """The open file. Raises FileRefused where it changed before it was read to its end."""
        try:
            file = open(self.path, "rb", opener=_at_once)  # noqa: SIM115  # a Path takes no opener
        except OSError as error:
            raise FileRefused(
                f"it cannot be read: {error.strerror}", "Check that it is there, and the rights on it."
            ) from None
        with file:
            yield file
        self._unchanged()

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The file itself."""
        with self.stream():
            path = Path(self.path)
            if not path.resolve().is_relative_to(self.root):
                raise FileRefused(
                    "it is a link that leads outside the source's folder", "Copy it instead of linking it."
                )
            yield path

    def _unchanged(self) -> None:
        from connectors.places.local import version_of

        try:
            now = os.stat(self.path)  # noqa: PTH116 - see `path`
        except OSError:
            raise FileRefused("it was removed while it was read", CHANGED[1]) from None
        if (now.st_size, version_of(now)) != (self.size, self.version):
            raise FileRefused(*CHANGED)


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting, should it have become a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
