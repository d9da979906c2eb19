"""Validate a contract against the JSON Schema of the Open Data Contract Standard, and say each fault in one clear line.

The schema is the one that the package `open-data-contract-standard` ships; the package itself is never imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from catalog.errors import Problem
from catalog.names import did_you_mean, shown
from catalog.shapes import kind
from catalog.yaml_lines import Part

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "nothing",
}
_CLOSED = ("additionalProperties", "unevaluatedProperties")


def odcs_problems(contract: Part) -> list[Problem]:
    """Everything ODCS forbids in `contract`, each fault once."""
    errors = [] if _is_valid(json.dumps(contract.value)) else list(_validator().iter_errors(contract.value))
    told = dict.fromkeys(problem for error in errors for problem in _told(error, contract))
    if errors and not told:  # only keys that fit in one place and not in another: let none of them pass
        told = dict.fromkeys(_misplaced(error, contract) for error in errors)
    return list(told)


@lru_cache(maxsize=256)
def _is_valid(text: str) -> bool:
    """Whether ODCS forbids nothing in a contract, as JSON. A run opens its project at each stage, 13 ms a contract."""
    return bool(_validator().is_valid(json.loads(text)))


@cache
def _schema() -> dict[str, Any]:
    spec = find_spec("open_data_contract_standard")  # finds the folder without running the package, which is slow
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("open-data-contract-standard is not installed", name="open_data_contract_standard")
    place: Traversable = Path(spec.submodule_search_locations[0]) / "schema.json"
    schema: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return schema


@cache
def _validator() -> Any:
    from jsonschema import Draft201909Validator

    return Draft201909Validator(_schema())


def _told(error: Any, contract: Part) -> Iterator[Problem]:
    at = contract.get(*error.absolute_path)
    name = next((step for step in reversed(at.steps) if isinstance(step, str)), "the contract")
    if error.validator in _CLOSED:
        known = _known(error.schema)
        for key in error.instance:
            if key not in known:
                yield at.get(key).problem(f"unknown key {shown(key)}.", did_you_mean(key, known))
    elif error.validator in ("oneOf", "anyOf"):
        yield _choice(error, at, name, contract)
    else:
        yield _leaf(error, at, name)


def _leaf(error: Any, at: Part, name: str) -> Problem:
    match error.validator:
        case "required":
            key = next(key for key in error.validator_value if error.message.startswith(f"'{key}'"))
            return at.problem(f"the key '{key}' is missing{_of(at)}.", f"Add '{key}: ...' here.")
        case "type":
            wanted: list[str] = (
                error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            )
            words = " or ".join(_TYPES.get(one, one) for one in wanted)
            quote = f'Put it in quotes: "{at.value}".' if wanted == ["string"] and _quotable(at.value) else ""
            return at.problem(f"'{name}' must be {words}, not {kind(at.value)}.", quote)
        case "enum":
            known = [str(one) for one in error.validator_value]
            hint = did_you_mean(str(at.value), known)
            return at.problem(f"'{name}' cannot be {shown(at.value)}.", hint or f"Allowed: {', '.join(known)}.")
        case "pattern":
            return at.problem(f"'{name}' cannot be {shown(at.value)}.", "Use letters, digits, '-' and '_' only.")
        case "not":
            return at.problem("'from' stands at a property, which is itself the 'from'.", "Remove 'from'.")
        case _:
            return at.problem(f"'{name}': {shown(error.message, 200).strip(chr(34) + chr(39))}.")


def _choice(error: Any, at: Part, name: str, contract: Part) -> Problem:
    """A fault of oneOf or anyOf: the branches tell so much that only the intended one is worth reading."""
    if (at.steps and at.steps[-1] in ("to", "from")) or "to" in at.steps[-2:]:
        return at.problem(f"'{name}' cannot be {shown(at.value)}.", "Write dataset.field, or a list of those.")
    operators = [branch["required"][0] for branch in error.validator_value if len(branch.get("required", ())) == 1]
    if operators and isinstance(at.value, dict):
        present = [one for one in operators if one in at.value]
        if len(present) == 1:
            inner = [one for one in error.context if one.validator != "required"]
            if inner:
                return _leaf(inner[0], contract.get(*inner[0].absolute_path), present[0])
        what = "no limit is given" if not present else f"{' and '.join(present)} stand together"
        return at.problem(f"{what}{_of(at)}.", f"Write exactly one of {', '.join(operators)}.")
    wanted = [one.validator_value for one in error.context if one.validator == "type" and not one.relative_path]
    fitting = [one for one in error.context if one.validator != "type" or one.relative_path]
    if fitting:  # the branch of the right type was tried, and something inside it is wrong
        return next(_told(fitting[0], contract), at.problem(f"'{name}' cannot be {shown(at.value)}."))
    words = " or ".join(dict.fromkeys(_TYPES.get(str(one), str(one)) for one in wanted))
    return at.problem(f"'{name}' must be {words}, not {kind(at.value)}.")


def _misplaced(error: Any, contract: Part) -> Problem:
    at = contract.get(*error.absolute_path)
    keys = re.findall(r"'([^']+)'", error.message)
    here = at.get(keys[0]) if keys and isinstance(at.value, dict) and keys[0] in at.value else at
    told = f"the key '{keys[0]}' does not go with the others" if keys else "this does not follow ODCS"
    return here.problem(f"{told}{_of(at)}.", "Remove it, or complete what it belongs to.")


def _of(at: Part) -> str:
    label = at.value.get("name") or at.value.get("property") if isinstance(at.value, dict) else None
    return f" in '{label}'" if isinstance(label, str) else ""


def _quotable(value: object) -> bool:
    return isinstance(value, int | float)


def _known(schema: Any) -> set[str]:
    """The keys that some branch of a schema names, references followed."""
    known: set[str] = set()
    waiting, seen = [schema], set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict) or id(one) in seen:
            continue
        seen.add(id(one))
        known.update(one.get("properties", {}))
        for branch in ("allOf", "anyOf", "oneOf"):
            waiting.extend(one.get(branch, ()))
        waiting.extend(one.get(branch) for branch in ("then", "else"))
        if "$ref" in one:
            waiting.append(_referred(one["$ref"]))
    return known


def _referred(reference: str) -> Any:
    found: Any = _schema()
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found
