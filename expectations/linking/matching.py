"""Find which records of two systems, or of one, are the same thing, with the evidence, the doubt, and a way back.

Deterministic keys decide first, then the weights of `expectations.linking.weights`; what lies between the two
thresholds is for a person, whose word is obeyed from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from catalog.errors import Refusal
from expectations.linking import weights as learning
from expectations.linking.deciding import LINK, decided_pairs
from expectations.linking.plans import LinkPlan
from expectations.linking.scoring import (
    Scored,
    all_scores,
    learned_model,
    probabilities,
    threshold_in_force,
    with_words,
)
from expectations.linking.tables import clusters_of, pairs_table
from expectations.linking.tasks import Known, Task, known_pairs, task_of


@dataclass(frozen=True)
class Links:
    """What was found. No row of either frame is changed or merged.

    `pairs`: `left`, `right` (keys as text), `probability`, `decision` (link, review or no), `reason`, `weight` (bits)
    and `weight_FIELD` for each field, of every pair from the review threshold on and of all that a person decided.
    `clusters`: `cluster`, `side`, `key` of every linked record; a cluster is called by its first member.
    `candidates`: pairs that were compared. `skipped`: by blocking key, pairs in blocks above the limit, left out by it.
    `unused`: decisions and labels about records that are not there.
    """

    pairs: pl.DataFrame
    clusters: pl.DataFrame
    model: learning.Model
    candidates: int
    skipped: Mapping[str, int]
    unused: int


def link(left: pl.DataFrame, right: pl.DataFrame, plan: LinkPlan, *, decisions: pl.DataFrame | None = None,
         labels: pl.DataFrame | None = None, seed: int = 0) -> Links:  # fmt: skip
    """Pairs of a left and a right record that are the same.

    `decisions` has a row for each word of a person: `left`, `right` (keys), `same` (true or false); a later row
    replaces an earlier one, so one row undoes a link. `labels`, in the same columns, are known pairs to learn from.
    Refuses a plan whose columns or keys the frames do not have.
    """
    return _linked(task_of(left, right, plan, within=False), decisions, labels, seed)


def duplicates(frame: pl.DataFrame, plan: LinkPlan, *, decisions: pl.DataFrame | None = None,
               labels: pl.DataFrame | None = None, seed: int = 0) -> Links:  # fmt: skip
    """Pairs of records of one frame that are the same, the earlier row on the left; as `link` otherwise."""
    crossed = [one.name for one in plan.comparisons if one.left != one.right]
    if plan.left_key != plan.right_key or crossed or plan.one_to_one:
        raise Refusal(
            "this plan compares two systems, not one with itself",
            "For duplicates, name the same key and columns on both sides, and leave one_to_one off.",
        )
    return _linked(task_of(frame, frame, plan, within=True), decisions, labels, seed)


def _linked(task: Task, decisions: pl.DataFrame | None, labels: pl.DataFrame | None, seed: int) -> Links:
    said, known = known_pairs(task, decisions, "decisions"), known_pairs(task, labels, "labels")
    if task.plan.engine == "splink":
        model, scored, compared = _by_splink(task, said, labels, seed)
    else:
        model = learned_model(task, seed)
        if len(known.left):
            model = learning.taught(model, task.levels(known.left, known.right), known.same)
        scored, compared = all_scores(task, model)
    scored, word = with_words(task, model, scored, said)
    scored = replace(scored, probability=probabilities(task, model, scored, word))
    model = replace(model, accept=threshold_in_force(task, scored, known))
    decided, reason = decided_pairs(task, model, scored, word)
    pairs = pairs_table(task, scored, decided, reason)
    linked = scored.where(decided == LINK)
    return Links(pairs, clusters_of(task, linked), model, compared, task.pairs.skipped, said.unused + known.unused)


def _by_splink(task: Task, said: Known, labels: pl.DataFrame | None, seed: int) -> tuple[learning.Model, Scored, int]:
    from expectations.linking.splink_engine import splink_scores

    if labels is not None:
        raise Refusal("labels teach the engine polars only", "Leave them out, or set engine to polars.")
    return splink_scores(task, said, seed=seed)
