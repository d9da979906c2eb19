"""A folder of this machine, or one file of it, as a place."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from connectors.places.content import LocalContent
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
        full = self.root / path
        try:
            told = full.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            return Entry(path, "other", fault=f"it cannot be looked at: {getattr(error, 'strerror', None) or error}")
        return _entry(path, full, told)

    def entries(self, path: str) -> Sequence[Entry]:
        """See `Place.entries`."""
        try:
            with os.scandir(self.root / path) as inside:
                names = [one.name for one in inside]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise Unlisted(error.strerror) from None
        told = (self.look(f"{path}/{name}" if path else name) for name in names)
        return [entry for entry in told if entry is not None]

    def content(self, entry: Entry) -> LocalContent:
        """See `Place.content`."""
        return LocalContent(self.root / entry.path, self.root, entry.size, entry.modified, entry.version)

    def cited(self, path: str) -> str:
        """Its path below the project folder; where it lies elsewhere, below the source's."""
        full = self.root / path
        if full.is_relative_to(self.folder):
            return shown(full.relative_to(self.folder).as_posix())
        return shown(path or full.name)

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


def _entry(path: str, full: Path, told: os.stat_result) -> Entry:
    link = stat.S_ISLNK(told.st_mode)
    try:
        told = full.stat() if link else told
    except OSError:
        return Entry(path, "other", fault="it is a link that leads nowhere", link=True)
    if stat.S_ISDIR(told.st_mode):
        return Entry(path, "folder", link=link)
    if not stat.S_ISREG(told.st_mode):
        return Entry(path, "other", fault=SPECIAL, link=link)
    written = datetime.fromtimestamp(told.st_mtime, UTC)
    return Entry(path, "file", told.st_size, written, version_of(told), link=link)
