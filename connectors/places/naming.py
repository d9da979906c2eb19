"""What a dataset's physical name may mean: a pattern of files, patterns of members of archives, and a table.

It is written `pattern`, `pattern!member` or `pattern!member!member`, with `#table` behind any of them. A file whose own
name holds one of these signs is looked for first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from connectors.places.limits import MOST_NESTED
from connectors.places.patterns import NoPattern, Outward, segments_of

Segments = tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """One meaning of a physical name. `files` and each of `steps` is a pattern, as `patterns.segments_of` gives it."""

    files: Segments
    steps: tuple[Segments, ...]
    table: str


def readings_of(source: Source, dataset: Dataset) -> list[Reading]:
    """What the physical name may mean, at least one, the likeliest first. Raises SourceUnreadable where it is none."""
    name = dataset.physical_name
    told, outward = list[Reading](), False
    for files, steps, table in _split(name):
        try:
            told.append(Reading(segments_of(files), tuple(segments_of(step) for step in steps), table))
        except Outward:
            outward = True
        except NoPattern:
            continue
    if outward:
        raise SourceUnreadable(
            source.name, dataset.name, f"{name!r} points outside the source's folder", "Name a file below it."
        )
    if not told:
        raise SourceUnreadable(
            source.name, dataset.name, f"{name!r} is no file name or pattern", "Correct the contract's physicalName."
        )
    if min(len(one.steps) for one in told) > MOST_NESTED:
        raise SourceUnreadable(
            source.name, dataset.name, f"{name!r} looks into more than {MOST_NESTED} archives in each other",
            "Deliver the files less deeply packed.",
        )  # fmt: skip
    return [one for one in told if len(one.steps) <= MOST_NESTED]


def of_one_file(readings: list[Reading], name: str) -> list[Reading]:
    """The readings for a location that is one file: those that name it, else the one that looks deepest into it."""
    named = [one for one in readings if one.files[-1] == name]
    return named or [max(readings, key=lambda one: (len(one.steps), bool(one.table)))]


def _split(name: str) -> Iterator[tuple[str, list[str], str]]:
    before, sign, table = name.rpartition("#")
    texts = [(name, ""), *([(before, table)] if sign else [])]
    for text, told in texts:
        yield text, [], told
    for text, told in texts:
        parts = text.split("!")
        for at in range(1, len(parts)):
            yield "!".join(parts[:at]), parts[at:], told
