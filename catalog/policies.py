"""Read `policies/*.yaml`: who calls, and how far each caller is cleared. All files make one policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from catalog.errors import Problem
from catalog.models import Classification, Policy, Principal
from catalog.secrets import is_reference
from catalog.shapes import Filled, Shape, Slug, shaped
from catalog.yaml_lines import Part

Clearance = Literal["public", "internal", "confidential", "restricted"]


def _key(text: str) -> str:
    if not is_reference(text):  # the text itself may be a key, so it is not shown
        raise ValueError("a key must be a reference, not the secret itself. Write ${env:NAME} or ${file:PATH}")
    return text


class CallerShape(Shape):
    """A caller without a key: the anonymous one, or the person at the command line."""

    name: Slug | None = None
    clearance: Clearance | None = None
    roles: list[Filled] = Field(default_factory=list)


class PrincipalShape(Shape):
    """A caller who is known by a key."""

    name: Slug
    clearance: Clearance = "public"
    roles: list[Filled] = Field(default_factory=list)
    key: Annotated[str, AfterValidator(_key)]


class PolicyShape(Shape):
    """What a policy file may hold."""

    anonymous: CallerShape | None = None
    local: CallerShape | None = None
    principals: list[PrincipalShape] = Field(default_factory=list)


def read_policy(parts: Sequence[Part], *, found: list[Problem]) -> Policy:
    """The policy that all files declare together; faults are added to `found`."""
    shapes = [(part, shape) for part in parts if (shape := shaped(PolicyShape, part, found=found))]
    default = Policy()
    named = [
        (part.get("principals", index), principal)
        for part, shape in shapes
        for index, principal in enumerate(shape.principals)
    ]
    anonymous = [(part.get("anonymous"), shape.anonymous) for part, shape in shapes if shape.anonymous]
    local = [(part.get("local"), shape.local) for part, shape in shapes if shape.local]
    for name, callers in (("anonymous", anonymous), ("local", local)):
        for part, _ in callers[1:]:
            found.append(part.problem(f"'{name}' is declared already in {callers[0][0].file}.", "Keep one of them."))
    _unique([(part.get("name"), one.name) for part, one in named], "principal", found)
    _unique([(part.get("key"), one.key) for part, one in named], "key", found)
    return Policy(
        anonymous=_caller(anonymous[0][1] if anonymous else None, default.anonymous),
        local=_caller(local[0][1] if local else None, default.local),
        principals=tuple(
            Principal(name=one.name, clearance=Classification[one.clearance], roles=tuple(one.roles), key=one.key)
            for _, one in named
        ),
    )


def _caller(shape: CallerShape | None, default: Principal) -> Principal:
    if shape is None:
        return default
    clearance = default.clearance if shape.clearance is None else Classification[shape.clearance]
    return Principal(name=shape.name or default.name, clearance=clearance, roles=tuple(shape.roles))


def _unique(named: Sequence[tuple[Part, str]], what: str, found: list[Problem]) -> None:
    first: dict[str, Part] = {}
    for part, name in named:
        if name in first:
            told = f"the {what} '{name}' is declared already at {first[name].file}:{first[name].line}."
            found.append(part.problem(told, f"Give every principal its own {'name' if what == 'principal' else what}."))
        first.setdefault(name, part)
