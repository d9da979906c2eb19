"""The values of one elementary item, decoded for many records at once.

This is the only door to the decoders of the usages; nothing here or below loops over records in Python, save for text
of encodings with several bytes a character. What is no value is null, and is counted unless it is blank.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from catalog.errors import FileRefused
from connectors.formats.mainframe import binary, floats, packed, texts, zoned
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import (
    DIGITS,
    INT_DIGITS,
    LONG_DIGITS,
    Bytes,
    Magnitude,
    Mask,
    beyond,
    column,
    floats_column,
    scaled_up,
    signed_column,
)

TEXTS = frozenset({"text", "national", "bytes"})


def dtype_of(field: FieldType) -> pl.DataType:
    """The type of the item's column.

    Whole numbers are Int32 to 9 digits, Int64 to 18, and Decimal(38, 0) beyond; trailing Ps count as digits. Unsigned
    binary items of 9 and 18 digits take the next type, because their bytes hold more than the smaller one. Raises
    FileRefused where the picture has more than 38 decimals.
    """
    if field.usage in TEXTS:
        return pl.String()
    if field.usage in ("float", "double"):
        return pl.Float32() if field.usage == "float" else pl.Float64()
    if field.scale > DIGITS:
        raise FileRefused(f"a picture has {field.scale} decimals, and at most {DIGITS} are read",
                          "Declare the item as PIC X, and read its digits there.")  # fmt: skip
    if field.scale > 0:
        return pl.Decimal(DIGITS, field.scale)
    digits = field.digits - field.scale
    if field.usage == "binary" and not field.signed and digits in (INT_DIGITS, LONG_DIGITS):
        digits += 1
    if digits <= INT_DIGITS:
        return pl.Int32()
    return pl.Int64() if digits <= LONG_DIGITS else pl.Decimal(DIGITS, 0)


def decode(raw: Bytes, field: FieldType, reading: Reading) -> pl.Series:
    """The item's values; null where the bytes hold none."""
    return decode_checked(raw, field, reading)[0]


def decode_checked(raw: Bytes, field: FieldType, reading: Reading) -> tuple[pl.Series, int]:
    """The item's values, and how many were neither a value nor blank (texts: held what is no character).

    `raw` is (records, length) and may be a view into the records. A number of blanks or low-values is blank.
    """
    if not len(raw) or not field.length:
        return pl.Series([None] * len(raw), dtype=dtype_of(field)), 0
    if field.usage in TEXTS:
        return texts.decoded(raw, field, reading)
    values, valid = _numbers(raw, field, reading)
    if valid.all():
        return values, 0
    missing = raw[~valid]
    return values, len(missing) - int(zoned.nothing(missing).sum())


def _numbers(raw: Bytes, field: FieldType, reading: Reading) -> tuple[pl.Series, Mask]:
    """The numbers, and where they are some."""
    if field.usage in ("float", "double"):
        values, valid = floats.decoded(raw, field, reading)
        return floats_column(values, valid), valid
    if field.usage == "binary":
        return _binary(raw, field)
    decoder = zoned.decoded if field.usage == "zoned" else packed.decoded
    return _placed(*decoder(raw, field, reading), field)


def _binary(raw: Bytes, field: FieldType) -> tuple[pl.Series, Mask]:
    values = binary.narrow(raw, field) if field.scale >= 0 else None
    if values is None:
        return _placed(*_within_picture(*binary.magnitude(raw, field), field), field)
    valid = np.ones(len(raw), np.bool_)
    if field.truncates and field.digits <= LONG_DIGITS:
        valid = np.abs(values) < 10**field.digits
    return signed_column(values, valid, dtype_of(field))


def _within_picture(number: Magnitude, negative: Mask, valid: Mask, field: FieldType) -> tuple[Magnitude, Mask, Mask]:
    return number, negative, valid & ~beyond(number, 10**field.digits) if field.truncates else valid


def _placed(number: Magnitude, negative: Mask, valid: Mask, field: FieldType) -> tuple[pl.Series, Mask]:
    """The numbers with the zeros of trailing Ps."""
    if field.scale < 0:
        number, fits = scaled_up(number, -field.scale)
        valid = valid & fits
    return column(number, negative, valid, dtype_of(field))
