"""Decimal digits, one row of them per place, put together to numbers and taken apart again.

Arrays lie place by place (places, records), so that each step runs along contiguous memory. Neighbours are joined in
pairs, the pairs in fours, and so on: 16 places take four steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.formats.mainframe.integers import DIGITS, Bytes, Magnitude, Mask, Words, over, plus, times

GROUP = 16  # digits that are joined in 64 bits
_NARROW = 19  # digits that 64 bits hold without a sign
_LIMB = 10**8
_WIDER: tuple[type[np.unsignedinteger[Any]], ...] = (np.uint8, np.uint16, np.uint32, np.uint64)  # 2, 4, 8, 16 digits


def joined(places: Bytes, digits_a_place: int = 1) -> tuple[Magnitude, Mask]:
    """The numbers, and where they have at most 38 digits. A place holds a digit, or two (0 to 99)."""
    count = len(places) * digits_a_place
    groups = _groups(places, digits_a_place)
    if count <= GROUP:
        return Magnitude(groups[0], None), np.ones(places.shape[1], np.bool_)
    if count <= _NARROW:
        return Magnitude(groups[0] * np.uint64(10**GROUP) + groups[1], None), np.ones(places.shape[1], np.bool_)
    fits, groups = _within(groups)
    number = Magnitude(groups[0], None)
    for group in groups[1:]:
        number = plus(times(number, 10**GROUP), group)
    return number, fits


def taken_apart(number: Magnitude, places: int) -> tuple[Bytes, Mask]:
    """The digits of the numbers, right-aligned in so many places, and where they fit."""
    digits = np.zeros((max(places, 40), len(number.low)), np.uint8)
    for end in range(len(digits), len(digits) - 40, -8):
        number, group = over(number, _LIMB)
        for place in range(end - 1, end - 9, -1):
            group, digit = np.divmod(group, np.uint64(10))
            digits[place] = digit
    return digits[-places:], np.equal(digits[:-places].max(axis=0, initial=0), 0)


def _groups(places: Bytes, digits_a_place: int) -> list[Words]:
    """Numbers of 16 digits, the most significant first (and perhaps shorter)."""
    size = GROUP // digits_a_place
    first = len(places) % size or size
    starts = [0, *range(first, len(places), size)]
    ends = [*starts[1:], len(places)]
    return [_one(places[start:end], digits_a_place) for start, end in zip(starts, ends, strict=True)]


def _one(places: npt.NDArray[np.unsignedinteger[Any]], digits: int) -> Words:
    """The number of at most 16 digits."""
    while len(places) > 1:
        wider = _WIDER[digits.bit_length() - 1]
        base = wider(10**digits)
        odd = len(places) % 2
        left = places[odd:-1:2].astype(wider)
        left *= base
        left += places[odd + 1 :: 2]
        places = np.concatenate([places[:1].astype(wider), left]) if odd else left
        digits *= 2
    one: Words = places[0].astype(np.uint64)
    return one


def _within(groups: list[Words]) -> tuple[Mask, list[Words]]:
    """Where the groups hold no more than 38 digits, and the groups that can."""
    last = groups[-3:]
    fits: Mask = np.ones(len(groups[0]), np.bool_)
    for group in groups[:-3]:
        fits &= np.equal(group, 0)
    if len(last) == 3:
        fits &= np.less(last[0], 10 ** (DIGITS - 2 * GROUP))
    return fits, last
