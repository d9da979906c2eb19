"""Tell what a declared column type can hold, and whether another one holds more, less or something else.

Databases and Arrow spell types in their own words; here each is a family with bounds. `varchar(50)` before and
`varchar(20)` now is narrowed, the reverse widened, and a number that became text is retyped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

from catalog.models import LogicalType

Change = Literal["same", "widened", "narrowed", "retyped"]

NUMBERS: tuple[LogicalType, ...] = ("number", "integer")
WHOLE: tuple[LogicalType, ...] = (
    "integer",
    "number",
    "boolean",
    "time",
    "date",
    "timestamp",
)  # HHMM, YYYYMMDD: old habits
# What a declared type can be read as, by the first word of its name. A name that is not here may hold anything.
KINDS: dict[str, tuple[LogicalType, ...]] = {
    **dict.fromkeys(("bool", "boolean"), ("boolean",)),
    **dict.fromkeys(("bit",), ("boolean", "integer")),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "serial", "bigserial"), WHOLE),
    **dict.fromkeys(("int2", "int4", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), WHOLE),
    **dict.fromkeys(
        ("float", "real", "double", "float4", "float8", "halffloat", "binary_float", "binary_double"), ("number",)
    ),
    **dict.fromkeys(("numeric", "decimal", "number", "decimal128", "decimal256", "money", "smallmoney"), NUMBERS),
    **dict.fromkeys(("timestamp", "timestamptz", "datetimeoffset"), ("timestamp",)),
    **dict.fromkeys(("datetime", "datetime2", "smalldatetime"), ("timestamp", "date")),
    **dict.fromkeys(("date", "date32", "date64"), ("date", "timestamp")),
    **dict.fromkeys(("time", "timetz", "time32", "time64"), ("time",)),
    **dict.fromkeys(("interval", "duration", "month_interval", "uuid", "uniqueidentifier", "blob", "bytea"), ()),
    **dict.fromkeys(
        ("binary", "varbinary", "large_binary", "fixed_size_binary", "longblob", "mediumblob", "tinyblob"), ()
    ),
    **dict.fromkeys(("list", "large_list", "fixed_size_list", "struct", "map"), ()),
}
FIRST_WORD = re.compile(r"[a-z0-9_]+")

_BITS = {
    **dict.fromkeys(("tinyint", "uint8"), 8), **dict.fromkeys(("smallint", "int2", "int16", "uint16"), 16),
    "mediumint": 24, **dict.fromkeys(("int", "integer", "serial", "int4", "int32", "uint32"), 32),
    **dict.fromkeys(("bigint", "bigserial", "int8", "int64", "uint64"), 64),
}  # fmt: skip  # int8 is PostgreSQL's eight bytes; Arrow's single byte is rare and reads as narrowed at worst
_MANTISSA = {
    "halffloat": 11, **dict.fromkeys(("real", "float", "float4", "binary_float"), 24),
    **dict.fromkeys(("double", "float8", "binary_double"), 53),
}  # fmt: skip
_EXACT = ("numeric", "decimal", "number", "decimal128", "decimal256")
_LENGTHS = {"tinytext": 255.0, "char": 1.0, "nchar": 1.0, "character": 1.0, "tinyblob": 255.0, "binary": 1.0}
_TEXT = (
    "text", "varchar", "char", "character", "nvarchar", "nchar", "varchar2", "nvarchar2", "bpchar", "citext", "string",
    "large_string", "utf8", "clob", "nclob", "ntext", "tinytext", "mediumtext", "longtext", "name",
)  # fmt: skip
_BINARY = ("blob", "bytea", "varbinary", "binary", "large_binary", "longblob", "mediumblob", "tinyblob")
_MOMENTS = ("timestamp", "timestamptz", "datetimeoffset", "datetime", "datetime2", "smalldatetime")
_UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # Arrow's, as decimals of a second
_DIGITS = {24: 6, 53: 15}  # decimal digits that a float of so many bits holds for certain
_ARGUMENTS = re.compile(r"[(\[](.*?)[)\]]")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True)
class Declared:
    """What a type can hold: `bounds` grow with it, one by one; `values` are those of a closed list."""

    family: str
    bounds: tuple[float, ...] = ()
    zoned: bool = False
    values: frozenset[str] = frozenset()


def readable_as(declared: str) -> tuple[LogicalType, ...] | None:
    """Logical types, beside string, that a declared type can be read as; None where it may hold anything."""
    word = FIRST_WORD.match(declared.lower())
    if word is None:
        return None
    return () if declared.endswith("[]") else KINDS.get(word.group())


def change(before: str, now: str) -> Change:
    """What became of a declared type. Widened: every value of before fits now; narrowed: some may not."""
    old, new = _parsed(before.lower()), _parsed(now.lower())
    if old == new:
        return "same"
    if old.family == new.family:
        return _resized(old, new)
    cast = _CASTS.get((old.family, new.family))
    if cast is not None:
        return "widened" if cast(old, new) else "narrowed"
    reverse = _CASTS.get((new.family, old.family))
    return "narrowed" if reverse is not None else "retyped"


def change_from_contract(promised: str, now: str) -> Change:
    """The same against a contract's `physicalType`: a size it does not give, and a word nobody knows, say nothing."""
    if _parsed(promised.lower()).family not in _FAMILIES:
        return "same"
    return change(promised, now if _ARGUMENTS.search(promised) else _ARGUMENTS.sub("", now))


