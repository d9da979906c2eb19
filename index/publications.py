"""The book of publications: which version was served from when on, written as tags of the table itself.

A version that such a tag names can be rolled back to and asked as of then. Moments never run backwards in the book: a
clock that was set back writes the newest moment again, so that nothing seems to lie in the future and the order stays.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from catalog.errors import BadQuery, IndexStoreError

if TYPE_CHECKING:
    from index.store import Store

PREFIX = "published-"
FROM = "from"  # the note on a tag: the moments at which its version became live, ISO 8601, between blanks
LISTED = 12  # versions that a message names


class VersionPruned(IndexStoreError):
    """A version that was never published, or is no longer kept; what is published now answers all the same."""


class Publication(BaseModel):
    """A version that was served, and the moments from which on (more than one after a rollback)."""

    model_config = ConfigDict(frozen=True)

    version: int
    moments: tuple[datetime, ...]


def publications(store: Store) -> list[Publication]:
    """All that are kept, oldest version first."""
    found = []
    for name, tag in store.tags().items():
        if name.startswith(PREFIX):
            told = str(tag["metadata"].get(FROM, "")).split()
            # a run that was killed between making the tag and its note leaves the tag's own time
            moments = [datetime.fromisoformat(one) for one in told] or [tag["created_at"]]
            found.append(Publication(version=int(tag["version"]), moments=tuple(moments)))
    return sorted(found, key=lambda one: one.version)


def newest_moment(book: list[Publication]) -> datetime | None:
    """When something was published last."""
    return max((moment for one in book for moment in one.moments), default=None)


def enter(store: Store, version: int, now: datetime) -> datetime:
    """Write into the book that `version` is served from now on; the moment that was written."""
    book = publications(store)
    newest = newest_moment(book)
    moment = now if newest is None else max(now, newest)
    known = next((one.moments for one in book if one.version == version), ())
    _write(store, version, (*known, moment.astimezone(UTC)))
    return moment


def renumber(store: Store, old: int, new: int) -> None:
    """The live content got a new number: both numbers name it from now on, since answers were given under the old."""
    known = next((one.moments for one in publications(store) if one.version == old), ())
    if known:
        _write(store, new, known)


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


def _write(store: Store, version: int, moments: tuple[datetime, ...]) -> None:
    name = f"{PREFIX}{version}"
    store.set_tag(name, version)
    store.note(name, {FROM: " ".join(moment.isoformat() for moment in moments)})
