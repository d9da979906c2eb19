"""Take a value as the type its field declares, exactly or not at all.

What is told about a value that does not fit names the type and never quotes the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal, InvalidOperation

from catalog.models import Field
from connectors.sql.writing.models import Value

DIGITS = 38  # of a decimal, in the contract's type
EXACT = Context(prec=200)
INT64 = (-(2**63), 2**63 - 1)
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,80}(?:\.[0-9]{0,80})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?", re.ASCII)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
    re.ASCII,
)


def typed(field: Field, value: Value) -> Value:
    """`value` as the field's type: text, int, Decimal (with a scale) or float, bool, date, UTC datetime, time.

    ValueError says what it is not. A text in ISO 8601 or plain digits is taken for what it says.
    """
    return None if value is None else _READ[field.type](field, value)


def _string(_: Field, value: Value) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text")
    return value


def _integer(_: Field, value: Value) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    elif isinstance(value, Decimal | float):
        number = decimal_of(value)
        value = int(number) if number.adjusted() < DIGITS and number == int(number) else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("is no whole number")
    if not INT64[0] <= value <= INT64[1]:
        raise ValueError("is beyond 64 bits")
    return value


def _number(field: Field, value: Value) -> Decimal | float:
    number = decimal_of(value)
    if field.scale is not None:
        return scaled(number, field.scale)
    told = float(number)
    if Decimal(repr(told)) != number:
        raise ValueError("has more digits than a 64-bit float, which is what the contract declares")
    return told


def decimal_of(value: Value) -> Decimal:
    """A number of any type as the decimal it is written as."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("is no number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("is no number")
    return number


def scaled(number: Decimal, scale: int, digits: int = DIGITS) -> Decimal:
    """A decimal with exactly `scale` decimals and at most `digits` digits; nothing is rounded."""
    try:
        told = number.quantize(Decimal(1).scaleb(-scale), context=EXACT)
    except InvalidOperation:
        raise ValueError(f"has more than {digits} digits") from None
    if told != number:
        raise ValueError(f"has more than {scale} decimals")
    if len(told.as_tuple().digits) > digits:
        raise ValueError(f"has more than {digits} digits")
    return told


def _boolean(_: Field, value: Value) -> bool:
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def _date(_: Field, value: Value) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        value = _calendar(date.fromisoformat, value)
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError("is no date")
    return value


def _timestamp(_: Field, value: Value) -> datetime:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = _calendar(datetime.fromisoformat, value)
    if not isinstance(value, datetime):
        raise ValueError("is no moment with an offset, such as 2024-02-29T10:00:00Z")
    if value.tzinfo is None:
        raise ValueError("says no offset from UTC")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the years 1 to 9999") from None


def _time(_: Field, value: Value) -> time:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        value = _calendar(time.fromisoformat, value)
    if not isinstance(value, time) or value.tzinfo is not None:
        raise ValueError("is no time of day")
    return value


def _calendar(read: Callable[[str], Value], text: str) -> Value:
    try:
        return read(text)
    except ValueError:
        raise ValueError("is in no calendar") from None


_READ: dict[str, Callable[[Field, Value], Value]] = {
    "string": _string, "integer": _integer, "number": _number, "boolean": _boolean, "date": _date,
    "timestamp": _timestamp, "time": _time,
}  # fmt: skip
