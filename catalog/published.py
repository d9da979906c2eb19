"""The contract a dataset was last published under, as it lies in the home beside the published rows.

It is the `Dataset` as JSON without its places: the lines of a file that has changed since would name the wrong ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from catalog.errors import Refusal
from catalog.field_changes import HIDES
from catalog.home import Home
from catalog.models import Dataset, Field, Mask, Place

SUFFIX = ".contract.json"
NOWHERE = Place(file="the published contract")

_PLACED = ("fields", "rules", "relations", "gap_rules", "documents")  # the parts of a contract that have a place


def contract_path(home: Home, name: str) -> Path:
    """Where the contract of a published dataset lies."""
    return home.published(name).with_suffix(SUFFIX)


def contract_json(dataset: Dataset) -> dict[str, Any]:
    """A contract as JSON-ready values, without its places."""
    places: dict[str, Any] = {part: {"__all__": {"place"}} for part in _PLACED}
    return dataset.model_dump(mode="json", exclude=places | {"place": True})


def published_contract(home: Home, name: str) -> Dataset | None:
    """The contract `name` was last published under; None where it never was. Raises Refusal where it cannot be read."""
    path = contract_path(home, name)
    if not path.exists():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Dataset.model_validate(_placed(told))
    except (ValidationError, ValueError, TypeError, AttributeError) as error:
        what = f"{path} holds no contract that can be read ({_first_line(error)})"
        raise Refusal(what, "Restore it from a backup; without it the next run has nothing to compare with.") from error


def served_under(home: Home, dataset: Dataset) -> Dataset | None:
    """The contract that published rows are shown under: as they were published, and no wider than `dataset` says now.

    A contract that waits to be published widens nothing yet, and what it narrows holds at once. None where both leave
    nobody who may see the rows, or the published contract cannot be read.
    """
    try:
        published = published_contract(home, dataset.name)
    except Refusal:
        return None  # nobody knows what was promised; `landbridge check` tells it
    if published is None:
        return dataset
    roles = set(published.roles) & set(dataset.roles) if published.roles and dataset.roles else None
    if roles is not None and not roles:
        return None
    now = {field.name: field for field in dataset.fields}
    fields = tuple(_narrower(field, now.get(field.name, field)) for field in published.fields)
    shared = tuple(sorted(roles)) if roles is not None else published.roles or dataset.roles
    return published.model_copy(update={"fields": fields, "roles": shared})


def _narrower(published: Field, now: Field) -> Field:
    """A field as published, hidden as much as the stricter of both says."""
    return published.model_copy(
        update={
            "mask": _stricter(published.mask, now.mask),
            "classification": max(published.classification, now.classification),
            "personal": published.personal or now.personal,
        }
    )


def _stricter(one: Mask | None, other: Mask | None) -> Mask | None:
    """The mask that hides more; where each shows what the other hides, one that shows neither."""
    if one != other and HIDES[one] == HIDES[other]:
        return "redact"
    return max(one, other, key=lambda mask: HIDES[mask])


def published_names(home: Home) -> Iterator[str]:
    """The datasets whose published contract is kept, in order."""
    found = home.published("any").parent.glob(f"*{SUFFIX}")
    yield from sorted(path.name.removesuffix(SUFFIX) for path in found if not path.name.startswith("."))


def _placed(told: dict[str, Any]) -> dict[str, Any]:
    parts = {part: [one | {"place": NOWHERE} for one in told.get(part, ())] for part in _PLACED}
    return told | parts | {"place": NOWHERE}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
