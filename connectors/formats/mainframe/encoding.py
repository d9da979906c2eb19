"""The values of one elementary item, written as a mainframe holds them: the inverse of `decoding`.

What decoding gives, encoding takes back: `decode(encode(x)) == x`, for floats within the precision of the format. Null
is written so that it is read as null again: low-values in text and packed items, blanks in zoned ones. Binary items,
floats and packed items without a sign have no bytes that mean null; they refuse it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from catalog.errors import FileRefused
from connectors.formats.mainframe import binary, floats, packed, texts, zoned
from connectors.formats.mainframe.decoding import TEXTS, dtype_of
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import INT_DIGITS, Bytes, Magnitude, Mask, beyond, magnitudes, over

NULL_WRITTEN = TEXTS | {"zoned", "packed"}  # usages that have bytes for null


def encode(values: pl.Series, field: FieldType, reading: Reading) -> Bytes:
    """The bytes of the values, (values, length).

    Raises FileRefused where a value is not of the item's type, has too many digits or decimals, is negative in an
    unsigned item, is too long a text, or has a character that the code page lacks; and where null cannot be written.
    """
    if values.null_count() and field.usage not in NULL_WRITTEN:
        raise FileRefused("the item has no bytes that mean null", "Give a value, or write the item as DISPLAY.")
    typed = _typed(values, dtype_of(field))
    if not len(typed) or not field.length:
        return np.zeros((len(typed), field.length), np.uint8)
    if field.usage in TEXTS:
        return texts.encoded(typed, field, reading)
    if field.usage in ("float", "double"):
        written, fits = floats.encoded(typed.to_numpy(), field, reading)
        _refuse_unless(fits, "is outside the range of its float")
        return written
    return _number(typed, field, reading)


def _typed(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The values in the item's type, the same ones: no decimals are cut off, no text becomes another."""
    if values.dtype == dtype:
        return values
    try:
        typed = values.cast(dtype, strict=True)
        same = dtype.is_float() or typed.cast(values.dtype, strict=True).equals(values)
    except pl.exceptions.PolarsError:
        same = False
    if not same:
        raise FileRefused(f"a value is not of the type of its item, {dtype}", "Convert it before it is written.")
    return typed


def _number(values: pl.Series, field: FieldType, reading: Reading) -> Bytes:
    number, negative, valid = magnitudes(values)
    if field.scale < 0:
        number = _without_zeros(number, field)
    if (negative & valid).any() and not field.signed:
        raise FileRefused("a negative value stands in an unsigned item", "Give the item a sign (PIC S9).")
    too_many = f"has more than the {field.digits} digits of its item"
    if field.usage != "binary" or field.truncates:
        _refuse_unless(~(beyond(number, 10**field.digits) & valid), too_many)
    written, fits = _written(number, negative, valid, field, reading)
    _refuse_unless(fits | ~valid, too_many)
    return written


def _written(number: Magnitude, negative: Mask, valid: Mask, field: FieldType, reading: Reading) -> tuple[Bytes, Mask]:
    if field.usage == "binary":
        return binary.encoded(number, negative, field)
    if field.usage == "zoned":
        return zoned.encoded(number, negative, valid, field, reading)
    return packed.encoded(number, negative, valid, field)


def _without_zeros(number: Magnitude, field: FieldType) -> Magnitude:
    """The digits before trailing Ps, which stand for zeros."""
    zeros, even = -field.scale, True
    while zeros > 0:
        step = min(zeros, INT_DIGITS)
        number, rest = over(number, 10**step)
        zeros, even = zeros - step, even and not rest.any()
    if not even:
        raise FileRefused(f"a value does not end in the {-field.scale} zeros that its picture leaves out",
                          "Round it before it is written.")  # fmt: skip
    return number


def _refuse_unless(fits: Mask, otherwise: str) -> None:
    if not fits.all():
        raise FileRefused(f"a value {otherwise}", "Widen the item, or correct the value.")
