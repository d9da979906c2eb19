"""Files that belong to another one: memos, code pages and labels that lie beside a table, under its name.

They are no files of a dataset of their own. They are fetched with the file that they belong to, and are part of what it
holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connectors.places.delivering import Lying
from connectors.places.members import ending_of
from connectors.places.patterns import joined
from connectors.places.place import Entry, Place, Unlisted
from connectors.places.unpacking import inner_name

ENDINGS = {
    ".dbf": (".dbt", ".fpt", ".smt", ".cpg", ".dbc"),
    ".sas7bdat": (".sas7bcat",),
    ".dbc": (".dct",), ".vcx": (".vct",), ".scx": (".sct",), ".frx": (".frt",), ".mnx": (".mnt",), ".pjx": (".pjt",),
}  # fmt: skip
SHARED = {".sas7bdat": ("formats.sas7bcat",)}  # that belong to every file of their folder
NEVER = ".landbridge-asks-for-no-such-file"  # the ending of a file that nobody has

Families = dict[str, dict[str, str]]


def families(mains: Sequence[str], others: Iterable[str]) -> Families:
    """For each of the paths `mains` that has some, which of the paths `others` belong to it, in the same folder.

    They are told by the name that a format looks for them under: `.dbt` stands for that ending behind the file's own
    stem. The case of letters does not count, and a packed one is called by what is in it.
    """
    wanted = {main: _wanted(main) for main in mains}
    wanted = {main: names for main, names in wanted.items() if names}
    if not wanted:
        return {}
    there: dict[str, list[str]] = {}
    for other in others:
        there.setdefault(_unpacked(other).lower(), []).append(other)
    told = {main: _chosen(main, names, there) for main, names in wanted.items()}
    return {main: one for main, one in told.items() if one}


def without(paths: Iterable[str], told: Families) -> list[str]:
    """The paths that belong to no other of them."""
    belonging = {path for one in told.values() for path in one.values()}
    return [path for path in paths if path not in belonging]


def with_siblings(files: Sequence[Lying]) -> list[Lying]:
    """The files of a place with what belongs to each, and without those that belong to another one of them.

    Each folder is listed once, and only where a file in it may have any. What a place does not list is asked for by
    its name.
    """
    there: dict[str, Entry] = {}
    told: Families = {}
    for mains in _by_folder(files).values():
        beside = _beside(mains)
        found = families([one.entry.path for one in mains], beside)
        there |= {path: beside[path] for one in found.values() for path in one.values()}
        told |= found
    kept = set(without([one.entry.path for one in files], told))
    return [_with(one, told.get(one.entry.path, {}), there) for one in files if one.entry.path in kept]


def _by_folder(files: Sequence[Lying]) -> dict[str, list[Lying]]:
    """By their folders, the files that may have others that belong to them."""
    told: dict[str, list[Lying]] = {}
    for one in files:
        if one.entry.kind == "file" and _wanted(one.entry.path):
            told.setdefault(one.entry.path.rpartition("/")[0], []).append(one)
    return told


def _with(one: Lying, told: Mapping[str, str], there: Mapping[str, Entry]) -> Lying:
    siblings = tuple((name, _known(one.place, there[path])) for name, path in sorted(told.items()))
    return replace(one, siblings=siblings) if siblings else one


def _known(place: Place, entry: Entry) -> Entry:
    """The entry with what its place tells of it: some listings hold nothing but names."""
    return entry if entry.version or entry.kind != "file" else place.look(entry.path) or entry


def _beside(mains: Sequence[Lying]) -> dict[str, Entry]:
    """What lies in the folder of some files, by its path."""
    place, folder = mains[0].place, mains[0].entry.path.rpartition("/")[0]
    try:
        told = {one.path: one for one in place.entries(folder) if one.kind != "folder"}
    except Unlisted:
        told = {}
    for one in mains:
        told |= _asked(place, one.entry.path) if one.entry.path not in told else {}
    return told


def _asked(place: Place, main: str) -> dict[str, Entry]:
    """What belongs to a file that its folder does not list. A place that has every file that is asked for has none."""
    folder, _, name = main.rpartition("/")
    stem, packed = _stem(name), name[len(_unpacked(name)) :]
    probed = place.look(joined(folder, stem + NEVER))
    if probed is not None and probed.kind == "file":
        return {}
    tried = [
        stem + spelled + packed if one.startswith(".") else one
        for one in _wanted(main)
        for spelled in ((one, one.upper()) if one.startswith(".") else (one,))
    ]
    told = (place.look(joined(folder, one)) for one in tried)
    return {one.path: one for one in told if one is not None and one.kind == "file"}


def _wanted(path: str) -> tuple[str, ...]:
    """What may belong to a file: endings behind its stem, and whole names."""
    ending = ending_of(_unpacked(path))
    return (*ENDINGS.get(ending, ()), *SHARED.get(ending, ()))


def _chosen(main: str, names: Iterable[str], there: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each name one path, the most alike: the same letters before another case, plain before packed."""
    folder, stem = main[: main.rfind("/") + 1], _stem(main)

    def unlike(path: str) -> tuple[bool, bool, str]:
        return not path.startswith(stem), path != _unpacked(path), path

    told = {}
    for name in names:
        found = there.get((stem + name if name.startswith(".") else folder + name).lower(), ())
        if found:
            told[name] = min(found, key=unlike)
    return told


def _stem(path: str) -> str:
    """A path without the endings of its name."""
    return _unpacked(path).rpartition(".")[0]


def _unpacked(path: str) -> str:
    """A path by the name of what is in it, where that tells that it is packed."""
    own = path.rpartition("/")[2].rpartition("!")[2]
    inner = inner_name(own)
    return path.removesuffix(own) + inner if inner else path
