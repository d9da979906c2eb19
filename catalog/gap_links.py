"""Check that a gap rule names what exists: its own fields, other systems, and types that the kind can work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from catalog.errors import Problem
from catalog.models import Dataset, Field, GapKind, GapRule, LogicalType
from catalog.settling_faults import settling_faults
from catalog.world import World, join_problems, missing_field
from catalog.yaml_lines import Part

_TIMES: tuple[LogicalType, ...] = ("date", "timestamp")
_FIELD_TYPES: dict[GapKind, tuple[tuple[LogicalType, ...], str, str]] = {
    "missing_period": (_TIMES, "periods are counted in time", "Name a date or a timestamp."),
    "missing_sequence": (("integer", "string"), "a sequence counts in whole numbers", "Name an integer or a text."),
    "mixed_format": (("string",), "only text is in a format", "Name a text."),
}


def gap_problems(rule: GapRule, at: Part, dataset: Dataset, world: World) -> Iterator[Problem]:
    """Everything in a gap rule that refers to nothing, or to what the kind cannot compare."""
    ours = {field.name: field for field in dataset.fields}
    yield from _own_problems(rule, at, dataset, ours)
    if rule.kind in _FIELD_TYPES and rule.field in ours:
        yield from _type_problems(rule, at, ours)
    if rule.kind == "missing_reference":
        yield from _reference_problems(rule, at, dataset, ours, world)
    if rule.kind == "missing_entity":
        yield from _entity_problems(rule, at, dataset, ours, world)
    if rule.kind == "stale_field":
        yield from _stale_problems(rule, at, dataset, ours, world)
    if rule.kind == "conflict":
        yield from _conflict_problems(rule, at, dataset, ours, world)
    if rule.holidays:
        yield from _holiday_problems(rule.holidays, at.get("holidays"), world)


def _own_problems(rule: GapRule, at: Part, dataset: Dataset, ours: Mapping[str, Field]) -> Iterator[Problem]:
    """Fields of this dataset that are not there, but for those that a join names."""
    named = [("field", rule.field), ("lateFrom", rule.late_from), ("changed", rule.changed)]
    named += [("per", name) for name in rule.per] + [("where", name) for name in rule.where]
    for key, name in named:
        if name and name not in ours:
            yield missing_field(name, dataset.name, ours, at.get(key))
    for key, name in (("lateFrom", rule.late_from), ("changed", rule.changed)):
        if name in ours:
            yield from _time_problems(name, ours, dataset.name, at.get(key))


def _type_problems(rule: GapRule, at: Part, ours: Mapping[str, Field]) -> Iterator[Problem]:
    types, why, remedy = _FIELD_TYPES[rule.kind]
    if ours[rule.field].type not in types:
        yield at.get("field").problem(f"'{rule.field}' is {ours[rule.field].type}, and {why}.", remedy)


def _time_problems(name: str, fields: Mapping[str, Field], dataset: str, at: Part) -> Iterator[Problem]:
    if fields[name].type not in _TIMES:
        what = f"'{dataset}.{name}' is {fields[name].type}, and an age is counted in time."
        yield at.problem(what, "Name a date or a timestamp.")


def _their_time(name: str, dataset: str, at: Part, world: World) -> Iterator[Problem]:
    fields = world.fields(dataset)
    yield from world.field_fault(dataset, name, at)
    if fields is not None and name in fields:
        yield from _time_problems(name, fields, dataset, at)


def _reference_problems(
    rule: GapRule, at: Part, dataset: Dataset, ours: Mapping[str, Field], world: World
) -> Iterator[Problem]:
    yield from world.dataset_fault(rule.to_dataset, at.get("to"))
    pairs = list(zip(rule.fields, rule.to_fields, strict=True))
    yield from join_problems(pairs, ours, dataset.name, rule.to_dataset, at.get("to"), world)
    for register, field in rule.also_in:
        yield from world.dataset_fault(register, at.get("alsoIn"))
        yield from join_problems([(rule.fields[0], field)] if rule.fields[0] in ours else [], ours, dataset.name,
                                 register, at.get("alsoIn"), world)  # fmt: skip
    if rule.their_late_from:
        yield from _their_time(rule.their_late_from, rule.to_dataset, at.get("theirLateFrom"), world)


def _entity_problems(
    rule: GapRule, at: Part, dataset: Dataset, ours: Mapping[str, Field], world: World
) -> Iterator[Problem]:
    systems = at.get("systems")
    unknown = [name for name in rule.fields if name not in ours]
    for name in unknown:
        yield missing_field(name, dataset.name, ours, at.get("fields"))
    for name, group in groupby(sorted(rule.systems, key=lambda one: one[0]), key=lambda one: one[0]):
        yield from world.dataset_fault(name, systems)
        pairs = list(zip(rule.fields, (field for _, field in group), strict=True))
        known = [(mine, their) for mine, their in pairs if mine not in unknown]
        yield from join_problems(known, ours, dataset.name, name, systems, world)
        if name == dataset.name:
            what = f"'{name}' promises the entities itself, so it cannot lack them."
            yield systems.problem(what, "Name other systems.")


def _stale_problems(
    rule: GapRule, at: Part, dataset: Dataset, ours: Mapping[str, Field], world: World
) -> Iterator[Problem]:
    yield from world.dataset_fault(rule.to_dataset, at.get("with"))
    yield from join_problems(rule.on, ours, dataset.name, rule.to_dataset, at.get("on"), world)
    yield from _their_time(rule.their_changed, rule.to_dataset, at.get("theirChanged"), world)
    theirs = (world.fields(rule.to_dataset) or {}).get(rule.their_changed)
    mine = ours.get(rule.changed)
    if mine and theirs and {mine.type, theirs.type} == set(_TIMES):
        what = f"'{rule.changed}' is {mine.type} and '{rule.to_dataset}.{rule.their_changed}' is {theirs.type}."
        yield at.get("theirChanged").problem(what, "Give both the same logicalType.")


def _holiday_problems(holidays: tuple[str, str], at: Part, world: World) -> Iterator[Problem]:
    dataset, name = holidays
    yield from world.dataset_fault(dataset, at)
    yield from world.field_fault(dataset, name, at)
    field = (world.fields(dataset) or {}).get(name)
    if field is not None and field.type != "date":
        yield at.problem(f"'{dataset}.{name}' is {field.type}, and holidays are days.", "Name a date.")


def _conflict_problems(
    rule: GapRule, at: Part, dataset: Dataset, ours: Mapping[str, Field], world: World
) -> Iterator[Problem]:
    yield from world.dataset_fault(rule.to_dataset, at.get("with"))
    yield from join_problems(rule.on, ours, dataset.name, rule.to_dataset, at.get("on"), world)
    for compared, place in zip(rule.compare, at.get("compare").items(), strict=True):
        if compared.field not in ours:
            yield missing_field(compared.field, dataset.name, ours, place.get("field"))
        yield from world.field_fault(rule.to_dataset, compared.other, place.get("other"))
    if rule.their_changed:
        yield from _their_time(rule.their_changed, rule.to_dataset, at.get("theirChanged"), world)
    if not world.broken:  # a file that did not read may hold the rule that answers it
        yield from _settling_problems(rule, at, dataset, world)


def _settling_problems(rule: GapRule, at: Part, dataset: Dataset, world: World) -> Iterator[Problem]:
    """What rules that speak of the same fact contradict each other in."""
    datasets = {name: contract.dataset for name, contract in world.contracts.items()}
    places = dict(zip(rule.compare, at.get("compare").items(), strict=True))
    told: set[tuple[str, str]] = set()
    for compared, key, what, remedy in settling_faults(dataset.name, rule, datasets):
        of_field = key == "systemOfRecord" and compared.system_of_record
        if (key, what) not in told:
            yield (places[compared] if of_field else at).get(key).problem(what, remedy)
        told.add((key, what))
