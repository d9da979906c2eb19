"""What agreement is worth: the weights of Fellegi and Sunter, learned without labels, or from some.

A level's weight is log2(m / u): m is how often true matches show the level, u how often two records by chance (Fellegi
and Sunter 1969, JASA 64:1183-1210). u is counted on random pairs; m comes from expectation maximisation over the
candidates (Winkler 1988, ASA Survey Research Methods, 667-671), in which a record shares one match among all its
candidates: what resembles many records is evidence for none. Agreement on a rare value weighs more than on a common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from expectations.linking.alike import Levels
from expectations.linking.plans import Comparison
from expectations.linking.values import MISSING, Column, Floats, Ints

ROUNDS = 60
SETTLED = 1e-5  # largest change of a probability
SMOOTHING = 0.5  # of a match: there is never none
ANCHOR = 10.0  # pairs that the first guess counts for: with few records there is little to learn from
TRUST = 20.0  # labelled matches that weigh as much as what was learned without labels
FEWEST = 10  # labels of either answer from which the threshold is theirs
RAREST = 8.0  # bits that rarity may add or take
CERTAIN = 30.0  # bits beyond which nothing is surer
HELD = 0.3  # of the last round's belief, so that rings of pairs settle
LIKELIEST_SHARE = 0.5  # of all pairs that are matches


@dataclass(frozen=True)
class Model:
    """`m` and `u` by field and level, the share of matches among all pairs there are, and the threshold in force."""

    comparisons: tuple[Comparison, ...]
    m: tuple[Floats, ...]
    u: tuple[Floats, ...]
    share: float
    accept: float

    @property
    def prior(self) -> float:
        """Bits in favour of a match before anything is compared."""
        return _prior(self.share)

    def level_weights(self) -> list[Floats]:
        """Bits by field and level; a higher level never weighs less than a lower one."""
        return [_rising(m, u) for m, u in zip(self.m, self.u, strict=True)]


def weights(model: Model, columns: Sequence[Column], levels: Levels, left: Ints) -> Floats:
    """Bits by field (rows) and pair, 0 where a value is missing."""
    told = np.zeros(levels.shape)
    for row, (column, by_level) in enumerate(zip(columns, model.level_weights(), strict=True)):
        known = levels[row] != MISSING
        told[row, known] = by_level[levels[row, known]]
        if column.comparison.term_frequency:
            same = levels[row] == len(by_level) - 1
            told[row, same] += rarity(column)[column.left[left[same]]]
    return told


def rarity(column: Column) -> Floats:
    """Bits by value: how much rarer it is than the values that two records share by chance."""
    shares = column.counts / max(column.counts.sum(), 1)
    chance = float((shares**2).sum())
    return np.asarray(np.clip(np.log2(chance / shares), -RAREST, RAREST))


def odds(model: Model, total: Floats) -> Floats:
    """For being the same, from the bits of all fields."""
    return np.asarray(np.exp2(np.clip(model.prior + total, -CERTAIN, CERTAIN)))


def at_most_one(odds: Floats, left: Ints, right: Ints, *, rounds: int = 30) -> Floats:
    """Probability of each pair, where no record has two partners; `left` and `right` are numbers of records.

    Belief propagation on matchings: exact where the pairs form no ring. One round weighs a record's candidates alone.
    """
    many = int(max(left.max(), right.max())) + 1 if len(left) else 0
    free_left, free_right = np.ones(len(odds)), np.ones(len(odds))  # that a record is free for this pair
    for turn in range(rounds):
        calls_left, calls_right = odds * free_right, odds * free_left
        others_left = np.bincount(left, calls_left, many)[left] - calls_left
        others_right = np.bincount(right, calls_right, many)[right] - calls_right
        held = HELD if turn else 0.0
        free_left = held * free_left + (1 - held) / (1 + np.maximum(others_left, 0.0))
        free_right = held * free_right + (1 - held) / (1 + np.maximum(others_right, 0.0))
    called = odds * free_left * free_right
    return called / (1 + called)


def sizes(comparisons: Sequence[Comparison]) -> list[int]:
    """How many levels each field has, without missing."""
    return [len(one.thresholds) + 2 for one in comparisons]


def learned(comparisons: Sequence[Comparison], levels: Levels, left: Ints, right: Ints, *, apart: Levels, most: float,
            of: float, accept: float) -> Model:  # fmt: skip
    """From the levels of candidate pairs and random pairs (`apart`), where at most `most` of `of` pairs are matches."""
    many = sizes(comparisons)
    patterns, kind, counts = _patterns(levels, many)
    limit = highest_share(most, of)
    u = tuple(
        _shares(apart[row], np.ones(apart.shape[1]), size, ANCHOR * _first_guess(size)[::-1])
        for row, size in enumerate(many)
    )
    model = Model(tuple(comparisons), tuple(_first_guess(size) for size in many), u, limit / 2, accept)
    for _ in range(ROUNDS):
        before = model
        likely = at_most_one(_pattern_odds(patterns, model)[kind], left, right, rounds=1)
        matches = np.bincount(kind, likely, len(counts)).astype(np.float64)
        m = tuple(_shares(patterns[row], matches, size, ANCHOR * _first_guess(size)) for row, size in enumerate(many))
        share = (matches.sum() + SMOOTHING) / max(of, 1.0)
        model = replace(before, m=m, share=float(min(share, limit)))
        if max(float(np.abs(one - other).max()) for one, other in zip(before.m, m, strict=True)) < SETTLED:
            break
    return model


def learned_share(total: Floats, left: Ints, right: Ints, *, most: float, of: float) -> float:
    """The share of matches among `of` pairs, from the bits of those that may be, where a record has one match."""
    limit = highest_share(most, of)
    share = limit / 2
    for _ in range(ROUNDS):
        before = share
        likely = at_most_one(np.exp2(np.clip(total + _prior(share), -CERTAIN, CERTAIN)), left, right, rounds=1)
        share = min((float(likely.sum()) + SMOOTHING) / max(of, 1.0), limit)
        if abs(share - before) < SETTLED * before:
            break
    return share


def highest_share(most: float, of: float) -> float:
    """As many matches as there can be, of all pairs."""
    return min(LIKELIEST_SHARE, max(most, 1.0) / max(of, 1.0))


def _prior(share: float) -> float:
    return float(np.log2(share / (1 - share)))


def taught(model: Model, levels: Levels, same: npt.NDArray[np.bool_]) -> Model:
    """The model with what labelled matches say of m; the more there are, the less counts what was learned before.

    u stays: it is how often records agree by chance, and labelled pairs that differ were not drawn by chance.
    """
    return replace(model, m=tuple(_blended(before, levels[row, same], TRUST) for row, before in enumerate(model.m)))


def _blended(before: Floats, levels: Levels, trust: float) -> Floats:
    counted = np.bincount(levels[levels != MISSING], minlength=len(before)) + trust * before
    return np.asarray(counted / counted.sum())


def threshold(probability: Floats, same: npt.NDArray[np.bool_], accept: float) -> float:
    """The probability from which labelled pairs are linked with the highest F1; `accept` where labels are too few."""
    if min(same.sum(), (~same).sum()) < FEWEST:
        return accept
    order = np.argsort(-probability, kind="stable")
    hits, linked = np.cumsum(same[order]), np.arange(1, len(same) + 1)
    last = np.append(np.diff(probability[order]) != 0, True)  # pairs of one probability go together
    f1 = np.where(last, 2 * hits / (linked + same.sum()), 0.0)
    place = int(np.argmax(f1))
    below = probability[order][place + 1] if place + 1 < len(order) else 0.0
    return float((probability[order][place] + below) / 2)


def _rising(m: Floats, u: Floats) -> Floats:
    """log2(m / u), where neighbouring levels that would fall are taken together (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for one, other in zip(m.tolist(), u.tolist(), strict=True):
        pools.append((one, other, 1))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] > pools[-1][0] * pools[-2][1]:
            last, before = pools.pop(), pools.pop()
            pools.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    return np.concatenate([np.full(levels, np.log2(one / other)) for one, other, levels in pools])


def _patterns(levels: Levels, many: Sequence[int]) -> tuple[Levels, Ints, Ints]:
    """The distinct columns of `levels`, for each pair which of them it is, and how many pairs each has."""
    packed = np.zeros(levels.shape[1], np.int64)
    for row, size in enumerate(many):
        packed = packed * (size + 1) + levels[row] + 1
    _, first, kind, counts = np.unique(packed, return_index=True, return_inverse=True, return_counts=True)
    return levels[:, first], kind, counts.astype(np.int64)


def _first_guess(size: int) -> Floats:
    """Matches agree: about half of them wholly, fewer at each level below. Others are the other way round."""
    guess = 0.5 ** np.arange(size, 0, -1)
    return np.asarray(guess / guess.sum())


def _shares(levels: Levels, by: Floats, size: int, before: Floats) -> Floats:
    known = levels != MISSING
    counted = np.bincount(levels[known], by[known], minlength=size) + before
    return np.asarray(counted / counted.sum())


def _pattern_odds(patterns: Levels, model: Model) -> Floats:
    bits = np.zeros(patterns.shape[1])
    for row, by_level in enumerate(model.level_weights()):
        known = patterns[row] != MISSING
        bits[known] += by_level[patterns[row, known]]
    return odds(model, bits)
