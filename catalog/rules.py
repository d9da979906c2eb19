"""Make the rules of a contract: what ODCS promises of each property and of the whole dataset, as one `Rule` each.

Every rule has a name that is unique in its dataset; it is what findings, quarantine and checks are called by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from catalog.contradictions import contradictions
from catalog.errors import Problem
from catalog.models import Field, Rule
from catalog.names import shown
from catalog.quality import Draft, pattern_fault, quality_rules, rule
from catalog.yaml_lines import Part

_READ: Mapping[str, Callable[[Any], object]] = {
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "time": time.fromisoformat,
}
_UNCHECKED = ("multipleOf", "exclusiveMinimum", "exclusiveMaximum")


def rules_of(
    schema: Part, fields: Sequence[Field], parts: Sequence[Part], *, key: Sequence[str], found: list[Problem]
) -> tuple[Rule, ...]:
    """All rules of a schema object whose properties `parts` became `fields`; faults are added to `found`."""
    rules: list[Rule] = []
    faults = len(found)
    if key:
        place = next(part for field, part in zip(fields, parts, strict=True) if field.name == key[0])
        rules.append(
            rule(Draft("unique", {"fields": tuple(key)}, key[0] if len(key) == 1 else None), place, name="primary-key")
        )
    for field, part in zip(fields, parts, strict=True):
        rules.extend(_of_field(field, part, found))
        for entry in part.get("quality").items():
            rules.extend(quality_rules(entry, field=field.name, null_values=field.null_values, found=found))
    for entry in schema.get("quality").items():
        rules.extend(quality_rules(entry, field=None, null_values=(), found=found))
    named = _named(rules, found)
    if len(found) == faults:  # of what is no sound rule nothing can be said
        found.extend(contradictions(named, fields))
    return named


def _of_field(field: Field, part: Part, found: list[Problem]) -> Iterable[Rule]:
    """What the property itself promises, apart from its `quality`."""
    options = part.get("logicalTypeOptions")
    for key in _UNCHECKED:
        if options.get(key).value is not None:
            remedy = "Use minimum and maximum, or a quality rule."
            found.append(options.get(key).problem(f"'{key}' is not checked here.", remedy))
    if field.required or field.key_position is not None:
        at = part.get("required") if field.required else part.get("primaryKey")
        yield rule(Draft("not_null", {}, field.name), at, name=f"{field.name}-required")
    if field.unique:
        yield rule(Draft("unique", {"fields": (field.name,)}, field.name), part.get("unique"), name="")
    if part.get("enum").items():
        values = tuple(one.value["value"] for one in part.get("enum").items())
        yield rule(Draft("in_set", {"values": values}, field.name), part.get("enum"), name="")
    pattern = options.get("pattern")
    if pattern.value is not None:
        found.extend(filter(None, [pattern_fault(pattern, pattern.value)]))
        yield rule(Draft("pattern", {"regex": pattern.value}, field.name), pattern, name="")
    for kind, ends in (("range", ("minimum", "maximum")), ("length", ("minLength", "maxLength"))):
        given = [options.get(end) for end in ends]
        if any(end.value is not None for end in given):
            _ordered(field, given, found)
            arguments = dict(zip(("min", "max"), (end.value for end in given), strict=True))
            draft = Draft("range" if kind == "range" else "length", arguments, field.name)
            yield rule(draft, next(end for end in given if end.value is not None), name="")


def _ordered(field: Field, ends: Sequence[Part], found: list[Problem]) -> None:
    """Limits must be values of the field's type, the smaller one first."""
    read: Callable[[Any], Any] = _READ.get(field.type, _as_written)
    values = []
    for end in ends:
        if end.value is None:
            continue
        try:
            values.append(read(end.value))
        except (ValueError, TypeError):
            found.append(end.problem(f"{shown(end.value)} is no {field.type}.", "Write it in ISO 8601, in quotes."))
            return
    if len(values) == 2 and _descends(values):
        found.append(ends[0].problem("the minimum is above the maximum: no value could pass.", "Swap them."))


def _as_written(value: Any) -> Any:
    return value


def _descends(values: Sequence[Any]) -> bool:
    try:
        return bool(values[0] > values[1])
    except TypeError:  # one end with a time zone and one without
        return False


def _named(rules: Sequence[Rule], found: list[Problem]) -> tuple[Rule, ...]:
    """The rules with unique names: the author's as they are, derived ones as `<field>-<kind>`, numbered if needed."""
    written = [one for one in rules if one.name]
    first: dict[str, Rule] = {}
    for one in written:
        if one.name in first and one.place != first[one.name].place:
            what = f"the rule '{one.name}' stands on line {first[one.name].place.line} already."
            found.append(Problem(one.place.file, one.place.line, what, "Give each rule its own name."))
        first.setdefault(one.name, one)
    taken: set[str] = set()
    named = []
    for one in rules:
        wanted = one.name or "-".join(filter(None, (one.field, one.kind.replace("_", "-"))))
        name, number = wanted, 1
        while name in taken or (not one.name and name in first):
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name)
        named.append(one.model_copy(update={"name": name}))
    return tuple(named)
