"""One record by its URN: the published document, the ready row behind it, or both, as far as a caller may see."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import index
from catalog.home import Home
from catalog.models import Principal, Project
from catalog.published import served_under
from index.answers import Citation
from serving.conflicts import conflicts_of
from serving.entities import entity_of
from serving.freshness import Age, age_of
from serving.models import Passage, Record
from serving.visibility import may_see_key

if TYPE_CHECKING:
    from index.store import Tables

_UNGUESSABLE = secrets.token_bytes(32)


def read_record(
    urn: str,
    *,
    principal: Principal,
    project: Project,
    home: Home,
    store: Tables,
    reads: Mapping[str, datetime],
    now: datetime,
) -> Record | None:
    """The record; None where there is none, or none that `principal` may see. IndexStoreError if the index fails.

    `store` is one version, and `home` that with what goes with it, so that the document is told of the row below it.
    """
    document = index.get_document(store, principal, urn)
    row = _row(urn, principal=principal, project=project, home=home)
    if document is None and row is None:
        return None
    told = (row or {}) | (document or {})
    dataset = project.datasets.get(told["dataset"])
    age = age_of(dataset, reads, now) if dataset else Age(None, None, None)
    same = (
        "dataset", "key", "kind", "citation", "title", "text", "values", "withheld", "conflicts", "gaps",
        "visible_because",
    )  # fmt: skip
    return Record(
        urn=urn,
        passages=tuple(Passage(**one) for one in told.get("passages", ())),
        entity=entity_of(urn, principal=principal, project=project, home=home),
        **{name: told[name] for name in same if name in told},
        **age._asdict(),
    )


def _row(urn: str, *, principal: Principal, project: Project, home: Home) -> dict[str, Any] | None:
    """The ready row behind a URN, masked, as it was published, if the caller may see its key."""
    name, _, key = urn.removeprefix(project.urn("", "")[:-1]).partition(":")
    declared = project.datasets.get(name)
    dataset = served_under(home, declared) if declared else None
    if dataset is None or urn != project.urn(name, key) or not may_see_key(principal, dataset):
        return None
    # without the key of the runs no token may be made that equals theirs, nor one that could be guessed
    mask_key = home.known_mask_key() or _UNGUESSABLE
    row = index.read_rows(home.published(name), dataset, principal, key, mask_key)
    if row is None:
        return None
    cited = Citation(source=dataset.source, dataset=name, location=row["location"], key=key, urn=urn)
    conflicts = conflicts_of(key, dataset=dataset, principal=principal, project=project, home=home, mask_key=mask_key)
    seen = f"the fields shown are within the clearance '{principal.clearance.name}' of {principal.name}"
    return row | {"kind": "row", "citation": cited, "conflicts": conflicts, "visible_because": seen}
