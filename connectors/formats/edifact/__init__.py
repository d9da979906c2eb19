"""UN/EDIFACT interchanges (ISO 9735-1 to -4, syntax versions 1 to 4) as tables of messages and segments.

Tables: `messages`, a row for each UNH; `segments`, every segment of the file; and one for each tag, with a column for
each element and component (see `segment_tables`). The file is read once to check its envelopes and learn the columns,
and once for each table's rows; no more than a segment and a piece are held. Interactive EDIFACT (UIB) is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.edifact.interchange import Envelopes, Grammar, Level, placed
from connectors.formats.edifact.segment_tables import (
    Layout,
    Segment,
    SegmentOptions,
    segment_tables,
    table_of,
    text_size,
)
from connectors.formats.edifact.separators import Separators
from connectors.formats.edifact.terminated import characters, encoding_of, terminated
from connectors.formats.encodings import encoding_of_head
from connectors.formats.tables import File, Limits, Noticed, Table

Options = SegmentOptions

GRAMMAR = Grammar(
    re.compile(r"[A-Z][A-Z0-9]{2}"),
    Level("interchange", "UNB", "UNZ", 5),
    Level("group", "UNG", "UNE", 5),
    Level("message", "UNH", "UNT", 1),
)
CHARACTER_SETS = {  # ISO 9735-1, of level A and B only ASCII is allowed
    "UNOC": "iso8859-1", "UNOD": "iso8859-2", "UNOE": "iso8859-5", "UNOF": "iso8859-7", "UNOG": "iso8859-3",
    "UNOH": "iso8859-4", "UNOI": "iso8859-6", "UNOJ": "iso8859-8", "UNOK": "iso8859-9", "UNOL": "iso8859-15",
    "UNOW": "utf-8", "UNOY": "utf-8",
    "ANSI": "cp1252",  # in no standard; what Windows programs call theirs
}  # fmt: skip
BEGINNING_BYTES = 4_096  # of a file, in which its syntax shows
ADVICE = "UNA"  # the service string: six characters after it are the separators
DEFAULTS = ":+.? '"
BEGINNING = re.compile(
    r"\s*(?:UNA(?P<advice>.{6})\s*)?UNB(?P<element>[^\w\s])(?P<set>[A-Z]{4})?(?:[^\w\s](?P<version>[0-9]))?", re.DOTALL
)
# It is EDIFACT also where it is then refused: with a broken service string, or a segment of another syntax before it.
STRAY = r"[A-Z]{3}\+[^\r\n]{0,2000}UNA[^\w]{5}.\s*UNB\+"
RECOGNISED = re.compile(rf"\s*(UNA[^\w\s]{{2}}.{{3}}|UNB\+|{STRAY})", re.DOTALL)
MESSAGES = pl.Schema(
    {"message": pl.Int64()}
    | dict.fromkeys(
        ("reference", "type", "version", "release", "agency", "association", "document_code", "document_number",
         "interchange", "sender", "recipient", "prepared_date", "prepared_time", "group", "test"),
        pl.String(),
    )
    | {"segments": pl.Int64()}
)  # fmt: skip
SEGMENTS = pl.Schema(
    {"message": pl.Int64(), "reference": pl.String(), "segment": pl.Int64(), "tag": pl.String(), "text": pl.String(),
     "elements": pl.List(pl.String())}
)  # fmt: skip


@dataclass(frozen=True)
class Syntax:
    """What the file's beginning says of its syntax. `advice` is the service string as it stands, or empty."""

    separators: Separators
    terminator: str
    advice: str
    character_set: str
    version: str


def recognises(head: bytes, file: File) -> bool:
    """Whether it begins with a service string, or with UNB."""
    return RECOGNISED.match(_beginning(head)) is not None


def tables(file: File, options: SegmentOptions, *, limits: Limits) -> list[Table]:
    """`messages`, `segments`, and a table for each tag."""
    syntax = syntax_of(file.head())
    encoding, noticed = encoding_of(file, options.encoding, CHARACTER_SETS.get(syntax.character_set))
    layout, envelopes = Layout(), Envelopes(GRAMMAR)

    def read(envelopes: Envelopes | None = None) -> Iterator[Segment]:
        texts = terminated(characters(file, encoding), syntax.terminator, syntax.separators, most=limits.cell_bytes)
        yield from placed(without_advice(texts, syntax), syntax.separators, envelopes or Envelopes(GRAMMAR))

    for segment in read(envelopes):
        layout.see(segment)
    layout.declare(options.fields)
    meta = {"format": "edifact", "encoding": encoding, "syntax": syntax.character_set, "version": syntax.version,
            "messages": envelopes.messages}  # fmt: skip
    return built(layout, read, messages_of, options, limits=limits, meta=meta, noticed=[*noticed, *envelopes.noticed()])


