"""Find the files of a dataset that are wholly written; a run that asks several times has them listed once.

Reading a dataset asks three times for its files: whether anything changed, which columns they have, and for the rows.
Within `listed_once` a folder of this machine is listed for the first of them; the others look whether these files are
as they were, and list the folder again where one is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.formats.tables import Noticed
from connectors.places import Delivery, deliveries
from connectors.places.delivering import FoundFile
from connectors.places.local import LocalPlace
from connectors.places.settling import settled

Asked = tuple[str, str, str, Path]
_LISTED: ContextVar[dict[Asked, Found] | None] = ContextVar("listed", default=None)


@dataclass(frozen=True)
class Found:
    """The files of a dataset: those that are wholly written, the names of the others, and what is told of them."""

    ready: list[Delivery]
    unready: list[str]
    noticed: list[Noticed]

    def local(self) -> bool:
        """Whether all of them lie on this machine, where looking at a file costs next to nothing."""
        return all(isinstance(one, FoundFile) and isinstance(one.lying.place, LocalPlace) for one in self.ready)

    def stands(self) -> bool:
        """Whether they are as they were, looked at now."""
        lying = {one.lying.entry.path: one.lying for one in self.ready if isinstance(one, FoundFile)}
        return all(one.unchanged() for one in lying.values())


@contextmanager
def listed_once() -> Iterator[None]:
    """Within it, what was found of a dataset is told again, as long as nothing of it changed."""
    token = _LISTED.set({})
    try:
        yield
    finally:
        _LISTED.reset(token)


def found_of(source: Source, dataset: Dataset, folder: Path) -> Found:
    """Look for the dataset's files. Raises SourceUnreachable where none of them is wholly written."""
    listed = _LISTED.get()
    if listed is None:
        return _found(source, dataset, folder)
    asked = (source.model_dump_json(), dataset.name, dataset.physical_name, folder)
    known = listed.get(asked)
    if known is None or not known.stands():
        known = _found(source, dataset, folder)
        if known.local():
            listed[asked] = known
    return known


def _found(source: Source, dataset: Dataset, folder: Path) -> Found:
    there = deliveries(source, dataset, folder=folder)
    ready, noticed = settled(there, source)
    names = {one.name for one in ready}
    if not ready:
        raise SourceUnreachable(
            source.name, dataset.name, "every file of it is still being written, or waits for its marker",
            "Let the next run read them.",
        )  # fmt: skip
    return Found(list(ready), [one.name for one in there if one.name not in names], list(noticed))
