"""Leave alone what is still being written: a file that was touched just now, or whose marker has not come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from catalog.models import Source
from catalog.settings import load_settings
from connectors.formats.tables import Noticed
from connectors.places.delivering import FoundFile, Lying
from connectors.places.delivery import Delivery
from connectors.places.place import Unlisted

STILL_WRITTEN = "file-still-written"
LATE = timedelta(days=1)  # a file that is that old and still has no marker was forgotten
NAMES_TOLD = 20


def settled(
    files: Sequence[Delivery],
    source: Source,
    *,
    now: Callable[[], float] = time.time,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[list[Delivery], list[Noticed]]:
    """The files that are wholly written, and what is told of the others, which wait for the next run.

    A file younger than `settled_after` is looked at again once the rest of that time has passed; one that has not
    changed by then counts as written. Nothing waits longer than `settled_after` in all.
    """
    roots = list({one.lying.entry.path: one.lying for one in files if isinstance(one, FoundFile)}.values())
    unmarked = {one.entry.path for one in roots if not marked(one, source.marker)}
    whole = settled_after(source)
    ages = {one.entry.path: _left(one, whole, now) for one in roots if one.entry.path not in unmarked}
    young = {path: left for path, left in ages.items() if left > 0}
    if young:
        wait(max(young.values()))
    moving = {one.entry.path for one in roots if one.entry.path in young and not one.unchanged()}
    waiting = unmarked | moving
    ready = [one for one in files if not isinstance(one, FoundFile) or one.lying.entry.path not in waiting]
    told = [_told(one, marker="") for one in roots if one.entry.path in moving]
    return ready, told + [_told(one, marker=source.marker) for one in roots if one.entry.path in unmarked]


def still_written(lying: Iterable[Lying], source: Source, *, now: Callable[[], float] = time.time) -> list[Lying]:
    """The files that are too young to be read now, without waiting for any."""
    whole = settled_after(source)
    return [one for one in lying if _left(one, whole, now) > 0]


def marked(one: Lying, marker: str) -> bool:
    """Whether the marker lies beside a file, or none is asked for."""
    if not marker:
        return True
    folder, _, name = one.entry.path.rpartition("/")
    wanted = _marker(marker, name)
    if not set("*?[") & set(wanted):
        told = one.place.look(f"{folder}/{wanted}" if folder else wanted)
        return told is not None and told.kind == "file"
    try:
        beside = one.place.entries(folder)
    except Unlisted:
        return False
    return any(fnmatchcase(other.path.rpartition("/")[2], wanted) for other in beside if other.path != one.entry.path)


def without_markers(files: Sequence[Lying], marker: str) -> list[Lying]:
    """The files that are no other's marker."""
    if not marker:
        return list(files)
    by_folder: dict[str, list[str]] = {}
    for one in files:
        folder, _, name = one.entry.path.rpartition("/")
        by_folder.setdefault(folder, []).append(name)
    markers: set[tuple[str, str]] = set()
    for folder, names in by_folder.items():
        here = set(names)
        for name in names:
            wanted = _marker(marker, name)
            if set("*?[") & set(wanted):
                markers |= {(folder, other) for other in names if other != name and fnmatchcase(other, wanted)}
            elif wanted in here and wanted != name:
                markers.add((folder, wanted))
    return [one for one in files if tuple(one.entry.path.rpartition("/")[::2]) not in markers]


def settled_after(source: Source) -> float:
    """Seconds; the environment's LANDBRIDGE_SETTLED_AFTER counts more than the source's."""
    told = load_settings().settled_after
    return source.settled_after if told is None else told


def _left(one: Lying, whole: float, now: Callable[[], float]) -> float:
    """Seconds until a file and what belongs to it count as written, at most the whole time: clocks differ."""
    written = [entry.modified.timestamp() for entry in one.entries if entry.modified is not None]
    return min(whole, whole - (now() - max(written))) if written and not one.place.atomic else 0.0


def _marker(marker: str, name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return marker.replace("{name}", name).replace("{stem}", stem if dot else name)


def _told(one: Lying, *, marker: str) -> Noticed:
    age = datetime.now(UTC) - one.entry.modified if one.entry.modified else timedelta()
    late = bool(marker) and age > LATE
    what = f"waits for its marker '{marker}'" if marker else "is still being written"
    return Noticed(
        STILL_WRITTEN, f"{one.name} {what}; it is read by a later run.", severity="warning" if late else "info",
        unit="files", remedy="Ask whoever delivers it." if late else "", evidence={"file": one.name},
    )  # fmt: skip
