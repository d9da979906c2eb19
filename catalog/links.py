"""The second pass: every name a declaration mentions must exist, in this contract or in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from catalog.contracts import Contract
from catalog.errors import Problem
from catalog.gap_links import gap_problems
from catalog.models import Field, GapRule
from catalog.names import did_you_mean
from catalog.template_links import template_problems
from catalog.world import World, missing_field
from catalog.yaml_lines import Part


def link_problems(contract: Contract, world: World) -> Iterator[Problem]:
    """Everything in a contract that refers to nothing."""
    yield from _source_problems(contract, world)
    yield from _field_problems(contract)
    yield from _relation_problems(contract, world)
    yield from _rule_problems(contract)
    yield from _unique(((one.name, at.get("name")) for one, at in _gaps(contract)), "gap rule")
    for rule, at in _gaps(contract):
        yield from gap_problems(rule, at, contract.dataset, world)
    yield from _unique(
        ((one.name, at.get("name")) for one, at in zip(contract.dataset.documents, contract.documents, strict=True)),
        "document",
    )
    for index, (template, at) in enumerate(zip(contract.dataset.documents, contract.documents, strict=True)):
        yield from template_problems(template, at, contract.dataset, world, first=index == 0)


def _gaps(contract: Contract) -> Iterator[tuple[GapRule, Part]]:
    yield from zip(contract.dataset.gap_rules, contract.gaps, strict=True)


def _unique(named: Iterable[tuple[str, Part]], what: str) -> Iterator[Problem]:
    first: dict[str, Part] = {}
    for name, at in named:
        if name in first:
            yield at.problem(f"the {what} '{name}' stands on line {first[name].line} already.", "Choose another name.")
        first.setdefault(name, at)


def _source_problems(contract: Contract, world: World) -> Iterator[Problem]:
    name = contract.dataset.source
    source = world.sources.get(name)
    if source is None:
        if name not in world.broken:
            remedy = did_you_mean(name, world.sources) or f"Add sources/{name}.yaml."
            yield contract.source.problem(f"there is no source '{name}'.", remedy)
    elif source.kind == "fixed_width":
        yield from _position_problems(contract)


def _position_problems(contract: Contract) -> Iterator[Problem]:
    """In a fixed-width record every field has columns of its own."""
    placed: list[tuple[int, int, str]] = []
    for field, at in zip(contract.dataset.fields, contract.properties, strict=True):
        if field.combine is not None:
            continue
        if field.start is None or field.length is None:
            what = f"'{field.name}' has no landbridge.position, and its source is fixed_width."
            yield at.problem(what, "Add {property: landbridge.position, value: {start: 1, length: 6}}.")
            continue
        first, last = field.start, field.start + field.length - 1
        for start, end, name in placed:
            if first <= end and start <= last:
                what = f"'{field.name}' (columns {first}-{last}) overlaps '{name}' (columns {start}-{end})."
                yield at.problem(what, "Correct start or length of one of them.")
        placed.append((first, last, field.name))


def _field_problems(contract: Contract) -> Iterator[Problem]:
    dataset = contract.dataset
    known = {field.name: field for field in dataset.fields}
    yield from _unique(((one.name, at.get("name")) for one, at in _properties(contract)), "property")
    first: dict[str, Field] = {}
    for field, at in _properties(contract):
        if field.combine is None:
            if field.physical_name in first and first[field.physical_name].name != field.name:
                what = f"'{first[field.physical_name].name}' reads the source's column '{field.physical_name}' already."
                yield at.get("physicalName").problem(what, "A column feeds one property.")
            first.setdefault(field.physical_name, field)
            continue
        combine = field.combine
        for key, name in (("date", combine.date), ("time", combine.time), ("zoneField", combine.zone_field),
                          ("after", combine.after)):  # fmt: skip
            if name and name not in known:
                yield missing_field(name, dataset.name, known, _value(at, "landbridge.combine").get(key))
            elif name and key in ("date", "time") and known[name].combine is not None:
                what = f"'{name}' is combined itself."
                yield _value(at, "landbridge.combine").get(key).problem(what, "Combine fields of the source.")
    for name, _ in contract.keep.entries():
        if name not in known:
            yield missing_field(name, dataset.name, known, contract.keep.get(name))


def _properties(contract: Contract) -> Iterator[tuple[Field, Part]]:
    yield from zip(contract.dataset.fields, contract.properties, strict=True)


def _value(at: Part, name: str) -> Part:
    entries = at.get("customProperties").items()
    return next((one.get("value") for one in entries if one.get("property").value == name), at)


def _relation_problems(contract: Contract, world: World) -> Iterator[Problem]:
    known = [field.name for field in contract.dataset.fields]
    for relation in contract.dataset.relations:
        at = Part(relation.place.file, (), None, {(): relation.place.line})
        for name in relation.fields:
            if name not in known:
                yield missing_field(name, contract.dataset.name, known, at)
        yield from world.dataset_fault(relation.to_dataset, at)
        for name in relation.to_fields:
            yield from world.field_fault(relation.to_dataset, name, at)


def _rule_problems(contract: Contract) -> Iterator[Problem]:
    """Rules over several fields, and expectations, name fields in their arguments."""
    known = [field.name for field in contract.dataset.fields]
    for rule in contract.dataset.rules:
        named = list(rule.arguments["fields"]) if rule.kind in ("unique", "functional_dependency") else []
        if rule.kind == "functional_dependency" and rule.field is not None:
            named.append(rule.field)
        if rule.kind in ("expectation", "custom"):
            named = _columns(rule.arguments["kwargs"])
        at = Part(rule.place.file, (), None, {(): rule.place.line})
        for name in named:
            if name not in known:
                yield missing_field(name, contract.dataset.name, known, at)


def _columns(kwargs: Mapping[str, object]) -> list[str]:
    given = [kwargs.get(key) for key in ("column", "column_A", "column_B")]
    listed = kwargs.get("column_list")
    return [one for one in (*given, *(listed if isinstance(listed, list) else ())) if isinstance(one, str)]
