"""What the contract promises of a field, held against a new value: a change must not make a row for the quarantine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from catalog.models import Dataset, Field, Rule
from connectors.sql.writing.models import Value
from connectors.sql.writing.values import typed


def broken_promise(dataset: Dataset, field: Field, value: Value) -> str:
    """The name of the first rule of this field that a value breaks, where rows that break it are kept out; else ''."""
    for rule in dataset.rules:
        if rule.field == field.name and rule.tolerance is None and rule.action != "report":
            test = _TESTS.get(rule.kind)
            if test is not None and test(rule, field, value):
                return rule.name
    return ""


def _absent(_rule: Rule, _field: Field, value: Value) -> bool:
    return value is None or value == ""


def _outside_set(rule: Rule, field: Field, value: Value) -> bool:
    return value is not None and value not in [_meant(field, one) for one in rule.arguments.get("values", ())]


def _outside_range(rule: Rule, field: Field, value: Value) -> bool:
    if value is None:
        return False
    told: Any = value
    low, high = (_meant(field, rule.arguments.get(end)) for end in ("min", "max"))
    try:
        return bool((low is not None and told < low) or (high is not None and told > high))
    except TypeError:  # a limit of another type is the checks' affair
        return False


def _outside_length(rule: Rule, _field: Field, value: Value) -> bool:
    low, high = rule.arguments.get("min"), rule.arguments.get("max")
    if not isinstance(value, str) or not value:
        return False
    return (low is not None and len(value) < low) or (high is not None and len(value) > high)


def _unlike(rule: Rule, field: Field, value: Value) -> bool:
    if value is None or value == "" or field.type not in ("string", "integer", "date"):
        return False
    try:
        found = pl.Series([str(value)]).str.contains(str(rule.arguments.get("regex", ""))).item()
    except pl.exceptions.PolarsError:  # a pattern for another engine
        return False
    return bool(found) == bool(rule.arguments.get("negate", False))


def _meant(field: Field, told: Any) -> Any:
    """An argument of a rule as the field's type."""
    try:
        if field.type in ("string", "boolean"):
            return typed(field, str(told) if field.type == "string" else told)
        return typed(field, told)
    except ValueError:
        return told


_TESTS: Mapping[str, Callable[[Rule, Field, Value], bool]] = {
    "not_null": _absent, "in_set": _outside_set, "range": _outside_range, "length": _outside_length, "pattern": _unlike,
}  # fmt: skip
