"""Read YAML strictly and remember on which line everything stands, so that every complaint can name its line.

Scalars follow the YAML 1.2 core schema: `on`, `yes`, `no`, dates and numbers with leading zeros stay text. Duplicate
keys are faults. Aliases are allowed, within limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import yaml

from catalog.errors import Problem
from catalog.models import Place
from catalog.names import shown

Steps: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 64  # deeper nesting overflows the C stack of libyaml's composer; no contract comes near
MAX_NODES = 200_000  # after aliases are expanded; a contract of 1,000 fields has about 20,000

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")  # what an Int64 holds; longer numbers stay text
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})?(?:\.[0-9]+|\.)?(?:[eE][-+]?[0-9]{1,2})?")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False} | dict.fromkeys(
    ("", "~", "null", "Null", "NULL")
)

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's where PyYAML was built with it
_PLAIN = "plain"
_SCALARS = (_PLAIN, *(f"{_TAG}{name}" for name in ("int", "float", "bool", "null")))


class _Loader(_Base):  # type: ignore[misc]  # its class is chosen when the module is imported
    """Marks unquoted scalars as such, instead of guessing their types by the rules of YAML 1.1."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {None: [(_PLAIN, re.compile(""))]}


@dataclass(frozen=True)
class Part:
    """A value of a YAML file, with the way to it and the line it stands on."""

    file: str
    steps: Steps
    value: Any
    lines: Mapping[Steps, int]

    @property
    def line(self) -> int:
        """The line of this value, or of the nearest thing around it that is written down."""
        steps = self.steps
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 1)

    @property
    def place(self) -> Place:
        """Where this value stands."""
        return Place(file=self.file, line=self.line)

    def get(self, *steps: str | int) -> Part:
        """The value further down; its `value` is None where the file says nothing."""
        value = self.value
        for step in steps:
            if isinstance(value, dict) and step in value:
                value = value[str(step)]
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                value = None
        return Part(self.file, (*self.steps, *steps), value, self.lines)

    def items(self) -> list[Part]:
        """The entries of a list; nothing where there is none."""
        return [self.get(index) for index in range(len(self.value))] if isinstance(self.value, list) else []

    def entries(self) -> Iterator[tuple[str, Part]]:
        """The keys of a mapping with their values; nothing where there is none."""
        if isinstance(self.value, dict):
            yield from ((key, self.get(key)) for key in self.value)

    def problem(self, what: str, remedy: str = "") -> Problem:
        """A fault of this value."""
        return Problem(self.file, self.line, what, remedy)


def read_part(path: Path, *, folder: Path, found: list[Problem]) -> Part | None:
    """The content of a YAML file; None when it cannot be read, after the faults were added to `found`."""
    file = path.relative_to(folder).as_posix()
    try:
        data = path.read_bytes()
    except OSError as error:
        found.append(Problem(file, 0, f"cannot be read: {error.strerror}.", "Make it a file this user may read."))
        return None
    if len(data) > MAX_BYTES:
        found.append(Problem(file, 0, f"is {len(data):,} bytes long; {MAX_BYTES:,} are allowed.", "Split it."))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8."
        found.append(Problem(file, line, what, "Save the file as UTF-8."))
        return None
    return parse_part(text, file=file, found=found)


def parse_part(text: str, *, file: str, found: list[Problem], after_line: int = 0) -> Part | None:
    """The content of YAML text; `after_line` is the line before its first, for YAML that stands inside YAML."""
    lines: dict[Steps, int] = {}
    reading = _Reading(file, after_line, lines, found)
    before = len(found)
    control = _CONTROL.search(text)
    if control:
        what = f"the control character {shown(control.group())} is not allowed in YAML."
        found.append(Problem(file, after_line + text.count("\n", 0, control.start()) + 1, what, "Remove it."))
        return None
    try:
        reading.measure(text)
        value = reading.content(text)
    except _Refused:
        return None
    except yaml.MarkedYAMLError as error:
        found.append(_syntax(error, text, file, after_line))
        return None
    return None if len(found) > before else Part(file, (), value, lines)


class _Refused(Exception):
    """Reading stops here; the fault is already told."""


