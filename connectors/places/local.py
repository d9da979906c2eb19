"""A folder of this machine, or one file of it, as a place."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from connectors.places.content import LocalContent
from connectors.places.patterns import joined
from connectors.places.place import Entry, Unlisted

SPECIAL = "it is a pipe, a socket or a device, and no file"


@dataclass(frozen=True)
class LocalPlace:
    """What lies below `root`, which may be one file. `folder` is the project folder, by which files are cited."""

    root: Path
    folder: Path
    atomic: bool = False

    def above(self) -> tuple[LocalPlace, str]:
        """See `Place.above`."""
        return replace(self, root=self.root.parent), self.root.name

    def look(self, path: str) -> Entry | None:
        """See `Place.look`."""
        full = self._full(path)
        try:
            told = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            return Entry(path, "other", fault=f"it cannot be looked at: {getattr(error, 'strerror', None) or error}")
        return _entry(path, full, told)

    def entries(self, path: str) -> Sequence[Entry]:
        """See `Place.entries`."""
        try:
            with os.scandir(self.root / path) as inside:
                told = [self._listed(joined(path, one.name), one) for one in inside]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise Unlisted(error.strerror) from None
        return [entry for entry in told if entry is not None]

    def _listed(self, path: str, one: os.DirEntry[str]) -> Entry | None:
        """What a listing tells of a path; None where it is gone meanwhile."""
        try:
            return _entry(path, one.path, one.stat(follow_symlinks=False))
        except OSError:
            return self.look(path)

    def content(self, entry: Entry) -> LocalContent:
        """See `Place.content`."""
        return LocalContent(self._full(entry.path), self.root, entry.size, entry.modified, entry.version)

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}" if path else str(self.root)

    def cited(self, path: str) -> str:
        """Its path below the project folder; where it lies elsewhere, below the source's."""
        own, cut = self._below_folder
        if own is not None:
            return shown(joined(own, path) if path else own or ".")
        return shown((path.removeprefix(cut) if cut else path) or self.root.name)

    @cached_property
    def _below_folder(self) -> tuple[str | None, str]:
        """The place's own path below the project folder, or where this lies below the place, what leads to it."""
        if self.root.is_relative_to(self.folder):
            own = self.root.relative_to(self.folder).as_posix()
            return ("" if own == "." else own), ""
        below = self.folder.is_relative_to(self.root)
        return None, f"{self.folder.relative_to(self.root).as_posix()}/" if below else ""

    def outside(self, entry: Entry) -> bool:
        """See `Place.outside`."""
        return not (self.root / entry.path).resolve().is_relative_to(self.root)


def version_of(told: os.stat_result) -> str:
    """What changes when a file is written, or another one takes its place."""
    return f"{told.st_mtime_ns}.{told.st_ino}"


def shown(name: str) -> str:
    """A name as text of one line: bytes that are no UTF-8, and what cannot be printed, are escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _entry(path: str, full: str, told: os.stat_result) -> Entry:
    link = stat.S_ISLNK(told.st_mode)
    try:
        told = Path(full).stat() if link else told
    except OSError:
        return Entry(path, "other", fault="it is a link that leads nowhere", link=True)
    if stat.S_ISDIR(told.st_mode):
        return Entry(path, "folder", link=link)
    if not stat.S_ISREG(told.st_mode):
        return Entry(path, "other", fault=SPECIAL, link=link)
    written = datetime.fromtimestamp(told.st_mtime, UTC)
    return Entry(path, "file", told.st_size, written, version_of(told), link=link)
