"""Messages in groups in interchanges: which segment opens and closes each, and whether what they count is there.

EDIFACT (ISO 9735) and X12 (ASC X12.5, X12.6) build them alike: the closing segment's first element counts what it
closes, its second repeats the reference of the opening one. A count or reference that differs is noticed; a message
that is not closed is a file that was cut, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from catalog.errors import FileRefused
from connectors.formats.edifact.segment_tables import Segment
from connectors.formats.edifact.separators import Separators
from connectors.formats.tables import Noticed

KNOWN_TAGS = 1_000
CUT = "Ask for the file again: it was cut or put together wrongly."


@dataclass(frozen=True)
class Level:
    """An envelope: the tags around it, and the number of the opening segment's element that is its reference."""

    name: str
    opens: str
    closes: str
    reference: int


@dataclass(frozen=True)
class Grammar:
    """A syntax: its tags, its three envelopes from the outside in, and what may stand outside a message."""

    tag: re.Pattern[str]
    interchange: Level
    group: Level
    message: Level
    outside: frozenset[str] = frozenset()

    @property
    def levels(self) -> tuple[Level, Level, Level]:
        """From the outside in."""
        return self.interchange, self.group, self.message


@dataclass
class _Open:
    """An envelope that is not closed yet; `held` counts what stands directly in it, `groups` those among it."""

    reference: str
    held: int = 0
    groups: int = 0


@dataclass
class Envelopes:
    """Places the segments of a file, and checks the counts. `noticed` is whole when all segments are placed."""

    grammar: Grammar
    interchanges: int = 0
    messages: int = 0
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    _open: dict[str, _Open] = field(default_factory=dict)
    _position: int = 0
    _tags: set[str] = field(default_factory=set)  # those that were looked at

    def __post_init__(self) -> None:
        self._opens = {level.opens: level for level in self.grammar.levels}
        self._closes = {level.closes: level for level in self.grammar.levels}

    def place(self, text: str, separators: Separators, *, closed: bool = True) -> Segment:
        """The next segment, in its message. Raises FileRefused where it cannot stand there."""
        self._position += 1
        tag, *elements = separators.split(text, separators.element)
        if tag not in self._tags:
            tag = separators.components(tag)[0].strip()
            if not self.grammar.tag.fullmatch(tag):
                raise FileRefused(f"segment {self._position:,} begins with no tag", "Check that it is what it seems.")
            if len(self._tags) < KNOWN_TAGS:
                self._tags.add(tag)
        if not closed and tag != self.grammar.interchange.closes:
            raise FileRefused(f"it ends in the middle of segment {self._position:,}", CUT)
        level = self._opens.get(tag)
        if level is not None:
            self._begin(level, Segment(self._position, None, None, 0, tag, text, elements, separators))
        message = self._message
        if message is None:
            if level is None and tag not in self._closes and tag not in self.grammar.outside:
                raise FileRefused(f"segment {self._position:,} stands outside a message", CUT)
            told = Segment(self._position, None, None, 0, tag, text, elements, separators)
        else:
            message.held += 1
            told = Segment(
                self._position, self.messages, message.reference, message.held, tag, text, elements, separators
            )  # fmt: skip
        if tag in self._closes:
            self._end(self._closes[tag], told)
        return told

    def end(self) -> None:
        """The file ends here. Raises FileRefused where it ends in a message, or holds no interchange."""
        if self.grammar.message.name in self._open:
            raise FileRefused(f"it ends inside message {self.messages:,}", CUT)
        if not self.interchanges:
            raise FileRefused("it holds no interchange", CUT)
        self._leave_open(self.grammar.levels[:2])

    def noticed(self) -> list[Noticed]:
        """The faults of the envelopes, each once with its count."""
        return [
            Noticed(rule, message, "critical", count, "envelopes", "Ask the sender whether messages are missing.")
            for (rule, message), count in self.faults.items()
        ]

    @property
    def _message(self) -> _Open | None:
        return self._open.get(self.grammar.message.name)

    def _begin(self, level: Level, segment: Segment) -> None:
        """Open an envelope; those in its place or in it that are open have no end."""
        interchange = self.grammar.interchange
        if self._message is not None:
            raise FileRefused(f"message {self.messages:,} has no {self.grammar.message.closes}", CUT)
        if interchange.name not in self._open and level is not interchange:
            raise FileRefused(f"a {level.opens} stands outside an interchange", CUT)
        self._leave_open(self.grammar.levels[self.grammar.levels.index(level) : 2])
        self._count_in(level)
        self._open[level.name] = _Open((segment.component(level.reference) or "").strip())

    def _leave_open(self, levels: Sequence[Level]) -> None:
        """Give up envelopes that have no closing segment."""
        for level in levels:
            if self._open.pop(level.name, None):
                self._fault("envelope-not-closed", f"the {level.name} has no {level.closes}: messages may be missing")

    def _count_in(self, level: Level) -> None:
        """Count a new envelope in the one around it."""
        interchange, group, message = self.grammar.levels
        if level is interchange:
            self.interchanges += 1
        elif level is group:
            self._open[interchange.name].groups += 1
        elif level is message:
            self.messages += 1
            for around in (interchange, group):
                if around.name in self._open:
                    self._open[around.name].held += 1

    def _end(self, level: Level, segment: Segment) -> None:
        """Close an envelope."""
        if self._message is not None and level is not self.grammar.message:
            raise FileRefused(f"message {self.messages:,} has no {self.grammar.message.closes}", CUT)
        self._leave_open(self.grammar.levels[self.grammar.levels.index(level) + 1 :])
        opened = self._open.pop(level.name, None)
        if opened is None:
            raise FileRefused(f"a {level.closes} closes nothing", CUT)
        self._compare(level, opened, segment)

    def _compare(self, level: Level, opened: _Open, segment: Segment) -> None:
        count, reference = (segment.component(1) or "").strip(), (segment.component(2) or "").strip()
        if not count.isascii() or not count.isdigit() or int(count[:18]) != (opened.groups or opened.held):
            self._fault("envelope-count-differs", f"a {level.closes} does not count what its {level.name} holds")
        if reference != opened.reference:
            self._fault("envelope-reference-differs", f"a {level.closes} does not repeat its {level.opens}'s reference")

    def _fault(self, rule: str, message: str) -> None:
        self.faults[(rule, message)] = self.faults.get((rule, message), 0) + 1


def placed(segments: Iterator[tuple[str, bool]], separators: Separators, envelopes: Envelopes) -> Iterator[Segment]:
    """The segments of a file in their messages. Raises FileRefused where the file is cut or wrongly built."""
    for text, closed in segments:
        yield envelopes.place(text, separators, closed=closed)
    envelopes.end()
