"""ASC X12 interchanges (X12.5, X12.6) as tables of messages and segments.

Tables: `messages`, a row for each transaction set; `segments`, every segment of the file; and one for each segment
identifier, with a column for each element and component: `NM1.9`, `SV1.1.2`. The ISA segment tells the separators. The
file is read once to check its envelopes and learn the columns, and once for each table's rows; no more than a segment
and a piece are held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.edifact import built
from connectors.formats.edifact.interchange import Envelopes, Grammar, Level, placed
from connectors.formats.edifact.segment_tables import Layout, Segment, SegmentOptions, text_size
from connectors.formats.edifact.separators import Separators
from connectors.formats.edifact.terminated import characters, encoding_of, terminated
from connectors.formats.encodings import encoding_of_head
from connectors.formats.tables import File, Limits, Noticed, Table

Options = SegmentOptions

GRAMMAR = Grammar(
    re.compile(r"[A-Z][A-Z0-9]{1,2}"),
    Level("interchange", "ISA", "IEA", 13),
    Level("group", "GS", "GE", 6),
    Level("message", "ST", "SE", 2),
    frozenset({"TA1", "ISB", "ISE"}),
)
ISA_LENGTH = 106  # characters, terminator included; the standard fixes each element's width
ISA_ELEMENTS = 16
REPEATS_FROM = "00402"  # the version since which ISA11 is the repetition separator
MESSAGES = pl.Schema(
    {"message": pl.Int64()}
    | dict.fromkeys(
        ("reference", "type", "version", "interchange", "sender_qualifier", "sender", "recipient_qualifier",
         "recipient", "prepared_date", "prepared_time", "usage", "group", "group_type", "group_sender",
         "group_recipient",
         "group_version"),
        pl.String(),
    )
    | {"segments": pl.Int64()}
)  # fmt: skip


@dataclass(frozen=True)
class Syntax:
    """What the first ISA segment says. `fixed`: its elements are as wide as the standard wants them."""

    separators: Separators
    terminator: str
    version: str
    fixed: bool


def recognises(head: bytes, file: File) -> bool:
    """Whether it begins with an ISA segment."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"ISA*", b"ISA|")):
        return True  # also where it is then refused
    try:
        syntax_of(head)
    except FileRefused:
        return False
    return True


def tables(file: File, options: SegmentOptions, *, limits: Limits) -> list[Table]:
    """`messages`, `segments`, and a table for each segment identifier."""
    syntax = syntax_of(file.head())
    encoding, noticed = encoding_of(file, options.encoding, None)
    layout, envelopes = Layout(), Envelopes(GRAMMAR)

    def read(envelopes: Envelopes | None = None) -> Iterator[Segment]:
        texts = terminated(characters(file, encoding), syntax.terminator, syntax.separators, most=limits.cell_bytes)
        yield from _alike(placed(texts, syntax.separators, envelopes or Envelopes(GRAMMAR)), syntax)

    for segment in read(envelopes):
        layout.see(segment)
    layout.declare(options.fields)
    meta = {"format": "x12", "encoding": encoding, "version": syntax.version, "messages": envelopes.messages}
    told = [*noticed, *envelopes.noticed(), *([] if syntax.fixed else [_not_fixed()])]
    return built(layout, read, messages_of, options, limits=limits, meta=meta, noticed=told, schema=MESSAGES)


def syntax_of(head: bytes) -> Syntax:
    """The separators that the ISA segment uses. Raises FileRefused where there is none."""
    certain = encoding_of_head(head[:400])
    text = head[:400].decode(certain.name if certain else "latin-1", errors="replace").lstrip("\ufeff \t\r\n")
    element = text[3:4]
    elements = text.split(element, ISA_ELEMENTS) if element else []
    if not text.startswith("ISA") or element.isalnum() or element.isspace() or len(elements) <= ISA_ELEMENTS:
        raise FileRefused("it does not begin with an ISA segment", "Check that it is X12 and not cut at its start.")
    component, terminator = elements[ISA_ELEMENTS][:1], elements[ISA_ELEMENTS][1:2]
    version = elements[12].strip()
    repetition = elements[11] if version >= REPEATS_FROM else ""
    if len(repetition) != 1 or repetition.isalnum() or repetition.isspace():
        repetition = ""
    used = [one for one in (element, component, terminator, repetition) if one]
    if not component or not terminator or len(set(used)) < len(used) or any(one.isalnum() for one in used):
        raise FileRefused("its ISA segment does not tell the separators", "Ask for the file again.")
    length = len("ISA") + sum(len(one) + 1 for one in elements[1:ISA_ELEMENTS]) + len(element + component + terminator)
    return Syntax(Separators(element, component, "", repetition), terminator, version, length == ISA_LENGTH)


def messages_of(segments: Iterator[Segment]) -> Iterator[tuple[int, dict[str, Any], int]]:
    """A row for each transaction set, when it is closed."""
    around: dict[str, Any] = {}
    group: dict[str, Any] = {}
    row: dict[str, Any] = {}
    position = 0
    for segment in segments:
        match segment.tag:
            case "ISA":
                around, group = _interchange(segment), {}
            case "GS":
                group = _group(segment)
            case "GE":
                group = {}
            case "ST":
                position, row = segment.position, around | group | _message(segment)
            case "SE":
                yield (
                    position,
                    row | {"segments": segment.ordinal},
                    text_size(row),
                )


def _alike(segments: Iterator[Segment], syntax: Syntax) -> Iterator[Segment]:
    """The segments, as long as each interchange has the first one's separators."""
    for segment in segments:
        if segment.tag == "ISA":
            last = segment.elements[-1] if len(segment.elements) == ISA_ELEMENTS else ""
            if last != syntax.separators.component:
                raise FileRefused("a second interchange has other separators", "Split the file at its ISA segments.")
            segment = segment._replace(separators=Separators(syntax.separators.element))  # it shows the others
        yield segment


def _interchange(segment: Segment) -> dict[str, Any]:
    names = {"interchange": 13, "sender_qualifier": 5, "sender": 6, "recipient_qualifier": 7, "recipient": 8,
             "prepared_date": 9, "prepared_time": 10, "usage": 15}  # fmt: skip
    return {name: (segment.element(number) or "").strip() or None for name, number in names.items()}


def _group(segment: Segment) -> dict[str, Any]:
    names = {"group": 6, "group_type": 1, "group_sender": 2, "group_recipient": 3, "group_version": 8}
    return {name: segment.element(number) for name, number in names.items()}


def _message(segment: Segment) -> dict[str, Any]:
    return {"message": segment.message, "reference": segment.element(2), "type": segment.element(1),
            "version": segment.element(3)}  # fmt: skip


def _not_fixed() -> Noticed:
    return Noticed(
        "isa-not-fixed", f"the ISA segment is not {ISA_LENGTH} characters long, as X12 wants it", "info", unit="files",
        remedy="Nothing, unless the separators were read wrongly.",
    )  # fmt: skip
