"""Segments of messages as tables: one for each kind of segment, with a column for each element and part of one.

`NAD.2` is the whole element, `NAD.2.1` its first component, `PID.3.4.2` a subcomponent. A part has a column where some
segment of the file has it, or where it is declared. Repetitions are one value, joined as in the file, or a list.

The loops over segments are Python's: each segment has its own separators and its own number of parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import polars as pl

from catalog.errors import FileRefused
from connectors.bounding import CELL_BYTES
from connectors.formats.edifact.separators import Separators
from connectors.formats.tables import TEXT, FormatOptions, Limits, Noticed, Piece, Reject, Table

MOST_COLUMNS = 2_000  # of one kind of segment; more is no message
MOST_KINDS = 400  # of segments in one file
FIELD = re.compile(r"[A-Z][A-Z0-9]{1,2}(\.[1-9][0-9]{0,3}){1,3}")
Repetitions = Literal["joined", "lists"]
Part = tuple[int, ...]  # element, component, subcomponent, from 1
Row = tuple[int, dict[str, Any]]  # position, values

PLACE = {"message": pl.Int64(), "reference": pl.String(), "segment": pl.Int64()}


class SegmentOptions(FormatOptions):
    """What may be declared about files of segments.

    `encoding` overrides what the file says. `fields` names columns that the tables have whether or not this file fills
    them: `["NAD.2.1", "NAD.3"]`.
    """

    encoding: str = ""
    fields: tuple[str, ...] = ()
    repetitions: Repetitions = "joined"


class Segment(NamedTuple):
    """One segment: where it stands, and its elements after the tag as they are spelled.

    `message` counts the file's messages from 1 and `ordinal` the message's segments; both are None and 0 outside one.
    """

    position: int
    message: int | None
    reference: str | None
    ordinal: int
    tag: str
    text: str
    elements: Sequence[str]
    separators: Separators

    def element(self, number: int) -> str | None:
        """An element, decoded where it is one piece; None where it is empty or absent."""
        text = self.elements[number - 1] if number <= len(self.elements) else ""
        if not text:
            return None
        return self.separators.decoded(text) if _is_one(text, self.separators) else text

    def component(self, number: int, part: int = 1) -> str | None:
        """A component of the first repetition of an element."""
        text = self.elements[number - 1] if number <= len(self.elements) else ""
        components = self.separators.components(self.separators.repetitions(text)[0])
        piece = components[part - 1] if part <= len(components) else ""
        return _value(piece, self.separators)


@dataclass
class Layout:
    """Which parts each kind of segment has. `see` a file's segments, then ask for `tags` and `parts`."""

    parts: dict[str, set[Part]] = field(default_factory=dict)

    def see(self, segment: Segment) -> None:
        """Take note of a segment's parts. Raises FileRefused where there are too many for a table."""
        known = self.parts.setdefault(segment.tag, set())
        before = len(known)
        for number, element in enumerate(segment.elements, 1):
            if element:
                known.add((number,))
                if not segment.separators.is_plain(element):
                    known.update(_parts_of(number, element, segment.separators))
        if len(known) > MOST_COLUMNS and len(known) > before:
            raise FileRefused(f"a segment has more than {MOST_COLUMNS:,} parts", "Check that it is what it seems.")
        if len(self.parts) > MOST_KINDS:
            raise FileRefused(f"it has more than {MOST_KINDS} kinds of segments", "Check that it is what it seems.")

    def declare(self, fields: Iterable[str]) -> None:
        """Add declared columns. Raises FileRefused where one is no name of a column."""
        for name in fields:
            if not FIELD.fullmatch(name):
                raise FileRefused(f"'{name}' names no field", "Write it like `PID.5` or `PID.5.1`.")
            tag, *numbers = name.split(".")
            self.parts.setdefault(tag, set()).add(tuple(int(number) for number in numbers))


@dataclass
class Rows:
    """Rows on their way into frames of bounded size."""

    schema: pl.Schema
    limits: Limits
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0

    def add(self, position: int, values: dict[str, Any], *, size: int) -> None:
        """Take a row; `size` is its text's."""
        self.rows.append((*map(values.get, self.schema), position))
        self.size += size + CELL_BYTES * (len(self.schema) + 1)

    def reject(self, position: int, reason: str, text: str) -> None:
        """Take a record that is no row."""
        self.rejects.append((position, reason, text))

    @property
    def full(self) -> bool:
        """Whether it is time for a piece."""
        rows = max(len(self.rows), len(self.rejects))
        return rows >= self.limits.batch_rows or self.size >= self.limits.batch_bytes

    def piece(self) -> Piece:
        """What was gathered, and begin anew."""
        schema = {**self.schema, "_position": pl.Int64()}
        frame = pl.DataFrame(self.rows, schema=schema, orient="row")
        told = Piece(frame, tuple(self.rejects))
        self.rows, self.rejects, self.size = [], [], 0
        return told


def segment_tables(
    layout: Layout, read: Callable[[], Iterator[Segment]], options: SegmentOptions, *, limits: Limits,
    meta: dict[str, Any], noticed: Sequence[Noticed] = (),
) -> list[Table]:  # fmt: skip
    """A table for each kind of segment, in the order in which the file has them."""
    told = []
    for tag, parts in layout.parts.items():
        names = {part: ".".join(map(str, (tag, *part))) for part in sorted(parts)}
        dtype = pl.List(pl.String()) if options.repetitions == "lists" else pl.String()
        schema = pl.Schema({**PLACE, **dict.fromkeys(names.values(), dtype)})
        pieces = _pieces_of(tag, names, schema, read, options.repetitions, limits)
        told.append(Table(tag, schema, dict.fromkeys(schema, TEXT), pieces, meta, noticed))
    return told


