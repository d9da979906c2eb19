"""Fingerprints of code, so that a change of the code processes again what an unchanged input would skip."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def code_fingerprint(*rooms: str) -> str:
    """SHA-256 over the names and bytes of all Python sources of these top-level packages; nothing is imported."""
    digest = hashlib.sha256()
    for room in sorted(set(rooms)):
        for folder in _folders(room):
            for path in sorted(folder.rglob("*.py")):
                source = path.read_bytes()
                name = f"{room}/{path.relative_to(folder).as_posix()}"
                digest.update(f"{name}\x1f{len(source)}\x1f".encode() + source)
    return digest.hexdigest()


def _folders(room: str) -> list[Path]:
    spec = find_spec(room)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package named '{room}'", name=room)
    return [Path(place) for place in spec.submodule_search_locations]
