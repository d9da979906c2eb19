"""Where files lie: a folder, an object store or a server, as a tree of entries that is looked at and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from connectors.places.content import Content

Kind = Literal["file", "folder", "other"]


@dataclass(frozen=True)
class Entry:
    """Something below a place. `path` is below it, parted by `/`; empty for the place itself.

    `version` changes with the content, as far as the place can tell; `proof`, where a place has one, changes whenever
    the content does, to the byte (a strong ETag of RFC 9110). `fault` says why an entry of kind `other` cannot
    be read. A `link` is never followed by `**`.
    """

    path: str
    kind: Kind
    size: int = -1
    modified: datetime | None = None
    version: str = ""
    proof: str = ""
    fault: str = ""
    link: bool = False


class Unlisted(Exception):
    """A folder that is there and cannot be listed. The message says why, without a secret."""


class Unreachable(Exception):
    """A place that does not answer. The message says why, without a secret."""


class Place(Protocol):
    """A tree of files. Its methods raise Unreachable where it does not answer, FileRefused where it may not be."""

    @property
    def atomic(self) -> bool:
        """Whether a file only shows once it is wholly written."""
        ...

    def above(self) -> tuple[Place, str] | None:
        """Of a place that is one file, the folder it lies in and its name there; None where that cannot be told."""
        ...

    def look(self, path: str) -> Entry | None:
        """What lies at a path; None where nothing does."""
        ...

    def entries(self, path: str) -> Sequence[Entry]:
        """What lies in a folder; nothing where there is no such folder. Raises Unlisted where it cannot be listed."""
        ...

    def content(self, entry: Entry) -> Content:
        """What a file holds, to be fetched when it is read."""
        ...

    def cited(self, path: str) -> str:
        """How the file at a path is cited."""
        ...

    def outside(self, entry: Entry) -> bool:
        """Whether an entry is a link, or lies behind one, that leads out of the place."""
        ...
