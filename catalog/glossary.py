"""Read `glossary.yaml`: the words of the business, what they mean, and the fields that hold what they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from catalog.errors import Problem
from catalog.models import Classification, Term
from catalog.names import shown
from catalog.policies import Clearance
from catalog.shapes import Filled, Shape, shaped
from catalog.world import World
from catalog.yaml_lines import Part, read_part

GLOSSARY_FILE = "glossary.yaml"


class TermShape(Shape):
    """One entry of the glossary."""

    term: Filled
    definition: Filled
    synonyms: list[Filled] = Field(default_factory=list)
    found_in: list[Filled] = Field(default_factory=list)
    classification: Clearance = "internal"
    roles: list[Filled] = Field(default_factory=list)


class GlossaryShape(Shape):
    """What the file may hold."""

    terms: list[TermShape] = Field(min_length=1)


def read_glossary(root: Path, world: World, *, found: list[Problem]) -> tuple[Term, ...]:
    """The terms of a project, linked to its datasets; nothing where it has no glossary. Faults are added to `found`."""
    if not (root / GLOSSARY_FILE).is_file():
        return ()
    part = read_part(root / GLOSSARY_FILE, folder=root, found=found)
    shape = shaped(GlossaryShape, part, found=found) if part else None
    if part is None or shape is None:
        return ()
    terms: dict[str, Term] = {}
    for one, at in zip(shape.terms, part.get("terms").items(), strict=True):
        found.extend(_place_problems(one, at, world))
        if one.term.casefold() in terms:
            line = terms[one.term.casefold()].place.line
            what = f"the term {shown(one.term)} stands on line {line} already."
            found.append(at.problem(what, "Keep one of them, or make it a synonym."))
        terms[one.term.casefold()] = Term(
            name=one.term,
            definition=" ".join(one.definition.split()),
            synonyms=tuple(one.synonyms),
            found_in=tuple(_reference(reference) for reference in one.found_in),
            classification=Classification[one.classification],
            roles=tuple(one.roles),
            place=at.place,
        )
    return tuple(terms.values())


def _reference(text: str) -> tuple[str, str]:
    dataset, _, field = text.partition(".")
    return dataset, field


def _place_problems(shape: TermShape, at: Part, world: World) -> Iterator[Problem]:
    for reference, place in zip(shape.found_in, at.get("foundIn").items(), strict=True):
        dataset, field = _reference(reference)
        yield from world.dataset_fault(dataset, place)
        if field:
            yield from world.field_fault(dataset, field, place)
