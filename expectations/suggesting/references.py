"""Suggest references: columns whose values are nearly all keys of another dataset, or that the contract calls so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from catalog.models import Dataset, Field, Relation
from expectations.suggesting.looks import (
    FEWEST,
    SAMPLE,
    Look,
    handed_out,
    inside,
    like_named,
    same_name,
    unique_fields,
)
from expectations.suggesting.proposals import Proposal, percent
from expectations.wording import listed

INCLUDED = 0.90  # of the different values, where names are unlike or merely alike
INCLUDED_SAME_NAME = 0.50  # where both columns are called the same
MANY = 100  # values whose inclusion says something whatever the names
COVERED = 0.01  # of their keys
PROBED = 1_000  # values that are looked up before all of them are


@dataclass(frozen=True)
class _Inclusion:
    other: Dataset
    field: str
    share: float
    covered: float
    values: int
    alike: bool


def references(look: Look, dataset: Dataset) -> Iterator[Proposal]:
    """The references of one dataset that no `missing_reference` rule of it guards."""
    told = {frozenset(zip(rule.fields, rule.to_fields, strict=True)) | {rule.to_dataset}
            for rule in dataset.gap_rules if rule.kind == "missing_reference"}  # fmt: skip
    guarded = {rule.fields for rule in dataset.gap_rules if rule.kind == "missing_reference"}
    related: set[str] = set()
    for relation in dataset.relations:
        related.update(relation.fields if len(relation.fields) == 1 else ())
        pairs = frozenset(zip(relation.fields, relation.to_fields, strict=True)) | {relation.to_dataset}
        if pairs not in told and _comparable(look, dataset, relation):
            yield _declared(look, dataset, relation)
    for field in dataset.fields:
        if field.type in ("string", "integer") and field.name not in related and (field.name,) not in guarded:
            yield from _found(look, dataset, field)


def _comparable(look: Look, dataset: Dataset, relation: Relation) -> bool:
    other = look.project.datasets[relation.to_dataset]
    theirs = [other.field(name).type for name in relation.to_fields]
    return bool(look.height(other.name)) and [dataset.field(name).type for name in relation.fields] == theirs


def _declared(look: Look, dataset: Dataset, relation: Relation) -> Proposal:
    words = {"fields": list(relation.fields), "to": [f"{relation.to_dataset}.{name}" for name in relation.to_fields]}
    what = f"The contract says that {listed(relation.fields)} refers to {listed(words['to'])}, and no rule guards it"
    others: list[_Inclusion] = []
    if len(relation.fields) == 1:
        found = _inclusions(look, dataset, dataset.field(relation.fields[0]))
        whole = any(one.other.name == relation.to_dataset and one.share == 1 for one in found)
        others = [one for one in found if one.other.name != relation.to_dataset and not whole]
    return Proposal(dataset.name, "missing_reference", words | _also(others),
                    about=f"{'-'.join(relation.fields)}-not-in-{relation.to_dataset}", reason=f"{what}.",
                    confidence=1.0)  # fmt: skip


def _found(look: Look, dataset: Dataset, field: Field) -> Iterator[Proposal]:
    inclusions = _inclusions(look, dataset, field)
    if not inclusions:
        return
    best = inclusions[0]
    words = {"fields": [field.name], "to": [f"{best.other.name}.{best.field}"]}
    words |= _also(inclusions[1:]) if best.share < 1 else {}
    named = ", and both are called alike" if best.alike else ""
    looked_at = " looked at" if look.height(dataset.name) > SAMPLE else ""
    reason = (
        f"{percent(best.share)} of the {best.values:,} different values of {field.name}{looked_at} are in "
        f"{best.other.name}.{best.field}{named}."
    )
    yield Proposal(dataset.name, "missing_reference", words, about=f"{field.name}-not-in-{best.other.name}",
                   reason=reason, confidence=best.share,
                   measured={"included": best.share, "values": best.values, "covered": best.covered})  # fmt: skip


def _also(others: list[_Inclusion]) -> dict[str, list[str]]:
    """Further registers that may know what the first one lacks."""
    names = {one.other.name: f"{one.other.name}.{one.field}" for one in reversed(others)}
    return {"alsoIn": sorted(names.values())} if names else {}


def _inclusions(look: Look, dataset: Dataset, field: Field) -> list[_Inclusion]:
    """The keys that hold the values of a column, the likeliest first."""
    ours = look.sample(dataset.name, field.name)[field.name].drop_nulls().unique().sort()
    if ours.len() < FEWEST:
        return []
    own = field.name in unique_fields(dataset)
    found = [
        one
        for other in look.datasets
        for name in unique_fields(other)
        if other.name != dataset.name and other.field(name).type == field.type
        if (one := _inclusion(look, ours, field, other, name)) is not None
        if not own or _is_part(look, dataset, one)
    ]
    return sorted(found, key=lambda one: (not one.alike, -one.share, -one.covered, one.other.name))


def _is_part(look: Look, dataset: Dataset, one: _Inclusion) -> bool:
    """Whether records of this dataset are some of the other's: two registers; numbers only by their names."""
    smaller = (look.height(dataset.name), dataset.name) < (look.height(one.other.name), one.other.name)
    return smaller and (one.alike or not handed_out(look.values(one.other.name, one.field)))


def _inclusion(look: Look, ours: pl.Series, field: Field, other: Dataset, name: str) -> _Inclusion | None:
    """How far a column is included in a key; None where that may be by chance."""
    their_field = other.field(name)
    same, alike = same_name(field, their_field, other.name), like_named(field, their_field, other.name)
    theirs = look.values(other.name, name)
    least = INCLUDED_SAME_NAME if same else INCLUDED
    probe = ours.gather_every(-(-ours.len() // PROBED))
    if theirs.is_empty() or inside(probe, theirs) < least / 2 * probe.len():
        return None
    common = inside(ours, theirs)
    share, covered = common / ours.len(), common / theirs.len()
    if share < least or not (alike or (ours.len() >= MANY and covered >= COVERED and not handed_out(theirs))):
        return None
    return _Inclusion(other, name, share, covered, ours.len(), alike)
