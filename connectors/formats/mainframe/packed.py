"""Packed decimal: two digits a byte, the sign in the last half-byte (COMP-3), or no sign at all (COMP-6).

The format is that of IBM z/Architecture Principles of Operation, chapter "Decimal Instructions": signs A, C, E and F
are plus, B and D minus. COBOL writes C, D and F only, and only those are read while the sign is strict; an unsigned
item with a minus is then no number either. Whatever holds another half-byte above 9 is no number.
"""

from __future__ import annotations

import numpy as np

from connectors.formats.mainframe.digits import joined, taken_apart
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import Bytes, Magnitude, Mask, plus, scaled_up

_PLUS, _MINUS, _NO_SIGN = 0xC, 0xD, 0xF
_OTHER_MINUS = 0xB


def decoded(raw: Bytes, field: FieldType, reading: Reading) -> tuple[Magnitude, Mask, Mask]:
    """The numbers' digits, where they are negative, and where the bytes are a number at all."""
    columns = np.ascontiguousarray(raw.T)
    high, low = columns >> np.uint8(4), columns & np.uint8(15)
    if field.usage == "packed_unsigned":
        number, fits = joined(high * np.uint8(10) + low, 2)
        return number, np.zeros(len(raw), np.bool_), fits & (np.maximum(high, low).max(axis=0) <= 9)
    return _signed(high, low, field, reading)


def _signed(high: Bytes, low: Bytes, field: FieldType, reading: Reading) -> tuple[Magnitude, Mask, Mask]:
    sign = low[-1]
    negative: Mask = np.equal(sign, _MINUS)
    valid = high.max(axis=0) <= 9
    if reading.strict_sign:
        valid &= (sign == _PLUS) | (sign == _NO_SIGN) | (negative & field.signed)
    else:
        negative |= sign == _OTHER_MINUS
        valid &= sign > 9
    if len(low) == 1:
        return Magnitude(high[-1].astype(np.uint64), None), negative, valid
    valid &= low[:-1].max(axis=0) <= 9
    number, fits = joined(high[:-1] * np.uint8(10) + low[:-1], 2)
    if 2 * len(low) - 1 <= 19:  # 64 bits hold them
        return Magnitude(number.low * np.uint64(10) + high[-1], None), negative, valid & fits
    number, short = scaled_up(number, 1)
    return plus(number, high[-1].astype(np.uint64)), negative, valid & fits & short


def encoded(number: Magnitude, negative: Mask, valid: Mask, field: FieldType) -> tuple[Bytes, Mask]:
    """The bytes, and where the digits fit. What is not valid (null) becomes low-values, which are no packed number."""
    signed = field.usage == "packed"
    digits, fits = taken_apart(number, 2 * field.length - signed)
    if signed:
        sign = np.where(negative, _MINUS, _PLUS if field.signed else _NO_SIGN).astype(np.uint8)
        digits = np.concatenate([digits, sign[None]])
    written = (digits[0::2] << 4) | digits[1::2]
    written[:, ~valid] = 0
    return np.ascontiguousarray(written.T), fits
