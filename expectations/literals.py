"""Read the values that a contract's rules mention as values of the field's type, for Polars and for SQL alike."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from catalog.models import Field

Value = str | int | float | bool | Decimal | date | datetime | time
ROUNDING = {"min": ROUND_CEILING, "max": ROUND_FLOOR}


class RuleFault(ValueError):
    """A rule that cannot be evaluated, with the reason; it holds words of the contract, never data."""


def bound(value: object, field: Field, end: str) -> Value:
    """A limit (`end` is min or max) as the field's type; between two values of the type, the inner one counts."""
    number = _number(value)
    if field.type == "integer" and number is not None:
        return math.ceil(number) if end == "min" else math.floor(number)
    if field.type == "number" and field.scale is not None and number is not None:
        return number.quantize(Decimal(1).scaleb(-field.scale), rounding=ROUNDING[end])
    return typed(value, field)


def members(values: object, field: Field) -> list[Value]:
    """The allowed values as the field's type; a value that the type cannot hold can never occur and is left out."""
    found: list[Value] = []
    for value in values if isinstance(values, list | tuple) else ():
        number = _number(value)
        exact = field.type == "integer" or (field.type == "number" and field.scale is not None)
        if exact and number is not None and number != number.quantize(Decimal(1).scaleb(-(field.scale or 0))):
            continue
        found.append(typed(value, field))
    return found


def typed(value: object, field: Field) -> Value:
    """`value` as the field's type. Raises RuleFault where it is none."""
    try:
        return _typed(value, field)
    except (KeyError, ValueError, TypeError, InvalidOperation, OverflowError):
        raise RuleFault(f"{value!r} is no {field.type}, the type of '{field.name}'") from None


def _typed(value: object, field: Field) -> Value:
    match field.type:
        case "string":
            return str(value).lower() if isinstance(value, bool) else str(value)
        case "integer":
            return int(Decimal(str(value)))
        case "number" if field.scale is not None:
            return Decimal(str(value)).quantize(Decimal(1).scaleb(-field.scale))
        case "number":
            return float(str(value))
        case "boolean":
            return {"true": True, "false": False}[str(value).lower()]
        case "date":
            return value if isinstance(value, date) else date.fromisoformat(str(value))
        case "timestamp":
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(field.zone))).astimezone(UTC)
        case "time":
            return time.fromisoformat(str(value))


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(str(value))


def sql(value: Value, *, scale: int | None = None) -> str:
    """A value as a DuckDB literal. Text is written in hexadecimal: no quote, brace, colon or percent sign to escape."""
    match value:
        case bool():
            return str(value).upper()
        case int():
            return f"CAST({value} AS BIGINT)"
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case Decimal():
            return f"CAST('{value:f}' AS DECIMAL(38,{scale or 0}))"
        case datetime():
            return f"CAST('{value:%Y-%m-%d %H:%M:%S.%f}+00' AS TIMESTAMPTZ)"
        case date():
            return f"CAST('{value.isoformat()}' AS DATE)"
        case time():
            return f"CAST('{value.isoformat()}' AS TIME)"
        case _:
            return f"decode(unhex('{str(value).encode().hex()}'))"


def quoted(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
