"""Whole numbers of up to 38 digits as arrays, and as columns: unsigned halves of 64 bits, exact at every step.

A magnitude is (low, high); `high` is None where 64 bits hold every value. Decimal columns are built on Arrow's layout
of `decimal128`: 16 bytes a value, little-endian two's complement (Arrow columnar format, Decimal).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DIGITS = 38  # the most that a Decimal column holds
LONG_DIGITS = 18  # the most that always fit 64 bits with a sign
INT_DIGITS = 9
_LOW_HALF = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)


class Magnitude(NamedTuple):
    """Numbers without their signs: high * 2 ** 64 + low."""

    low: Words
    high: Words | None


def times(number: Magnitude, factor: int) -> Magnitude:
    """The product modulo 2 ** 128; the factor is below 2 ** 64."""
    whole, left, right = np.uint64(factor), np.uint64(factor >> 32), np.uint64(factor & 0xFFFF_FFFF)
    above, below = number.low >> _HALF, number.low & _LOW_HALF
    lowest, outer, inner = below * right, below * left, above * right
    middle = (lowest >> _HALF) + (outer & _LOW_HALF) + (inner & _LOW_HALF)
    high = above * left + (outer >> _HALF) + (inner >> _HALF) + (middle >> _HALF)
    if number.high is not None:
        high += number.high * whole
    return Magnitude((lowest & _LOW_HALF) | (middle << _HALF), high)


def plus(number: Magnitude, addend: Words) -> Magnitude:
    """The sum modulo 2 ** 128."""
    low = number.low + addend
    carried = (low < addend).astype(np.uint64)
    return Magnitude(low, carried if number.high is None else number.high + carried)


def negated(number: Magnitude, where: Mask) -> Magnitude:
    """The two's complement in 128 bits where `where` says so."""
    high = np.zeros_like(number.low) if number.high is None else number.high
    low = np.where(where, ~number.low + _ONE, number.low)
    return Magnitude(low, np.where(where, ~high + (low == 0), high))


def over(number: Magnitude, divisor: int) -> tuple[Magnitude, Words]:
    """The quotient and the rest of a division; the divisor is below 2 ** 32."""
    high = np.zeros_like(number.low) if number.high is None else number.high
    quotient, rest = [], np.zeros_like(number.low)
    for limb in (high >> _HALF, high & _LOW_HALF, number.low >> _HALF, number.low & _LOW_HALF):
        part, rest = np.divmod((rest << _HALF) | limb, np.uint64(divisor))
        quotient.append(part)
    return Magnitude((quotient[2] << _HALF) | quotient[3], (quotient[0] << _HALF) | quotient[1]), rest


def scaled_up(number: Magnitude, zeros: int) -> tuple[Magnitude, Mask]:
    """The number with zeros appended, and where it still has at most 38 digits."""
    fits = np.ones(len(number.low), np.bool_)
    while zeros > 0:
        step = min(zeros, LONG_DIGITS)
        fits &= ~beyond(number, 10 ** (DIGITS - step))
        number, zeros = times(number, 10**step), zeros - step
    return number, fits


def beyond(number: Magnitude, limit: int) -> Mask:
    """Where a number is the limit or more."""
    if limit >> 128:
        return np.zeros(len(number.low), np.bool_)
    high, low = np.uint64(limit >> 64), np.uint64(limit & 0xFFFF_FFFF_FFFF_FFFF)
    if number.high is None:
        return np.zeros(len(number.low), np.bool_) if high else np.greater_equal(number.low, low)
    return np.greater(number.high, high) | (np.equal(number.high, high) & np.greater_equal(number.low, low))


def column(number: Magnitude, negative: Mask, valid: Mask, dtype: pl.DataType) -> tuple[pl.Series, Mask]:
    """The numbers with their signs as a column, and where they are valid and fit its type; the others are null."""
    if isinstance(dtype, pl.Decimal):
        if number.high is not None:
            valid = valid & ~beyond(number, 10**DIGITS)
        return _decimals(negated(number, negative), valid, dtype), valid
    most = np.uint64(2**31 - 1 if dtype == pl.Int32 else 2**63 - 1)
    valid = valid & (number.low <= most + negative.astype(np.uint64))
    if number.high is not None:
        valid &= number.high == 0
    values = number.low.view(np.int64)
    return _whole(np.where(negative, -values, values), valid, dtype), valid


def signed_column(values: Signed, valid: Mask, dtype: pl.DataType) -> tuple[pl.Series, Mask]:
    """Signed 64-bit numbers as a column, and where they are valid and fit its type."""
    if isinstance(dtype, pl.Decimal):
        high = (values >> np.int64(63)).view(np.uint64)
        return _decimals(Magnitude(values.view(np.uint64), high), valid, dtype), valid
    if dtype == pl.Int32:
        valid = valid & (values >= -(2**31)) & (values < 2**31)
    return _whole(values, valid, dtype), valid


def magnitudes(values: pl.Series) -> tuple[Magnitude, Mask, Mask]:
    """A column of whole or decimal numbers as magnitudes of their digits, where negative, and where not null."""
    valid = values.is_not_null().to_numpy()
    if not isinstance(values.dtype, pl.Decimal):
        whole = values.fill_null(0).cast(pl.Int64).to_numpy()
        return Magnitude(np.abs(whole).view(np.uint64), None), whole < 0, valid
    halves = _halves(values.fill_null(0))
    negative = halves[:, 1].view(np.int64) < 0
    return negated(Magnitude(halves[:, 0].copy(), halves[:, 1].copy()), negative), negative, valid


def _halves(values: pl.Series) -> npt.NDArray[np.uint64]:
    """The 128 bits of each decimal, low half first."""
    arrow = values.rechunk().to_arrow()
    data = np.frombuffer(arrow.buffers()[1], np.uint64)
    return data[2 * arrow.offset : 2 * (arrow.offset + len(arrow))].reshape(-1, 2)


def _whole(values: Signed, valid: Mask, dtype: pl.DataType) -> pl.Series:
    import pyarrow as pa

    narrow = dtype == pl.Int32
    data = np.ascontiguousarray(values, np.int32 if narrow else np.int64)
    return _series(pa.int32() if narrow else pa.int64(), data, valid)


def _decimals(number: Magnitude, valid: Mask, dtype: pl.Decimal) -> pl.Series:
    import pyarrow as pa

    data = np.empty((len(valid), 2), np.uint64)
    data[:, 0] = number.low
    data[:, 1] = 0 if number.high is None else number.high
    data[~valid] = 0
    return _series(pa.decimal128(DIGITS, dtype.scale), data, valid)


def floats_column(values: npt.NDArray[np.float32] | npt.NDArray[np.float64], valid: Mask) -> pl.Series:
    """Floats as a column; null where not valid."""
    import pyarrow as pa

    return _series(pa.from_numpy_dtype(values.dtype), values, valid)


def bitmap(valid: Mask) -> bytes | None:
    """Arrow's validity bits; None where all are valid."""
    return None if valid.all() else np.packbits(valid, bitorder="little").tobytes()


def _series(arrow_type: object, data: npt.NDArray[np.generic], valid: Mask) -> pl.Series:
    import pyarrow as pa

    bits = bitmap(valid)
    buffers = [None if bits is None else pa.py_buffer(bits), pa.py_buffer(np.ascontiguousarray(data))]
    series = pl.from_arrow(pa.Array.from_buffers(arrow_type, len(valid), buffers))
    assert isinstance(series, pl.Series)  # noqa: S101 - an array, not a table
    return series
