"""Tell what the values of one column are like: how they come, how many differ, the widest and the newest of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from connectors.discovering.profiles import ColumnProfile, Family

VALUES = 1_000  # different values kept of a column
SHOWN = 2_000  # characters kept of a value
STORED: dict[str, Family] = {"integer": "integer", "real": "number", "text": "string", "blob": "binary"}
_TYPES: tuple[tuple[type | tuple[type, ...], Family], ...] = (
    (bool, "boolean"), (int, "integer"), ((float, Decimal), "number"), (datetime, "timestamp"), (date, "date"),
    ((time, timedelta), "time"), ((bytes, bytearray, memoryview), "binary"),
)  # fmt: skip


def profiled_column(
    column: ColumnProfile, values: Sequence[Any], *, stored: Collection[str] | None = None
) -> ColumnProfile:
    """The column with what `values` show, as a driver or a reader gave them; `stored` are SQLite's storage classes."""
    filled = [value for value in values if value is not None and value != ""]
    told: dict[str, Any] = {"rows": len(values), "nulls": len(values) - len(filled)}
    kinds = {_family(value) for value in filled} if stored is None else {STORED[one] for one in stored}
    if kinds:
        told["held"] = kinds.pop() if len(kinds) == 1 else "number" if kinds == {"integer", "number"} else "string"
    if filled and told.get("held") != "binary":
        different = list(dict.fromkeys(text_of(value) for value in filled))
        told |= {
            "distinct": len(different),
            "values": tuple(different[:VALUES]),
            "longest": max(map(len, different)),
            "newest": _newest(filled),
            **_numbers(filled, different),
        }
        if told["held"] == "number" and column.scale == 0 and told.get("decimals") == 0:
            told["held"] = "integer"  # NUMBER(10) is how some databases count
    return column.model_copy(update=told)


def text_of(value: Any) -> str:
    """A value as text, exact, cut where it is very long."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return f"X'{bytes(value[:20]).hex()}'"
    return str(value)[:SHOWN]


def _family(value: Any) -> Family:
    if isinstance(value, UUID):
        return "string"
    return next((family for types, family in _TYPES if isinstance(value, types)), "string")


def _numbers(filled: Sequence[Any], different: Sequence[str]) -> dict[str, Any]:
    """The size of numbers, where all values are some."""
    whole = [value for value in filled if isinstance(value, int) and not isinstance(value, bool)]
    told: dict[str, Any] = {}
    if len(whole) == len(filled):
        told = {"lowest": min(whole), "highest": max(whole)}
    numbers = [number for text in different if (number := _decimal(text)) is not None]
    if len(numbers) == len(different):
        told["decimals"] = max(max(0, -int(number.normalize().as_tuple().exponent)) for number in numbers)
        told["digits"] = max(max(0, number.adjusted() + 1) for number in numbers)
    return told


def _decimal(text: str) -> Decimal | None:
    """A number as the shortest decimal that means it; None for words and for what is not finite."""
    try:
        told = Decimal(text)
    except ArithmeticError:
        return None
    return told if told.is_finite() else None


def _newest(filled: Sequence[Any]) -> datetime | None:
    """The latest moment; a clock without a zone is taken as UTC."""
    moments = [moment for value in filled if (moment := _moment(value)) is not None]
    return max(moments) if moments and len(moments) >= len(filled) * 0.9 else None  # a few zero dates do not count


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str) and len(value) >= 10 and value[4:5] == "-":
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), tzinfo=UTC) if isinstance(value, date) else None
