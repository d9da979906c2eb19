"""Read the ages that a contract promises under `slaProperties`: of the source's read, or of single fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from catalog.errors import Problem
from catalog.models import Field, FieldFreshness
from catalog.names import did_you_mean, shown
from catalog.yaml_lines import Part

_UNITS = {
    timedelta(minutes=1): ("m", "min", "minute", "minutes"),
    timedelta(hours=1): ("h", "hr", "hour", "hours"),
    timedelta(days=1): ("d", "day", "days"),
}
_PROPERTIES = ("freshness", "latency", "ly")


def freshness_of(
    contract: Part, fields: Sequence[Field], *, found: list[Problem]
) -> tuple[timedelta | None, tuple[FieldFreshness, ...]]:
    """The strictest age promised of the source's read, and those of fields that an `element` names."""
    whole: list[timedelta] = []
    single: dict[str, FieldFreshness] = {}
    for entry in contract.get("slaProperties").items():
        if entry.value["property"] not in _PROPERTIES:
            continue
        age = _age(entry, found)
        for name in _elements(entry.get("element"), contract, fields, found):
            if age is None:
                continue
            if name is None:
                whole.append(age)
            elif name not in single or age < single[name].max_age:
                single[name] = FieldFreshness(field=name, max_age=age, place=entry.get("element").place)
    return min(whole, default=None), tuple(single.values())


def _age(entry: Part, found: list[Problem]) -> timedelta | None:
    value, unit = entry.get("value"), entry.get("unit")
    size = next((size for size, names in _UNITS.items() if unit.value in names), None)
    if size is None:
        found.append(unit.problem(f"'unit' cannot be {shown(unit.value)}.", "Write m, h or d."))
    elif isinstance(value.value, bool) or not isinstance(value.value, int | float) or not 0 < value.value < 1e6:
        found.append(value.problem(f"an age cannot be {shown(value.value)}.", "Write a number above 0."))
    else:
        return size * value.value
    return None


def _elements(part: Part, contract: Part, fields: Sequence[Field], found: list[Problem]) -> Iterator[str | None]:
    """The fields an entry speaks of; None for the whole dataset."""
    own = (contract.value["name"], contract.get("schema", 0).value["name"])
    for element in str(part.value or own[0]).split(","):
        dataset, dot, name = element.strip().partition(".")
        if dataset not in own:
            remedy = did_you_mean(dataset, own) or f"Write {own[0]}.<field>."
            found.append(part.problem(f"'element' names '{dataset}', which is not this dataset.", remedy))
        elif not dot:
            yield None
        elif (field := next((one for one in fields if one.name == name), None)) is None:
            hint = did_you_mean(name, [one.name for one in fields])
            found.append(part.problem(f"'{own[0]}' has no field '{name}'.", hint))
        elif field.type not in ("date", "timestamp"):
            what = f"'{name}' is {field.type}, and only a date or a timestamp has an age."
            found.append(part.problem(what, "Name another field, or remove 'element'."))
        else:
            yield name
