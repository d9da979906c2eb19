"""Where in a document its records are: a declared path, or what a pass over the whole document finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.formats.json_values import DOT, Flattening, Keys
from connectors.formats.nested_json.stream import Stream

EACH = "[*]"  # every element of an array
ANY = "*"  # every member of an object
STEP = re.compile(r"""\.?(?:\[(?:\*|'(?P<quoted>[^']+)'|"(?P<double>[^"]+)")\]|(?P<any>\*)|(?P<name>[^.\[\]*$'"]+))""")
MOST_PLACES = 200  # arrays of one document that are looked at
ALIKE = 0.4  # share of all keys that a member of an object has on average, where the members are records

Path = tuple[str, ...]
Record = tuple[str, Any]  # the key of its member, empty in an array; the value, or a ValueError that says what is wrong


def path_of(text: str) -> Path:
    """The steps of a JSONPath (RFC 9535: names, `[*]`, `.*`) or of dotted names. ValueError where it is neither."""
    steps, at = [], 1 if text.startswith("$") else 0
    while at < len(text):
        found = STEP.match(text, at)
        if found is None or found.end() == at:
            raise ValueError(f"no path at character {at + 1}: write it like $.data.items[*]")
        name = found["quoted"] or found["double"] or found["name"]
        steps.append(f".{name}" if name else ANY if found["any"] else EACH)
        at = found.end()
    return tuple(steps[:-1] if steps and steps[-1] == EACH else steps)


def named(path: Path) -> str:
    """A path as it is declared and shown."""
    return "$" + "".join(".*" if step == ANY else step for step in path)


@dataclass
class Place:
    """An array, an object or a map of objects that may be the records, and what is known of them."""

    path: Path
    flattening: Flattening
    objects: int = 0
    others: int = 0
    keys: Keys = field(default_factory=Keys)
    common: set[str] | None = None  # keys that all objects have
    told: int = 0  # keys of all objects together

    def add(self, value: Any) -> None:
        """Note one record, or what stands in the place of one."""
        if not isinstance(value, dict):
            self.others += 1
            return
        self.objects += 1
        self.common = set(value) if self.common is None else self.common & value.keys()
        self.told += len(value)
        try:
            self.keys.add(self.flattening.keyed(value))
        except ValueError:
            return  # it will be a reject

    @property
    def is_map(self) -> bool:
        """Whether an object's members are records: all are objects, at least two, and alike."""
        names = {name.partition(DOT)[0] for name in self.keys.seen} if self.flattening.flatten else self.keys.seen
        filled = self.told / self.objects / max(len(names), 1) if self.objects > 1 else 0.0
        return not self.others and bool(self.common) and filled >= ALIKE


class Survey:
    """What a pass over a whole document finds. `beside` counts the members of the root that hold no records."""

    def __init__(self, flattening: Flattening) -> None:
        self.flattening = flattening
        self.places: dict[Path, Place] = {}
        self.root = Place((ANY,), flattening)
        self.members: list[bool] = []

    def of(self, stream: Stream) -> list[Place]:
        """The places, the one with most records first; the document itself where there is no other."""
        if stream.peek() == "[":
            self._array(stream, ())
        else:
            self._object(stream, ())
        stream.end()
        if self.root.is_map:
            return [self.root]
        found = [place for place in self.places.values() if place.objects]
        empty = [
            place for place in self.places.values() if not place.objects and (place.path == () or not place.others)
        ]
        return sorted(found, key=lambda place: -place.objects) or empty[:1]

    def _object(self, stream: Stream, path: Path) -> None:
        if stream.peek() != "{":
            self._outside(stream.value())
            return
        for key in stream.members():
            inner = (*path, f".{key}")
            if stream.peek() == "[":
                self._array(stream, inner)
                self._outside(None, at_root=not path)
            elif stream.peek() == "{" and not stream.small():
                self._object(stream, inner)
                self._outside(None, at_root=not path)
            else:
                value = _lenient(stream)
                self._within(value, inner)
                self._outside(value, at_root=not path)

    def _outside(self, value: Any, *, at_root: bool = True) -> None:
        """A member of the root: a record, if all of them are."""
        if at_root:
            self.root.add(value)

    def _array(self, stream: Stream, path: Path) -> None:
        place = self._place(path)
        for _ in stream.elements():
            value = _lenient(stream)
            if place is not None:
                place.add(value)

    def _within(self, value: Any, path: Path) -> None:
        """The arrays within a value that is held."""
        if isinstance(value, list):
            place = self._place(path)
            if place is not None:
                for one in value:
                    place.add(one)
        elif isinstance(value, Mapping):
            for key, one in value.items():
                self._within(one, (*path, f".{key}"))

    def _place(self, path: Path) -> Place | None:
        if path not in self.places and len(self.places) >= MOST_PLACES:
            return None
        return self.places.setdefault(path, Place(path, self.flattening))


def records(stream: Stream, path: Path) -> Iterator[Record]:
    """The records at a path, one at a time: the elements of an array there, or the one value."""
    for key in _stand_before(stream, path):
        if stream.peek() == "[":
            for _ in stream.elements():
                yield key, _taken(stream)
        else:
            yield key, _taken(stream)


def _stand_before(stream: Stream, path: Path) -> Iterator[str]:
    """Stand before each value at a path. Gives the key of the last `*`."""
    if not path:
        yield ""
        return
    step, *rest = path
    sign = stream.peek()
    if step == EACH and sign == "[":
        for _ in stream.elements():
            yield from _stand_before(stream, tuple(rest))
    elif step != EACH and sign == "{":
        for key in stream.members():
            if step in (ANY, f".{key}"):
                for inner in _stand_before(stream, tuple(rest)):
                    yield inner or (key if step == ANY else "")
            else:
                stream.skip()
    else:
        stream.skip()


def _taken(stream: Stream) -> Any:
    """The next value, or the ValueError that says why it has no single meaning."""
    try:
        return stream.value()
    except ValueError as error:
        return error


def _lenient(stream: Stream) -> Any:
    """The next value; an empty object in place of one that names a key twice."""
    try:
        return stream.value()
    except ValueError:
        return {}
