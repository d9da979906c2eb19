"""Find which records of two systems, or of one, are the same thing, with the evidence, the doubt, and a way back.

Deterministic keys decide first, then the weights of `expectations.linking.weights`; what lies between the two
thresholds is for a person, whose word is obeyed from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.errors import Refusal
from catalog.names import did_you_mean
from expectations.linking import weights as learning
from expectations.linking.alike import Levels, levels
from expectations.linking.blocking import Candidates, candidates
from expectations.linking.clusters import components, torn
from expectations.linking.plans import LinkPlan
from expectations.linking.values import Column, Floats, Ints, column
from expectations.wording import as_text

Decision = Literal["link", "review", "no"]
Words = npt.NDArray[np.int8]
Codes = npt.NDArray[np.int8]
LEARN_FROM = 1_000_000  # candidate pairs, and as many random ones at most
RANDOM_PAIRS = 200_000
RIVALLED = 0.2  # probability from which a pair that only its rivals keep from being linked is reviewed
FAINTEST = 0.01  # probability below which a pair is no rival either
KEY_BITS, PERSON_BITS = 36.0, 42.0  # a key outweighs all fields, a person every key
DECISIONS: tuple[Decision | Literal[""], ...] = ("", "no", "review", "link")
UNTOLD, NO, REVIEW, LINK = range(4)
REASONS = ("weights", "key", "person", "few_fields", "one_to_one", "kept_apart")
WEIGHTS, KEY, PERSON, FEW, ONE_TO_ONE, KEPT_APART = range(6)
MEMBER = {"side": pl.String, "key": pl.String}
DECISION_COLUMNS = ("left", "right", "same")


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


@dataclass(frozen=True)
class _Task:
    """Both sides made comparable."""

    plan: LinkPlan
    columns: Sequence[Column]
    pairs: Candidates
    left: pl.Series
    right: pl.Series
    within: bool

    def levels(self, left: Ints, right: Ints) -> Levels:
        return np.stack([levels(one, left, right) for one in self.columns])

    @property
    def many(self) -> int:
        """How many records there are."""
        return len(self.left) + (0 if self.within else len(self.right))

    def packed(self, left: Ints, right: Ints) -> Ints:
        """One number by pair."""
        return left * len(self.right) + right

    def nodes(self, right: Ints) -> Ints:
        """Records of the right side, numbered after those of the left; the same where both sides are one frame."""
        return right if self.within else right + len(self.left)


@dataclass(frozen=True)
class _Known:
    """Pairs that somebody knows, by record number; the last word about a pair counts."""

    left: Ints
    right: Ints
    same: npt.NDArray[np.bool_]
    unused: int = 0


@dataclass(frozen=True)
class _Scored:
    """Pairs with their bits by field; `sure` pairs share a deterministic key."""

    left: Ints
    right: Ints
    bits: Floats  # fields x pairs
    sure: npt.NDArray[np.bool_]
    probability: Floats

    @property
    def total(self) -> Floats:
        return np.asarray(self.bits.sum(axis=0))

    def where(self, chosen: npt.NDArray[np.bool_] | Ints) -> _Scored:
        return _Scored(
            self.left[chosen], self.right[chosen], self.bits[:, chosen], self.sure[chosen], self.probability[chosen]
        )


def link(left: pl.DataFrame, right: pl.DataFrame, plan: LinkPlan, *, decisions: pl.DataFrame | None = None,
         labels: pl.DataFrame | None = None, seed: int = 0) -> Links:  # fmt: skip
    """Pairs of a left and a right record that are the same.

    `decisions` has a row for each word of a person: `left`, `right` (keys), `same` (true or false); a later row
    replaces an earlier one, so one row undoes a link. `labels`, in the same columns, are known pairs to learn from.
    Refuses a plan whose columns or keys the frames do not have.
    """
    return _linked(_task(left, right, plan, within=False), decisions, labels, seed)


def duplicates(frame: pl.DataFrame, plan: LinkPlan, *, decisions: pl.DataFrame | None = None,
               labels: pl.DataFrame | None = None, seed: int = 0) -> Links:  # fmt: skip
    """Pairs of records of one frame that are the same, the earlier row on the left; as `link` otherwise."""
    crossed = [one.name for one in plan.comparisons if one.left != one.right]
    if plan.left_key != plan.right_key or crossed or plan.one_to_one:
        raise Refusal(
            "this plan compares two systems, not one with itself",
            "For duplicates, name the same key and columns on both sides, and leave one_to_one off.",
        )
    return _linked(_task(frame, frame, plan, within=True), decisions, labels, seed)


def _task(left: pl.DataFrame, right: pl.DataFrame, plan: LinkPlan, *, within: bool) -> _Task:
    keys = _keys(left, plan.left_key, plan.left), _keys(right, plan.right_key, plan.right)
    for one in plan.comparisons:
        _require(left, one.left, plan.left)
        _require(right, one.right, plan.right)
    columns = {one.name: column(one, left, right, within=within) for one in plan.comparisons}
    return _Task(plan, list(columns.values()), candidates(plan, columns, within=within), *keys, within=within)


def _require(frame: pl.DataFrame, name: str, side: str) -> None:
    if name not in frame.columns:
        hint = did_you_mean(name, frame.columns)
        raise Refusal(
            f"'{side}' has no column '{name}'", hint or f"It has {len(frame.columns)} columns; correct the plan."
        )


def _keys(frame: pl.DataFrame, name: str, side: str) -> pl.Series:
    """The key of every record as text."""
    _require(frame, name, side)
    keys = frame.select(as_text(frame.schema, name).alias("key")).to_series()
    empty, repeated = keys.null_count(), len(keys) - keys.n_unique()
    if empty or repeated:
        what = f"{empty:,} records without one" if empty else f"{repeated:,} records that repeat one"
        raise Refusal(
            f"'{name}' cannot be the key of '{side}': there are {what}", "Name a column that is unique and filled."
        )
    return keys


def _known(task: _Task, told: pl.DataFrame | None, what: str) -> _Known:
    if told is None:
        nothing = np.zeros(0, np.int64)
        return _Known(nothing, nothing, np.zeros(0, bool))
    lacking = [name for name in DECISION_COLUMNS if name not in told.columns]
    if lacking or told.schema["same"] != pl.Boolean or told["same"].null_count():
        raise Refusal(
            f"{what} need the columns left, right and same, and same must be true or false in every row",
            f"Missing: {', '.join(lacking)}." if lacking else "Answer every row, or leave it out.",
        )
    places = {
        side: pl.DataFrame({side: keys, f"_{side}": np.arange(len(keys), dtype=np.int64)})
        for side, keys in (("left", task.left), ("right", task.right))
    }
    texts = [as_text(told.schema, side).alias(side) for side in ("left", "right")]
    found = told.select(*texts, "same")
    for side in ("left", "right"):
        found = found.join(places[side], on=side, how="left", maintain_order="left")
    there = found.drop_nulls(["_left", "_right"]).filter(~(pl.lit(task.within) & (pl.col("_left") == pl.col("_right"))))
    if task.within:
        there = there.with_columns(
            pl.min_horizontal("_left", "_right"), pl.max_horizontal("_left", "_right").alias("_right")
        )
    last = there.unique(["_left", "_right"], keep="last", maintain_order=True)
    left, right, same = (last[name].to_numpy() for name in ("_left", "_right", "same"))
    return _Known(left, right, same, told.height - there.height)


def _linked(task: _Task, decisions: pl.DataFrame | None, labels: pl.DataFrame | None, seed: int) -> Links:
    said, known = _known(task, decisions, "decisions"), _known(task, labels, "labels")
    model = _model(task, seed)
    if len(known.left):
        model = learning.taught(model, task.levels(known.left, known.right), known.same)
    scored, compared = _scores(task, model)
    scored, word = _with_words(task, model, scored, said)
    scored = replace(scored, probability=_probability(task, model, scored, word))
    model = replace(model, accept=_threshold(task, scored, known))
    decided, reason = _decided(task, model, scored, word)
    pairs = _table(task, scored, decided, reason)
    linked = scored.where(decided == LINK)
    return Links(pairs, _clusters(task, linked), model, compared, task.pairs.skipped, said.unused + known.unused)


def _model(task: _Task, seed: int) -> learning.Model:
    """What the candidates of random records teach, beside random pairs."""
    chance = np.random.default_rng(seed)
    left, right, rows = _to_learn(task, chance)
    of = rows * (len(task.right) - 1) / 2 if task.within else rows * len(task.right)
    apart = _random_pairs(task, chance)
    return learning.learned(
        task.plan.comparisons, task.levels(left, right), left, task.nodes(right), apart=task.levels(*apart),
        most=min(rows, len(task.right)), of=of, accept=task.plan.accept,
    )  # fmt: skip


def _to_learn(task: _Task, chance: np.random.Generator) -> tuple[Ints, Ints, int]:
    """All candidates, or those of so many random records that there are about LEARN_FROM; and how many records."""
    total = task.pairs.total
    share = min(1.0, LEARN_FROM / max(total, 1))
    rows = np.flatnonzero(chance.random(len(task.left)) < share)
    batches = list(task.pairs.batches(rows))
    nothing = np.zeros(0, np.int64)
    left, right = (np.concatenate([nothing, *(batch[side] for batch in batches)]) for side in (0, 1))
    return left, right, len(rows)


def _random_pairs(task: _Task, chance: np.random.Generator) -> tuple[Ints, Ints]:
    if not (len(task.left) and len(task.right)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    many = min(RANDOM_PAIRS, len(task.left) * len(task.right))
    left, right = (chance.integers(len(side), size=many) for side in (task.left, task.right))
    other = left != right if task.within else np.ones(many, bool)
    return left[other], right[other]


def _scores(task: _Task, model: learning.Model) -> tuple[_Scored, int]:
    """The candidates that are not out of the question, batch by batch, and how many were compared."""
    kept, compared = [], 0
    for left, right in task.pairs.batches():
        compared += len(left)
        scored = _scored(task, model, left, right)
        kept.append(scored.where((scored.probability >= min(FAINTEST, task.plan.review)) | scored.sure))
    empty = np.zeros(0, np.int64)
    return _joined([_scored(task, model, empty, empty), *kept]), compared


def _joined(parts: Sequence[_Scored]) -> _Scored:
    return _Scored(
        np.concatenate([one.left for one in parts]), np.concatenate([one.right for one in parts]),
        np.concatenate([one.bits for one in parts], axis=1), np.concatenate([one.sure for one in parts]),
        np.concatenate([one.probability for one in parts]),
    )  # fmt: skip


def _scored(task: _Task, model: learning.Model, left: Ints, right: Ints) -> _Scored:
    seen = task.levels(left, right)
    names = [one.comparison.name for one in task.columns]
    top = np.array(learning.sizes(task.plan.comparisons)).reshape(-1, 1) - 1
    sure = np.zeros(len(left), bool)
    for key in task.plan.keys:
        sure |= (seen == top)[[names.index(name) for name in key]].all(axis=0)
    bits = learning.weights(model, task.columns, seen, left)
    odds = learning.odds(model, bits.sum(axis=0))
    return _Scored(left, right, bits, sure, odds / (1 + odds))


def _with_words(task: _Task, model: learning.Model, scored: _Scored, said: _Known) -> tuple[_Scored, Words]:
    """All scored pairs and those that a person decided, strongest first, and what the person said: 1, -1, or 0."""
    packed, decided = task.packed(scored.left, scored.right), task.packed(said.left, said.right)
    more = ~np.isin(decided, packed)
    scored = _joined([scored, _scored(task, model, said.left[more], said.right[more])])
    packed = task.packed(scored.left, scored.right)
    word = np.zeros(len(packed), np.int8)
    order = np.argsort(decided)
    at = np.minimum(np.searchsorted(decided[order], packed), max(len(decided) - 1, 0))
    if len(decided):
        hit = decided[order][at] == packed
        word[hit] = np.where(said.same[order][at[hit]], 1, -1)
    strongest = np.lexsort((scored.right, scored.left, -scored.total, ~scored.sure, -word))
    return scored.where(strongest), word[strongest]


def _probability(task: _Task, model: learning.Model, scored: _Scored, word: Words) -> Floats:
    """Of being the same. Where a record has one partner at most, its candidates share one probability."""
    odds = learning.odds(model, scored.total)
    odds[scored.sure] = 2.0**KEY_BITS
    odds[word > 0], odds[word < 0] = 2.0**PERSON_BITS, 0.0
    if task.plan.one_to_one:
        return learning.at_most_one(odds, scored.left, task.nodes(scored.right))
    return odds / (1 + odds)


def _threshold(task: _Task, scored: _Scored, known: _Known) -> float:
    """The plan's, or what the labels say; a labelled pair that is no candidate has no probability."""
    packed = task.packed(scored.left, scored.right)
    order = np.argsort(packed)
    labelled = task.packed(known.left, known.right)
    told = np.zeros(len(labelled))
    if len(packed):
        at = order[np.minimum(np.searchsorted(packed[order], labelled), len(packed) - 1)]
        told = np.where(packed[at] == labelled, scored.probability[at], 0.0)
    return learning.threshold(told, known.same, task.plan.accept)


