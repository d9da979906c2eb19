"""Zoned decimal (DISPLAY): a character a digit, the sign overpunched on one of them or a character of its own.

The format is that of IBM Enterprise COBOL for z/OS, Language Reference (USAGE and SIGN clauses); in ASCII files the
overpunched sign is either the EBCDIC character's (`{ABC...I`, `}JKL...R`) or, for minus, `p` to `y` (Micro Focus).

Numbers in the form that the picture tells are read along the columns, which is fast. The others are read as Cobrix, the
open-source reader for Spark, does: the sign may stand anywhere but only once, blanks between digits are passed over in
EBCDIC, and anything else makes it no number. Where the sign is not strict, the last of several signs counts and an
unsigned item may have one too, if it is plus.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from connectors.formats.mainframe.digits import joined, taken_apart
from connectors.formats.mainframe.fields import FieldType, Reading
from connectors.formats.mainframe.integers import Bytes, Magnitude, Mask

_DIGIT = 0x10  # kinds of a character; a digit's own value is in the low half
_PLUS_DIGIT, _MINUS_DIGIT, _PLUS, _MINUS, _POINT, _BLANK, _OTHER = 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80
_NOTHING = (0x00, 0x20, 0x40)  # low-values and blanks of both encodings
T = TypeVar("T", bound=np.generic)


class Form(NamedTuple):
    """How a picture is written: the places of its digits, and of the sign and the point where they have their own."""

    digits: tuple[int, ...]
    sign: int | None
    point: int | None


def form(field: FieldType) -> Form:
    """The form of an item. The decimals of an item with a real point are the last `scale` digits."""
    places = list(range(field.length))
    separate = field.signed and field.sign_separate
    sign = (places.pop(0 if field.sign_leading else -1)) if separate else None
    point = places.pop(-1 - field.scale) if field.explicit_point and 0 <= field.scale < len(places) else None
    return Form(tuple(places), sign, point)


def decoded(raw: Bytes, field: FieldType, reading: Reading) -> tuple[Magnitude, Mask, Mask]:
    """The numbers' digits, where they are negative, and where the characters are a number."""
    columns = np.ascontiguousarray(raw.T)
    number, negative, usual = _usual(columns, field, reading)
    if usual.all():
        return number, negative, usual
    odd = np.flatnonzero(~usual)
    other, minus, valid = _unusual(raw[odd], field, reading)
    low = _replaced(number.low, odd, other.low)
    high = None
    if number.high is not None or other.high is not None:
        high = np.zeros_like(low) if number.high is None else number.high
        high = _replaced(high, odd, np.zeros_like(other.low) if other.high is None else other.high)
    return Magnitude(low, high), _replaced(negative, odd, minus), _replaced(usual, odd, valid)


def nothing(raw: Bytes) -> Mask:
    """Where there are only blanks and low-values."""
    blank: Mask = np.isin(raw, _NOTHING).min(axis=1)
    return blank


def _replaced(values: npt.NDArray[T], where: npt.NDArray[np.intp], by: npt.NDArray[T]) -> npt.NDArray[T]:
    values = values.copy()
    values[where] = by
    return values


def _usual(columns: Bytes, field: FieldType, reading: Reading) -> tuple[Magnitude, Mask, Mask]:
    """The numbers that are in the picture's own form; where a value is not, what is given of it means nothing."""
    places, kinds = form(field), _kinds(reading.encoding)
    digits = _rows(columns, places.digits) ^ np.uint8(_zero(reading))
    if not len(digits):
        none = np.zeros(columns.shape[1], np.bool_)
        return Magnitude(np.zeros(len(none), np.uint64), None), none, none
    negative, usual = _usual_sign(columns, digits, field, kinds)
    if places.point is not None:
        usual &= kinds[columns[places.point]] == _POINT
    digits = _without_leading_blanks(digits, reading)
    usual &= digits.max(axis=0) <= 9
    number, fits = joined(digits if usual.all() else np.where(usual, digits, np.uint8(0)))
    return number, negative, usual & fits


def _usual_sign(columns: Bytes, digits: Bytes, field: FieldType, kinds: Bytes) -> tuple[Mask, Mask]:
    """Where the sign is minus, and where there is one in its place. A digit under a sign is put among the digits."""
    places = form(field)
    none = np.zeros(columns.shape[1], np.bool_)
    if places.sign is not None:
        sign = kinds[columns[places.sign]]
        negative: Mask = np.equal(sign, _MINUS)
        return negative, negative | (sign == _PLUS)
    if field.signed:
        place = 0 if field.sign_leading else -1
        punched = kinds[columns[places.digits[place]]]
        digits[place] = np.where(punched < _PLUS, punched & 15, 0xFF)
        return np.equal(punched & 0xF0, _MINUS_DIGIT), ~none
    return none, ~none


def _without_leading_blanks(digits: Bytes, reading: Reading) -> Bytes:
    """Zeros in the place of blanks before the first digit; a value without digits stays as it is."""
    blank = np.uint8(" ".encode(_codec(reading.encoding))[0] ^ _zero(reading))
    if not (digits[0] == blank).any():
        return digits
    leading = np.logical_and.accumulate(digits == blank, axis=0)
    leading &= ~leading[-1]
    return np.where(leading, np.uint8(0), digits)


def _rows(columns: Bytes, places: tuple[int, ...]) -> Bytes:
    """These rows; without copying where they lie together."""
    if places and places[-1] - places[0] == len(places) - 1:
        return columns[places[0] : places[-1] + 1]
    return columns[list(places)]


