"""Files inside an archive, and what is asked of each: a name that leads nowhere, and no more of them than allowed."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import FileRefused
from connectors.places.content import Content
from connectors.places.limits import PlaceLimits
from connectors.places.unpacking import BOMB


@dataclass(frozen=True)
class Member:
    """One file in an archive. `fault` says why it cannot be read, and `remedy` what helps."""

    name: str
    size: int
    content: Content | None = None
    fault: str = ""
    remedy: str = ""


def refuse_many(count: int, size: int, limits: PlaceLimits) -> None:
    """Raise FileRefused where an archive holds more files, or more bytes, than it may."""
    if count > limits.members:
        raise FileRefused(f"the archive holds more than {limits.members} files (limits.members)", BOMB)
    if size > limits.expanded_bytes:
        raise FileRefused(f"the archive holds more than {limits.expanded_bytes} bytes (limits.expanded_bytes)", BOMB)


def unsafe(name: str) -> str:
    """What is wrong with a member's name; empty where it is well."""
    drive = len(name) > 1 and name[1] == ":"
    outward = name.startswith("/") or drive or ".." in name.split("/")
    return "its name in the archive leads outside of it" if outward else ""


def ending_of(path: str) -> str:
    """The ending of a file's or member's name in small letters, `.csv`; empty where it has none."""
    name = path.rpartition("/")[2]
    at = name.rfind(".")
    return name[at:].lower() if 0 < at < len(name) - 1 else ""