def _resized(old: Declared, new: Declared) -> Change:
    if old.zoned != new.zoned:  # a clock that gains a zone means another moment than it did
        return "narrowed" if old.zoned else "retyped"
    if old.values or new.values:
        if old.values < new.values:
            return "widened"
        return "narrowed" if new.values & old.values else "retyped"
    return "widened" if _within(old.bounds, new.bounds) else "narrowed"


def _within(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    return all(small <= large for small, large in zip(inner, outer, strict=True))


def _parsed(declared: str) -> Declared:
    """A declared type, in lower case, as its family and bounds; an unknown one is a family of its own."""
    match = FIRST_WORD.match(declared)
    word = match.group() if match else ""
    inside = _ARGUMENTS.search(declared)
    arguments = inside.group(1) if inside else ""
    numbers = [float(number) for number in re.findall(r"-?\d+", arguments)]
    if declared.endswith("[]") or not word:
        return Declared(declared)
    if word in _TEXT or word in _BINARY:
        varying = word == "character" and "varying" in declared
        length = numbers[0] if numbers else inf if varying else _LENGTHS.get(word, inf)
        return Declared("text" if word in _TEXT else "binary", (length,))
    if word in _BITS:
        unsigned = word.startswith("u") or "unsigned" in declared
        bits = _BITS[word]
        return Declared("whole", (0.0, 2.0**bits) if unsigned else (2.0 ** (bits - 1), 2.0 ** (bits - 1)))
    if word in _MANTISSA:
        return Declared("float", (53.0 if numbers and numbers[0] > 24 else float(_MANTISSA[word]),))
    if word in _EXACT:
        scale = numbers[1] if len(numbers) > 1 else 0.0
        return Declared("exact", (numbers[0] - scale, scale) if numbers else (inf, inf))
    if word in ("enum", "set"):
        return Declared(word, values=frozenset(_QUOTED.findall(declared)))
    return _moment(word, arguments, declared, numbers)


def _moment(word: str, arguments: str, declared: str, numbers: list[float]) -> Declared:
    zoned = "with time zone" in declared or "tz=" in declared or word in ("timestamptz", "timetz", "datetimeoffset")
    precision = numbers[0] if numbers else float(_UNITS.get(arguments.split(",")[0], 6))
    if word == "datetime" and not numbers:
        precision = 0.0  # MySQL's; elsewhere the word takes no precision
    if word in _MOMENTS:
        return Declared("timestamp", (precision,), zoned)
    if word in ("time", "timetz", "time32", "time64"):
        return Declared("time", (precision,), zoned)
    if word in ("date", "date32", "date64"):
        return Declared("date")
    if word in ("bool", "boolean"):
        return Declared("boolean")
    if word in ("json", "jsonb"):
        return Declared("json")
    return Declared(declared)


def _digits(whole: Declared) -> int:
    return len(str(int(max(whole.bounds)) - 1))


def _longest(values: frozenset[str]) -> int:
    return max(map(len, values), default=0)


_FAMILIES = (
    "text", "binary", "whole", "float", "exact", "enum", "set", "timestamp", "time", "date", "boolean", "json",
)  # fmt: skip
# From one family to another: whether every value still fits. The way back is narrowed, and any other way retyped.
_CASTS: dict[tuple[str, str], Callable[[Declared, Declared], bool]] = {
    ("whole", "exact"): lambda old, new: _digits(old) <= new.bounds[0],
    ("exact", "whole"): lambda old, new: old.bounds[1] <= 0 and 10 ** old.bounds[0] <= min(new.bounds),
    ("whole", "float"): lambda old, new: max(old.bounds) <= 2 ** new.bounds[0],
    ("exact", "float"): lambda old, new: sum(old.bounds) <= _DIGITS.get(int(new.bounds[0]), 3),
    ("date", "timestamp"): lambda old, new: not new.zoned,
    ("enum", "text"): lambda old, new: _longest(old.values) <= new.bounds[0],
    ("set", "text"): lambda old, new: new.bounds[0] == inf,
    ("json", "text"): lambda old, new: new.bounds[0] == inf,
}
