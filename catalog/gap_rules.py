"""Make the gap rules of a contract out of their shapes, refusing keys that are lacking or mean nothing together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from catalog.durations import DAY, about_seconds
from catalog.errors import Problem
from catalog.extensions import CompareShape, GapShape
from catalog.models import ConflictField, GapKind, GapRule
from catalog.shapes import split
from catalog.yaml_lines import Part

_NEEDED: dict[GapKind, tuple[str, ...]] = {
    "missing_reference": ("fields", "to"),
    "missing_value": ("field",),
    "missing_period": ("field", "every"),
    "missing_entity": ("fields", "systems"),
    "missing_sequence": ("field",),
    "stale_field": ("with", "on", "changed", "theirChanged", "maxAge"),
    "segment_coverage": ("field", "per"),
    "mixed_format": ("field",),
    "conflict": ("with", "on", "compare"),
}
_ALLOWED: dict[GapKind, tuple[str, ...]] = {
    "missing_reference": ("alsoIn", "direction", "lateFrom", "theirLateFrom", "lateness"),
    "missing_value": ("maxShare",),
    "missing_period": ("per", "start", "end", "calendar", "holidays"),
    "missing_entity": ("where",),
    "missing_sequence": ("per",),
    "stale_field": ("field",),
    "segment_coverage": ("maxShare", "minRows"),
    "mixed_format": (),
    "conflict": ("systemOfRecord", "changed", "theirChanged"),
}
_COMMON = ("name", "kind", "title", "severity", "owner", "remedy")


def gap_rule(shape: GapShape, part: Part, *, found: list[Problem]) -> GapRule | None:
    """The gap rule a shape declares; None after its faults were added to `found`."""
    faults = [*_gap_faults(shape, part), *_CONTRADICTIONS.get(shape.kind, _none)(shape, part)]
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
        direction=shape.direction,
        late_from=shape.late_from,
        their_late_from=shape.their_late_from,
        lateness=shape.lateness,
        max_share=shape.max_share,
        min_rows=shape.min_rows,
        every=shape.every,
        per=tuple(shape.per),
        start=shape.start,
        end=shape.end,
        calendar=shape.calendar,
        holidays=split(shape.holidays) if shape.holidays else None,
        systems=tuple(split(reference) for reference in shape.systems),
        where={field: tuple(values) for field, values in shape.where.items()},
        on=tuple(shape.on.items()),
        changed=shape.changed,
        their_changed=shape.their_changed,
        max_age=shape.max_age,
        compare=tuple(
            ConflictField(
                field=one.field, other=one.other, tolerance=one.tolerance, system_of_record=tuple(one.system_of_record)
            )
            for one in shape.compare
        ),
        system_of_record=tuple(shape.system_of_record),
        severity=shape.severity,
        owner=shape.owner,
        remedy=shape.remedy,
        place=part.place,
    )


def _gap_faults(shape: GapShape, part: Part) -> list[Problem]:
    """Keys that the kind needs and has not, and keys of other kinds."""
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
    return faults


def _none(shape: GapShape, part: Part) -> Iterator[Problem]:
    yield from ()


def _reference_faults(shape: GapShape, part: Part) -> Iterator[Problem]:
    if len({reference.partition(".")[0] for reference in shape.to}) > 1:
        yield part.get("to").problem("'to' names several datasets.", "Write one gap rule for each.")
    if shape.to and len(shape.to) != len(shape.fields):
        yield part.get("to").problem("'fields' and 'to' differ in length.", "Write one 'to' for each field.")
    if shape.also_in and len(shape.fields) != 1:
        yield part.get("alsoIn").problem("'alsoIn' works for one field only.", "Write 'fields' with one name.")
    if shape.also_in and shape.direction == "backward":
        what = "'alsoIn' tells of references that lead nowhere, and 'direction: backward' looks for none."
        yield part.get("alsoIn").problem(what, "Write 'direction: both', or remove 'alsoIn'.")
    yield from _lateness_faults(shape, part)


def _lateness_faults(shape: GapShape, part: Part) -> Iterator[Problem]:
    """A window needs its length and its moment, on the side whose rows are judged."""
    sides = (("lateFrom", shape.late_from, "backward"), ("theirLateFrom", shape.their_late_from, "forward"))
    for key, name, unjudged in sides:
        if name and shape.direction == unjudged:
            what = f"'{key}' dates rows that 'direction: {unjudged}' does not judge."
            yield part.get(key).problem(what, "Write 'direction: both', or remove the key.")
        if name and not shape.lateness:
            yield part.get(key).problem(f"'{key}' stands without 'lateness'.", "Add 'lateness: 2d', for example.")
    if shape.lateness and not (shape.late_from or shape.their_late_from):
        what = "'lateness' stands without the moment it counts from."
        yield part.get("lateness").problem(what, "Add 'lateFrom: <a timestamp here>' or 'theirLateFrom: <one there>'.")


def _period_faults(shape: GapShape, part: Part) -> Iterator[Problem]:
    closes = "calendar" if shape.calendar != "all" else "holidays" if shape.holidays else ""
    if closes and about_seconds(shape.every) > DAY:
        what = f"'{closes}' closes days, and 'every: {shape.every}' is longer than a day."
        yield part.get(closes).problem(what, "Write 'every: 1d' or a shorter one, or remove the key.")
    yield from _per_faults(shape, part)


def _entity_faults(shape: GapShape, part: Part) -> Iterator[Problem]:
    if len(set(shape.systems)) < len(shape.systems):
        yield part.get("systems").problem("'systems' names a field twice.", "Write each system once.")
        return
    for name, count in Counter(reference.partition(".")[0] for reference in shape.systems).items():
        if shape.fields and count != len(shape.fields):
            what = f"'systems' names {count} of '{name}', and the entity has {len(shape.fields)} in 'fields'."
            yield part.get("systems").problem(what, "Write one dataset.field of each system for each field.")
    for field, values in shape.where.items():
        if not values:
            yield part.get("where", field).problem(f"'where' keeps no row: '{field}' has no values.", "List some.")


def _per_faults(shape: GapShape, part: Part) -> Iterator[Problem]:
    if shape.field in shape.per:
        yield part.get("per").problem(f"'{shape.field}' cannot be its own group.", "Name other fields under 'per'.")
    if len(set(shape.per)) < len(shape.per):
        yield part.get("per").problem("'per' names a field twice.", "Write each field once.")


def _conflict_faults(shape: GapShape, part: Part) -> Iterator[Problem]:
    """Recency needs the times of both sides; systems of record are named once each."""
    for key, name, other in (
        ("changed", shape.changed, "theirChanged"), ("theirChanged", shape.their_changed, "changed"),
    ):  # fmt: skip
        if name and not part.get(other).value:
            what = f"'{key}' stands without '{other}', and only of two times one is newer."
            yield part.get(key).problem(what, f"Add '{other}: <a time of the other side>', or remove it.")
    declared: list[tuple[Part, GapShape | CompareShape]] = [(part, shape)]
    for at, one in [*declared, *zip(part.get("compare").items(), shape.compare, strict=True)]:
        names = one.system_of_record
        if len(set(names)) < len(names):
            yield at.get("systemOfRecord").problem("'systemOfRecord' names a system twice.", "Write each once.")
        if not names and "systemOfRecord" in dict(at.entries()):
            yield at.get("systemOfRecord").problem("'systemOfRecord' names nobody.", "Name a dataset, or remove it.")


_CONTRADICTIONS: dict[GapKind, Callable[[GapShape, Part], Iterator[Problem]]] = {
    "missing_reference": _reference_faults,
    "missing_period": _period_faults,
    "missing_entity": _entity_faults,
    "missing_sequence": _per_faults,
    "segment_coverage": _per_faults,
    "conflict": _conflict_faults,
}
