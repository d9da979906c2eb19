"""The book of publications: which version was served from when on, written as tags of the table itself.

A version that such a tag names can be rolled back to and asked as of then. Moments never run backwards in the book: a
clock that was set back writes the newest moment again, so that nothing seems to lie in the future and the order stays.
The book also tells which run published a version, and what a rollback goes back to from it: as the entry is written
before the tag `live` moves, a kill between the two leaves a book that is right for what is live.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from catalog.errors import BadQuery, IndexStoreError

if TYPE_CHECKING:
    from index.store import Store

LIVE, PREVIOUS = "live", "previous"
PREFIX = "published-"
# the notes on a tag
FROM = "from"  # the moments at which its version became live, ISO 8601, between blanks
RUN = "run"  # the run that published it; empty where it was made live by a rollback, or by no run
BEFORE = "before"  # the version that a rollback goes to from it; empty after a first run
LISTED = 12  # versions that a message names


class VersionPruned(IndexStoreError):
    """A version that was never published, or is no longer kept; what is published now answers all the same."""


class Publication(BaseModel):
    """A version that was served, and the moments from which on (more than one after a rollback).

    `run` is None where the book does not tell it, as it did not at first: then `before` is not told, either.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    moments: tuple[datetime, ...]
    run: str | None = None
    before: int | None = None


def publications(store: Store) -> list[Publication]:
    """All that are kept, oldest version first."""
    found = []
    for name, tag in store.tags().items():
        if name.startswith(PREFIX):
            notes = tag["metadata"]
            told, before = str(notes.get(FROM, "")).split(), notes.get(BEFORE)
            # a run that was killed between making the tag and its note leaves the tag's own time
            moments = tuple(datetime.fromisoformat(one) for one in told) or (tag["created_at"],)
            back = int(before) if before else None
            found.append(Publication(version=int(tag["version"]), moments=moments, run=notes.get(RUN), before=back))
    return sorted(found, key=lambda one: one.version)


def newest_moment(book: list[Publication]) -> datetime | None:
    """When something was published last."""
    return max((moment for one in book for moment in one.moments), default=None)


def enter(store: Store, version: int, now: datetime, *, run: str = "", before: int | None = None) -> datetime:
    """Write into the book that `version` is served from now on; the moment that was written."""
    book = publications(store)
    newest = newest_moment(book)
    moment = now if newest is None else max(now, newest)
    known = next((one.moments for one in book if one.version == version), ())
    moments = (*known, moment.astimezone(UTC))
    _write(store, Publication(version=version, moments=moments, run=run, before=before))
    return moment


def renumber(store: Store, old: int, new: int) -> None:
    """The live content gets a new number: both numbers name it from now on, since answers were given under the old."""
    known = _entry(store, old)
    if known is not None:
        _write(store, known.model_copy(update={"version": new}))


def version_before(store: Store, *, run: str | None = None) -> int | None:
    """The version that was live before `run` published first; without one, before the run of what is live now.

    Whatever one run publishes is one step back. None where there is nothing to go back to, as after a first run.
    """
    live = store.tag(LIVE)
    entry = None if live is None else _entry(store, live)
    if run is not None and (not run or entry is None or entry.run != run):
        return live
    return entry.before if entry is not None and entry.run is not None else store.tag(PREVIOUS)


def version_as_of(store: Store, told: int | datetime) -> int:
    """The version to ask as of a number, or of a moment: the one that was live then.

    VersionPruned where it is not kept, BadQuery for a moment without a zone or before the first publication.
    """
    book = publications(store)
    if isinstance(told, int):
        if told in {one.version for one in book}:
            return told
        raise _pruned(f"version {told}", book)
    if told.tzinfo is None:
        raise BadQuery("the moment has no time zone", "Write it with one, such as 2026-03-01T08:00:00Z.")
    before = [(moment, one.version) for one in book for moment in one.moments if moment <= told]
    if not before:
        raise _pruned(f"what was published at {told.isoformat()}", book)
    return max(before)[1]


def _pruned(what: str, book: list[Publication]) -> VersionPruned:
    kept = ", ".join(f"{one.version} ({one.moments[-1]:%Y-%m-%d %H:%M})" for one in book[-LISTED:])
    return VersionPruned(
        f"{what} is not kept: it was never published, or it was pruned",
        f"Kept are {kept or 'none'}. How much is kept is said under index: in project.yaml.",
    )


def _entry(store: Store, version: int) -> Publication | None:
    return next((one for one in publications(store) if one.version == version), None)


def _write(store: Store, entry: Publication) -> None:
    name = f"{PREFIX}{entry.version}"
    notes = {FROM: " ".join(moment.isoformat() for moment in entry.moments)}
    if entry.run is not None:
        notes |= {RUN: entry.run, BEFORE: "" if entry.before is None else str(entry.before)}
    store.set_tag(name, entry.version)
    store.note(name, notes)
