"""Link the rules of `engine: landbridge` to what runs them: an entry point, or a function of a local module."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from catalog.errors import Problem
from catalog.models import Dataset, Rule
from catalog.names import did_you_mean, shown
from catalog.plugins import offered, owner_of
from catalog.yaml_lines import Part

EXPECTATIONS = "landbridge.expectations"  # the entry-point group


def custom_arguments(part: Part, field: str | None, found: list[Problem]) -> dict[str, Any] | None:
    """The arguments of a rule of `engine: landbridge`: its `type` and its `kwargs`; None after a fault."""
    before = len(found)
    for key, value in part.entries():
        if key not in ("type", "kwargs"):
            found.append(value.problem(f"unknown key {shown(key)}.", did_you_mean(key, ("type", "kwargs"))))
    name, kwargs = part.get("type"), part.get("kwargs")
    if not isinstance(name.value, str) or not name.value:
        found.append(name.problem("an implementation lacks its 'type'.", "Write the name of the expectation."))
    if not isinstance(kwargs.value, dict | None) or not all(isinstance(key, str) for key in kwargs.value or {}):
        found.append(kwargs.problem("'kwargs' must be a mapping.", "Write kwargs: {column: name}."))
    if len(found) > before:
        return None
    given = dict(kwargs.value or {})
    if field is not None:
        given.setdefault("column", field)
    return {"type": name.value, "kwargs": given, "module": ""}


def tolerance_of(part: Part, found: list[Problem]) -> float | None:
    """The failing share that `mostly` in the `kwargs` allows; None where every row counts."""
    mostly = part.get("kwargs", "mostly")
    share = 1 if mostly.value is None else mostly.value
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        found.append(mostly.problem("'mostly' must be a share from 0 to 1.", "Write mostly: 0.95."))
        return None
    return None if share == 1 else round(1 - share, 9)


@cache
def library_expectations() -> frozenset[str]:
    """The names of the expectations that Great Expectations ships; found in its folder, since it is slow to import."""
    spec = find_spec("great_expectations")
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    core = Path(spec.submodule_search_locations[0]) / "expectations" / "core"
    return frozenset(path.stem for path in core.glob("expect_*.py"))


def linked(dataset: Dataset, local: Mapping[str, str], *, found: list[Problem]) -> Dataset:
    """The contract whose custom rules know their module, empty for an entry point; `local` leads from names to modules.

    A name that nobody offers, or several do, is a fault. Nothing is imported.
    """
    if not any(rule.kind == "custom" for rule in dataset.rules):
        return dataset
    rules = tuple(_linked(rule, local, found) if rule.kind == "custom" else rule for rule in dataset.rules)
    return dataset.model_copy(update={"rules": rules})


def _linked(rule: Rule, local: Mapping[str, str], found: list[Problem]) -> Rule:
    name = rule.arguments["type"]
    entries = offered(EXPECTATIONS).get(name, ())
    owners = [*(owner_of(entry) for entry in entries), *([local[name]] if name in local else [])]
    if len(owners) == 1:
        return rule.model_copy(update={"arguments": {**rule.arguments, "module": local.get(name, "")}})
    if owners:
        what, remedy = f"'{name}' is offered by {' and by '.join(owners)}.", "Keep one of them."
    else:
        what = f"no expectation is called '{name}' here."
        known = [*offered(EXPECTATIONS), *local, "functional_dependency"]
        remedy = did_you_mean(name, known) or "Install what brings it, or name its module under 'plugins'."
    found.append(Problem(rule.place.file, rule.place.line, what, remedy))
    return rule
