"""Turn what an entity declares into the plan by which the records of two of its datasets, or of one, are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from catalog.entity_models import Entity, Match
from catalog.models import Dataset
from expectations.linking.plans import MOST_FIELDS, BlockingKey, Comparison, Kind, LinkPlan
from expectations.linking.suggesting import suggested

KEY = "_key"


def plan_for(entity: Entity, ours: Dataset, theirs: Dataset, frames: Mapping[str, pl.DataFrame]) -> LinkPlan | None:
    """How records of two datasets are compared, or of one with itself; None where the entity gives no way to.

    `frames` are the ready rows by dataset. Refusal where a suggestion is asked for and no columns correspond.
    """
    within = ours.name == theirs.name
    lone = within and entity.member(ours.name).one_per_entity  # then only its keys may say that two rows are one
    match = None if lone else entity.match
    one_to_one = not within and all(entity.member(one.name).one_per_entity for one in (ours, theirs))
    comparisons, blocking = _compared(entity, match, ours, theirs, frames)
    keyed, keys = _keyed(entity, ours, theirs, comparisons)
    if not (blocking or keys):
        return None
    return LinkPlan(
        left=ours.name, right=theirs.name, left_key=KEY, right_key=KEY, comparisons=(*comparisons, *keyed),
        blocking=tuple(blocking), keys=tuple(keys), accept=entity.accept, review=entity.review, one_to_one=one_to_one,
        **_weighed(entity, match),
    )  # fmt: skip


def _weighed(entity: Entity, match: Match | None) -> dict[str, Any]:
    """What only records that are weighed need; keys decide alone."""
    if match is None:
        return {}
    return {"agreeing": match.agreeing, "block_limit": match.block_limit, "engine": entity.engine}


def never_compared(entity: Entity, ours: Dataset, theirs: Dataset) -> bool:
    """Whether match fields are in both datasets and yet no blocking brings any of their records together."""
    match = entity.match
    if match is None or match.suggested or (ours.name == theirs.name and entity.member(ours.name).one_per_entity):
        return False
    comparisons, blocking = _declared(match, ours.name, theirs.name)
    return bool(comparisons) and not blocking


def needed(entity: Entity, dataset: Dataset) -> tuple[str, ...]:
    """The fields of a dataset that linking and the golden record read."""
    name = dataset.name
    if entity.match is not None and entity.match.suggested:
        return tuple(field.name for field in dataset.fields)
    told = [field for key in entity.keys for field in key.fields.get(name, ())]
    told += [one.fields[name] for one in (entity.match.fields if entity.match else ()) if name in one.fields]
    told += [field for golden in entity.golden for source, field in golden.sources if source == name]
    told += [golden.changed[name] for golden in entity.golden if name in golden.changed]
    return tuple(dict.fromkeys(told))


def _compared(
    entity: Entity, match: Match | None, ours: Dataset, theirs: Dataset, frames: Mapping[str, pl.DataFrame]
) -> tuple[list[Comparison], list[BlockingKey]]:
    if match is None:
        return [], []
    if not match.suggested:
        return _declared(match, ours.name, theirs.name)
    left, right = (
        frames[one.name].select(KEY, *(field.name for field in one.fields if field.name not in one.key))
        for one in (ours, theirs)
    )
    drafted = suggested(left, right, left_key=KEY, right_key=KEY, names=(ours.name, theirs.name))
    room = MOST_FIELDS - sum(len(fields) for key in entity.keys for fields in list(key.fields.values())[:1])
    comparisons = list(drafted.comparisons[:room])
    names = {one.name for one in comparisons}
    return comparisons, [one for one in drafted.blocking if names.issuperset(one.fields)]


def _declared(match: Match, ours: str, theirs: str) -> tuple[list[Comparison], list[BlockingKey]]:
    """The declared comparisons of fields that both datasets have, and the blocks made of them."""
    comparisons = [
        Comparison(name=one.name, left=one.fields[ours], right=one.fields[theirs], kind=one.kind)
        for one in match.fields
        if ours in one.fields and theirs in one.fields
    ]
    names = {one.name for one in comparisons}
    blocks = [one for one in match.blocking if names.issuperset(one.fields)]
    return comparisons, [BlockingKey(fields=one.fields, by=one.by, length=one.length) for one in blocks]


def _keyed(
    entity: Entity, ours: Dataset, theirs: Dataset, comparisons: Sequence[Comparison]
) -> tuple[list[Comparison], list[tuple[str, ...]]]:
    """The comparisons that the deterministic keys add, and the keys as names of comparisons."""
    known = {(one.left, one.right): one.name for one in comparisons}
    taken = {one.name for one in comparisons}
    added: list[Comparison] = []
    keys: list[tuple[str, ...]] = []
    for key in entity.keys:
        if not {ours.name, theirs.name} <= set(key.fields):
            continue
        for left, right in zip(key.fields[ours.name], key.fields[theirs.name], strict=True):
            if (left, right) not in known:
                name = _unused(left, taken)
                taken.add(name)
                known[left, right] = name
                kind = _key_kind(ours.field(left).type, theirs.field(right).type)
                added.append(Comparison(name=name, left=left, right=right, kind=kind))
        keys.append(tuple(known[pair] for pair in zip(key.fields[ours.name], key.fields[theirs.name], strict=True)))
    return added, keys


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_key"
    return name


def _key_kind(left: str, right: str) -> Kind:
    """Text agrees without regard to case, accents, blanks and punctuation; other types as they are written."""
    return "exact" if left == right != "string" else "code"
