"""What conflict rules that speak of the same fact contradict each other in: who is right first, and what is newer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from catalog.models import ConflictField, Dataset, GapRule
from catalog.settlements import Declared, Settlement, settlements


class SettlingFault(NamedTuple):
    """A fault of one key of a conflict rule, seen at one compared field."""

    compared: ConflictField
    key: str
    what: str
    remedy: str


def settling_faults(own: str, rule: GapRule, datasets: Mapping[str, Dataset]) -> Iterator[SettlingFault]:
    """The faults of one rule of the dataset `own`, beside all others of the project."""
    for fact in settlements(datasets):
        for one in fact.declared:
            if (one.dataset, one.rule.name) == (own, rule.name):
                yield from _record_faults(one, fact)
                yield from _time_faults(one, fact, datasets)


def _record_faults(one: Declared, fact: Settlement) -> Iterator[SettlingFault]:
    systems, key = fact.systems, "systemOfRecord"
    for name in one.record:
        if name not in systems and len(systems) <= 2:
            yield SettlingFault(
                one.compared, key, f"'{name}' is neither of the two systems.", f"Write {' or '.join(_sides(one))}."
            )
        elif name not in systems:
            what = f"'{name}' says nothing of '{one.dataset}.{one.compared.field}': no conflict rule compares them."
            yield SettlingFault(
                one.compared, key, what, f"Write {', '.join(systems)}, or compare it with '{name}' in a rule."
            )
    first = next((other for other in fact.declared if other.record), one)
    if one.record and one.record != first.record:
        what = (
            f"'{one.dataset}.{one.compared.field}' is settled once for all rules, and '{first.rule.name}' "
            f"({_place(first)}) declares {', '.join(first.record)}."
        )
        yield SettlingFault(one.compared, key, what, "Declare one order of systems in both.")


def _sides(one: Declared) -> tuple[str, str]:
    return one.dataset, one.rule.to_dataset


def _place(one: Declared) -> str:
    return f"{one.rule.place.file}:{one.rule.place.line}"


def _time_faults(one: Declared, fact: Settlement, datasets: Mapping[str, Dataset]) -> Iterator[SettlingFault]:
    """Two fields that date the same system's word, or a date beside a timestamp, which cannot be put in order."""
    dated = [(pair, other) for other in fact.declared for pair in other.changed]
    for key, pair in zip(("changed", "theirChanged"), one.changed, strict=False):
        (_, name), other = next(it for it in dated if it[0][0] == pair[0])
        if name != pair[1] and other is not one:
            what = f"'{pair[1]}' dates what '{name}' dates in '{other.rule.name}' ({_place(other)})."
            yield SettlingFault(one.compared, key, what, "Name one field in both: they are settled together.")
        first, kind = _type(dated[0][0], datasets), _type(pair, datasets)
        if first and kind and first != kind:
            what = f"'{'.'.join(pair)}' is {kind} and '{'.'.join(dated[0][0])}' is {first}."
            yield SettlingFault(
                one.compared, key, what, "Give both the same logicalType, else nobody knows which is newer."
            )


def _type(pair: tuple[str, str], datasets: Mapping[str, Dataset]) -> str:
    return next((field.type for field in datasets[pair[0]].fields if field.name == pair[1]), "")