def table_of(
    name: str, schema: pl.Schema, rows: Callable[[], Iterator[tuple[int, dict[str, Any], int]]], *, limits: Limits,
    meta: dict[str, Any], noticed: Sequence[Noticed] = (),
) -> Table:  # fmt: skip
    """A table of rows that come one by one as (position, values, size of their text)."""

    def pieces() -> Iterator[Piece]:
        gathered, told = Rows(schema, limits), False
        for position, values, size in rows():
            gathered.add(position, values, size=size)
            if gathered.full:
                told = True
                yield gathered.piece()
        if gathered.rows or not told:
            yield gathered.piece()

    return Table(name, schema, dict.fromkeys(schema, TEXT), pieces, meta, noticed)


def text_size(values: dict[str, Any]) -> int:
    """Characters of the texts in a row."""
    return sum(len(one) for one in values.values() if isinstance(one, str))


def _pieces_of(
    tag: str, names: dict[Part, str], schema: pl.Schema, read: Callable[[], Iterator[Segment]],
    repetitions: Repetitions, limits: Limits,
) -> Callable[[], Iterator[Piece]]:  # fmt: skip
    by_element: dict[int, list[tuple[Part, str]]] = {}
    for part, name in names.items():
        by_element.setdefault(part[0], []).append((part, name))
    values_of = _lists if repetitions == "lists" else _joined

    def rows() -> Iterator[tuple[int, dict[str, Any], int]]:
        for segment in read():
            if segment.tag == tag:
                values: dict[str, Any] = {
                    "message": segment.message, "reference": segment.reference, "segment": segment.ordinal or None
                }  # fmt: skip
                for number, element in enumerate(segment.elements, 1):
                    if element:
                        values.update(values_of(element, by_element.get(number, ()), segment.separators))
                yield segment.position, values, len(segment.text) * 2

    return table_of(tag, schema, rows, limits=limits, meta={}).pieces


def _joined(element: str, parts: Sequence[tuple[Part, str]], separators: Separators) -> dict[str, str | None]:
    """The values of an element's columns, repetitions joined as in the file."""
    if separators.is_plain(element):
        value = separators.decoded(element)
        return {name: value for part, name in parts if not any(at > 1 for at in part[1:])}
    taken = [[separators.subcomponents(one) for one in separators.components(repetition)]
             for repetition in separators.repetitions(element)]  # fmt: skip
    told: dict[str, str | None] = {}
    for part, name in parts:
        pieces = [element] if len(part) == 1 else [_piece(one, part, separators) for one in taken]
        if len(pieces) == 1:
            told[name] = _value(pieces[0], separators)
        else:
            told[name] = separators.repetition.join(pieces) if any(pieces) else None
    return told


def _lists(element: str, parts: Sequence[tuple[Part, str]], separators: Separators) -> dict[str, list[str | None]]:
    """The values of an element's columns, a list of repetitions each."""
    told: dict[str, list[str | None]] = {}
    for repetition in separators.repetitions(element):
        for name, value in _joined_alone(repetition, parts, separators).items():
            told.setdefault(name, []).append(value)
    return {name: values for name, values in told.items() if any(value is not None for value in values)}


def _joined_alone(repetition: str, parts: Sequence[tuple[Part, str]], separators: Separators) -> dict[str, str | None]:
    if not repetition:
        return dict.fromkeys((name for _, name in parts), None)
    taken = [separators.subcomponents(one) for one in separators.components(repetition)]
    return {
        name: _value(repetition if len(part) == 1 else _piece(taken, part, separators), separators)
        for part, name in parts
    }


def _piece(components: Sequence[Sequence[str]], part: Part, separators: Separators) -> str:
    """A component or subcomponent as it is spelled; empty where it is absent."""
    if part[1] > len(components):
        return ""
    subcomponents = components[part[1] - 1]
    if len(part) == 2:
        return separators.subcomponent.join(subcomponents)
    return subcomponents[part[2] - 1] if part[2] <= len(subcomponents) else ""


def _value(text: str, separators: Separators) -> str | None:
    if not text:
        return None
    return separators.decoded(text) if _is_one(text, separators) else text


def _is_one(text: str, separators: Separators) -> bool:
    """Whether a text is one piece, which no separator splits."""
    if separators.is_plain(text):
        return True
    return all(
        len(separators.split(text, one)) == 1
        for one in (separators.repetition, separators.component, separators.subcomponent)
    )


def _parts_of(number: int, element: str, separators: Separators) -> Iterator[Part]:
    """The parts that an element has below itself; none where it is one piece."""
    for repetition in separators.repetitions(element):
        components = separators.components(repetition)
        for at, component in enumerate(components, 1):
            subcomponents = separators.subcomponents(component)
            if len(components) > 1 or len(subcomponents) > 1:
                yield (number, at)
            if len(subcomponents) > 1:
                yield from ((number, at, below) for below in range(1, len(subcomponents) + 1))
