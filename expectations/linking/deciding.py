"""What becomes of each scored pair: a link, a question for a person, or nothing, and the reason."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from expectations.linking import weights as learning
from expectations.linking.clusters import torn
from expectations.linking.scoring import Scored, Words
from expectations.linking.tasks import Task

Decision = Literal["link", "review", "no"]
Codes = npt.NDArray[np.int8]
RIVALLED = 0.2  # probability from which a pair that only its rivals keep from being linked is reviewed
DECISIONS: tuple[Decision | Literal[""], ...] = ("", "no", "review", "link")
UNTOLD, NO, REVIEW, LINK = range(4)
REASONS = ("weights", "key", "person", "few_fields", "one_to_one", "kept_apart")
WEIGHTS, KEY, PERSON, FEW, ONE_TO_ONE, KEPT_APART = range(6)


def decided_pairs(task: Task, model: learning.Model, scored: Scored, word: Words) -> tuple[Codes, Codes]:
    """The decision and the reason of each pair, as places in DECISIONS and REASONS."""
    few = (scored.bits > 0).sum(axis=0) < min(task.plan.agreeing, len(task.columns))
    linked = scored.probability >= model.accept
    reason = np.select([word != 0, scored.sure, linked & few], [PERSON, KEY, FEW], WEIGHTS).astype(np.int8)
    linked = (word > 0) | ((word == 0) & linked & (scored.sure | ~few))
    if task.plan.one_to_one:
        second = linked & ~_first(scored, linked)
        linked, reason[second] = linked & ~second, ONE_TO_ONE
    torn_ = np.zeros(len(linked), bool)
    torn_[linked] = _torn(task, scored.where(linked), scored.where(word < 0))
    linked, reason[torn_] = linked & ~torn_, KEPT_APART
    rivalled = task.plan.one_to_one & ~linked & (word == 0) & (scored.probability >= RIVALLED)
    rivalled &= scored.sure | (learning.odds(model, scored.total) >= model.accept / (1 - min(model.accept, 1 - 1e-9)))
    reason[rivalled & (reason == WEIGHTS)] = ONE_TO_ONE
    review = rivalled | (scored.probability >= task.plan.review) | (reason >= FEW)
    return np.select([word < 0, linked, review], [NO, LINK, REVIEW], UNTOLD).astype(np.int8), reason


def _first(scored: Scored, linked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a linked pair is the strongest of both its records; pairs stand strongest first."""
    told = pl.DataFrame({"left": scored.left, "right": scored.right, "linked": linked})
    firsts = [pl.struct(side, "linked").is_first_distinct() for side in ("left", "right")]
    return told.select(pl.all_horizontal(*firsts)).to_series().to_numpy()


def _torn(task: Task, linked: Scored, apart: Scored) -> npt.NDArray[np.bool_]:
    forbidden = zip(apart.left.tolist(), task.nodes(apart.right).tolist(), strict=True)
    return torn(linked.left, task.nodes(linked.right), list(forbidden), task.many)
