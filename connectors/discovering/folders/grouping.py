"""Put files together that are deliveries of one table: the same columns, and names that differ in dates and numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from connectors.discovering.folders.walking import Found
from connectors.discovering.profiles import Profile

BY_ENDING = ("document", "markdown", "mail", "hl7", "edifact", "x12")  # each file is a message or document of its own
DATED = re.compile(r"[0-9]+(?:[-_.]?[0-9]+)*(?:T[0-9]+Z?)?")
STANDARD_SHEETS = re.compile(r"(?:sheet|tabelle|feuil|hoja|blatt|foglio|table|root|data)[ _-]?[0-9]*", re.IGNORECASE)


class Group(Profile):
    """Files that are read as one table. `path` is relative to the place that was looked at, `below` to `folder`."""

    name: str  # words for it, without dates
    kind: str
    folder: str  # the folder that its source names, relative to the place; empty: the place itself
    below: str  # file name or glob, `!` and a member, `#` and a table
    files: tuple[str, ...]
    columns: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def path(self) -> str:
        """What no other group is called."""
        return f"{self.folder}/{self.below}" if self.folder else self.below


def grouped(found: Sequence[Found]) -> list[Group]:
    """The groups in the order of their paths."""
    alike: dict[tuple[Any, ...], list[Found]] = defaultdict(list)
    for one in found:
        alike[_likeness(one)].append(one)
    every = {one.name for one in found}
    told: list[Group] = []
    for ones in alike.values():
        pattern = _pattern(ones, every)
        told += [_group(ones, pattern)] if pattern else [_group([one], _escaped(one.name)) for one in ones]
    return sorted(told, key=lambda group: group.path)


def _likeness(one: Found) -> tuple[Any, ...]:
    folder, _, name = one.name.rpartition("/") if "!" not in one.name else ("", "", one.name)
    if one.kind in BY_ENDING:
        return (folder, one.kind, PurePosixPath(one.name).suffix.lower())
    return (folder, one.kind, one.table, one.columns, DATED.sub("*", name))


def _pattern(ones: Sequence[Found], every: Iterable[str]) -> str:
    """A glob that matches these files and no others; empty where there is none."""
    if len(ones) == 1 and ones[0].kind not in BY_ENDING:
        return _escaped(ones[0].name)
    mine = {one.name for one in ones}
    folder, mark, name = ones[0].name.rpartition("/")
    bare = _escaped(folder) + mark
    if ones[0].kind in BY_ENDING:
        tries = [f"{bare}*{PurePosixPath(name).suffix}"]
    else:
        tries = [bare + DATED.sub("*", _escaped(name)), bare + DATED.sub("[0-9]*", _escaped(name))]
    return next((one for one in tries if {name for name in every if _matches(name, one)} == mine), "")


def _escaped(name: str) -> str:
    """The name as a pattern that matches only itself."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _matches(name: str, pattern: str) -> bool:
    """Whether a path matches a glob, part by part; `*` does not reach over `/` and `!`."""
    parts, wanted = re.split(r"[/!]", name), re.split(r"[/!]", pattern)
    return len(parts) == len(wanted) and all(
        PurePosixPath(part).match(want) for part, want in zip(parts, wanted, strict=True)
    )


def _group(ones: Sequence[Found], pattern: str) -> Group:
    first = ones[0]
    base, mark, rest = pattern.partition("!")
    folder, _, last = base.rpartition("/")
    below = last + mark + rest + (f"#{first.table}" if first.table else "")
    plain = re.sub(r"\[([*?[])\]", r"\1", folder)
    return Group(
        name=_named(first, plain), kind=first.kind, folder=plain, below=below,
        files=tuple(sorted(one.name for one in ones)), columns=first.columns, settings=_settings(ones),
    )  # fmt: skip


def _settings(ones: Sequence[Found]) -> dict[str, Any]:
    """What all files have in common; where they differ, each is detected when it is read."""
    return {
        key: value for key, value in ones[0].settings.items() if all(one.settings.get(key) == value for one in ones)
    }


def _named(one: Found, folder: str) -> str:
    """Words for a table: its own name, or the file's without dates and endings, or the folder's."""
    if one.table and not STANDARD_SHEETS.fullmatch(one.table):
        return one.table
    last = PurePosixPath(re.split(r"[/!]", one.name)[-1])
    stem = last.name.partition(".")[0] if one.kind not in BY_ENDING else ""
    bare = DATED.sub(" ", stem).strip(" -_.")
    return bare or stem or PurePosixPath(folder).name or f"{one.kind}s"
