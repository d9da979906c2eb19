"""Remember by its content what a source does, over processes, so that thousands of lines are not parsed in each.

Only a cache: a source that changed has another content, and a file that is damaged, or that another Python or another
way to make marks wrote, counts as empty.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Code(NamedTuple):
    """What a module does, as a fingerprint; what it imports; and whether it imports by names that it computes."""

    mark: str
    imports: tuple[tuple[str, str], ...]  # (module, name taken from it; empty where it is taken whole)
    by_name: bool


class CodeMarks:
    """Marks by the SHA-256 of their sources. `form` differs whenever marks are made in another way.

    `keep_in` names the file that keeps them; without one a process does.
    """

    def __init__(self, form: str) -> None:
        self._form = f"{form} {sys.version}"  # how a tree is dumped differs between versions of Python
        self._path: Path | None = None
        self._held: dict[str, Code] = {}
        self._asked: dict[str, Code] = {}
        self._new = False

    def keep_in(self, path: Path) -> None:
        """Read the marks of this file, and write new ones into it."""
        if path != self._path:
            self._path = path
            self._held |= self._read()

    def of(self, source: bytes, parse: Callable[[bytes], Code]) -> Code:
        """What a source does; `parse` finds it out where nobody knows."""
        content = hashlib.sha256(source).hexdigest()
        known = self._held.get(content)
        if known is None:
            known = self._held[content] = parse(source)
            self._new = True
        self._asked[content] = known
        return known

    def keep(self) -> None:
        """Write the marks, if there are new ones; those that nobody asked for, as of an older version, go."""
        if self._path is None or not self._new:
            return
        told = json.dumps(self._asked)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        whole.write_text(f"{self._seal(told)}\n{told}", encoding="utf-8")
        whole.replace(self._path)
        self._new = False

    def _read(self) -> dict[str, Code]:
        """The marks of the file; none where it is absent, damaged or of another form."""
        if self._path is None or not self._path.exists():
            return {}
        seal, _, told = self._path.read_text(encoding="utf-8", errors="replace").partition("\n")
        if seal != self._seal(told):
            return {}
        return {
            content: Code(mark, tuple((module, name) for module, name in imports), by_name)
            for content, (mark, imports, by_name) in json.loads(told).items()
        }

    def _seal(self, told: str) -> str:
        """What only these marks have, in this form."""
        return hashlib.sha256(f"{self._form} {told}".encode()).hexdigest()