@dataclass
class _Reading:
    """One pass over a text: collects lines and faults while nodes become plain values."""

    file: str
    after_line: int
    lines: dict[Steps, int]
    found: list[Problem]
    nodes: int = 0

    def measure(self, text: str) -> None:
        """Refuse what would exhaust the composer, before it composes: events cost no stack."""
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    self.refuse(event, f"lists and mappings are nested more than {MAX_DEPTH} deep.", "Flatten them.")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def content(self, text: str) -> Any:
        """The value of the one document in `text`."""
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        if node is None:
            self.found.append(Problem(self.file, 0, "is empty.", "Write its declarations, or delete the file."))
            raise _Refused
        return self.value(node, (), ())

    def value(self, node: yaml.Node, steps: Steps, above: tuple[int, ...]) -> Any:
        """A node as a plain value. `above` holds the nodes around it, so that a circle is seen."""
        self.nodes += 1
        self.lines.setdefault(steps, self.line(node))
        if self.nodes > MAX_NODES:
            self.refuse(node, f"more than {MAX_NODES:,} values once aliases are expanded.", "Split the file.")
        if len(above) > MAX_DEPTH:
            self.refuse(node, f"aliases nest more than {MAX_DEPTH} deep.", "Flatten them.")
        if id(node) in above:
            self.refuse(node, "an alias refers to something that contains it.", "Write the value out.")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, steps, (*above, id(node)))
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(one, (*steps, i), (*above, id(node))) for i, one in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        return self.fault(node, f"the tag {shown(node.tag)} has no meaning here.", "Remove the tag.")

    def mapping(self, node: yaml.MappingNode, steps: Steps, above: tuple[int, ...]) -> dict[str, Any]:
        """A mapping; a key that comes twice is a fault, since YAML would silently take the last."""
        entries: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.fault(key, "a key must be one word, not a list or a mapping.", "Put it in quotes.")
            elif key.value in entries:
                first = self.lines[(*steps, key.value)]
                self.fault(key, f"the key {shown(key.value)} stands on line {first} already.", "Keep one of them.")
            elif key.value == "<<" and key.style != '"':
                self.fault(key, "merge keys ('<<') are not read.", "Write the keys out.")
            else:
                self.lines.setdefault((*steps, key.value), self.line(key))
                entries[key.value] = self.value(value, (*steps, key.value), above)
        return entries

    def scalar(self, node: yaml.ScalarNode) -> Any:
        """Text, a whole number, a decimal number, true, false or nothing."""
        text: str = node.value
        if node.tag in (f"{_TAG}str", "!"):
            return text
        if node.tag in _SCALARS:
            return plain(text)
        return self.fault(node, f"the tag {shown(node.tag)} has no meaning here.", "Remove the tag.")

    def line(self, node: yaml.Node | yaml.Event) -> int:
        """The line of a node, from 1."""
        mark = node.start_mark
        return self.after_line + (mark.line if mark is not None else 0) + 1

    def fault(self, node: yaml.Node, what: str, remedy: str) -> None:
        """Tell a fault and read on."""
        self.found.append(Problem(self.file, self.line(node), what, remedy))

    def refuse(self, node: yaml.Node | yaml.Event, what: str, remedy: str) -> None:
        """Tell a fault and stop."""
        self.found.append(Problem(self.file, self.line(node), what, remedy))
        raise _Refused


def plain(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if any(map(str.isdigit, text)) and _FLOAT.fullmatch(text) else text


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str, after_line: int) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark is not None else 0
    told = (error.problem or error.context or "it cannot be read").rstrip(".")
    written = text.splitlines()
    at = written[line] if line < len(written) else ""
    if "\t" in at[: len(at) - len(at.lstrip())] or "\\t" in told:
        what, remedy = "a tab stands where YAML wants spaces.", "Indent with spaces."
    elif "single document" in told or "another document" in told:
        what, remedy = "a second YAML document begins here.", "Keep one document per file."
    else:
        what, remedy = f"bad YAML: {told}.", "Check indentation, quotes and brackets around this line."
    return Problem(file, after_line + min(line, max(len(written) - 1, 0)) + 1, what, remedy)
