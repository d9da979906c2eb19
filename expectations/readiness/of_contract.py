"""Governance: what the contract says of owner, labels, meaning, masks, roles, service levels and version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from catalog.models import Classification, Dataset, Field
from expectations.readiness.evidence import Evidence
from expectations.readiness.models import Loss, Part

VERSION = re.compile(r"\d+\.\d+\.\d+")
NAMED = 5  # fields in a sentence
FRESHNESS, RETENTION = ("freshness", "latency", "ly"), ("retention", "re")  # ODCS's words, and their short forms


def governance(dataset: Dataset, _evidence: Evidence) -> Iterator[Part]:
    """Read from the contract alone, so it is always known."""
    yield from _about_dataset(dataset)
    yield from _about_fields(dataset)
    yield from _about_access(dataset)


def _about_dataset(dataset: Dataset) -> Iterator[Part]:
    promises = set(dataset.promises)
    released = VERSION.fullmatch(dataset.version) is not None and dataset.status == "active"
    version = f"The contract is {dataset.status} at version {dataset.version}."
    checks = (
        ("owner", bool(dataset.owner), "The contract names no owner.", "Add team.name"),
        ("purpose", bool(dataset.description), "Nothing says what the dataset is for.", "Add description.purpose"),
        ("freshness", not promises.isdisjoint(FRESHNESS), "No age of the data is promised.",
         "Add freshness to slaProperties"),
        ("retention", not promises.isdisjoint(RETENTION), "Nothing says how long rows are kept.",
         "Add retention to slaProperties"),
        ("version", released, version, "Write version: 1.0.0 and status: active"),
    )  # fmt: skip
    for name, holds, lack, remedy in checks:
        yield _whole(name, holds, dataset, lack, remedy)


def _about_fields(dataset: Dataset) -> Iterator[Part]:
    unlabelled = [field for field in dataset.fields if not field.labelled]
    lack = "fields have no classification, so that they count as internal"
    yield _fields("labels", "fields with a classification", dataset.fields, unlabelled, dataset, lack,
                  "Add classification to each of them")  # fmt: skip
    silent = [field for field in dataset.fields if not field.description]
    lack = "fields have no description, so that an agent must guess what they mean"
    yield _fields("meaning", "fields with a description", dataset.fields, silent, dataset, lack,
                  "Add description to each of them")  # fmt: skip


def _about_access(dataset: Dataset) -> Iterator[Part]:
    """Only where there is something to protect."""
    personal = [field for field in dataset.fields if field.personal]
    if personal:
        bare = [field for field in personal if not _guarded(field, dataset)]
        lack = "personal fields are neither masked, nor confidential and for named roles alone"
        yield _fields("masks", "personal fields that are guarded", personal, bare, dataset, lack,
                      "Add landbridge.mask to them, or classify them as confidential and name roles")  # fmt: skip
    if any(_is_confidential(field) and field.mask is None for field in dataset.fields):
        lack = "Fields are confidential, and no role is named that may read them."
        yield _whole("roles", bool(dataset.roles), dataset, lack, "Add roles with access: read")


def _is_confidential(field: Field) -> bool:
    return field.classification >= Classification.confidential


def _guarded(field: Field, dataset: Dataset) -> bool:
    return field.mask is not None or (_is_confidential(field) and bool(dataset.roles))


def _whole(name: str, holds: bool, dataset: Dataset, lack: str, remedy: str) -> Part:
    """Something that the contract says or does not say."""
    loss = Loss(what=lack, amount=1, owner=dataset.owner, remedy=_where(remedy, dataset))
    return Part(name=name, what=f"contracts that declare their {name}", value=int(holds), of=1,
                losses=() if holds else (loss,))  # fmt: skip


def _fields(
    name: str, what: str, every: Sequence[Field], bare: Sequence[Field], dataset: Dataset, lack: str, remedy: str
) -> Part:
    names = [field.name for field in bare]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    told = f"{len(names):,} of {len(every):,} {lack}: {', '.join(names[:NAMED])}{more}."
    loss = Loss(what=told, amount=len(names), owner=dataset.owner, remedy=_where(remedy, dataset))
    return Part(name=name, what=what, value=len(every) - len(names), of=len(every), losses=(loss,) if names else (),
                evidence={"without": sorted(names)})  # fmt: skip


def _where(remedy: str, dataset: Dataset) -> str:
    return f"{remedy} in {dataset.place.file}."
