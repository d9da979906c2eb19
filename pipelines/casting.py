"""Read values as the type their contract declares: one Polars expression per field, null where a value cannot be read.

Nothing is guessed and nothing is rounded: text is parsed by the declared pattern, numbers by the declared habit, and a
value that does not fit exactly is null here and a fault in `pipelines.normalize`. Dates: `pipelines.patterns`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import polars as pl

from catalog.models import Field, Unit
from pipelines.patterns import date_of, time_of, timestamp_of, whole_text

TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "time": pl.Time(),
}
BLANKS = (
    "\0\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)  # taken off both ends of a text
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
WHOLE = r"^[+-]?[0-9]+(?:\.0*)?$"
DECIMAL = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
GROUPS = r"[.\s'\u{2019}]"  # between thousands where the comma is the decimal sign
COMMA = rf"^[+-]?(?:[0-9]{{1,3}}(?:{GROUPS}[0-9]{{3}})+|[0-9]*)(?:,[0-9]*)?(?:[eE][+-]?[0-9]+)?$"
EXACT_INTEGERS = 2**53  # a 64-bit float holds every integer up to here
NOISE = 1e-14  # of a float's size: what binary fractions of decimal sums are off by

Reader = Callable[[Field, pl.DataType, pl.Expr], pl.Expr]


def polars_type(field: Field) -> pl.DataType:
    """The type of a field's column after normalization."""
    if field.type == "number":
        return pl.Float64() if field.scale is None else pl.Decimal(38, field.scale)
    return TYPES[field.type]


def cleaned(field: Field, dtype: pl.DataType) -> pl.Expr:
    """The raw value with blank text and the declared null values taken as no value; blanks and NULs off both ends."""
    raw = pl.col(field.physical_name)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        raw, dtype = raw.cast(pl.String), pl.String()
    if dtype != pl.String():
        nothing = _is_null_value(field, dtype, raw)
        return raw if nothing is None else pl.when(~nothing).then(raw)
    text = raw.str.strip_chars(BLANKS)
    return pl.when(~text.is_in(["", *(told.strip(BLANKS) for told in field.null_values)])).then(text)


