"""How alike the values of pairs are, for a whole column of pairs at once, and the level that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expectations.linking.values import MISSING, Column, Floats, Ints

DAYS_APART = 31  # a date that is a month off is no longer near
Levels = npt.NDArray[np.int8]


def levels(column: Column, left: Ints, right: Ints) -> Levels:
    """The level of each pair of records: -1 missing on a side, 0 unlike, then rising to the highest, the same value."""
    mine, theirs = column.left[left], column.right[right]
    known = (mine != MISSING) & (theirs != MISSING)
    same = known & (mine == theirs)
    told = np.where(known, 0, MISSING).astype(np.int8)
    top = len(column.comparison.thresholds) + 1
    told[same] = top
    open_ = np.flatnonzero(known & ~same)
    if top > 1 and len(open_):
        told[open_] = _level(column, similarity(column, mine[open_], theirs[open_]))
    return told


def _level(column: Column, alike: Floats) -> Levels:
    rising = np.array(column.comparison.thresholds[::-1])
    return np.searchsorted(rising, alike, side="right").astype(np.int8)


def similarity(column: Column, mine: Ints, theirs: Ints) -> Floats:
    """From 0 to 1 for pairs of values that differ; 0 where their kind knows no nearness."""
    kind = column.comparison.kind
    if kind == "exact":
        return np.zeros(len(mine))
    if kind in ("number", "date"):
        return _nearness(column, mine, theirs)
    letters = _by_letters(column, mine, theirs)
    return letters if kind == "code" else np.maximum(letters, _by_words(column, mine, theirs))


def _by_letters(column: Column, mine: Ints, theirs: Ints) -> Floats:
    """Dice's coefficient of the letter pairs."""
    assert column.bits is not None and column.bit_counts is not None  # noqa: S101 - a text or a code has them
    shared = np.bitwise_count(column.bits[mine] & column.bits[theirs]).sum(axis=1, dtype=np.int64)
    told: Floats = 2 * shared / np.maximum(column.bit_counts[mine] + column.bit_counts[theirs], 1)
    return told


def _by_words(column: Column, mine: Ints, theirs: Ints) -> Floats:
    """Dice's coefficient of the words, each as heavy as it is rare; the order of words does not count."""
    assert column.words is not None and column.word_weights is not None and column.weighs is not None  # noqa: S101
    ours = np.ascontiguousarray(column.words[mine].T)
    others = np.ascontiguousarray(column.words[theirs].T)
    shared = np.zeros(len(mine))
    for place in ours:  # by place in the value, not by pair
        hit = (others == place).any(axis=0) & (place != MISSING)
        shared[hit] += column.word_weights[place[hit]]
    return 2 * shared / np.maximum(column.weighs[mine] + column.weighs[theirs], 1e-9)


def _nearness(column: Column, mine: Ints, theirs: Ints) -> Floats:
    """Dates by days; numbers by how far they are apart, as a share of the spread that half of all values lie in."""
    assert column.numbers is not None  # noqa: S101 - a number or a date has them
    apart = np.abs(column.numbers[mine] - column.numbers[theirs])
    scale = DAYS_APART if column.comparison.kind == "date" else column.spread
    return np.nan_to_num(np.maximum(1 - apart / scale, 0.0), nan=0.0)
