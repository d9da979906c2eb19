"""HL7 lines as segments of messages: separators from each header, frames, batches, and lines that go on.

Segments end with CR as HL7 wants it, or with LF or CRLF as files have it. A line that begins with no segment identifier
goes on the segment before it, for senders leave line ends in long texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from catalog.errors import FileRefused
from connectors.formats.edifact.segment_tables import Segment
from connectors.formats.hl7_messages.separators import Hl7Separators, separators_of
from connectors.formats.tables import Noticed

FRAME_START, FRAME_END = "\x0b", "\x1c"  # of the minimal lower layer protocol
FRAMING = re.compile("[\x0b\x1c\x1a]")  # and Ctrl-Z
LINE_END = re.compile(r"\r\n|\r|\n")
IDENTIFIER = re.compile(r"[A-Z][A-Z0-9]{2}")
HEADERS = ("MSH", "FHS", "BHS")
BATCHES = {"BTS": "BHS", "FTS": "FHS"}  # what closes, and what it closes
TOLD = {
    "segment-continued": ("info", "lines go on the segment before them: it holds line ends", ""),
    "header-incomplete": ("warning", "messages have no type or no control id", "Ask the sender for whole headers."),
    "outside-message": ("critical", "segments stand outside a message", "Ask for the file again."),
    "batch-not-closed": ("critical", "a batch or file header has no trailer: messages may be missing",
                         "Ask the sender whether messages are missing."),
    "batch-count-differs": ("critical", "a trailer does not count what its batch or file holds",
                            "Ask the sender whether messages are missing."),
    "frame-not-closed": ("critical", "a frame begins before the one before it ends: a message may be cut",
                         "Ask for the file again."),
}  # fmt: skip
Line = tuple[int, str]


@dataclass(frozen=True)
class Stray:
    """What no row can be made of, and why: a segment that belongs to no message, or a message that is too large."""

    position: int
    text: str
    reason: str = "the segment stands outside a message"


@dataclass
class Reading:
    """Makes segments of a file's lines. `messages` and `noticed` are whole when all are made."""

    most: int  # characters of one segment
    messages: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    _separators: Hl7Separators | None = None
    _in_message: bool = False
    _reference: str | None = None
    _ordinal: int = 0
    _framed: bool = False
    _held: dict[str, int] = field(default_factory=dict)  # by header: messages of an open batch, batches of an open file

    def segments(self, lines: Iterator[Line]) -> Iterator[Segment | Stray]:
        """The segments in order. Raises FileRefused where the file is cut, or no header tells the separators."""
        for number, text in self._whole(lines):
            yield self._segment(number, text)
        if self._framed:
            raise FileRefused(f"it ends inside message {self.messages:,}: its frame is not closed", "Ask for it again.")
        for _ in self._held:
            self._fault("batch-not-closed")

    def noticed(self) -> list[Noticed]:
        """What was odd about the file's lines and batches."""
        return [
            Noticed(rule, message, severity, self.faults[rule], "segments", remedy)  # type: ignore[arg-type] # a literal above
            for rule, (severity, message, remedy) in TOLD.items() if rule in self.faults
        ]  # fmt: skip

    def _whole(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Segments with the lines that go on them."""
        begun: list[str] = []
        start = length = 0
        for number, line in lines:
            text = self._unframed(line)
            if not text.strip():
                continue
            if begun and not self._begins(text):
                self._fault("segment-continued")
            else:
                if begun:
                    yield start, "\n".join(begun)
                begun, start, length = [], number, 0
                self._look_at(text)
            begun.append(text)
            length += len(text)
            if length > self.most:
                raise FileRefused(f"a segment is longer than {self.most:,} characters", "Raise `cell_bytes`.")
        if begun:
            yield start, "\n".join(begun)

    def _unframed(self, line: str) -> str:
        """A line without the characters of frames."""
        if not FRAMING.search(line):
            return line
        if FRAME_START in line:
            if self._framed:
                self._fault("frame-not-closed")
            self._framed = True
        if FRAME_END in line:
            self._framed = False
        return FRAMING.sub("", line)

    def _begins(self, text: str) -> bool:
        """Whether a line begins a segment."""
        found = IDENTIFIER.match(text)
        if found is None or self._separators is None:
            return found is not None
        after = text[3:4]
        return after in ("", self._separators.element) or (text.startswith(HEADERS) and separators_of(text) is not None)

    def _look_at(self, text: str) -> None:
        """Take the separators from a header. A batch's count for the messages that have none of their own."""
        if text.startswith(HEADERS):
            told = separators_of(text)
            if told is None:
                raise FileRefused("a message header does not tell the separators", "Ask for the file again.")
            self._separators = told

    def _segment(self, number: int, text: str) -> Segment | Stray:
        separators = self._separators
        if separators is None:
            raise FileRefused(
                "it does not begin with a message header", "Check that it is HL7 and not cut at its start."
            )
        tag, *elements = text.split(separators.element)
        if tag in HEADERS:
            elements = [separators.escaped(separators.element), separators.escaped(elements[0]), *elements[1:]]
        self._enter(tag)
        inside = self._in_message
        if not inside and tag not in HEADERS and tag not in BATCHES:
            self._fault("outside-message")
            return Stray(number, text)
        self._ordinal += 1
        told = Segment(number, self.messages if inside else None, self._reference if inside else None,
                       self._ordinal if inside else 0, tag, text, elements, separators)  # fmt: skip
        return self._headed(told) if tag == "MSH" else self._closed(told)

    def _enter(self, tag: str) -> None:
        """Count a header's message, batch or file in what is open around it."""
        if tag in HEADERS or tag in BATCHES:
            self._in_message = tag == "MSH"
        if tag == "MSH":
            self.messages += 1
            self._ordinal = 0
            self._held.update({header: count + 1 for header, count in self._held.items() if header == "BHS"})
        elif tag == "BHS":
            self._held.update({header: count + 1 for header, count in self._held.items() if header == "FHS"})
        if tag in ("BHS", "FHS"):
            if tag in self._held:
                self._fault("batch-not-closed")
            self._held[tag] = 0

    def _headed(self, header: Segment) -> Segment:
        """A message's header with its control id as reference."""
        self._reference = header.element(10)
        if not header.element(9) or not self._reference:
            self._fault("header-incomplete")
        return header._replace(reference=self._reference)

    def _closed(self, segment: Segment) -> Segment:
        """A segment; where it is a trailer, its count is compared."""
        held = self._held.pop(BATCHES.get(segment.tag, ""), None)
        count = (segment.component(1) or "").strip()
        if held is not None and count.isascii() and count.isdigit() and int(count[:18]) != held:
            self._fault("batch-count-differs")
        return segment

    def _fault(self, rule: str) -> None:
        self.faults[rule] = self.faults.get(rule, 0) + 1


def numbered_lines(portions: Iterator[str], *, most: int) -> Iterator[Line]:
    """The lines of a text without their ends, numbered from 1. Raises FileRefused where one is too long."""
    rest, number = "", 1
    for text in portions:
        held = "\r" if text.endswith("\r") else ""  # it may be half of a line end
        *whole, rest = LINE_END.split(rest + text.removesuffix("\r"))
        rest += held
        for line in whole:
            yield number, line
            number += 1
        if len(rest) > most:
            raise FileRefused(f"a line is longer than {most:,} characters", "Raise `cell_bytes` of the source.")
    for line in LINE_END.split(rest):
        yield number, line
        number += 1
