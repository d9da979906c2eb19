"""What installed distributions offer by entry point, and how one is named in a message: `name version`."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from catalog.fingerprint import code_fingerprint


def offered(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    """The entries of a group by their names, in the order of the import path. Nothing is imported."""
    return _offered(group, tuple(sys.path))


@cache  # asking costs a look into every installed distribution, about 30 ms for three hundred of them
def _offered(group: str, _path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def owner_of(entry: EntryPoint) -> str:
    """The distribution an entry belongs to, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"


def code_of(entry: EntryPoint) -> str:
    """A fingerprint of the package or module of an entry, so that a repaired one works again; empty where none is."""
    room = entry.module.partition(".")[0]
    try:
        return code_fingerprint(room)
    except ModuleNotFoundError:  # one module and no package
        spec = find_spec(room)
        origin = Path(spec.origin) if spec is not None and spec.origin else None
        return hashlib.sha256(origin.read_bytes()).hexdigest() if origin is not None and origin.is_file() else ""
