"""The contract's values as their columns hold them; ValueError says what is in the way, and quotes no value."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid

from catalog.models import Field
from connectors.sql.writing.columns import MYSQL, Place
from connectors.sql.writing.forms import BLANKS, local, written
from connectors.sql.writing.models import Value
from connectors.sql.writing.values import EXACT, decimal_of, scaled

FLOAT_DIGITS = 15  # any decimal of so many digits survives a 64-bit float


def meant(field: Field, value: Value) -> None:
    """Refuse what the contract would take for no value, or for another one."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("holds a NUL character")
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ValueError("holds half a character")
        if value and value != value.strip(BLANKS):
            raise ValueError("begins or ends with blanks, which are taken off when it is read")
    if not field.null_values or isinstance(value, bool):
        return
    if str(value) in field.null_values or (isinstance(value, int | float | Decimal) and _listed(value, field)):
        raise ValueError("is one of the texts that mean no value; write null")


def _listed(value: int | float | Decimal, field: Field) -> bool:
    for text in field.null_values:
        try:
            if decimal_of(text) == decimal_of(value):
                return True
        except ValueError:
            continue
    return False


def encode(field: Field, place: Place, value: Value, like: Any) -> Any:
    """The raw value of one of the contract's; `like` is the raw value that stands there."""
    match place.kind:
        case "integer":
            return _whole(field, place, value)
        case "decimal":
            number = decimal_of(value)
            return number if place.scale is None else scaled(number, place.scale, place.precision or 1000)
        case "float" | "single":
            return _binary_fraction(value)
        case "binary":
            return _octets(place, value)
        case "local" | "zoned":
            return _moment(field, place, value)
        case "clock":
            _fine(place, value.microsecond if isinstance(value, time) else 0)
            return value
        case "loose":
            return _loose(field, place, value, like)
        case "text" | "char":
            told = value if isinstance(value, str) else written(field, value, text_of(like))
            _fits(place, told)
            return told
        case _:
            return value


def _whole(field: Field, place: Place, value: Value) -> int:
    if field.type == "string":
        if not isinstance(value, str) or not value.removeprefix("-").isdecimal() or str(int(value)) != value:
            raise ValueError("is no whole number, which its column holds")
        number = int(value)
    elif isinstance(value, bool):
        number = int(value)
    else:
        told = decimal_of(value)
        if told != told.to_integral_value(context=EXACT):
            raise ValueError("is no whole number, which its column holds")
        number = int(told)
    if not place.least <= number <= place.most:
        raise ValueError("is beyond what its column holds")
    return number


def _binary_fraction(value: Value) -> float:
    number = decimal_of(value)
    told = float(number)
    if isinstance(value, Decimal) and len(number.as_tuple().digits) > FLOAT_DIGITS:
        stripped = number.normalize(EXACT)
        if len(stripped.as_tuple().digits) > FLOAT_DIGITS:
            raise ValueError("has more digits than its column, a binary fraction, holds")
    if Decimal(repr(told)) != number:
        raise ValueError("has more digits than its column, a binary fraction, holds")
    return told


def _octets(place: Place, value: Value) -> bytes:
    text = value if isinstance(value, str) else ""
    try:
        told = bytes.fromhex(text)
    except ValueError:
        raise ValueError("is no hexadecimal text, as binary content is written") from None
    if told.hex() != text:
        raise ValueError("is not written in lower-case hexadecimal digits")
    if place.characters is not None and len(told) > place.characters:
        raise ValueError(f"is longer than {place.characters} bytes")
    return told


def _moment(field: Field, place: Place, value: Value) -> Any:
    if not isinstance(value, datetime):
        raise ValueError("is no moment")
    _fine(place, value.microsecond)
    if place.backend in MYSQL and place.kind == "zoned":
        return Decimal((value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)).scaleb(-6, EXACT)
    return value if place.kind == "zoned" else local(value, field.zone)


def _fine(place: Place, microsecond: int) -> None:
    if place.scale is not None and microsecond % 10 ** (6 - min(place.scale, 6)):
        raise ValueError("is finer than its column holds")


def _loose(field: Field, place: Place, value: Value, like: Any) -> Any:
    """SQLite's column without a type of its own: numbers as numbers, all else as text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | Decimal):
        number = decimal_of(value)
        if number == number.to_integral_value(context=EXACT) and place.least <= number <= place.most:
            return int(number)
        return _binary_fraction(value)
    if isinstance(like, bytes):
        return _octets(place, value)
    text = value if isinstance(value, str) else written(field, value, text_of(like))
    try:
        decimal_of(text.strip())
        float(text)
    except ValueError:
        return text
    return _whole(field, place, text)  # SQLite would make it a number


def _fits(place: Place, text: str) -> None:
    if place.allowed is not None and text not in place.allowed:
        raise ValueError("is none of the values its column allows")
    if isinstance(place.column.type, Uuid) and str(UUID(text)) != text:
        raise ValueError("is not written as its column writes it, in lower case with hyphens")
    if place.characters is not None and len(text) > place.characters:
        raise ValueError(f"is longer than {place.characters} characters")
    if place.octets is not None and len(text.encode()) > place.octets:
        raise ValueError(f"is longer than {place.octets} bytes")
    if place.charset == "utf8mb3" and any(ord(sign) > 0xFFFF for sign in text):
        raise ValueError("holds a character that its column's character set lacks")
    if place.charset and place.charset != "utf8mb3":
        try:
            text.encode(place.charset)
        except UnicodeEncodeError:
            raise ValueError("holds a character that its column's character set lacks") from None


def text_of(raw: Any) -> str | None:
    """The text that stands in a column, if it is one."""
    return raw if isinstance(raw, str) else None