def _unusual(raw: Bytes, field: FieldType, reading: Reading) -> tuple[Magnitude, Mask, Mask]:
    """The numbers in any form that Cobrix reads."""
    kinds = _kinds(reading.encoding)[raw]
    family, values = kinds & np.uint8(0xF0), kinds & np.uint8(15)
    digit = family <= _MINUS_DIGIT
    valid, negative = _signs(family, field, reading)
    points = (family == _POINT).sum(axis=1)
    valid &= (points <= field.explicit_point) & digit.any(axis=1) & (family != _OTHER).all(axis=1)
    if reading.encoding == "ascii":
        valid &= ~_blank_within(family)
    if field.explicit_point:
        digit, values, fits = _pointed(family, digit, values, field.scale)
        valid &= fits
    number, fits = joined(_right_aligned(values, digit))
    if _zero_when_blank(field, reading):
        valid |= (family == _BLANK).all(axis=1)
    return number, negative & digit.any(axis=1), valid & fits


def _zero_when_blank(field: FieldType, reading: Reading) -> bool:
    """Cobrix without its null detection: a blank number with implied decimals is 0, any other blank is null."""
    return not reading.null_low_values and field.scale > 0 and not field.explicit_point


def _signs(family: Bytes, field: FieldType, reading: Reading) -> tuple[Mask, Mask]:
    """Where the signs are as they may be, and where they are minus."""
    punched = (family == _PLUS_DIGIT) | (family == _MINUS_DIGIT)
    sign = punched | (family == _PLUS) | (family == _MINUS)
    last = family.shape[1] - 1 - sign[:, ::-1].argmax(axis=1)
    of_last = np.take_along_axis(family, last[:, None], axis=1)[:, 0]
    negative = (of_last == _MINUS_DIGIT) | (of_last == _MINUS)
    valid = np.ones(len(family), np.bool_) if field.signed else ~negative
    if reading.strict_sign:
        valid &= sign.sum(axis=1) <= 1
        if not field.signed:
            valid &= ~punched.any(axis=1)
        elif reading.encoding == "ascii":
            valid &= ~punched[:, 1:-1].any(axis=1)
    return valid, negative


def _blank_within(family: Bytes) -> Mask:
    """Where blanks stand between other characters than signs: in ASCII that is no number."""
    filled = (family != _BLANK) & (family != _PLUS) & (family != _MINUS)
    width = family.shape[1]
    first, last = filled.argmax(axis=1), width - 1 - filled[:, ::-1].argmax(axis=1)
    place = np.arange(width)
    inside = (place > first[:, None]) & (place < last[:, None])
    blank: Mask = (inside & (family == _BLANK)).max(axis=1)
    return blank


def _pointed(family: Bytes, digit: Mask, values: Bytes, scale: int) -> tuple[Mask, Bytes, Mask]:
    """The digits with as many zeros appended as decimals are missing, and where there are not too many of them."""
    after = (family == _POINT).cumsum(axis=1) > 0
    decimals = (digit & after).sum(axis=1)
    missing = np.arange(scale) < (scale - decimals)[:, None]
    return (
        np.concatenate([digit, missing], axis=1),
        np.concatenate([values, np.zeros(missing.shape, np.uint8)], axis=1),
        decimals <= scale,
    )


def _right_aligned(values: Bytes, digit: Mask) -> Bytes:
    """The digits in their order at the end, zeros before them; place by place."""
    order = np.argsort(digit, axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(np.where(digit, values, np.uint8(0)), order, axis=1).T)


def _zero(reading: Reading) -> int:
    return 0xF0 if reading.encoding == "ebcdic" else 0x30


def _codec(encoding: str) -> str:
    """What the characters of numbers are the same in, whatever the code page."""
    return "cp037" if encoding == "ebcdic" else "latin-1"


@lru_cache
def _kinds(encoding: str) -> Bytes:
    """What each byte is within a number."""
    kinds = np.full(256, _OTHER, np.uint8)
    codec = _codec(encoding)
    marks = {"+": _PLUS, "-": _MINUS, ".": _POINT, ",": _POINT, " ": _BLANK}
    for mark, kind in marks.items():
        kinds[mark.encode(codec)[0]] = kind
    for family, characters in _punched(encoding):
        for value, character in enumerate(characters):
            kinds[character.encode(codec)[0]] = family | value
    if encoding == "ebcdic":
        kinds[0] = _BLANK
    return kinds


def _punched(encoding: str) -> list[tuple[int, str]]:
    """The characters from 0 to 9 of each family of digits."""
    families = [(_DIGIT, "0123456789"), (_PLUS_DIGIT, "{ABCDEFGHI"), (_MINUS_DIGIT, "}JKLMNOPQR")]
    return families if encoding == "ebcdic" else [*families, (_MINUS_DIGIT, "pqrstuvwxy")]


def encoded(number: Magnitude, negative: Mask, valid: Mask, field: FieldType, reading: Reading) -> tuple[Bytes, Mask]:
    """The characters, and where the digits fit. What is not valid (null) becomes blanks, which are no number."""
    digits_at, sign_at, point_at = form(field)
    codec = _codec(reading.encoding)
    digits, fits = taken_apart(number, len(digits_at))
    written = np.full((field.length, len(valid)), " ".encode(codec)[0], np.uint8)
    written[list(digits_at)] = digits + np.uint8(_zero(reading))
    if point_at is not None:
        written[point_at] = ("," if reading.decimal_comma else ".").encode(codec)[0]
    if sign_at is not None:
        written[sign_at] = np.where(negative, "-".encode(codec)[0], "+".encode(codec)[0])
    elif field.signed:
        place = 0 if field.sign_leading else -1
        tens = np.where(negative, 10, 0) + digits[place]
        written[digits_at[place]] = np.frombuffer("{ABCDEFGHI}JKLMNOPQR".encode(codec), np.uint8)[tens]
    written[:, ~valid] = " ".encode(codec)[0]
    return np.ascontiguousarray(written.T), fits
