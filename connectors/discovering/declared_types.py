"""What a database's declaration of a column means in our words: a family of values, decimals, allowed values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import mysql
from sqlalchemy.types import (
    Boolean,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    NullType,
    Numeric,
    Time,
    TypeEngine,
    _Binary,
)  # fmt: skip

from connectors.discovering.profiles import Family

_FAMILIES: tuple[tuple[type[TypeEngine[Any]], Family], ...] = (
    (Boolean, "boolean"), (Integer, "integer"), (Float, "number"), (Numeric, "number"), (DateTime, "timestamp"),
    (Date, "date"), (LargeBinary, "binary"), (_Binary, "binary"),
)  # fmt: skip
_TEXT = r"'(?:[^']|'')*'"
_CAST = r"(?:::[a-z][a-z ]*(?:\([0-9]+\))?(?:\[\])?)?"
_NAME = r"[\[\"`]?(?P<name>[^\[\]\"`()=:]+?)[\]\"`]?"
_IN = re.compile(
    rf"\(*{_NAME}\)*\s+in\s*\((?P<values>\s*{_TEXT}{_CAST}(?:\s*,\s*{_TEXT}{_CAST})*\s*)\)\)*", re.IGNORECASE
)
_ANY = re.compile(
    rf"\(*{_NAME}\)*{_CAST}\s*=\s*any\s*\(+array\[(?P<values>{_TEXT}{_CAST}(?:\s*,\s*{_TEXT}{_CAST})*)\]\)*{_CAST}\)*",
    re.IGNORECASE,
)  # fmt: skip


def family(kind: TypeEngine[Any]) -> Family | None:
    """The family of values a declared type means; `string` for every type that is best told as text."""
    if isinstance(kind, NullType):
        return None
    if isinstance(kind, mysql.BIT):
        return "boolean" if kind.length in (None, 1) else "integer"
    if isinstance(kind, mysql.YEAR):
        return "integer"
    if isinstance(kind, Time):
        return "string" if kind.timezone else "time"
    if isinstance(kind, Interval):
        return "string"
    return next((told for base, told in _FAMILIES if isinstance(kind, base)), "string")


def scale(kind: TypeEngine[Any]) -> int | None:
    """The decimals that an exact number is declared with; None for floats and where the declaration is open."""
    if not isinstance(kind, Numeric) or isinstance(kind, Float) or kind.precision is None:
        return None
    return max(0, kind.scale or 0)


def listed(kind: TypeEngine[Any], column: str, checks: Sequence[str]) -> tuple[str, ...]:
    """The values that an enumeration, or a check such as `status IN ('open', 'closed')`, allows."""
    if isinstance(kind, Enum | mysql.ENUM):
        return tuple(str(one) for one in kind.enums)
    for check in checks:
        found = _IN.fullmatch(check.strip()) or _ANY.fullmatch(check.strip())
        if found is not None and found["name"].strip() == column:
            return tuple(text[1:-1].replace("''", "'") for text in re.findall(_TEXT, found["values"]))
    return ()
