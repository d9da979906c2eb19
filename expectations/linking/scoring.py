"""The bits and the probability of every candidate pair, from a model that the pairs themselves teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expectations.linking import weights as learning
from expectations.linking.tasks import Known, Task
from expectations.linking.values import Floats, Ints

Words = npt.NDArray[np.int8]
LEARN_FROM = 1_000_000  # candidate pairs, and as many random ones at most
RANDOM_PAIRS = 200_000
FAINTEST = 0.01  # probability below which a pair is no rival either
KEY_BITS, PERSON_BITS = 36.0, 42.0  # a key outweighs all fields, a person every key


@dataclass(frozen=True)
class Scored:
    """Pairs with their bits by field; `sure` pairs share a deterministic key."""

    left: Ints
    right: Ints
    bits: Floats  # fields x pairs
    sure: npt.NDArray[np.bool_]
    probability: Floats

    @property
    def total(self) -> Floats:
        """The bits of all fields together, by pair."""
        return np.asarray(self.bits.sum(axis=0))

    def where(self, chosen: npt.NDArray[np.bool_] | Ints) -> Scored:
        """Only the chosen pairs, by a mask or by their places."""
        return Scored(
            self.left[chosen], self.right[chosen], self.bits[:, chosen], self.sure[chosen], self.probability[chosen]
        )


def learned_model(task: Task, seed: int) -> learning.Model:
    """What the candidates of random records teach, beside random pairs."""
    chance = np.random.default_rng(seed)
    left, right, rows = _to_learn(task, chance)
    of = rows * (len(task.right) - 1) / 2 if task.within else rows * len(task.right)
    apart = _random_pairs(task, chance)
    return learning.learned(
        task.plan.comparisons, task.levels(left, right), left, task.nodes(right), apart=task.levels(*apart),
        most=min(rows, len(task.right)), of=of, accept=task.plan.accept,
    )  # fmt: skip


def _to_learn(task: Task, chance: np.random.Generator) -> tuple[Ints, Ints, int]:
    """All candidates, or those of so many random records that there are about LEARN_FROM; and how many records."""
    total = task.pairs.total
    share = min(1.0, LEARN_FROM / max(total, 1))
    rows = np.flatnonzero(chance.random(len(task.left)) < share)
    batches = list(task.pairs.batches(rows))
    nothing = np.zeros(0, np.int64)
    left, right = (np.concatenate([nothing, *(batch[side] for batch in batches)]) for side in (0, 1))
    return left, right, len(rows)


def _random_pairs(task: Task, chance: np.random.Generator) -> tuple[Ints, Ints]:
    if not (len(task.left) and len(task.right)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    many = min(RANDOM_PAIRS, len(task.left) * len(task.right))
    left, right = (chance.integers(len(side), size=many) for side in (task.left, task.right))
    other = left != right if task.within else np.ones(many, bool)
    return left[other], right[other]


def all_scores(task: Task, model: learning.Model) -> tuple[Scored, int]:
    """The candidates that are not out of the question, batch by batch, and how many were compared."""
    kept, compared = [], 0
    for left, right in task.pairs.batches():
        compared += len(left)
        scored = _scored(task, model, left, right)
        kept.append(scored.where((scored.probability >= min(FAINTEST, task.plan.review)) | scored.sure))
    empty = np.zeros(0, np.int64)
    return joined([_scored(task, model, empty, empty), *kept]), compared


def joined(parts: Sequence[Scored]) -> Scored:
    """All pairs of several parts, of which there is one at least."""
    return Scored(
        np.concatenate([one.left for one in parts]), np.concatenate([one.right for one in parts]),
        np.concatenate([one.bits for one in parts], axis=1), np.concatenate([one.sure for one in parts]),
        np.concatenate([one.probability for one in parts]),
    )  # fmt: skip


def _scored(task: Task, model: learning.Model, left: Ints, right: Ints) -> Scored:
    bits = learning.weights(model, task.columns, task.levels(left, right), left)
    odds = learning.odds(model, bits.sum(axis=0))
    return Scored(left, right, bits, task.sure(left, right), odds / (1 + odds))


def with_words(task: Task, model: learning.Model, scored: Scored, said: Known) -> tuple[Scored, Words]:
    """All scored pairs and those that a person decided, strongest first, and what the person said: 1, -1, or 0."""
    packed, decided = task.packed(scored.left, scored.right), task.packed(said.left, said.right)
    more = ~np.isin(decided, packed)
    if more.any():
        scored = joined([scored, _scored(task, model, said.left[more], said.right[more])])
        packed = task.packed(scored.left, scored.right)
    word = np.zeros(len(packed), np.int8)
    order = np.argsort(decided)
    at = np.minimum(np.searchsorted(decided[order], packed), max(len(decided) - 1, 0))
    if len(decided):
        hit = decided[order][at] == packed
        word[hit] = np.where(said.same[order][at[hit]], 1, -1)
    strongest = np.lexsort((scored.right, scored.left, -scored.total, ~scored.sure, -word))
    return scored.where(strongest), word[strongest]


def probabilities(task: Task, model: learning.Model, scored: Scored, word: Words) -> Floats:
    """Of being the same. Where a record has one partner at most, its candidates share one probability."""
    odds = learning.odds(model, scored.total)
    odds[scored.sure] = 2.0**KEY_BITS
    odds[word > 0], odds[word < 0] = 2.0**PERSON_BITS, 0.0
    if task.plan.one_to_one:
        return learning.at_most_one(odds, scored.left, task.nodes(scored.right))
    return odds / (1 + odds)


def threshold_in_force(task: Task, scored: Scored, known: Known) -> float:
    """The plan's, or what the labels say; a labelled pair that is no candidate has no probability."""
    packed = task.packed(scored.left, scored.right)
    order = np.argsort(packed)
    labelled = task.packed(known.left, known.right)
    told = np.zeros(len(labelled))
    if len(packed):
        at = order[np.minimum(np.searchsorted(packed[order], labelled), len(packed) - 1)]
        told = np.where(packed[at] == labelled, scored.probability[at], 0.0)
    return learning.threshold(told, known.same, task.plan.accept)
