"""Two frames made comparable for a plan: their records numbered, their values folded, their candidate pairs known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.errors import Refusal
from catalog.names import did_you_mean
from expectations.linking.alike import Levels, levels
from expectations.linking.blocking import Candidates, candidates
from expectations.linking.plans import LinkPlan
from expectations.linking.values import Column, Ints, column
from expectations.wording import as_text

DECISION_COLUMNS = ("left", "right", "same")


@dataclass(frozen=True)
class Task:
    """Both sides made comparable."""

    plan: LinkPlan
    columns: Sequence[Column]
    pairs: Candidates
    left: pl.Series
    right: pl.Series
    within: bool

    def levels(self, left: Ints, right: Ints) -> Levels:
        """The level of each field (rows) for each pair (columns)."""
        return np.stack([levels(one, left, right) for one in self.columns])

    def sure(self, left: Ints, right: Ints) -> npt.NDArray[np.bool_]:
        """Whether each pair agrees on all fields of a deterministic key."""
        told = np.zeros(len(left), bool)
        for key in self.plan.keys:
            told |= np.all([one.same(left, right) for one in self.columns if one.comparison.name in key], axis=0)
        return told

    @property
    def pairs_there_are(self) -> float:
        """Pairs of all records, compared or not."""
        return len(self.left) * (len(self.right) - 1) / 2 if self.within else len(self.left) * len(self.right)

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
class Known:
    """Pairs that somebody knows, by record number; the last word about a pair counts."""

    left: Ints
    right: Ints
    same: npt.NDArray[np.bool_]
    unused: int = 0


def task_of(left: pl.DataFrame, right: pl.DataFrame, plan: LinkPlan, *, within: bool) -> Task:
    """Both frames made comparable. Refuses a plan whose columns or keys they do not have."""
    keys = _keys(left, plan.left_key, plan.left), _keys(right, plan.right_key, plan.right)
    for one in plan.comparisons:
        _require(left, one.left, plan.left)
        _require(right, one.right, plan.right)
    columns = {one.name: column(one, left, right, within=within) for one in plan.comparisons}
    return Task(plan, list(columns.values()), candidates(plan, columns, within=within), *keys, within=within)


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


def known_pairs(task: Task, told: pl.DataFrame | None, what: str) -> Known:
    """Told pairs by record number, the last word about each; Refusal where a column or an answer is missing."""
    if told is None:
        nothing = np.zeros(0, np.int64)
        return Known(nothing, nothing, np.zeros(0, bool))
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
    return Known(left, right, same, told.height - there.height)
