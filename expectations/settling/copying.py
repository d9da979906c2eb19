"""Which sources copy from which: independent ones rarely make the same mistakes (Dong, Berti-Equille, Srivastava 2009).

For each pair the evidence is the claims it shares that are probably true, the shared ones that are probably false, and
those in which it differs, each weighed by how much likelier it is where one copies from the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from expectations.settling.ballots import Ballot, Floats, Numbers

WATCHED = 200  # sources, those with most claims, that are looked at for copying: the work grows with their square
CELLS = 5_000  # of a field that are looked at, evenly spread: more of them tell nothing new
COPIED = 0.8  # the share of its claims that a copying source is thought to copy
BEFOREHAND = 0.05  # how likely any pair is to copy, before anything is seen
FAINT = 0.01  # a likelihood of copying that is not worth a look
CERTAIN = 50.0  # log odds beyond which nothing changes
BLOCK = 4_000_000  # numbers of a table held at once


@dataclass(frozen=True)
class Overlap:
    """Of one field, the claims that are looked at, and of each pair of sources in how many cells both speak.

    `same` counts those where they say the same. `wrong` is the number of false values that could be said of a cell.
    `times` tells for each value how many cells it stands for.
    """

    who: Numbers
    value: Numbers
    times: Floats
    both: Floats
    same: Floats
    wrong: int


def overlap(ballot: Ballot, *, sources: int) -> Overlap:
    """Of the first `WATCHED` sources, over `CELLS` cells."""
    watched = min(WATCHED, sources)
    step = max(1, int(ballot.times[ballot.starts].sum()) // CELLS)
    counted = ballot.times > 1
    times = np.where(counted, ballot.times / step, 1.0)  # what is counted is looked at in the share of the rest
    sampled = (ballot.cell % step == 0) | counted
    looked = ballot.compared & sampled[ballot.value] & (ballot.who < watched)
    who, value = ballot.who[looked], ballot.value[looked]
    of_cell = times[ballot.starts]
    both = _together(who, ballot.cell[value], watched, of_cell)
    return Overlap(who, value, times, both, _together(who, value, watched, times), ballot.wrong)


def dependence(overlaps: Sequence[Overlap], beliefs: Sequence[Floats], trusts: Floats) -> Floats:
    """How likely each pair of sources is to copy, from all fields together."""
    watched = min(WATCHED, trusts.shape[1])
    odds = np.full((watched, watched), np.log(BEFOREHAND / (1 - BEFOREHAND)))
    for seen, belief, trust in zip(overlaps, beliefs, trusts, strict=True):
        odds += _evidence(seen, belief, trust[:watched])
    likely: Floats = 1.0 / (1.0 + np.exp(-np.clip(odds, -CERTAIN, CERTAIN)))
    np.fill_diagonal(likely, 0.0)
    return likely


def _evidence(seen: Overlap, belief: Floats, trust: Floats) -> Floats:
    """Log likelihood ratio of copying to independence."""
    true = _together(seen.who, seen.value, len(trust), belief * seen.times)
    right = np.outer(trust, trust)
    wrong = np.outer(1 - trust, 1 - trust) / seen.wrong
    mean = (trust[:, None] + trust[None, :]) / 2
    evidence: Floats = (
        true * np.log(COPIED * mean / right + 1 - COPIED)
        + np.maximum(seen.same - true, 0) * np.log(COPIED * (1 - mean) / wrong + 1 - COPIED)
        + np.maximum(seen.both - seen.same, 0) * np.log(1 - COPIED)
    )
    return evidence


def _together(who: Numbers, rows: Numbers, width: int, weight: Floats | None = None) -> Floats:
    """In how many rows each pair of sources has a claim; with weights of the rows, their sum."""
    told = np.zeros((width, width))
    for part in _parts(rows, width):
        row, table = _table(rows[part], who[part], width)
        weighed = table
        if weight is not None:
            of_row = np.zeros(len(table))
            of_row[row] = weight[rows[part]]
            weighed = table * of_row[:, None]
        told += table.T @ weighed
    return told


def _table(rows: Numbers, who: Numbers, width: int) -> tuple[Numbers, Floats]:
    """Of claims in the order of their rows: the row of each, from 0, and a table of who has a claim in which row."""
    starts = np.diff(rows, prepend=-1) != 0
    row = np.cumsum(starts) - 1
    table = np.zeros((int(starts.sum()), width))
    table[row, who] = 1.0
    return row, table


def _parts(rows: Numbers, width: int) -> Iterator[slice]:
    """Claims in pieces of bounded size that end where a row of the table ends."""
    ends = np.flatnonzero(np.diff(rows, append=-1)) + 1
    start, most = 0, max(1, BLOCK // width)
    while start < len(rows):
        fits, least = np.searchsorted(ends, start + most, "right") - 1, np.searchsorted(ends, start, "right")
        end = int(ends[max(fits, least)])
        yield slice(start, end)
        start = end


def independence(ballot: Ballot, trust: Floats, copies: Floats) -> Floats:
    """What is left of each claim's say where others that say the same may have been copied.

    The most reliable of them has its whole say; each further one what none of those before it accounts for.
    """
    share = np.ones(len(ballot.who))
    suspects = np.flatnonzero((copies > FAINT).any(axis=0))
    ranked = suspects[np.lexsort((suspects, -trust[suspects]))]
    column = np.full(len(trust), -1)
    column[ranked] = np.arange(len(ranked))
    logs = np.triu(np.log1p(-COPIED * copies[np.ix_(ranked, ranked)]), 1)
    looked = np.flatnonzero(column[ballot.who] >= 0)
    for part in _parts(ballot.value[looked], max(1, len(ranked))):
        claims = looked[part]
        row, table = _table(ballot.value[claims], column[ballot.who[claims]], len(ranked))
        share[claims] = np.exp((table @ logs)[row, column[ballot.who[claims]]])
    return share
