"""Binary numbers (COMP, COMP-4, COMP-5, COMP-9): two's complement of any length, big- or little-endian.

The format is that of IBM Enterprise COBOL for z/OS, Language Reference, USAGE clause. Every byte string is a number;
what an item cannot mean is null: an unsigned number beyond the signed range of its column, and, where the item
truncates to its picture (TRUNC(STD)), one of more digits.
"""

from __future__ import annotations

import numpy as np

from connectors.formats.mainframe.fields import FieldType
from connectors.formats.mainframe.integers import Bytes, Magnitude, Mask, Signed, Words, negated

_WORD = 8  # bytes
_WIDEST = 16  # bytes that 38 digits need


def narrow(raw: Bytes, field: FieldType) -> Signed | None:
    """The numbers, where 64 bits with a sign hold every one."""
    if field.length > _WORD or (field.length == _WORD and not field.signed):
        return None
    if field.length in (1, 2, 4, _WORD):
        kind = f"{'<' if field.little_endian else '>'}{'i' if field.signed else 'u'}{field.length}"
        return np.ascontiguousarray(raw).view(kind)[:, 0].astype(np.int64)
    return _wide(raw, field)[0].view(np.int64)


def magnitude(raw: Bytes, field: FieldType) -> tuple[Magnitude, Mask, Mask]:
    """The numbers without signs, where they are negative, and where 128 bits hold them."""
    low, high = _wide(raw, field)
    beyond = raw[:, _WIDEST:] if field.little_endian else raw[:, : max(0, field.length - _WIDEST)]
    negative = (high.view(np.int64) < 0) if field.signed else np.zeros(len(raw), np.bool_)
    filler = np.where(negative, 0xFF, 0).astype(np.uint8)
    fits = (beyond == filler[:, None]).all(axis=1)
    if field.length <= _WORD and not field.signed:
        return Magnitude(low, None), negative, fits
    return negated(Magnitude(low, high), negative), negative, fits


def _wide(raw: Bytes, field: FieldType) -> tuple[Words, Words]:
    """The low and the high 64 bits, sign-extended."""
    ordered = raw if field.little_endian else raw[:, ::-1]
    kept = ordered[:, :_WIDEST]
    padded = np.zeros((len(raw), _WIDEST), np.uint8)
    padded[:, : kept.shape[1]] = kept
    if field.signed and kept.shape[1] < _WIDEST:
        padded[:, kept.shape[1] :] = np.where(kept[:, -1:] >= 0x80, 0xFF, 0)
    words = padded.view("<u8")
    return words[:, 0].copy(), words[:, 1].copy()


def encoded(number: Magnitude, negative: Mask, field: FieldType) -> tuple[Bytes, Mask]:
    """The bytes, and where the numbers fit the length."""
    low, high = negated(number, negative)
    words = np.stack([low, np.zeros_like(low) if high is None else high], axis=1).astype("<u8")
    filler = np.where(negative, 0xFF, 0).astype(np.uint8)[:, None]
    width = max(field.length, _WIDEST)
    written = np.broadcast_to(filler, (len(low), width)).copy()
    written[:, :_WIDEST] = words.view(np.uint8)
    kept, lost = written[:, : field.length], written[:, field.length :]
    fits = (lost == filler).all(axis=1)
    if field.signed:
        fits &= (kept[:, -1] >= 0x80) == negative
    else:
        fits &= ~negative
    return np.ascontiguousarray(kept if field.little_endian else kept[:, ::-1]), fits
