"""Read what project.yaml says under `chunks`: how long the passages of documents are, and how far they overlap."""

from __future__ import annotations

from pydantic import Field

from catalog.errors import Problem
from catalog.models import ChunkSizes
from catalog.shapes import Shape, shaped
from catalog.yaml_lines import Part

LEAST = 32  # tokens: a title, a heading and a sentence


class ChunksShape(Shape):
    """What `chunks` may hold."""

    tokens: int | None = Field(default=None, ge=LEAST, le=100_000)
    overlap: int | None = Field(default=None, ge=0, le=10_000)


def read_chunks(part: Part, *, found: list[Problem]) -> ChunkSizes:
    """The sizes that a project asks for; faults are added to `found`."""
    if part.value is None:
        return ChunkSizes()
    shape = shaped(ChunksShape, part, found=found)
    if shape is None:
        return ChunkSizes()
    if shape.tokens and shape.overlap and shape.overlap * 3 > shape.tokens:
        what = f"'overlap' of {shape.overlap} is more than a third of 'tokens'."
        found.append(part.get("overlap").problem(what, f"Write {shape.tokens // 3} or less."))
    return ChunkSizes(tokens=shape.tokens, overlap=shape.overlap)