def typed(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """`value` (of `dtype`) as the field's type, null where it cannot be read as that."""
    if dtype == pl.Null():
        return value.cast(polars_type(field))
    if field.type != "string" and (dtype.is_nested() or dtype in (pl.Binary(), pl.Object()) or dtype == pl.Duration):
        return pl.when(value.is_null()).then(pl.lit(None, polars_type(field)))
    readers: dict[str, Reader] = {
        "string": _string, "integer": _integer, "number": _number, "boolean": _boolean, "date": date_of,
        "time": time_of, "timestamp": timestamp_of,
    }  # fmt: skip
    return readers[field.type](field, dtype, value)


def _is_null_value(field: Field, dtype: pl.DataType, raw: pl.Expr) -> pl.Expr | None:
    """Whether a value that is no text is one of the declared null values: -999 is -999.0."""
    if not field.null_values or dtype.is_nested() or dtype in (pl.Binary(), pl.Null()) or dtype == pl.Duration:
        return None
    if not dtype.is_numeric():
        return as_text(dtype, raw).is_in(list(field.null_values))
    numbers = [number for number in map(_decimal, field.null_values) if number is not None]
    if dtype.is_integer():
        return raw.cast(pl.Int128).is_in([int(one) for one in numbers if one == int(one)])
    return raw.cast(pl.Float64).is_in([float(one) for one in numbers])


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal("1e38") else None


def _string(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    if dtype == pl.String():  # a NUL inside is cut by one store and refused by another
        return pl.when(~value.str.contains("\0", literal=True)).then(value)
    return as_text(dtype, value)


def as_text(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A value of any type as text that keeps all it says."""
    if dtype == pl.Binary():
        return value.bin.encode("hex")
    if dtype.is_float():
        whole = (value == value.round(0)) & (value.abs() <= EXACT_INTEGERS)
        return pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            return value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    if dtype.is_nested():
        wrapped = pl.struct(value.alias("v")).struct.json_encode()
        return pl.when(value.is_not_null()).then(wrapped.str.strip_prefix('{"v":').str.head(-1))
    if dtype == pl.Duration:
        return value.dt.to_string("iso")
    return value.cast(pl.String, strict=False)


def _plain(field: Field, text: pl.Expr) -> pl.Expr:
    """A number's text with a decimal point, null where it is not written in the declared habit."""
    if field.decimal_comma:
        bare = text.str.replace_all(GROUPS, "").str.replace(",", ".", literal=True)
        text = pl.when(text.str.contains(COMMA)).then(bare)
    return pl.when(text.str.contains(DECIMAL)).then(text.str.strip_prefix("+"))


def _integer(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    if dtype.is_float() or dtype.is_decimal():
        return pl.when(value == value.round(0)).then(value.cast(pl.Int64, strict=False))
    if dtype.is_integer() or dtype == pl.Boolean():
        return value.cast(pl.Int64, strict=False)
    text = _plain(field, value) if dtype == pl.String() else as_text(dtype, value)
    return pl.when(text.str.contains(WHOLE)).then(text.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False))


def _number(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    if not dtype.is_numeric():
        text = _plain(field, value) if dtype == pl.String() else _plain(field, as_text(dtype, value))
        number = text.cast(pl.Float64, strict=False) if field.scale is None else _exact(field.scale, text)
    elif field.scale is not None:
        number = _rescaled(field.scale, dtype, value)
    else:
        number = value.cast(pl.Float64, strict=False)
        if dtype.is_integer():  # a float of this size would be another integer
            number = pl.when(value.cast(pl.Int128).is_between(-EXACT_INTEGERS, EXACT_INTEGERS)).then(number)
    if field.unit is not None:
        number = _converted(field.scale, field.unit, number)
    return pl.when(number.is_finite()).then(number) if field.scale is None else number


def _exact(scale: int, text: pl.Expr) -> pl.Expr:
    """Text as an exact decimal; more decimals than declared is a fault, not a rounding."""
    fraction = text.str.extract(r"\.([0-9]*?)0*$", 1).str.len_chars().fill_null(0)
    fits = (fraction <= scale) & ~text.str.contains("[eE]")
    return pl.when(fits).then(text.str.strip_suffix(".").cast(pl.Decimal(38, scale), strict=False))


def _rescaled(scale: int, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """A number as a decimal of `scale`, where it has no more decimals; what binary fractions are off by is forgiven."""
    if dtype.is_float():
        rounded = value.round(scale)
        same = ((value - rounded).abs() <= value.abs() * NOISE) & (value.abs() <= EXACT_INTEGERS)
        return pl.when(same).then(rounded.cast(pl.Decimal(38, scale), strict=False))
    if isinstance(dtype, pl.Decimal) and (dtype.scale or 0) > scale:
        value = pl.when(value == value.round(scale)).then(value)
    return value.cast(pl.Decimal(38, scale), strict=False)


def _converted(scale: int | None, unit: Unit, number: pl.Expr) -> pl.Expr:
    slope, offset = affine(unit)
    told = number.cast(pl.Float64) * slope + offset
    if scale is None:
        return told
    return told.round(scale).cast(pl.Decimal(38, scale), strict=False)


@cache
def affine(unit: Unit) -> tuple[float, float]:
    """Slope and offset of a conversion between two units, from pint.

    ValueError names a unit that pint does not know, or a conversion that is no straight line, such as decibels.
    """
    import pint

    registry: Any = pint.UnitRegistry(non_int_type=Decimal)  # 28 digits: a slope of 1e-19 keeps all that a float holds
    try:
        zero, one, ten = (registry.Quantity(Decimal(at), unit.source).to(unit.target).magnitude for at in (0, 1, 10))
    except (pint.PintError, ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"cannot convert {unit.source} to {unit.target}: {error}") from None
    slope = one - zero
    if abs(zero + 10 * slope - ten) > abs(ten) * Decimal("1e-20"):
        raise ValueError(f"cannot convert {unit.source} to {unit.target}: it is no straight line")
    return float(slope), float(zero)


def _boolean(field: Field, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    if dtype == pl.Boolean():
        return value
    text = as_text(dtype, value) if not dtype.is_decimal() else whole_text(dtype, value)
    text = text.str.to_lowercase()
    return pl.when(text.is_in(TRUE)).then(True).when(text.is_in(FALSE)).then(False)
