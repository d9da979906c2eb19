"""Read `entities/*.yaml`: the things that rows of several datasets speak of, and what makes two records one thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict

from catalog.entity_links import entity_problems
from catalog.entity_models import (
    LARGEST,
    BlockBy,
    Engine,
    Entity,
    EntityKey,
    GoldenField,
    Match,
    MatchBlock,
    MatchField,
    MatchKind,
    Member,
    Survivorship,
)
from catalog.errors import Problem
from catalog.shapes import DatasetName, FieldName, Reference, Shape, Slug, shaped, split
from catalog.world import World
from catalog.yaml_lines import Part

Share = Annotated[float, Strict(False), Field(gt=0, le=1)]


class MemberShape(Shape):
    """A dataset that holds records of the entity."""

    dataset: DatasetName
    one_per_entity: bool = False


class MatchFieldShape(Shape):
    """One fact that several datasets hold."""

    name: FieldName
    kind: MatchKind = "text"
    in_: dict[str, FieldName] = Field(alias="in")


class BlockShape(Shape):
    """Which records are compared at all."""

    fields: list[FieldName] = Field(min_length=1)
    by: BlockBy = "value"
    length: int = Field(default=4, ge=1, le=16)


class MatchShape(Shape):
    """How records that no key decides are compared."""

    fields: list[MatchFieldShape] = Field(min_length=1, max_length=20)
    blocking: list[BlockShape] = Field(min_length=1)
    agreeing: int = Field(default=2, ge=1, le=20)
    block_limit: int = Field(default=10_000, ge=1, le=100_000_000)


class GoldenShape(Shape):
    """Where a field of the golden record comes from, the most trusted dataset first."""

    from_: list[Reference] = Field(alias="from", min_length=1)
    rule: Survivorship = "order"
    changed: list[Reference] = Field(default_factory=list)


def _key_map(told: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    lengths = {len(fields) for fields in map(_names, told.values())}
    if not told or lengths == {0}:
        raise ValueError("a key names no field. Write {dataset: field, other_dataset: field}")
    if len(lengths) > 1:
        raise ValueError("the datasets of a key name different numbers of fields. Write as many for each")
    return told


def _names(fields: str | list[str]) -> tuple[str, ...]:
    return (fields,) if isinstance(fields, str) else tuple(fields)


KeyMap = Annotated[dict[str, str | list[str]], AfterValidator(_key_map)]


class EntityShape(Shape):
    """What an entity file may hold."""

    name: Slug
    title: str = ""
    owner: str = ""
    members: list[MemberShape] = Field(min_length=1)
    keys: list[KeyMap] = Field(default_factory=list)
    match: MatchShape | None = None
    engine: Engine = "polars"
    accept: Share = 0.9
    review: Share = 0.5
    largest: int = Field(default=LARGEST, ge=2)
    golden: dict[FieldName, GoldenShape] = Field(default_factory=dict)


class SuggestedShape(EntityShape):
    """The same, where the comparison is left to a suggestion."""

    match: Literal["suggested"]  # type: ignore[assignment]  # the one word that may stand there instead


def read_entities(parts: Sequence[Part], world: World, *, found: list[Problem]) -> dict[str, Entity]:
    """The entities of all files by name, linked to the contracts they name; faults are added to `found`."""
    entities: dict[str, Entity] = {}
    for part in parts:
        entity = _read(part, found)
        if entity is None:
            continue
        if entity.name in entities:
            told = f"the entity '{entity.name}' is declared already in {entities[entity.name].place.file}."
            found.append(part.get("name").problem(told, "Give one of them another name."))
            continue
        found.extend(entity_problems(entity, part, world))
        entities[entity.name] = entity
    return entities


def _read(part: Part, found: list[Problem]) -> Entity | None:
    suggested = isinstance(part.get("match").value, str)
    shape = shaped(SuggestedShape if suggested else EntityShape, part, found=found)
    if shape is None:
        return None
    return Entity(
        **shape.model_dump(include={"name", "title", "owner", "engine", "accept", "review", "largest"}),
        members=tuple(Member(**one.model_dump()) for one in shape.members),
        keys=tuple(EntityKey(fields={name: _names(fields) for name, fields in key.items()}) for key in shape.keys),
        match=Match(suggested=True) if suggested else _match(shape.match),
        golden=tuple(_golden(shape.golden.items())),
        place=part.get("name").place,
    )


def _match(shape: MatchShape | None) -> Match | None:
    if shape is None:
        return None
    return Match(
        fields=tuple(MatchField(name=one.name, kind=one.kind, fields=one.in_) for one in shape.fields),
        blocking=tuple(MatchBlock(**one.model_dump() | {"fields": tuple(one.fields)}) for one in shape.blocking),
        agreeing=shape.agreeing,
        block_limit=shape.block_limit,
    )


def _golden(fields: Iterable[tuple[str, GoldenShape]]) -> Iterable[GoldenField]:
    for name, shape in fields:
        sources = tuple(split(one) for one in shape.from_)
        yield GoldenField(
            name=name, sources=sources, rule=shape.rule, changed=dict(split(one) for one in shape.changed)
        )
