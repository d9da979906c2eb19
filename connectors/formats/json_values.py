"""JSON values as cells: text of their own spelling, objects by their paths, and whatever is no single meaning refused.

JSON is that of RFC 8259; of an object that names a key twice nobody knows which value is meant (section 4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from catalog.errors import FileRefused
from connectors.formats.slices import refuse_reserved
from connectors.formats.tables import Noticed
from connectors.formats.text_blocks import SURROGATE

DOT = "."
JSON_BLANKS = " \t\r\n\ufeff\0"  # of JSON, and what exports put around it
BLANK = re.compile(f"[{JSON_BLANKS}]*")
MOST_COLUMNS = 10_000  # more keys than that are data, not names
FEWEST_OF_A_MAP = 20  # members of like keys that an object has whose keys are data

NOTHING = "{}"  # an object without members

quoted = json.encoder.encode_basestring  # a text as JSON

Cells = dict[str, str | None]


class Spelled(str):
    """A number as it was written: 12.50 is not 12.5 where a code or a price is meant."""

    __slots__ = ()


def behind_blanks(text: str, at: int) -> int:
    """Where the blanks end that begin at `at`."""
    found = BLANK.match(text, at)
    return found.end() if found else at


class Decoder:
    """Decodes JSON with numbers as they are spelled, and finds an object that names a key twice.

    Objects are made without a call for each; only where the text has more colons than the value has keys does a second
    look count the keys one by one.
    """

    def __init__(self) -> None:
        self._scan = _scanner(None)
        self._careful = _scanner(self._object)
        self._twice = False

    def value_at(self, text: str, at: int) -> tuple[Any, int]:
        """The value that begins at `at`, and where it ends. Raises JSONDecodeError, or RecursionError."""
        try:
            value, end = self._scan(text, at)
        except StopIteration as error:
            raise json.JSONDecodeError("Expecting value", text, error.value) from None
        return value, end

    def line(self, text: str) -> Any:
        """The one value that a text holds. Raises JSONDecodeError, RecursionError, or ValueError for a repeated key."""
        at = behind_blanks(text, 0)
        value, end = self.value_at(text, at)
        if end < len(text) and text[end:].strip(JSON_BLANKS):
            raise json.JSONDecodeError("Extra data", text, end)
        self.refuse_unclear(text, at, end, value)
        return value

    def refuse_unclear(self, text: str, at: int, end: int, value: Any) -> None:
        """Raise ValueError where an object of the value at `at` names a key twice, or a text is half a character."""
        if text.find("\\u", at, end) >= 0 and half_a_character(value):
            raise ValueError("half a character: a lone surrogate")
        if not isinstance(value, dict | list):
            return
        keys = _keys_in(value)
        if text.count(":", at, end) == keys:
            return
        is_plain = text.find(" :", at, end) < 0 and text.find("\t:", at, end) < 0 and text.find("\n:", at, end) < 0
        if is_plain and text.count('":', at, end) == keys:
            return
        self._twice = False
        self._careful(text, at)
        if self._twice:
            raise ValueError("a name stands twice in one object")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        told = dict(pairs)
        self._twice = self._twice or len(told) != len(pairs)
        return told


def _scanner(hook: Any) -> Callable[[str, int], tuple[Any, int]]:
    decoder = json.JSONDecoder(object_pairs_hook=hook, parse_float=Spelled, parse_int=Spelled, parse_constant=Spelled)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined] # not in its stub
    return scan


def _keys_in(value: Any) -> int:
    """How many keys the objects within a value have."""
    if isinstance(value, dict):
        return len(value) + sum(_keys_in(one) for one in value.values() if type(one) is dict or type(one) is list)
    return sum(_keys_in(one) for one in value if type(one) is dict or type(one) is list)


class Flattening:
    """How an object becomes cells: as it is, or by dotted paths. Paths in `whole` stay JSON text."""

    def __init__(self, *, flatten: bool, whole: Iterable[str] = ()) -> None:
        self.flatten, self.whole = flatten, frozenset(whole)

    def cells(self, value: Mapping[str, Any]) -> Cells:
        """The cells of one object. ValueError where two values have one path."""
        if not self.flatten:
            return {name: one if type(one) is str else text_of(one) for name, one in value.items()}
        told: Cells = {}
        self._add(told, "", value)
        return told

    def keyed(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The keys of the cells of one object, with values of which only null means something."""
        return self.cells(value) if self.flatten else value

    def _add(self, told: Cells, prefix: str, value: Mapping[str, Any]) -> None:
        for name, one in value.items():
            path = prefix + name
            if isinstance(one, dict) and one and path not in self.whole:
                self._add(told, path + DOT, one)
            elif path in told:
                raise ValueError("two of its values have one path")
            else:
                told[path] = text_of(one)


