"""Find entries by a pattern: `*`, `?` and `[...]` within a name, `**` for any folders, as a shell does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from connectors.places.place import Entry, Place, Unlisted

WILD = frozenset("*?[")


class NoPattern(ValueError):
    """A text that is no file name and no pattern."""


class Outward(NoPattern):
    """A pattern that points out of the place."""


def segments_of(pattern: str) -> tuple[str, ...]:
    """The names that a pattern is made of. Raises NoPattern, or Outward where it leads upwards or to a root."""
    parts = pattern.split("/")
    if pattern.startswith("/") or ".." in parts or "://" in pattern:
        raise Outward(pattern)
    told = [part for part in parts if part not in ("", ".")]
    if not told or "\0" in pattern or any("**" in part and part != "**" for part in told):
        raise NoPattern(pattern)
    if told[-1] == "**":
        told.append("*")
    return tuple(part for at, part in enumerate(told) if part != "**" or at == 0 or told[at - 1] != "**")


def matches(path: str, segments: Sequence[str]) -> bool:
    """Whether a path, parted by `/`, is what the pattern means."""
    waiting = [(tuple(path.split("/")), tuple(segments))]
    seen = set()
    while waiting:
        names, wanted = waiting.pop()
        if not names and not wanted:
            return True
        if not wanted or (len(names), len(wanted)) in seen:
            continue
        seen.add((len(names), len(wanted)))
        if wanted[0] == "**":
            waiting.append((names, wanted[1:]))
            if names:
                waiting.append((names[1:], wanted))
        elif names and fnmatchcase(names[0], wanted[0]):
            waiting.append((names[1:], wanted[1:]))
    return False


def joined(folder: str, name: str) -> str:
    """The path of something in a folder; an empty one is the place itself."""
    return f"{folder}/{name}" if folder else name


def found(place: Place, segments: Sequence[str]) -> Iterator[Entry]:
    """The entries that are no folders and match, each once, in no order; a folder that cannot be listed is told."""
    told: set[str] = set()
    for entry in _walked(place, tuple(segments)):
        if entry.path not in told:
            told.add(entry.path)
            yield entry


def _walked(place: Place, segments: tuple[str, ...]) -> Iterator[Entry]:
    listed: dict[str, Sequence[Entry]] = {}
    waiting = [("", segments)]
    while waiting:
        folder, wanted = _behind_names(*waiting.pop())
        if not _wild(wanted[0]):
            entry = place.look(joined(folder, wanted[0]))
            yield from [entry] if entry is not None and entry.kind != "folder" else []
            continue
        if folder not in listed:
            listed[folder] = _listed(place, folder)
        if wanted[0] == "**":
            waiting.append((folder, wanted[1:]))
        for one in listed[folder]:
            if one.path == folder:  # what is wrong with the folder itself
                yield one
            elif _fits(one, wanted[0]) and one.kind == "folder":
                waiting += [(one.path, _after(wanted))] if len(wanted) > 1 else []
            elif _fits(one, wanted[0]) and len(wanted) == 1:
                yield one


def _behind_names(folder: str, wanted: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A folder and what is wanted in it, where the pattern begins with plain names of folders."""
    while len(wanted) > 1 and not _wild(wanted[0]):
        folder, wanted = joined(folder, wanted[0]), wanted[1:]
    return folder, wanted


def _listed(place: Place, folder: str) -> Sequence[Entry]:
    try:
        return place.entries(folder)
    except Unlisted as error:
        return [Entry(folder, "other", fault=f"the folder cannot be listed: {error}")]


def _fits(entry: Entry, wanted: str) -> bool:
    if wanted == "**":
        return entry.kind == "folder" and not entry.link
    return fnmatchcase(entry.path.rpartition("/")[2], wanted)


def _after(wanted: tuple[str, ...]) -> tuple[str, ...]:
    return wanted if wanted[0] == "**" else wanted[1:]


def _wild(name: str) -> bool:
    return not WILD.isdisjoint(name)
