"""Make document templates and gap rules of a contract out of their shapes, refusing keys that mean nothing together."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import Problem
from catalog.extensions import AggregateShape, DocumentShape, GapShape, LookupShape
from catalog.models import Aggregate, ConflictField, DocumentTemplate, GapRule, Lookup, Related
from catalog.shapes import split
from catalog.yaml_lines import Part

_NEEDED = {
    "missing_reference": ("fields", "to"),
    "missing_value": ("field",),
    "missing_period": ("field", "every"),
    "conflict": ("with", "on", "compare"),
}
_ALLOWED = {
    "missing_reference": ("alsoIn",),
    "missing_value": ("maxShare",),
    "missing_period": ("per", "start", "end"),
    "conflict": ("systemOfRecord",),
}
_COMMON = ("name", "kind", "title", "severity", "owner", "remedy")


def document_template(shape: DocumentShape, part: Part) -> DocumentTemplate:
    """The template a shape declares."""
    return DocumentTemplate(
        name=shape.name,
        title=shape.title,
        text=shape.text,
        by=tuple(shape.by),
        only_missing_in=split(shape.only_missing_in) if shape.only_missing_in else None,
        lookups=_lookups(shape.lookups),
        aggregates=_aggregates(shape.aggregates),
        related=tuple(
            Related(
                name=one.name,
                dataset=one.dataset,
                on=_pairs(one.on),
                lookups=_lookups(one.lookups),
                aggregates=_aggregates(one.aggregates),
            )
            for one in shape.related
        ),
        keys=tuple(shape.keys),
        place=part.place,
    )


def gap_rule(shape: GapShape, part: Part, *, found: list[Problem]) -> GapRule | None:
    """The gap rule a shape declares; None after its faults were added to `found`."""
    faults = _gap_faults(shape, part)
    found.extend(faults)
    if faults:
        return None
    to = [split(reference) for reference in shape.to]
    return GapRule(
        name=shape.name,
        kind=shape.kind,
        title=shape.title,
        field=shape.field,
        fields=tuple(shape.fields),
        to_dataset=to[0][0] if to else shape.with_,
        to_fields=tuple(field for _, field in to),
        also_in=tuple(split(reference) for reference in shape.also_in),
        max_share=shape.max_share,
        every=shape.every,
        per=tuple(shape.per),
        start=shape.start,
        end=shape.end,
        on=_pairs(shape.on),
        compare=tuple(
            ConflictField(field=one.field, other=one.other, tolerance=one.tolerance) for one in shape.compare
        ),
        system_of_record=shape.system_of_record,
        severity=shape.severity,
        owner=shape.owner,
        remedy=shape.remedy,
        place=part.place,
    )


def _gap_faults(shape: GapShape, part: Part) -> list[Problem]:
    needed, allowed = _NEEDED[shape.kind], _ALLOWED[shape.kind]
    faults = [
        part.problem(f"gap rule '{shape.name}' lacks '{key}'.", f"A {shape.kind} rule needs {' and '.join(needed)}.")
        for key in needed
        if not part.get(key).value
    ]
    faults += [
        value.problem(f"'{key}' means nothing for a {shape.kind} rule.", f"It reads {', '.join((*needed, *allowed))}.")
        for key, value in part.entries()
        if key not in (*_COMMON, *needed, *allowed)
    ]
    if len({reference.partition(".")[0] for reference in shape.to}) > 1:
        faults.append(part.get("to").problem("'to' names several datasets.", "Write one gap rule for each."))
    if shape.to and len(shape.to) != len(shape.fields):
        faults.append(part.get("to").problem("'fields' and 'to' differ in length.", "Write one 'to' for each field."))
    if shape.also_in and len(shape.fields) != 1:
        faults.append(part.get("alsoIn").problem("'alsoIn' works for one field only.", "Write 'fields' with one name."))
    return faults


def _pairs(on: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(on.items())


def _lookups(shapes: list[LookupShape]) -> tuple[Lookup, ...]:
    return tuple(Lookup(dataset=one.dataset, on=_pairs(one.on), fields=dict(one.fields)) for one in shapes)


def _aggregates(shapes: list[AggregateShape]) -> tuple[Aggregate, ...]:
    return tuple(Aggregate(**one.model_dump()) for one in shapes)
