"""The vocabulary under `customProperties` that begins with `landbridge.`: what ODCS has no word for.

Each name has one shape. `gather` reads them from one place of a contract; a name that is unknown there is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from catalog.errors import Problem
from catalog.models import (
    Action,
    AggregateFunction,
    BlobPolicy,
    DriftMode,
    FilesMode,
    GapCalendar,
    GapDirection,
    GapKind,
    Mask,
    ReadMode,
    Severity,
    ValueMode,
)
from catalog.names import did_you_mean
from catalog.shapes import FieldName, Filled, Reference, Shape, Slug
from catalog.yaml_lines import Part, Steps

PREFIX = "landbridge."
_DURATION = re.compile(r"(?:[1-9][0-9]*(?:mo|ms|us|ns|[smhdwqy]))+")

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def _duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise ValueError(f"'{text}' is no duration. Write 1h, 15m or 1d, for example")
    return text


def _overlap(text: str) -> str:
    return text if text.isdecimal() else _duration(text)


def _identifier(text: str) -> str:
    if text and not _IDENTIFIER.fullmatch(text):
        raise ValueError(f"'{text}' is no name. Use lowercase letters, digits and '_', at most 63")
    return text


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no time. Write it as in 2026-01-31T00:00:00Z") from None
    return text


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    # a decimal number has several spellings, and the source's is the one that counts
    raise ValueError("a value must be text or a whole number. Put it in quotes, as the source writes it")


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


Moment = Annotated[str, AfterValidator(_moment)]
Names = Annotated[list[str], BeforeValidator(_one_or_many)]  # one name, or a list of them
Value = Annotated[Any, AfterValidator(_text)]  # as text, in the source's spelling


class UnitShape(Shape):
    """`landbridge.unit`."""

    source: Filled
    target: Filled


class CombineShape(Shape):
    """`landbridge.combine`."""

    date: FieldName
    time: FieldName
    zone: str = ""
    zone_field: str = ""
    after: str = ""


class PositionShape(Shape):
    """`landbridge.position`."""

    start: int = Field(ge=1)
    length: int = Field(ge=1)


class LookupShape(Shape):
    """One entry of `lookups`."""

    dataset: Filled
    on: dict[str, str] = Field(min_length=1)
    fields: dict[FieldName, str] = Field(min_length=1)


class AggregateShape(Shape):
    """One entry of `aggregates`."""

    name: FieldName
    function: AggregateFunction
    field: str = ""
    limit: int = Field(default=5, ge=1, le=100)
    where_null: str = ""
    decimals: int = Field(default=1, ge=0, le=15)


class RelatedShape(Shape):
    """One entry of `related`."""

    name: FieldName
    dataset: Filled
    on: dict[str, str] = Field(min_length=1)
    lookups: list[LookupShape] = Field(default_factory=list)
    aggregates: list[AggregateShape] = Field(min_length=1)


class ChildrenShape(Shape):
    """One entry of `children`."""

    name: FieldName
    title: str = ""
    dataset: Filled
    on: dict[str, str] = Field(min_length=1)
    text: Filled
    order: Names = Field(default_factory=list)
    limit: int = Field(default=100, ge=1, le=10_000)
    lookups: list[LookupShape] = Field(default_factory=list)


class DocumentShape(Shape):
    """One entry of `landbridge.documents`."""

    name: Slug
    title: Filled
    text: Filled
    by: list[str] = Field(default_factory=list)
    only_missing_in: Reference | None = None
    lookups: list[LookupShape] = Field(default_factory=list)
    aggregates: list[AggregateShape] = Field(default_factory=list)
    related: list[RelatedShape] = Field(default_factory=list)
    children: list[ChildrenShape] = Field(default_factory=list)
    keys: list[str] = Field(default_factory=list)


class CompareShape(Shape):
    """One entry of a conflict's `compare`."""

    field: str
    other: str
    tolerance: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    system_of_record: Names = Field(default_factory=list)


class GapShape(Shape):
    """One entry of `landbridge.gaps`; which keys belong to which kind is checked beside it."""

    name: Slug
    kind: GapKind
    title: str = ""
    field: str = ""
    fields: list[str] = Field(default_factory=list)
    to: list[Reference] = Field(default_factory=list)
    also_in: list[Reference] = Field(default_factory=list)
    direction: GapDirection = "forward"
    late_from: str = ""
    their_late_from: str = ""
    lateness: Annotated[str, AfterValidator(_duration)] = ""
    max_share: float = Field(default=0.0, ge=0, le=1)
    min_rows: int = Field(default=20, ge=1)
    every: Annotated[str, AfterValidator(_duration)] = ""
    per: list[str] = Field(default_factory=list)
    start: Moment = ""
    end: Moment = ""
    calendar: GapCalendar = "all"
    holidays: Reference | None = None
    systems: list[Reference] = Field(default_factory=list)
    where: dict[str, list[Value]] = Field(default_factory=dict)
    with_: str = Field(default="", alias="with")
    on: dict[str, str] = Field(default_factory=dict)
    changed: str = ""
    their_changed: str = ""
    max_age: Annotated[str, AfterValidator(_duration)] = ""
    compare: list[CompareShape] = Field(default_factory=list)
    system_of_record: Names = Field(default_factory=list)
    severity: Severity = "warning"
    owner: str = ""
    remedy: str = ""


