"""How far each source is to be believed, learned from where sources agree: no truth has to be known.

Iterated truth discovery (TruthFinder, Yin, Han, Yu 2008; ACCU, Dong, Berti-Equille, Srivastava 2009): what reliable
sources say is believed, and a source is reliable as far as what it says is believed, until neither changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expectations.settling.ballots import Ballot, Floats
from expectations.settling.copying import dependence, independence, overlap

FIRST_TRUST = 0.8  # every source before anything is learned, so that the first round counts votes
PRIOR_CLAIMS = 5.0  # claims at the field's mean that each source starts with: few claims tell little
PRIOR_FIELD = 20.0  # claims at the first trust that each field's mean starts with
LEAST, MOST = 0.02, 0.98  # no source is always wrong or always right
ROUNDS = 60
STILL = 1e-3  # a change of trust too small to matter


@dataclass(frozen=True)
class Learned:
    """`trusts` of field and source, `copies` of pairs of sources, and for each field the belief in each value."""

    trusts: Floats
    copies: Floats
    beliefs: tuple[Floats, ...]
    rounds: int
    converged: bool


def learned(ballots: Sequence[Ballot], *, sources: int) -> Learned:
    """Beliefs and trust at their fixed point. Declared systems of record have no part in it: see docs/readiness."""
    overlaps = [overlap(ballot, sources=sources) for ballot in ballots]
    trusts, copies = np.full((len(ballots), sources), FIRST_TRUST), np.zeros((0, 0))
    rounds, converged = 0, not ballots
    while rounds < ROUNDS and not converged:
        rounds += 1
        beliefs = [_believed(ballot, trust, copies) for ballot, trust in zip(ballots, trusts, strict=True)]
        fresh = np.stack([_trusted(ballot, belief, sources) for ballot, belief in zip(ballots, beliefs, strict=True)])
        copies = dependence(overlaps, beliefs, fresh)
        converged = bool(np.abs(fresh - trusts).max(initial=0) < STILL)
        trusts = fresh
    final = tuple(_believed(ballot, trust, copies) for ballot, trust in zip(ballots, trusts, strict=True))
    return Learned(trusts, copies, final, rounds, converged)


def _believed(ballot: Ballot, trust: Floats, copies: Floats) -> Floats:
    """The probability of each value, among those said of its cell and the false ones that nobody says."""
    say = np.log(ballot.wrong * trust / (1 - trust))[ballot.who] * ballot.weight
    votes = np.bincount(ballot.value, say * independence(ballot, trust, copies), minlength=len(ballot.cell))
    highest = np.maximum(np.maximum.reduceat(votes, ballot.starts), 0.0)
    share = np.exp(votes - highest[ballot.cell])
    unsaid = np.maximum(ballot.wrong + 1 - np.bincount(ballot.cell), 0) * np.exp(-highest)
    belief: Floats = share / (np.bincount(ballot.cell, share) + unsaid)[ballot.cell]
    return belief


def _trusted(ballot: Ballot, belief: Floats, sources: int) -> Floats:
    """The share of each source's claims that is believed, of those that another source speaks of too."""
    counted = ballot.compared * ballot.weight * ballot.times[ballot.value]
    right = counted * belief[ballot.value]
    told, of = (np.bincount(ballot.who, numbers, minlength=sources) for numbers in (right, counted))
    mean = (told.sum() + PRIOR_FIELD * FIRST_TRUST) / (of.sum() + PRIOR_FIELD)
    trust: Floats = np.clip((told + PRIOR_CLAIMS * mean) / (of + PRIOR_CLAIMS), LEAST, MOST)
    return trust
