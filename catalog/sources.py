"""Read `sources/*.yaml`: where rows come from, and how their files are written."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict

from catalog.errors import Problem
from catalog.models import SOURCE_KINDS, Source
from catalog.names import did_you_mean, regex_fault, shown
from catalog.plugins import offered, owner_of
from catalog.secrets import holds_password, malformed
from catalog.shapes import Filled, Shape, Slug, shaped
from catalog.yaml_lines import Part

CONNECTORS = "landbridge.connectors"  # the entry-point group of third-party connectors


def _encoding(text: str) -> str:
    if not text:
        return text
    try:
        codecs.lookup(text)
    except (LookupError, ValueError):
        raise ValueError(f"'{text}' is no encoding Python knows. Write utf-8, latin-1 or cp1252, for example") from None
    return text


def _pattern(text: str) -> str:
    fault = regex_fault(text)
    if fault is not None:
        raise ValueError(f"not a regular expression: {fault}. Escape what should stand for itself")
    return text


def _location(text: str) -> str:
    for wrong in malformed(text):
        raise ValueError(
            f"{wrong} is no secret reference. Write ${{env:NAME}}, ${{env:NAME:-default}} or ${{file:PATH}}"
        )
    if holds_password(text):
        raise ValueError("a password stands in the location. Write a reference: ${env:NAME} or ${file:PATH}")
    return text


def _kind(text: str) -> str:
    if text in SOURCE_KINDS:
        return text
    offers = offered(CONNECTORS)
    if text not in offers:
        near = did_you_mean(text, {*SOURCE_KINDS, *offers}).removesuffix("?").removesuffix(".")
        raise ValueError(f"no connector is called {shown(text)}. {near}")
    if len(offers[text]) > 1:
        both = " and ".join(owner_of(entry) for entry in offers[text])
        raise ValueError(f"the connector {shown(text)} is offered by {both}. Uninstall all but one of them")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class SourceShape(Shape):
    """What a source file may hold."""

    name: Slug
    kind: Annotated[str, AfterValidator(_kind)]
    location: Annotated[Filled, AfterValidator(_location)]
    description: str = ""
    owner: str = ""
    encoding: Annotated[str, AfterValidator(_encoding)] = ""
    separator: str | None = Field(default=None, min_length=1)
    quote: str | None = Field(default=None, max_length=1)
    header_lines: int = Field(default=0, ge=0)
    footer_pattern: Pattern = ""
    batch_rows: int = Field(default=100_000, ge=1, le=10_000_000)
    batch_bytes: int = Field(default=32 * 2**20, ge=1024, le=2**31)
    cell_bytes: int = Field(default=64 * 2**20, ge=1, le=2**31)
    connections: int = Field(default=1, ge=1, le=64)
    statement_timeout: Annotated[float, Strict(False)] = Field(default=3600.0, gt=0, le=7 * 86_400)
    retries: int = Field(default=3, ge=0, le=100)
    snapshot: Literal["run", "table"] = "run"
    reader: Literal["auto", "plain"] = "auto"
    writable: bool = False
    write_location: Annotated[str, AfterValidator(_location)] = ""
    settled_after: Annotated[float, Strict(False)] = Field(default=5.0, ge=0, le=86_400)
    marker: str = ""
    broken_files: Literal["report", "block"] = "report"
    options: dict[str, Any] = Field(default_factory=dict)


def read_source(part: Part, *, found: list[Problem]) -> Source | None:
    """The source a file declares; None after its faults were added to `found`."""
    shape = shaped(SourceShape, part, found=found)
    return None if shape is None else Source(**shape.model_dump(), place=part.get("name").place)
