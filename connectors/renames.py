"""Guess which new column is a vanished one under another name; a suggestion for a person, never acted upon."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from connectors.declared_types import change
from connectors.shapes import Column, Shape

ALIKE = 0.6  # of the letters; CUST and CUSTOMER share two thirds


@dataclass(frozen=True)
class Rename:
    """A vanished column and the new one that may be it, with the signs that speak for it."""

    before: str
    now: str
    signs: tuple[str, ...]


def renames(
    vanished: Mapping[str, Column | None], new: Collection[str], *, shape: Shape, last: Shape | None
) -> list[Rename]:
    """At most one new column for each vanished one: of a type that fits, in the same place or of a similar name.

    `vanished` holds the columns as they were last accepted, None where they never were.
    """
    found = []
    for name, was in vanished.items():
        for other in new:
            if was is not None and was.type and change(was.type, shape.named()[other].type) == "retyped":
                continue
            likeness = _likeness(name, other)
            placed = was is not None and last is not None and _place(name, last, shape) == _place(other, shape, last)
            signs = (*(["similar name"] if likeness >= ALIKE else []), *(["same place"] if placed else []))
            if signs:
                found.append((len(signs), likeness, Rename(name, other, signs)))
    found.sort(key=lambda one: (one[0], one[1]), reverse=True)
    told: list[Rename] = []
    for *_, rename in found:
        if all(rename.before != one.before and rename.now != one.now for one in told):
            told.append(rename)
    return told


def _likeness(one: str, other: str) -> float:
    first, second = ("".join(letter for letter in name.casefold() if letter.isalnum()) for name in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _place(name: str, shape: Shape, other: Shape) -> int:
    """How many columns that both shapes hold stand before this one: what else came or went does not move it."""
    names = list(shape.named())
    common = other.named()
    return sum(before in common for before in names[: names.index(name)]) if name in names else -1
