"""Read the operator of an ODCS quality rule (`mustBe`, `mustBeLessThan`, ...) as limits with both ends included."""

from __future__ import annotations

import math
from dataclasses import dataclass

from catalog.errors import Problem
from catalog.names import shown
from catalog.yaml_lines import Part

_OPERATORS = (
    "mustBe",
    "mustBeBetween",
    "mustBeGreaterOrEqualTo",
    "mustBeGreaterThan",
    "mustBeLessOrEqualTo",
    "mustBeLessThan",
)


@dataclass(frozen=True)
class Limits:
    """What an operator allows, both ends included. None: open."""

    least: float | None
    most: float | None


def limits_of(part: Part, found: list[Problem]) -> Limits | None:
    """The operator of a rule as limits, or None after a fault."""
    operator = next((key for key in _OPERATORS if part.get(key).value is not None), None)
    if operator is None:
        found.append(part.problem("the limit cannot be checked here.", f"Use one of {', '.join(_OPERATORS)}."))
        return None
    at = part.get(operator)
    ends = at.value if isinstance(at.value, list) else [at.value]
    if not ends or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        found.append(at.problem(f"'{operator}' must be a number, not {shown(at.value)}.", "Write a number."))
        return None
    first, last = ends[0], ends[-1]
    if first > last:
        found.append(at.problem("the smaller number comes first.", f"Write [{last}, {first}]."))
    match operator:
        case "mustBe" | "mustBeBetween":
            return Limits(first, last)
        case "mustBeGreaterOrEqualTo":
            return Limits(first, None)
        case "mustBeGreaterThan":
            return Limits(math.nextafter(first, math.inf), None)
        case "mustBeLessOrEqualTo":
            return Limits(None, first)
        case _:
            return Limits(None, math.nextafter(first, -math.inf))


def whole(least: float | None, most: float | None) -> dict[str, int | None]:
    """Limits of a count: whole numbers, both ends included."""
    return {"min": None if least is None else math.ceil(least), "max": None if most is None else math.floor(most)}