def _decided(task: _Task, model: learning.Model, scored: _Scored, word: Words) -> tuple[Codes, Codes]:
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


def _first(scored: _Scored, linked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a linked pair is the strongest of both its records; pairs stand strongest first."""
    told = pl.DataFrame({"left": scored.left, "right": scored.right, "linked": linked})
    firsts = [pl.struct(side, "linked").is_first_distinct() for side in ("left", "right")]
    return told.select(pl.all_horizontal(*firsts)).to_series().to_numpy()


def _torn(task: _Task, linked: _Scored, apart: _Scored) -> npt.NDArray[np.bool_]:
    forbidden = zip(apart.left.tolist(), task.nodes(apart.right).tolist(), strict=True)
    return torn(linked.left, task.nodes(linked.right), list(forbidden), task.many)


def _table(task: _Task, scored: _Scored, decided: Codes, reason: Codes) -> pl.DataFrame:
    told = np.flatnonzero(decided != UNTOLD)
    shown = scored.where(told)
    return pl.DataFrame({
        "left": task.left.gather(shown.left),
        "right": task.right.gather(shown.right),
        "probability": shown.probability,
        "decision": pl.Series(DECISIONS, dtype=pl.String).gather(decided[told]),
        "reason": pl.Series(REASONS, dtype=pl.String).gather(reason[told]),
        "weight": shown.total,
        **{f"weight_{one.comparison.name}": bits for one, bits in zip(task.columns, shown.bits, strict=True)},
    })  # fmt: skip


def _clusters(task: _Task, linked: _Scored) -> pl.DataFrame:
    """Every linked record with its cluster, called by its smallest member: `crm:17`."""
    sides = (
        [(task.plan.left, task.left)] if task.within else [(task.plan.left, task.left), (task.plan.right, task.right)]
    )
    named = pl.concat([pl.DataFrame({"side": [side] * len(keys), "key": keys}, schema=MEMBER) for side, keys in sides])
    named = named.with_columns(
        pl.int_range(pl.len()).alias("_place"), (pl.col("side") + ":" + pl.col("key")).alias("name")
    )
    lowest = components(linked.left, task.nodes(linked.right), task.many)
    members = named.with_columns(pl.Series("_group", lowest))
    members = members.filter(pl.len().over("_group") > 1)
    called = members.with_columns(pl.col("name").min().over("_group").alias("cluster"))
    return called.sort("cluster", "side", "key").select("cluster", "side", "key")
