"""Read what project.yaml says under `index`: the kind of the vector index, its gates, and the history that is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, Strict
from pydantic.functional_validators import BeforeValidator

from catalog.durations import span
from catalog.errors import Problem
from catalog.index_models import IndexKind, IndexPlan
from catalog.shapes import Shape, shaped
from catalog.yaml_lines import Part

Share = Annotated[float, Strict(False), Field(ge=0, le=1)]


def _span(text: object) -> object:
    return span(text) if isinstance(text, str) else text


class IndexShape(Shape):
    """What `index` may hold."""

    kind: IndexKind = "auto"
    exact_up_to: Annotated[int, Field(ge=0, le=10_000_000)] = 50_000
    recall: Share = 0.98
    known_items: Share = 0.8
    history: Annotated[timedelta, BeforeValidator(_span)] = timedelta(days=30)
    history_disk: Annotated[float, Strict(False), Field(ge=0, le=100)] = 0.35


def read_index_plan(part: Part, *, found: list[Problem]) -> IndexPlan:
    """The plan of the index; faults are added to `found`, and the defaults take their place."""
    if part.value is None:
        return IndexPlan()
    shape = shaped(IndexShape, part, found=found)
    return IndexPlan() if shape is None else IndexPlan(**shape.model_dump())
