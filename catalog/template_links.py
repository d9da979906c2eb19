"""Check that a document template tells only what exists: fields, lookups, aggregates and related datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from catalog.errors import Problem
from catalog.models import Aggregate, Dataset, DocumentTemplate, Field, Lookup
from catalog.names import did_you_mean
from catalog.templates import KNOWN_GAPS, TemplateFault, inserted
from catalog.world import World, join_problems, missing_field
from catalog.yaml_lines import Part


def template_problems(
    template: DocumentTemplate, at: Part, dataset: Dataset, world: World, *, first: bool
) -> Iterator[Problem]:
    """Everything in a template that refers to nothing, or to no single value."""
    own = {field.name: field for field in dataset.fields}
    row = dict(own)
    for lookup, place in zip(template.lookups, at.get("lookups").items(), strict=True):
        yield from _lookup_problems(lookup, place, row, dataset.name, world)
        row |= borrowed(lookup, world)
    for name, place in _each(template.by, at.get("by")):
        if name not in row:
            yield missing_field(name, dataset.name, row, place)
    if not set(template.by) <= set(row):
        return  # what a group can tell is not known; one fault is enough
    lent = {name for lookup in template.lookups for name in lookup.fields}
    group = {name: field for name, field in row.items() if not template.by or name in template.by or name in lent}
    for name, place in _each(template.keys, at.get("keys")):
        if name not in row:
            yield missing_field(name, dataset.name, row, place)
        elif name not in group:
            yield place.problem(f"'{name}' has many values in a group.", "Name a field of 'by'.")
    yield from _aggregate_problems(template.aggregates, at.get("aggregates"), row, dataset.name)
    if template.aggregates and not template.by:
        yield at.get("aggregates").problem("aggregates tell a group, and there is no 'by'.", "Add 'by: [field]'.")
    yield from _related_problems(template, at, group, dataset.name, world)
    yield from _children_problems(template, at, group, dataset.name, world)
    yield from _coverage_problems(template, at, dataset, world, first=first)
    yield from _text_problems(template, at, row, world)


def borrowed(lookup: Lookup, world: World) -> dict[str, Field]:
    """The fields a lookup adds, under their new names. A field that is not there is told elsewhere; any will do."""
    theirs = world.fields(lookup.dataset)
    if theirs is None:
        anything = next(field for contract in world.contracts.values() for field in contract.dataset.fields)
        return {name: anything.model_copy(update={"name": name, "type": "number"}) for name in lookup.fields}
    return {new: theirs[old].model_copy(update={"name": new}) for new, old in lookup.fields.items() if old in theirs}


def _each(names: Sequence[str], at: Part) -> Iterator[tuple[str, Part]]:
    yield from zip(names, at.items(), strict=True)


def _lookup_problems(lookup: Lookup, at: Part, row: Mapping[str, Field], name: str, world: World) -> Iterator[Problem]:
    yield from world.dataset_fault(lookup.dataset, at.get("dataset"))
    yield from join_problems(lookup.on, row, name, lookup.dataset, at.get("on"), world)
    for new, old in lookup.fields.items():
        yield from world.field_fault(lookup.dataset, old, at.get("fields", new))
        if new in row:
            yield at.get("fields", new).problem(f"'{new}' is a field already.", "Borrow it under another name.")


def _aggregate_problems(
    aggregates: Sequence[Aggregate], at: Part, row: Mapping[str, Field], name: str
) -> Iterator[Problem]:
    seen: set[str] = set()
    for one, place in zip(aggregates, at.items(), strict=True):
        if one.name in seen:
            yield place.problem(f"the aggregate '{one.name}' is there already.", "Choose another name.")
        seen.add(one.name)
        if one.function != "count" and not one.field:
            what = f"the aggregate '{one.name}' ({one.function}) lacks its 'field'."
            yield place.problem(what, "Add 'field: ...'; only count does without.")
        for key, field in (("field", one.field), ("whereNull", one.where_null)):
            if field and field not in row:
                yield missing_field(field, name, row, place.get(key))
        if one.function in ("sum", "mean") and one.field in row and row[one.field].type not in ("integer", "number"):
            what = f"{one.function} of '{one.field}', which is {row[one.field].type}."
            yield place.problem(what, "Take a number, or count, distinct or top.")


def _related_problems(
    template: DocumentTemplate, at: Part, group: Mapping[str, Field], name: str, world: World
) -> Iterator[Problem]:
    seen: set[str] = set()
    for related, place in zip(template.related, at.get("related").items(), strict=True):
        if related.name in seen:
            yield place.problem(f"the related '{related.name}' is there already.", "Choose another name.")
        seen.add(related.name)
        yield from world.dataset_fault(related.dataset, place.get("dataset"))
        yield from join_problems(related.on, group, name, related.dataset, place.get("on"), world)
        theirs = world.fields(related.dataset)
        if theirs is None:
            continue
        for lookup, one in zip(related.lookups, place.get("lookups").items(), strict=True):
            yield from _lookup_problems(lookup, one, theirs, related.dataset, world)
            theirs |= borrowed(lookup, world)
        yield from _aggregate_problems(related.aggregates, place.get("aggregates"), theirs, related.dataset)


def _children_problems(
    template: DocumentTemplate, at: Part, group: Mapping[str, Field], name: str, world: World
) -> Iterator[Problem]:
    """A line of a child tells one row: its own fields and those it borrows."""
    seen: set[str] = set()
    for one, place in zip(template.children, at.get("children").items(), strict=True):
        if one.name in seen:
            yield place.problem(f"the children '{one.name}' are there already.", "Choose another name.")
        seen.add(one.name)
        yield from world.dataset_fault(one.dataset, place.get("dataset"))
        yield from join_problems(one.on, group, name, one.dataset, place.get("on"), world)
        theirs = world.fields(one.dataset)
        if theirs is None:
            continue
        row = dict(theirs)
        for lookup, lent in zip(one.lookups, place.get("lookups").items(), strict=True):
            yield from _lookup_problems(lookup, lent, row, one.dataset, world)
            row |= borrowed(lookup, world)
        for field in one.order:
            if field.removeprefix("-") not in row:
                yield missing_field(field.removeprefix("-"), one.dataset, row, place.get("order"))
        try:
            told = inserted(one.text)
        except TemplateFault as fault:
            yield place.get("text").problem(f"'text' of the children '{one.name}': {fault.what}.", fault.remedy)
            continue
        for field in told:
            if field not in row:
                yield missing_field(field, one.dataset, row, place.get("text"))


def _coverage_problems(
    template: DocumentTemplate, at: Part, dataset: Dataset, world: World, *, first: bool
) -> Iterator[Problem]:
    """The first template is the one accounting counts, so it may leave no row out."""
    if template.only_missing_in is None:
        return
    place, (other, field) = at.get("onlyMissingIn"), template.only_missing_in
    if first:
        what = f"the first template '{template.name}' must cover every row, and onlyMissingIn leaves some out."
        yield place.problem(what, "Put a template without it first.")
    yield from world.dataset_fault(other, place)
    named = template.by or dataset.key
    if len(named) != 1:
        yield place.problem("onlyMissingIn compares one value, and a document has several.", "Name one field in 'by'.")
    else:
        ours = {one.name: one for one in dataset.fields if one.name == named[0]}
        yield from join_problems([(named[0], field)] if ours else [], ours, dataset.name, other, place, world)


def _text_problems(template: DocumentTemplate, at: Part, row: Mapping[str, Field], world: World) -> Iterator[Problem]:
    known = set(_tellable(template, row))
    absent = {new for lookup in template.lookups if world.fields(lookup.dataset) is None for new in lookup.fields}
    for key, text in (("title", template.title), ("text", template.text)):
        try:
            names = inserted(text)
        except TemplateFault as fault:
            yield at.get(key).problem(f"'{key}' of '{template.name}': {fault.what}.", fault.remedy)
            continue
        for name in names:
            if name in known or name in absent:
                continue
            if template.by and name in row:
                what = f"'{key}' of '{template.name}' names '{name}', which has many values in a group."
                yield at.get(key).problem(what, "Name a field of 'by', or an aggregate.")
            else:
                what = f"'{key}' of '{template.name}' names '{name}', which is no field, lookup or aggregate."
                yield at.get(key).problem(what, did_you_mean(name, known))


def _tellable(template: DocumentTemplate, row: Mapping[str, Field]) -> Iterable[str]:
    """The names that have one value per document."""
    yield KNOWN_GAPS
    yield from template.by or row
    for lookup in template.lookups:
        yield from lookup.fields
    yield from (one.name for one in template.aggregates)
    for related in template.related:
        yield from (f"{related.name}.{one.name}" for one in related.aggregates)
