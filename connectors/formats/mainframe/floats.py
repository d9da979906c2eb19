"""Floating point: COMP-1 (4 bytes) and COMP-2 (8 bytes), IBM hexadecimal or IEEE 754, in either byte order.

IBM hexadecimal floating point (z/Architecture Principles of Operation): a sign bit, 7 bits of an exponent of 16 with an
excess of 64, a fraction of 24 or 56 bits. The conversion is to the nearest float. A short number may be larger than
any single float; it is null then, not infinite.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import Bytes, Mask

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]

_EXCESS = 64
_LARGEST = 127  # exponent
_HEX_DIGIT = 4  # bits


def decoded(raw: Bytes, field: FieldType, reading: Reading) -> tuple[Floats, Mask]:
    """The floats, and where the bytes are one that the column's type holds."""
    single = field.usage == "float"
    order = "<" if reading.float_format.endswith("little_endian") else ">"
    packed = np.ascontiguousarray(raw)
    if reading.float_format.startswith("ieee"):
        values: Floats = packed.view(f"{order}f{field.length}")[:, 0].astype(f"=f{field.length}")
        return values, np.ones(len(raw), np.bool_)
    exact = _from_hexadecimal(packed.view(f"{order}u{field.length}")[:, 0].astype(np.uint64), 8 * field.length)
    if not single:
        return exact, np.ones(len(raw), np.bool_)
    with np.errstate(over="ignore"):
        values = exact.astype(np.float32)
    return values, np.isfinite(values)


def _from_hexadecimal(words: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.float64]:
    fraction_bits = bits - 8
    fraction = (words & np.uint64(2**fraction_bits - 1)).astype(np.float64)
    exponent = ((words >> np.uint64(fraction_bits)) & np.uint64(0x7F)).astype(np.int32)
    values = np.ldexp(fraction, _HEX_DIGIT * (exponent - _EXCESS) - fraction_bits)
    return np.where(words >> np.uint64(bits - 1), -values, values)


def encoded(values: Floats, field: FieldType, reading: Reading) -> tuple[Bytes, Mask]:
    """The bytes, and where the format holds the number."""
    order = "<" if reading.float_format.endswith("little_endian") else ">"
    if reading.float_format.startswith("ieee"):
        words = values.astype(f"{order}f{field.length}")
        return words.view(np.uint8).reshape(-1, field.length), np.ones(len(values), np.bool_)
    exact, fits = _to_hexadecimal(values.astype(np.float64), 8 * field.length)
    return exact.astype(f"{order}u{field.length}").view(np.uint8).reshape(-1, field.length), fits


def _to_hexadecimal(values: npt.NDArray[np.float64], bits: int) -> tuple[npt.NDArray[np.uint64], Mask]:
    """The nearest normalised number. Too large a number, NaN and the infinities do not fit; too small a one is 0."""
    fraction_bits = bits - 8
    finite = np.isfinite(values)
    mantissa, exponent = np.frexp(np.where(finite, np.abs(values), 0.0))
    power = -(-exponent // _HEX_DIGIT)  # of 16, rounded up: the fraction is from 1/16 to below 1
    fraction = np.rint(np.ldexp(mantissa, exponent - _HEX_DIGIT * power + fraction_bits)).astype(np.uint64)
    carried = fraction == np.uint64(2**fraction_bits)
    fraction, power = np.where(carried, fraction >> np.uint64(_HEX_DIGIT), fraction), power + carried
    biased = power.astype(np.int64) + _EXCESS
    nothing = (biased < 0) | (fraction == 0)
    fields = (np.clip(biased, 0, _LARGEST).astype(np.uint64) << np.uint64(fraction_bits)) | fraction
    sign = np.signbit(values).astype(np.uint64) << np.uint64(bits - 1)
    return np.where(nothing, np.uint64(0), fields) | sign, finite & (nothing | (biased <= _LARGEST))
