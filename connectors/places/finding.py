"""Find the files of a dataset: by name or pattern below its source's place, and in archives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from catalog.errors import FileRefused, SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Source
from connectors.places.again import reading_order
from connectors.places.delivering import Lying
from connectors.places.delivery import Delivery
from connectors.places.limits import PlaceLimits, limits_of
from connectors.places.looking_in import Without, looked_into, whole
from connectors.places.naming import Reading, Segments, of_one_file, readings_of
from connectors.places.opening import place_of
from connectors.places.patterns import found
from connectors.places.place import Entry, Place, Unreachable
from connectors.places.settling import without_markers
from connectors.places.siblings import with_siblings


def deliveries(source: Source, dataset: Dataset, *, folder: Path) -> list[Delivery]:
    """The dataset's files in reading order; `folder` is the project folder. One that cannot be read says so when it is.

    Raises SourceUnreachable where the place does not answer or nothing matches, SourceUnreadable where the physical
    name or the options are wrong, or a link leads outside the place.
    """
    place, limits = place_of(source, dataset, folder=folder), limits_of(source, dataset)
    with _answering(source, dataset):
        place, root = _root(place, source, dataset)
        for reading in _readings(root, source, dataset):
            told = [
                delivery
                for one in _lying(place, root, reading.files, source, dataset, limits)
                for delivery in looked_into(whole(one, reading.table, limits), reading.steps, limits)
            ]
            if any(not isinstance(one.content, Without) for one in told):
                return list[Delivery](sorted(told, key=lambda one: reading_order(one.name)))
    raise _nothing(source, dataset)


def lying(source: Source, dataset: Dataset, *, folder: Path) -> list[Lying]:
    """The files as they lie in their place, in reading order, without looking into any. Raises as `deliveries` does."""
    place, limits = place_of(source, dataset, folder=folder), limits_of(source, dataset)
    with _answering(source, dataset):
        place, root = _root(place, source, dataset)
        for reading in _readings(root, source, dataset):
            told = _lying(place, root, reading.files, source, dataset, limits)
            if told:
                return told
    raise _nothing(source, dataset)


@contextmanager
def _answering(source: Source, dataset: Dataset) -> Iterator[None]:
    """Within it, a place that does not answer, or may not be asked, is an unreachable source."""
    try:
        yield
    except Unreachable as error:
        raise SourceUnreachable(
            source.name, dataset.name, f"'{source.location}' cannot be reached: {error}",
            "Check that it is up, and that its host, user and rights are right.",
        ) from None  # fmt: skip
    except FileRefused as error:
        raise SourceUnreachable(source.name, dataset.name, error.what, error.remedy) from None


def _root(place: Place, source: Source, dataset: Dataset) -> tuple[Place, Entry]:
    """The place and what it is itself; one that is a file is told as that file of the folder that it lies in."""
    root = place.look("")
    if root is None:
        raise SourceUnreachable(
            source.name, dataset.name, f"'{source.location}' does not exist",
            "Mount or create it, or correct `location`.",
        )  # fmt: skip
    if root.kind == "other":
        raise SourceUnreachable(
            source.name, dataset.name, f"'{source.location}': {root.fault}", "Correct `location`, or the rights on it."
        )
    above = place.above() if root.kind == "file" and not root.link else None
    return (above[0], replace(root, path=above[1])) if above is not None else (place, root)


def _readings(root: Entry, source: Source, dataset: Dataset) -> list[Reading]:
    readings = readings_of(source, dataset)
    return readings if root.kind == "folder" else of_one_file(readings, source.location.rpartition("/")[2])


def _lying(
    place: Place, root: Entry, pattern: Segments, source: Source, dataset: Dataset, limits: PlaceLimits
) -> list[Lying]:
    entries = list(islice(found(place, pattern), limits.files + 1)) if root.kind == "folder" else [root]
    if len(entries) > limits.files:
        raise SourceUnreadable(
            source.name, dataset.name, f"more than {limits.files} files match '{'/'.join(pattern)}' (limits.files)",
            "Name fewer, or raise `options.limits` of the source.",
        )  # fmt: skip
    entries = [one if one.version or one.kind != "file" else place.look(one.path) or one for one in entries]
    _refuse_outside(place, entries, source, dataset)
    told = with_siblings(without_markers([Lying(place, entry) for entry in entries], source.marker))
    _refuse_outside(place, [one for file in told for _, one in file.siblings], source, dataset)
    return sorted(told, key=lambda one: reading_order(one.name))


def _refuse_outside(place: Place, entries: Iterable[Entry], source: Source, dataset: Dataset) -> None:
    looked: set[str] = set()
    for entry in entries:
        if entry.kind != "file":
            continue
        folder = entry.path.rpartition("/")[0]
        if not entry.link and folder in looked:  # where a file lies that is no link, only its folder tells
            continue
        if not entry.link:
            looked.add(folder)
        if place.outside(entry):
            name = entry.path.rpartition("/")[2] or source.location
            raise SourceUnreadable(
                source.name, dataset.name, f"'{name}' is a link that leads outside the source's folder",
                "Copy the file instead of linking it.",
            )  # fmt: skip


def _nothing(source: Source, dataset: Dataset) -> SourceUnreachable:
    return SourceUnreachable(
        source.name, dataset.name, f"no file matches '{dataset.physical_name}' in '{source.location}'",
        "Deliver the export, or correct the contract's physicalName.",
    )  # fmt: skip
