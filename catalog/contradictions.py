"""Find promises of one contract that no delivery can keep together, before any row is read.

Told is only what is certain from the contract's own words: limits that cross, sets without a common value, allowed
values that a pattern, a range or a length refuses, counts of rows that exclude each other. Rules that allow a share of
exceptions contradict nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from catalog.errors import Problem
from catalog.models import Field, Rule

_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")  # of a time zone
_ASCII = re.ASCII  # `\d` and `\w` mean ASCII, as where the rules are judged


def contradictions(rules: Sequence[Rule], fields: Sequence[Field]) -> Iterator[Problem]:
    """Every pair of rules, or single rule, that no row or no delivery can satisfy, at the place of the later one."""
    strict = [rule for rule in rules if rule.tolerance is None]
    for rule in strict:
        if rule.kind in ("range", "length", "row_count") and _crossed(rule):
            yield _problem(rule, "its minimum is above its maximum: nothing could pass.", "Swap them.")
    for field in fields:
        yield from _of_field([rule for rule in strict if rule.field == field.name])
    counts = [rule for rule in strict if rule.kind == "row_count"]
    yield from (_both(one, other, "no number of rows keeps both") for one, other in _apart(counts))
    yield from _too_few_values(strict, counts)


def _of_field(rules: Sequence[Rule]) -> Iterator[Problem]:
    for kind in ("range", "length"):
        same = [rule for rule in rules if rule.kind == kind]
        yield from (_both(one, other, "no value keeps both") for one, other in _apart(same))
    sets = [rule for rule in rules if rule.kind == "in_set"]
    for one, other in combinations(sets, 2):
        if not set(map(str, one.arguments["values"])) & set(map(str, other.arguments["values"])):
            yield _both(one, other, "no value is in both sets")
    for allowed in sets:
        for rule in rules:
            refuses = _REFUSALS.get(rule.kind)
            if refuses is not None and all(refuses(rule, value) for value in allowed.arguments["values"]):
                yield _both(allowed, rule, "it refuses every value that is allowed")
    nulls = next((rule for rule in rules if _always_null(rule)), None)
    present = next((rule for rule in rules if rule.kind == "not_null"), None)
    if nulls is not None and present is not None:
        yield _both(present, nulls, "a value cannot be there and be missing")


def _too_few_values(rules: Sequence[Rule], counts: Iterable[Rule]) -> Iterator[Problem]:
    """A unique field that must have one of N values, in more than N rows."""
    sizes = {rule.field: len(set(map(str, rule.arguments["values"]))) for rule in rules if rule.kind == "in_set"}
    filled = {rule.field for rule in rules if rule.kind == "not_null"}
    for rule in rules:
        names = list(rule.arguments["fields"]) if rule.kind == "unique" else []
        if len(names) != 1 or names[0] not in sizes or names[0] not in filled:
            continue
        for count in counts:
            if (count.arguments.get("min") or 0) > sizes[names[0]]:
                yield _both(rule, count, f"'{names[0]}' has only {sizes[names[0]]} values to be unique with")


def _apart(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Pairs of limits that do not overlap; a pair that crosses in itself is told by itself."""
    for one, other in combinations([rule for rule in rules if not _crossed(rule)], 2):
        if any(
            _above(low.arguments.get("min"), high.arguments.get("max")) for low, high in ((one, other), (other, one))
        ):
            yield one, other


def _crossed(rule: Rule) -> bool:
    return _above(rule.arguments.get("min"), rule.arguments.get("max"))


def _above(low: Any, high: Any) -> bool:
    """Whether `low` is surely above `high`; ends of different types, and texts that are no ISO dates, say nothing."""
    if low is None or high is None:
        return False
    if isinstance(low, str) and isinstance(high, str):  # moments written alike are ordered as texts are
        same = len(low) == len(high) and re.sub(r"\d", "0", low) == re.sub(r"\d", "0", high)
        return same and not _OFFSET.search(low) and low > high
    return isinstance(low, int | float) and isinstance(high, int | float) and low > high


def _always_null(rule: Rule) -> bool:
    return rule.kind == "expectation" and rule.arguments["type"] == "expect_column_values_to_be_null"


def _unlike(rule: Rule, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    found = re.search(rule.arguments["regex"], value, _ASCII) is not None
    return found == bool(rule.arguments.get("negate"))


def _outside(rule: Rule, value: Any) -> bool:
    return _above(rule.arguments.get("min"), value) or _above(value, rule.arguments.get("max"))


def _ill_sized(rule: Rule, value: Any) -> bool:
    size = len(value) if isinstance(value, str) else None
    return _above(rule.arguments.get("min"), size) or _above(size, rule.arguments.get("max"))


_REFUSALS: dict[str, Callable[[Rule, Any], bool]] = {"pattern": _unlike, "range": _outside, "length": _ill_sized}


def _both(one: Rule, other: Rule, why: str) -> Problem:
    first, later = sorted((one, other), key=lambda rule: rule.place.line)
    what = f"it contradicts '{first.name}' (line {first.place.line}): {why}."
    return _problem(later, what, "Correct or remove one of them.")


def _problem(rule: Rule, what: str, remedy: str) -> Problem:
    return Problem(rule.place.file, rule.place.line, f"the rule '{rule.name}': {what}", remedy)
