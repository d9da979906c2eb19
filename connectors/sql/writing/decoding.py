"""What columns hold as the contract's values: the reader's rules for one value, and nothing guessed."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from catalog.models import Field
from connectors.sql.writing.columns import MYSQL, Place
from connectors.sql.writing.forms import moment, read
from connectors.sql.writing.models import Value
from connectors.sql.writing.values import EXACT, decimal_of, scaled, typed

EXACT_INTEGERS = 2**53  # a 64-bit float holds every integer up to here
NOISE = Decimal("1e-14")  # of a float's size: what the reader forgives binary fractions


def decode(field: Field, place: Place, raw: Any) -> Value:
    """The contract's value of a raw one; None where it is none."""
    try:
        told: Value = _READ[field.type](field, place, raw)
        return told
    except (ValueError, OverflowError, ArithmeticError):
        return None


def _string(_: Field, place: Place, raw: Any) -> Value:
    if isinstance(raw, bytes | bytearray | memoryview):
        return bytes(raw).hex()
    return str(raw) if isinstance(raw, str) or (isinstance(raw, int) and place.kind in ("integer", "loose")) else None


def _integer(field: Field, _: Place, raw: Any) -> Value:
    return read(field, raw) if isinstance(raw, str) else typed(field, raw)


def _number(field: Field, place: Place, raw: Any) -> Value:
    if isinstance(raw, str):
        return read(field, raw)
    if isinstance(raw, float) and place.kind == "single":
        raw = _shortest(raw)
    if field.scale is None:
        number = decimal_of(raw)
        whole = number == number.to_integral_value(context=EXACT) and not isinstance(raw, float)
        return None if whole and abs(number) > EXACT_INTEGERS else float(number)
    if isinstance(raw, float):
        exact, rounded = decimal_of(raw), decimal_of(round(raw, field.scale))
        if abs(exact - rounded) > abs(exact) * NOISE or abs(exact) > EXACT_INTEGERS:
            return None
        return scaled(rounded, field.scale)
    return scaled(decimal_of(raw), field.scale)


def _boolean(field: Field, _: Place, raw: Any) -> Value:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return read(field, raw)
    return bool(raw) if isinstance(raw, int) and raw in (0, 1) else None


def _date(field: Field, place: Place, raw: Any) -> Value:
    if isinstance(raw, str):
        return typed(field, raw) if place.kind == "date" else read(field, raw)
    return typed(field, raw)


def _timestamp(field: Field, place: Place, raw: Any) -> Value:
    if place.backend in MYSQL and place.kind == "zoned":
        if not isinstance(raw, int | float | Decimal) or not raw:
            return None
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(Decimal(raw).scaleb(6, EXACT)))
    if isinstance(raw, str) and place.kind not in ("local", "zoned"):
        return read(field, raw)
    told = datetime.fromisoformat(raw) if isinstance(raw, str) else raw
    if not isinstance(told, datetime):
        return None
    return told.astimezone(UTC) if told.tzinfo else moment(told, field.zone)


def _time(field: Field, place: Place, raw: Any) -> Value:
    if isinstance(raw, timedelta):  # MySQL's driver gives a span since midnight
        return (datetime.min + raw).time() if timedelta(0) <= raw < timedelta(days=1) else None
    if isinstance(raw, str):
        return time.fromisoformat(raw) if place.kind == "clock" else read(field, raw)
    return raw if isinstance(raw, time) else None


_READ: dict[str, Any] = {
    "string": _string, "integer": _integer, "number": _number, "boolean": _boolean, "date": _date,
    "timestamp": _timestamp, "time": _time,
}  # fmt: skip


def _shortest(value: float) -> float:
    """A 32-bit float as the shortest decimal that means it."""
    single = struct.pack("f", value)
    told = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return next((one for one in told if struct.pack("f", one) == single), value)


def as_it_is(raw: Any) -> Value:
    """A raw value that is none of its field's type, as text."""
    if isinstance(raw, bytes | bytearray | memoryview):
        return bytes(raw).hex()
    return raw.isoformat() if isinstance(raw, date | time) else str(raw)