class Keys:
    """The keys of the objects seen so far, in the order they came; `empty` were only ever null or `{}`."""

    def __init__(self) -> None:
        self.seen: dict[str, None] = {}
        self.empty: set[str] = set()

    def add(self, cells: Mapping[str, Any]) -> None:
        """Note the keys of one object. Raises FileRefused where they are too many for columns."""
        for name in [name for name in cells if name not in self.seen]:
            self.seen[name] = None
            self.empty.add(name)
        if not self.empty.isdisjoint(cells):
            self.empty -= {name for name in self.empty if cells.get(name) not in (None, NOTHING)}
        if len(self.seen) > MOST_COLUMNS:
            raise FileRefused(
                f"its objects have more than {MOST_COLUMNS:,} different keys", "Declare `flatten: false`, or `record`."
            )

    def names(self, flattening: Flattening) -> list[str]:
        """The keys that become columns. Flattened, one that is null where others have an object is the object's own.

        Objects whose keys are data, not names, stay whole from now on: `flattening` is told.
        """
        if not flattening.flatten:
            return list(self.seen)
        maps = _maps(list(self.seen))
        flattening.whole |= maps
        told = dict.fromkeys(next((path for path in _holders(name) if path in maps), name) for name in self.seen)
        holders = {path for name in told for path in _holders(name)}
        return [name for name in told if name not in self.empty or name not in holders]


def _holders(name: str) -> list[str]:
    """The paths around a dotted path, the outermost first."""
    return [name[:at] for at, sign in enumerate(name) if sign == DOT]


def _maps(names: Sequence[str]) -> set[str]:
    """The paths of objects with many members that are objects of like keys: an id each, not a name."""
    members: dict[str, dict[str, set[str]]] = {}
    for name in names:
        parts = name.split(DOT)
        for at in range(1, len(parts) - 1):
            members.setdefault(DOT.join(parts[:at]), {}).setdefault(parts[at], set()).add(parts[at + 1])
    return {
        path for path, inner in members.items() if len(inner) >= FEWEST_OF_A_MAP and set.intersection(*inner.values())
    }


class Columns:
    """Keys with the names of their columns, each once and none empty. Raises FileRefused for a reserved one."""

    def __init__(self, keys: Sequence[str]) -> None:
        refuse_reserved(keys)
        self.keys = list(keys)
        self.names = [name or self._free(f"column_{at}") for at, name in enumerate(self.keys, start=1)]
        self.schema = pl.Schema(dict.fromkeys(self.names, pl.String()))

    def noticed(self) -> list[Noticed]:
        """What is odd about the names."""
        if "" not in self.keys:
            return []
        return [Noticed("unnamed-columns", "a key without a name is called by its position", unit="columns")]

    def frame(self, rows: Sequence[Cells], positions: Sequence[int]) -> pl.DataFrame:
        """The rows as text columns. Cell by cell: JSON has no columns before it is parsed."""
        data = {
            name: pl.Series([row.get(key) for row in rows], dtype=pl.String)
            for key, name in zip(self.keys, self.names, strict=True)
        }
        return pl.DataFrame({**data, "_position": pl.Series(positions, dtype=pl.Int64)})

    def _free(self, name: str) -> str:
        return name if name not in self.keys else self._free(f"{name}_2")


def half_a_character(value: Any) -> bool:
    """Whether a lone surrogate stands in a key or a text: JSON can spell one, and it is no text."""
    if isinstance(value, dict):
        return any(SURROGATE.search(key) or half_a_character(one) for key, one in value.items())
    if isinstance(value, list):
        return any(map(half_a_character, value))
    return isinstance(value, str) and SURROGATE.search(value) is not None


def text_of(value: Any) -> str | None:
    """A value as a cell: text as it is, null as null, the rest as JSON."""
    return value if value is None or isinstance(value, str) else json_of(value)


def json_of(value: Any) -> str:
    """A value as JSON, with numbers as they were spelled."""
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is Spelled:
        return str(value)
    if kind is dict:
        return "{" + ", ".join([f"{quoted(key)}: {json_of(one)}" for key, one in value.items()]) + "}"
    if kind is list:
        return "[" + ", ".join([json_of(one) for one in value]) + "]"
    return "null" if value is None else "true" if value else "false"