def built(
    layout: Layout, read: Callable[[], Iterator[Segment]], messages: Callable[[Iterator[Segment]], Iterator[Any]],
    options: SegmentOptions, *, limits: Limits, meta: dict[str, Any], noticed: list[Noticed],
    schema: pl.Schema = MESSAGES,
) -> list[Table]:  # fmt: skip
    """The tables of an interchange, those of messages and of all segments first."""
    return [
        table_of("messages", schema, lambda: messages(read()), limits=limits, meta=meta, noticed=noticed),
        table_of("segments", SEGMENTS, lambda: segments_of(read()), limits=limits, meta=meta, noticed=noticed),
        *segment_tables(layout, read, options, limits=limits, meta=meta, noticed=noticed),
    ]


def syntax_of(head: bytes) -> Syntax:
    """The syntax that the file's beginning tells. Raises FileRefused where it is no interchange."""
    found = BEGINNING.match(_beginning(head))
    if found is None:
        raise FileRefused("it does not begin with UNA or UNB", "Check that it is EDIFACT and not cut at its start.")
    advice = found["advice"] or DEFAULTS
    component, element, _, release, repetition, terminator = tuple(advice)
    version = found["version"] or ""
    if version < "4":
        repetition = ""
    elif not found["advice"]:
        repetition = "*"
    if element != found["element"] or len({component, element, terminator}) < 3:
        raise FileRefused("its UNA and UNB do not agree on the separators", "Ask for the file again.")
    separators = Separators(element, component, "", repetition.strip(), release.strip())
    return Syntax(separators, terminator, found["advice"] or "", found["set"] or "", version)


def without_advice(texts: Iterator[tuple[str, bool]], syntax: Syntax) -> Iterator[tuple[str, bool]]:
    """The segments without service strings. Raises FileRefused where a later one changes the separators."""
    for text, closed in texts:
        if text.startswith(ADVICE):
            if (text[3:8] + syntax.terminator)[:6] != (syntax.advice or DEFAULTS):
                raise FileRefused("a second interchange has other separators", "Split the file at its UNA segments.")
            text = text[8:].lstrip("\r\n")
        if text:
            yield text, closed


def messages_of(segments: Iterator[Segment]) -> Iterator[tuple[int, dict[str, Any], int]]:
    """A row for each message, when it is closed."""
    around: dict[str, Any] = {}
    row: dict[str, Any] = {}
    position = 0
    for segment in segments:
        match segment.tag:
            case "UNB":
                around = _interchange(segment)
            case "UNG":
                around["group"] = segment.component(5)
            case "UNE":
                around["group"] = None
            case "UNH":
                position, row = segment.position, around | _message(segment)
            case "BGM" if "document_code" not in row:
                row |= {"document_code": segment.component(1), "document_number": segment.component(2)}
            case "UNT":
                yield (
                    position,
                    row | {"segments": segment.ordinal},
                    text_size(row),
                )


def segments_of(segments: Iterator[Segment]) -> Iterator[tuple[int, dict[str, Any], int]]:
    """A row for each segment, as it stands."""
    for one in segments:
        elements = [one.element(number) for number in range(1, len(one.elements) + 1)]
        values = {"message": one.message, "reference": one.reference, "segment": one.ordinal or None, "tag": one.tag,
                  "text": one.text, "elements": elements}  # fmt: skip
        yield one.position, values, 2 * len(one.text) + 16 * len(elements)


def _interchange(segment: Segment) -> dict[str, Any]:
    return {
        "interchange": segment.component(5), "sender": segment.component(2), "recipient": segment.component(3),
        "prepared_date": segment.component(4), "prepared_time": segment.component(4, 2),
        "test": segment.component(11), "group": None,
    }  # fmt: skip


def _message(segment: Segment) -> dict[str, Any]:
    names = ("type", "version", "release", "agency", "association")
    told = {name: segment.component(2, at) for at, name in enumerate(names, 1)}
    return {"message": segment.message, "reference": segment.component(1), **told}


def _beginning(head: bytes) -> str:
    """The first characters, in whatever encoding; separators are ASCII."""
    certain = encoding_of_head(head[:BEGINNING_BYTES])
    return head[:BEGINNING_BYTES].decode(certain.name if certain else "latin-1", errors="replace").lstrip("\ufeff")
