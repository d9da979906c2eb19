"""What the bytes of a key column in a binary log mean, as the text or number that the reader of the table gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from struct import unpack
from typing import Any, NamedTuple
from uuid import UUID

from connectors.sql.feeds.keys import Reading, Unclear

INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
ENCODINGS = {  # those that Python reads as the server does; another one is no guess worth
    "utf8mb4": "utf-8", "utf8mb3": "utf-8", "utf8": "utf-8", "ascii": "ascii", "latin1": "cp1252", "cp1250": "cp1250",
    "cp1251": "cp1251", "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be",
}  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZERO_MOMENT = "0000-00-00 00:00:00"
PACKED = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


class Column(NamedTuple):
    """A column as the server's catalogue describes it; `place` counts from 0."""

    name: str
    place: int
    kind: str  # such as varchar
    declared: str  # such as enum('a','b')
    charset: str | None
    length: int | None  # characters, or bytes of a binary
    precision: int | None
    scale: int | None
    fraction: int  # digits of a second


def column(row: Mapping[str, Any]) -> Column:
    """From a row of `information_schema.columns`."""
    told = {name.lower(): value for name, value in row.items()}
    return Column(
        told["column_name"], int(told["ordinal_position"]) - 1, str(told["data_type"]).lower(),
        str(told["column_type"]), told["character_set_name"], told["character_maximum_length"],
        told["numeric_precision"], told["numeric_scale"], int(told["datetime_precision"] or 0),
    )  # fmt: skip


def reading(one: Column) -> Reading:
    """How the bytes of this column become its text or number; `Unclear` where that is not known exactly."""
    kind = one.kind
    if kind in INTEGERS:
        signed = "unsigned" not in one.declared
        return lambda raw: int.from_bytes(raw, "little", signed=signed)
    if kind in ("char", "varchar", "tinytext", "text", "mediumtext", "longtext"):
        encoding = ENCODINGS.get(one.charset or "")
        if encoding is None:
            raise Unclear(f"the key column '{one.name}' is in the character set {one.charset}, which is not known")
        return lambda raw: raw.decode(encoding)
    if kind == "binary":
        size = one.length or 0
        return lambda raw: raw.ljust(size, b"\0")  # the log leaves trailing zeros out
    if kind in ("enum", "set"):
        labels = [label.replace("''", "'") for label in re.findall(r"'((?:[^']|'')*)'", one.declared)]
        return (lambda raw: _label(raw, labels)) if kind == "enum" else (lambda raw: _labels(raw, labels))
    if kind in ("decimal", "numeric"):
        precision, scale = one.precision or 0, one.scale or 0
        return lambda raw: _decimal(raw, precision, scale)
    timed = {"datetime": _moment, "timestamp": _instant, "time": _clock}
    if kind in timed:
        told, fraction = timed[kind], one.fraction
        return lambda raw: told(raw, fraction)
    plain: dict[str, Reading] = {
        "varbinary": bytes, "tinyblob": bytes, "blob": bytes, "mediumblob": bytes, "longblob": bytes,
        "double": lambda raw: float(unpack("<d", raw)[0]), "date": _date,
        "year": lambda raw: str(raw[0] + 1900 if raw[0] else 0).zfill(4),
        "bit": lambda raw: int.from_bytes(raw, "big"), "uuid": lambda raw: str(UUID(bytes=raw.ljust(16, b"\0"))),
    }  # fmt: skip
    if kind not in plain:
        raise Unclear(f"the key column '{one.name}' is of type {kind}, which the binary log does not tell exactly")
    return plain[kind]


def _label(raw: bytes, labels: list[str]) -> str:
    number = int.from_bytes(raw, "little")
    return labels[number - 1] if number else ""


def _labels(raw: bytes, labels: list[str]) -> str:
    bits = int.from_bytes(raw, "little")
    return ",".join(label for place, label in enumerate(labels) if bits >> place & 1)


def _decimal(raw: bytes, precision: int, scale: int) -> str:
    """Groups of nine digits in four bytes, the first and the last shorter; the first bit tells the sign."""
    negative = not raw[0] & 0x80
    held = bytes((byte ^ 0xFF) for byte in raw) if negative else raw
    held = bytes([held[0] ^ 0x80]) + held[1:]
    whole = precision - scale
    groups = [whole % 9, *[9] * (whole // 9), *[9] * (scale // 9), scale % 9]
    told, at = "", 0
    for digits in groups:
        size = PACKED[digits]
        if digits:
            told += str(int.from_bytes(held[at : at + size], "big")).zfill(digits)
        at += size
    if at != len(raw):
        raise ValueError
    front, behind = told[:whole].lstrip("0") or "0", told[whole:]
    sign = "-" if negative and told.strip("0") else ""
    return f"{sign}{front}.{behind}" if scale else f"{sign}{front}"


def _date(raw: bytes) -> str:
    bits = int.from_bytes(raw, "little")
    return f"{bits >> 9:04}-{bits >> 5 & 15:02}-{bits & 31:02}"


def _moment(raw: bytes, fraction: int) -> str:
    bits = int.from_bytes(raw[:5], "big") - 0x8000000000
    if len(raw) != 5 + (fraction + 1) // 2 or bits < 0:
        raise ValueError  # the form before MySQL 5.6
    day, clock = bits >> 17, bits & 0x1FFFF
    months = day >> 5
    date = f"{months // 13:04}-{months % 13:02}-{day & 31:02}"
    return f"{date} {clock >> 12:02}:{clock >> 6 & 63:02}:{clock & 63:02}{_behind(raw[5:], fraction)}"


def _instant(raw: bytes, fraction: int) -> str:
    if len(raw) != 4 + (fraction + 1) // 2:
        raise ValueError
    seconds = int.from_bytes(raw[:4], "big")
    told = f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}" if seconds else ZERO_MOMENT
    return f"{told}{_behind(raw[4:], fraction)}+00:00"


def _clock(raw: bytes, fraction: int) -> str:
    size = (fraction + 1) // 2
    if len(raw) != 3 + size:
        raise ValueError
    bits = int.from_bytes(raw, "big") - (0x800000 << 8 * size)
    sign, bits = ("-", -bits) if bits < 0 else ("", bits)
    whole, part = bits >> 8 * size, bits & ((1 << 8 * size) - 1)
    behind = _behind(part.to_bytes(size, "big"), fraction)
    return f"{sign}{whole >> 12 & 1023:02}:{whole >> 6 & 63:02}:{whole & 63:02}{behind}"


def _behind(raw: bytes, fraction: int) -> str:
    """A fraction of a second, two digits in each byte's worth."""
    if not fraction:
        return ""
    return "." + str(int.from_bytes(raw, "big")).zfill(2 * len(raw))[:fraction]
