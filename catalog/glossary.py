"""Read `glossary.yaml`: the words of the business, what they mean, and the fields that hold what they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from catalog.definitions import defined_by, url_fault
from catalog.errors import Problem
from catalog.models import Classification, Term
from catalog.names import shown
from catalog.policies import Clearance
from catalog.shapes import Filled, Shape, shaped
from catalog.world import World
from catalog.yaml_lines import Part, read_part

GLOSSARY_FILE = "glossary.yaml"
_ONE = "Give each term its own, so that contracts name one term by it."


def _url(text: str) -> str:
    fault = url_fault(text)
    if fault is not None:
        raise ValueError(fault)
    return text


class TermShape(Shape):
    """One entry of the glossary."""

    term: Filled
    id: Filled = ""
    url: Annotated[str, AfterValidator(_url)] = ""
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
    parts = part.get("terms").items()
    for one, at in zip(shape.terms, parts, strict=True):
        found.extend(_place_problems(one, at, world))
    found.extend(_doubles(shape, parts))
    return tuple(_term(one, at, world) for one, at in zip(shape.terms, parts, strict=True))


def _term(shape: TermShape, at: Part, world: World) -> Term:
    """A term with the places that it names, and those whose contracts name it."""
    contracts = [world.contracts[name].dataset for name in sorted(world.contracts)]
    named = [_reference(reference) for reference in shape.found_in]
    term = Term(
        name=shape.term,
        id=shape.id,
        url=shape.url,
        definition=" ".join(shape.definition.split()),
        synonyms=tuple(shape.synonyms),
        classification=Classification[shape.classification],
        roles=tuple(shape.roles),
        place=at.place,
    )
    linked = [place for dataset in contracts for place in defined_by(term, dataset)]
    return term.model_copy(update={"found_in": tuple(dict.fromkeys([*named, *linked]))})


def _doubles(shape: GlossaryShape, parts: Sequence[Part]) -> Iterator[Problem]:
    """Terms that a reader, or a contract, could not tell apart."""
    for key, remedy in (("term", "Keep one of them, or make it a synonym."), ("id", _ONE), ("url", _ONE)):
        first: dict[str, int] = {}
        for one, at in zip(shape.terms, parts, strict=True):
            written = str(getattr(one, key))
            value = written.casefold() if key == "term" else written
            if value and value in first:
                yield at.get(key).problem(f"the {key} {shown(written)} stands on line {first[value]} already.", remedy)
            first.setdefault(value, at.line)


def _reference(text: str) -> tuple[str, str]:
    dataset, _, field = text.partition(".")
    return dataset, field


def _place_problems(shape: TermShape, at: Part, world: World) -> Iterator[Problem]:
    for reference, place in zip(shape.found_in, at.get("foundIn").items(), strict=True):
        dataset, field = _reference(reference)
        yield from world.dataset_fault(dataset, place)
        if field:
            yield from world.field_fault(dataset, field, place)