class IncrementalShape(Shape):
    """`landbridge.incremental`; which keys belong to which mode is checked beside it."""

    mode: ReadMode
    column: str = ""
    overlap: Annotated[str, AfterValidator(_overlap)] = ""
    slot: Annotated[str, AfterValidator(_identifier)] = ""
    publication: Annotated[str, AfterValidator(_identifier)] = ""


class VolumeShape(Shape):
    """`landbridge.volume`: shares of the rows read."""

    quarantined: float | None = Field(default=None, ge=0, le=1)
    filtered: float | None = Field(default=None, ge=0, le=1)
    duplicate: float | None = Field(default=None, ge=0, le=1)
    failed: float | None = Field(default=None, ge=0, le=1)
    jump: float = Field(default=0.05, ge=0, le=1)


class ContractExtensions(Shape):
    """The names that may stand at the contract."""

    source: Filled
    drift: DriftMode = "evolve"
    incremental: IncrementalShape | None = None
    files: FilesMode = "snapshot"
    query: str = ""
    keep: dict[str, list[Value]] = Field(default_factory=dict)
    quarantine_threshold: float = Field(default=0.15, ge=0, le=1)
    deletion_threshold: float = Field(default=0.15, ge=0, le=1)
    volume: VolumeShape | None = None
    documents: list[DocumentShape] = Field(default_factory=list)
    gaps: list[GapShape] = Field(default_factory=list)


class FieldExtensions(Shape):
    """The names that may stand at a property."""

    null_values: list[Value] = Field(default_factory=list)
    decimal_comma: bool = False
    scale: int | None = Field(default=None, ge=0, le=38)
    unit: UnitShape | None = None
    combine: CombineShape | None = None
    position: PositionShape | None = None
    mask: Mask | None = None
    blob: BlobPolicy = "extract"
    on_bad_value: ValueMode = "quarantine_row"
    expected: bool = False


class DependencyShape(Shape):
    """The `implementation` of a quality rule with `engine: landbridge`."""

    type: Literal["functional_dependency"]
    fields: list[FieldName] = Field(min_length=1)
    determines: list[FieldName] = Field(default_factory=list)


class RuleExtensions(Shape):
    """The names that may stand at a quality rule."""

    action: Action | None = None


def gather(at: Part, shape: type[Shape], *, found: list[Problem]) -> Part:
    """The `landbridge.` names of one `customProperties` list as a mapping without the prefix, lines kept.

    Names of other vendors are left alone.
    """
    known = {f"{PREFIX}{field.alias}" for field in shape.model_fields.values()}
    values: dict[str, Any] = {}
    lines: dict[Steps, int] = {(): at.line}
    for entry in at.get("customProperties").items():
        name = str(entry.get("property").value)
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX)
        if name not in known:
            hint = did_you_mean(name, known)
            found.append(entry.get("property").problem(f"unknown name '{name}'.", hint or "It belongs elsewhere."))
        elif key in values:
            found.append(entry.problem(f"'{name}' stands on line {lines[(key,)]} already.", "Keep one of them."))
        else:
            values[key] = entry.value["value"]
            value = entry.get("value")
            lines |= {
                (key, *steps[len(value.steps) :]): line for steps, line in at.lines.items() if _within(steps, value)
            }
    return Part(at.file, (), values, lines)


def strays(at: Part, *, allowed: Collection[tuple[str, ...]]) -> list[Problem]:
    """`landbridge.` names in places where none has a meaning; `allowed` lists the paths, without list positions."""
    told: list[Problem] = []
    waiting = [at]
    while waiting:
        part = waiting.pop()
        named = part.steps[-1:] == ("customProperties",)
        if named and tuple(step for step in part.steps if isinstance(step, str)) not in allowed:
            for entry in part.items():
                name = str(entry.get("property").value)
                if name.startswith(PREFIX):
                    remedy = "Put it at the contract, a property or a quality rule, as docs/contracts.md says."
                    told.append(entry.problem(f"'{name}' has no meaning here.", remedy))
        if not named:
            waiting.extend([*part.items(), *(value for _, value in part.entries())])
    return told


def _within(steps: tuple[str | int, ...], value: Part) -> bool:
    return steps[: len(value.steps)] == value.steps
