"""Look into a file: unpack it, and find the members of archives that are wanted, at most a few archives deep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalog.errors import FileRefused
from connectors.places.archives import ARCHIVES, members
from connectors.places.content import Content
from connectors.places.delivering import FoundFile, Lying, Refused, Sibling
from connectors.places.limits import PlaceLimits
from connectors.places.local import shown
from connectors.places.members import Member, ending_of
from connectors.places.naming import Segments
from connectors.places.patterns import matches
from connectors.places.place import Entry, Place
from connectors.places.siblings import families, without
from connectors.places.unpacking import Unpacked, inner_name


class Without(Refused):
    """An archive that holds nothing of what is looked for."""


def whole(lying: Lying, table: str, limits: PlaceLimits) -> FoundFile:
    """A file as it lies in its place; its content is unpacked where it is packed."""
    entry = lying.entry
    content = _content(entry, lying.place, lying.name, limits)
    siblings = tuple(_sibling(name, one, lying.place, limits) for name, one in lying.siblings)
    return FoundFile(lying.name, entry.size, entry.modified, table, content, lying, siblings)


def looked_into(file: FoundFile, steps: tuple[Segments, ...], limits: PlaceLimits) -> list[FoundFile]:
    """The file, or, with `steps`, the members of it that these patterns mean, one archive after the other.

    What cannot be had is a file whose content is Refused; an archive without a member that is wanted, too.
    """
    if isinstance(file.content, Refused):
        return [file]
    try:
        if not steps:
            return [_single(file, limits)]
        there = _members(file, limits)
        wanted = [one for one in there if matches(_inward(one.name), steps[0])]
        inside = _insides(file, wanted, there, limits)
    except FileRefused as error:
        return [_with(file, Refused(error.what, error.remedy))]
    if not wanted:
        told = f"no file in it matches '{'/'.join(steps[0])}'"
        return [_with(file, Without(told, "Deliver it whole, or correct the contract's physicalName."))]
    return [deeper for one in inside for deeper in looked_into(one, steps[1:], limits)]


def _single(file: FoundFile, limits: PlaceLimits) -> FoundFile:
    """A file that nobody looks into: where its name says that it is packed, what is in it, if that is one file."""
    inner = inner_name(file.name)
    if not (inner or file.name).lower().endswith(ARCHIVES):
        return _with(file, file.content, name=f"{file.name}!{inner}") if inner else file
    there = members(file.content, limits)
    inside = _insides(file, there, there, limits)
    if len(inside) != 1:
        raise FileRefused(
            f"it is an archive of {len(there)} files",
            "Say in the contract's physicalName which of them are wanted: `night-*.zip!*.csv`, for example.",
        )
    return looked_into(inside[0], (), limits)[0]


def _members(file: FoundFile, limits: PlaceLimits) -> list[Member]:
    """What is in a file: the members of an archive, or the one file that is packed in it."""
    inner = inner_name(file.name)
    if inner and not inner.lower().endswith(ARCHIVES):
        return [Member(inner, file.size, file.content)]
    return members(file.content, limits)


def _insides(
    file: FoundFile, wanted: Sequence[Member], there: Sequence[Member], limits: PlaceLimits
) -> list[FoundFile]:
    """The wanted members with those that belong to each, and without those that belong to another wanted one."""
    told = families([one.name for one in wanted], [one.name for one in there])
    by_name = {one.name: one for one in there} if told else {}
    kept = set(without([one.name for one in wanted], told))
    return [
        _inside(file, one, {name: by_name[path] for name, path in told.get(one.name, {}).items()}, limits)
        for one in wanted
        if one.name in kept
    ]


def _inside(file: FoundFile, member: Member, belonging: Mapping[str, Member], limits: PlaceLimits) -> FoundFile:
    name = f"{file.name}!{member.name}"
    if member.content is file.content:
        return _with(file, file.content, name=name)
    siblings = tuple(
        Sibling(one, shown(_own(other.name)), _unpacked(other, other.name, limits))
        for one, other in sorted(belonging.items())
    )
    content = _unpacked(member, name, limits)
    return FoundFile(name, member.size, file.modified, file.table, content, file.lying, siblings)


def _unpacked(member: Member, name: str, limits: PlaceLimits) -> Content:
    if member.content is None:
        return Refused(member.fault, member.remedy)
    return Unpacked(member.content, limits, _ending(name))


def _content(entry: Entry, place: Place, name: str, limits: PlaceLimits) -> Content:
    if entry.kind == "file":
        return Unpacked(place.content(entry), limits, _ending(name))
    return Refused(entry.fault, "Deliver a file that can be read, or take it away.")


def _sibling(name: str, entry: Entry, place: Place, limits: PlaceLimits) -> Sibling:
    return Sibling(name, shown(_own(entry.path)), _content(entry, place, entry.path, limits))


def _with(file: FoundFile, content: Content, *, name: str = "") -> FoundFile:
    return replace(file, name=name or file.name, content=content)


def _own(path: str) -> str:
    return path.rpartition("/")[2]


def _ending(name: str) -> str:
    return ending_of(inner_name(name) or name)


def _inward(name: str) -> str:
    """A member's name as it is compared with a pattern: one that leads outside is told by its last part."""
    return name.rpartition("/")[2] if name.startswith("/") or ".." in name.split("/") else name
