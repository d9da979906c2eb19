"""Which files have to be read again: known by their content, not by their names or times.

A cursor holds `files`, in reading order: `name`, `sha256`, `rows`, `rejects`, and `refused`, why the file could not be
read (empty where it could). What else the rows depend on, declarations and code, is compared by whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What becomes of each file. `order` is the reading order of all whose rows will be held.

    `read` names the files to read, `kept` those whose held rows stay, by their former name, `gone` the former names
    whose rows go, `twice` the files that hold what the file beside them holds already, and are not read.
    """

    read: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    twice: list[tuple[str, str]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)


def plan(
    found: Sequence[tuple[str, str]],
    held: Mapping[str, Any] | None = None,
    *,
    append: bool = False,
    named: bool = False,
) -> Plan:
    """Compare the files found, (name, SHA-256) in reading order, with the cursor of the last read.

    An empty SHA-256 is that of a file whose content cannot be had now, because it is broken or still being written:
    what is held of it stays, also of the members of an archive. With `append` the rows of vanished files stay. `named`
    says that a row depends on its file's name, as a document's path: then a renamed file is another one, and two with
    the same content are two.
    """
    before = {str(one["name"]): one for one in (held or {}).get("files", ())}
    here = {name for name, _ in found}
    twice = [] if named else _twice(found)
    left_out = {name for name, _ in twice}
    donors = {} if named else _donors(before.values(), here=here)
    kept: dict[str, str] = {}
    read = []
    for name, sha in found:
        if name in left_out:
            continue
        former = _former(name, sha, before, donors, kept)
        if former is not None:
            kept[former] = name
        elif sha:
            read.append(name)
    unknown = tuple(f"{name}!" for name, sha in found if not sha)
    there = here | kept.keys()
    vanished = [name for name in before if name not in there and (append or name.startswith(unknown))]
    kept |= {name: name for name in vanished}
    gone = [name for name in before if name not in kept]
    order = [name for name, _ in found if name not in left_out]
    return Plan(read, kept, gone, twice, sorted([*order, *vanished], key=reading_order) if vanished else order)


def reading_order(name: str) -> tuple[str, ...]:
    """The key that files are sorted by: folder by folder."""
    return tuple(name.split("/"))


def _twice(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The files whose content an earlier one has, each with that one."""
    first: dict[str, str] = {}
    return [(name, first[sha]) for name, sha in found if sha and first.setdefault(sha, name) != name]


def _donors(before: Iterable[Mapping[str, Any]], *, here: set[str]) -> dict[str, list[str]]:
    """By content, the former names that its rows are held under; those of vanished files first."""
    told = sorted(before, key=lambda one: one["name"] in here)
    donors: dict[str, list[str]] = {}
    for one in told:
        if one["sha256"] and not one.get("refused"):
            donors.setdefault(one["sha256"], []).append(one["name"])
    return donors


def _former(
    name: str,
    sha: str,
    before: Mapping[str, Mapping[str, Any]],
    donors: Mapping[str, Sequence[str]],
    taken: Mapping[str, str],
) -> str | None:
    """The name that the rows of a file are held under; None where it has to be read."""
    same = before.get(name)
    if same is not None and (not sha or same["sha256"] == sha) and name not in taken:
        return name
    return next((donor for donor in donors.get(sha, ()) if donor not in taken), None) if sha else None
