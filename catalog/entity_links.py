"""Check that an entity names what exists: datasets with a key, their fields, and a way for each to be linked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from catalog.entity_models import Entity, GoldenField, Match
from catalog.errors import Problem
from catalog.names import did_you_mean
from catalog.world import World
from catalog.yaml_lines import Part

_TIMES = ("date", "timestamp")
MOST_COMPARED = 20  # fields; patterns of how they agree stay countable


def entity_problems(entity: Entity, part: Part, world: World) -> Iterator[Problem]:
    """Everything in an entity that refers to nothing, or that contradicts itself."""
    yield from _member_problems(entity, part.get("members"), world)
    for key, at in zip(entity.keys, part.get("keys").items(), strict=True):
        for dataset, fields in key.fields.items():
            yield from _field_problems(entity, dataset, fields, at.get(dataset), world)
    if entity.match is not None:
        yield from _match_problems(entity, entity.match, part.get("match"), world)
    elif entity.engine != "polars":
        remedy = "Declare 'match', or leave 'engine' out: keys decide alone."
        yield part.get("engine").problem(f"'{entity.engine}' weighs match fields, and there are none.", remedy)
    yield from _size_problems(entity, part)
    for golden in entity.golden:
        yield from _golden_problems(entity, golden, part.get("golden", golden.name), world)
    if entity.review > entity.accept:
        what = f"'review' ({entity.review:g}) is above 'accept' ({entity.accept:g})."
        yield part.get("review").problem(what, "A pair is reviewed below the probability at which it is linked.")


def _member_problems(entity: Entity, at: Part, world: World) -> Iterator[Problem]:
    linked = _linked(entity)
    for index, member in enumerate(entity.members):
        line = at.get(index, "dataset")
        yield from world.dataset_fault(member.dataset, line)
        if member.dataset in entity.datasets[:index]:
            yield line.problem(f"'{member.dataset}' is a member already.", "Name each dataset once.")
        if linked is not None and member.dataset not in linked:
            what = f"nothing says how records of '{member.dataset}' are linked."
            yield line.problem(what, "Name it in a key, in a match field, or write match: suggested.")


def _linked(entity: Entity) -> set[str] | None:
    """The datasets that some key or match field names; None where a suggestion may name any."""
    if entity.match is not None and entity.match.suggested:
        return None
    compared = entity.match.fields if entity.match is not None else ()
    return {name for key in entity.keys for name in key.fields} | {name for one in compared for name in one.fields}


def _field_problems(entity: Entity, dataset: str, fields: Iterable[str], at: Part, world: World) -> Iterator[Problem]:
    """A dataset that is no member, or fields that it has not."""
    if dataset not in entity.datasets:
        yield at.problem(f"'{dataset}' is not a member of '{entity.name}'.", did_you_mean(dataset, entity.datasets))
        return
    for field in fields:
        yield from world.field_fault(dataset, field, at)


def _size_problems(entity: Entity, part: Part) -> Iterator[Problem]:
    keyed = sum(len(fields) for key in entity.keys for fields in list(key.fields.values())[:1])
    compared = keyed + (len(entity.match.fields) if entity.match is not None else 0)
    if compared > MOST_COMPARED:
        what = f"keys and match name {compared} fields to compare; {MOST_COMPARED} are allowed."
        yield part.get("keys").problem(what, "Leave out those that tell least.")


def _match_problems(entity: Entity, match: Match, at: Part, world: World) -> Iterator[Problem]:
    names = [one.name for one in match.fields]
    kinds = {one.name: one.kind for one in match.fields}
    for index, one in enumerate(match.fields):
        line = at.get("fields", index)
        if one.name in names[:index]:
            yield line.get("name").problem(f"the match field '{one.name}' stands there already.", "Rename one.")
        for dataset, field in one.fields.items():
            yield from _field_problems(entity, dataset, [field], line.get("in", dataset), world)
    for index, block in enumerate(match.blocking):
        line = at.get("blocking", index)
        for name in block.fields:
            if name not in names:
                what = f"'{name}' is not a match field of '{entity.name}'."
                yield line.get("fields").problem(what, did_you_mean(name, names))
        if block.by == "words" and (len(block.fields) > 1 or kinds.get(block.fields[0], "text") != "text"):
            remedy = "Name one match field of the kind text, or block by value or prefix."
            yield line.problem("only one field of the kind text has words to block by.", remedy)


def _golden_problems(entity: Entity, golden: GoldenField, at: Part, world: World) -> Iterator[Problem]:
    yield from _reference_problems(entity, golden.sources, at.get("from"), world)
    yield from _reference_problems(entity, tuple(golden.changed.items()), at.get("changed"), world)
    if golden.rule == "newest" and not golden.changed:
        yield at.problem("'newest' needs 'changed'.", "Name the field that tells when a record changed: [crm.changed].")
    if golden.rule != "newest" and golden.changed:
        yield at.get("changed").problem(f"'changed' means nothing for {golden.rule}.", "Write rule: newest.")
    for dataset, name in golden.changed.items():
        field = (world.fields(dataset) or {}).get(name)
        if field is not None and field.type not in _TIMES:
            what = f"'{dataset}.{name}' is {field.type}, and what is newest is told by time."
            yield at.get("changed").problem(what, "Name a date or a timestamp.")


def _reference_problems(
    entity: Entity, references: Sequence[tuple[str, str]], at: Part, world: World
) -> Iterator[Problem]:
    datasets = [dataset for dataset, _ in references]
    for index, (dataset, field) in enumerate(references):
        line = at.get(index)
        yield from _field_problems(entity, dataset, [field], line, world)
        if dataset in datasets[:index]:
            yield line.problem(f"'{dataset}' stands there already.", "Name one field of each dataset.")
