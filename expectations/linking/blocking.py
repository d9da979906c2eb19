"""Which pairs are compared at all: records that share a blocking key, in batches of bounded size.

Values that too many records share make no pairs; they are counted, so that what was not looked at is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from expectations.linking.plans import BlockingKey, LinkPlan
from expectations.linking.values import MISSING, Column, Ints

BATCH = 500_000  # pairs of a batch


@dataclass(frozen=True)
class _Side:
    """The records of one side under one key, as (key, record) sorted by key."""

    keys: npt.NDArray[np.uint64]
    records: Ints


@dataclass(frozen=True)
class _Way:
    """One blocking key: left records with the stretch of right records that share their key."""

    left: Ints  # sorted
    start: Ints
    count: Ints
    right: Ints


@dataclass(frozen=True)
class Candidates:
    """All pairs worth comparing. `skipped` counts by key name the pairs that lie in blocks above the limit."""

    ways: tuple[_Way, ...]
    many_left: int
    many_right: int
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Pairs, where those that several keys bring count as often."""
        return sum(int(way.count.sum()) for way in self.ways)

    def batches(self, rows: Ints | None = None) -> Iterator[tuple[Ints, Ints]]:
        """Left and right record numbers of distinct pairs, for all left records or those in `rows` (sorted)."""
        rows = np.arange(self.many_left) if rows is None else rows
        weights = sum((np.bincount(way.left, way.count, self.many_left) for way in self.ways), np.zeros(self.many_left))
        batch = np.cumsum(weights[rows]) // BATCH
        for one in np.split(rows, np.flatnonzero(np.diff(batch)) + 1):
            if len(one):
                yield self._pairs(one)

    def _pairs(self, rows: Ints) -> tuple[Ints, Ints]:
        found = [_spread(way, rows) for way in self.ways]
        left, right = (np.concatenate([one[side] for one in found]) for side in (0, 1))
        packed = _distinct(left * self.many_right + right)
        return packed // self.many_right, packed % self.many_right


def candidates(plan: LinkPlan, columns: Mapping[str, Column], *, within: bool = False) -> Candidates:
    """The pairs that the plan's blocking keys and deterministic keys bring together."""
    ways, skipped = [], {}
    any_ = next(iter(columns.values()))
    sizes = len(any_.left), len(any_.right)
    for key in plan.ways:
        ours, theirs = (_side(key, columns, side) for side in ("left", "right"))
        way, lost = _meet(ours, theirs, plan.block_limit, within=within)
        ways.append(way)
        if lost:
            skipped[key.name] = lost
    return Candidates(tuple(ways), *sizes, skipped=skipped)


def _meet(ours: _Side, theirs: _Side, limit: int, *, within: bool) -> tuple[_Way, int]:
    """The right-hand stretch of every left record, where the whole block makes no more pairs than the limit."""
    start = np.searchsorted(theirs.keys, ours.keys, "left")
    count = np.searchsorted(theirs.keys, ours.keys, "right") - start
    mine = np.searchsorted(ours.keys, ours.keys, "right") - np.searchsorted(ours.keys, ours.keys, "left")
    small = (mine * (mine - 1) // 2 if within else mine * count) <= limit
    if within:  # the later records only: each pair is made once, and nobody meets himself
        first = np.arange(len(ours.keys)) + 1
        start, count = first, start + count - first
    lost = int(count[~small].sum())
    kept = small & (count > 0)
    order = np.argsort(ours.records[kept], kind="stable")
    return _Way(ours.records[kept][order], start[kept][order], count[kept][order], theirs.records), lost


def _spread(way: _Way, rows: Ints) -> tuple[Ints, Ints]:
    chosen = np.flatnonzero(_among(way.left, rows))
    count = way.count[chosen]
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(way.left[chosen], count), way.right[np.repeat(way.start[chosen], count) + within]


def _among(sorted_: Ints, rows: Ints) -> npt.NDArray[np.bool_]:
    if not len(rows):
        return np.zeros(len(sorted_), bool)
    place = np.minimum(np.searchsorted(rows, sorted_), len(rows) - 1)
    return np.asarray(rows[place] == sorted_)


def _distinct(packed: Ints) -> Ints:
    packed = np.sort(packed)
    return np.asarray(packed[np.diff(packed, prepend=-1) != 0])


def _side(key: BlockingKey, columns: Mapping[str, Column], side: str) -> _Side:
    chosen = [columns[name] for name in key.fields]
    if key.by == "words":
        keys, records = _word_keys(chosen[0], side, key.length)
    else:
        keys, records = _value_keys(key, chosen, side)
    order = np.lexsort((records, keys))
    return _Side(keys[order], records[order])


def _value_keys(key: BlockingKey, chosen: list[Column], side: str) -> tuple[npt.NDArray[np.uint64], Ints]:
    """One key per record that holds all fields: their values' numbers, hashed together."""
    many = len(chosen[0].left if side == "left" else chosen[0].right)
    mixed, known = np.zeros(many, np.uint64), np.ones(many, bool)
    for one in chosen:
        numbers = one.left if side == "left" else one.right
        known = known & (numbers != MISSING)
        if key.by == "prefix":
            numbers = _prefixes(one.values, key.length)[numbers]
        mixed = (mixed ^ numbers.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = mixed ^ (mixed >> np.uint64(29))
    records = np.flatnonzero(known)
    return mixed[records], records


def _prefixes(values: pl.Series, length: int) -> Ints:
    """By value the number of its first characters; one more at the end, so that -1 finds a place."""
    ranks = values.str.slice(0, length).rank("dense").cast(pl.Int64).to_numpy()
    return np.append(ranks, 0)


def _word_keys(one: Column, side: str, length: int) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Several keys per record: the rarest of its words that some record of the other side holds too."""
    if one.words is None or one.word_reach is None:
        raise ValueError(f"'{one.comparison.name}' is compared as {one.comparison.kind}, and has no words to block by")
    numbers = one.left if side == "left" else one.right
    shared = (one.words != MISSING) & (one.word_reach[one.words] > 0) if len(one.word_reach) else one.words >= 0
    shared &= np.cumsum(shared, axis=1) <= length
    records = np.flatnonzero(numbers != MISSING)
    words, kept = one.words[numbers[records]], shared[numbers[records]]
    return words[kept].astype(np.uint64), np.repeat(records, kept.sum(axis=1))
