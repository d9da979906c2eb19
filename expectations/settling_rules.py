"""Settle what conflict rules compare, over all systems that say something of it, once for all rules.

Systems that share a fact are settled together, so that what each is worth is learned from all that it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from catalog.models import ConflictField, Dataset, GapRule
from catalog.settlements import Settlement, families, settlements
from expectations.across import Systems
from expectations.claimed import Said, claims_of
from expectations.settling import Settled, settle
from expectations.settling.settled import Reason

LOSERS_KEPT = 20  # of one entity, the newest first; `more` counts the rest
LEARNS_FROM = 3  # systems: two that contradict each other bear each other out equally


@dataclass(frozen=True)
class Outcome:
    """How one fact was settled.

    `cells` has one row per entity of which two systems say different things, and of some where all say the same:
    `entity`, `value` (as documents read, null: unsettled),
    `sources`, `reason`, `confidence`, `losers` (a list of source, of, value, at) and `more`. `rows` tells for each
    claimant and row its `entity` and whether it `wins`. `scores` has the learned reliability by system, empty where
    fewer than three speak. `silent` are systems of record without a word on the fact.
    """

    fact: Settlement
    cells: pl.DataFrame
    rows: pl.DataFrame
    scores: dict[str, float]
    copies: tuple[tuple[str, str], ...]
    silent: tuple[str, ...]
    converged: bool
    rounds: int

    def rows_of(self, dataset: str, field: str, on: Sequence[str]) -> pl.DataFrame:
        """`row`, `entity` and `wins` of one system's rows, as the rule that joins on `on` sees them."""
        places = [
            place
            for place, one in enumerate(self.fact.claimants)
            if (one.dataset, one.field) == (dataset, field) and set(one.on) == set(on)
        ]
        return self.rows.filter(pl.col("claimant").is_in(places)).drop("claimant")


class Settling:
    """The facts of a project; each family of them is settled when the first rule asks."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._families = families(settlements(systems.project.datasets))
        self._done: dict[str, Outcome] = {}

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What was settled so far, by name of the fact."""
        return tuple(outcome for _, outcome in sorted(self._done.items()))

    def of(self, dataset: Dataset, rule: GapRule, compared: ConflictField) -> Outcome:
        """The outcome of the fact that a rule compares."""
        family, fact = next(
            (family, fact)
            for family in self._families
            for fact in family
            for one in fact.declared
            if (one.dataset, one.rule.name, one.compared) == (dataset.name, rule.name, compared)
        )
        if fact.name not in self._done:
            self._done |= {outcome.fact.name: outcome for outcome in _settled(family, self._systems)}
        return self._done[fact.name]


def _settled(family: Sequence[Settlement], systems: Systems) -> list[Outcome]:
    said = {fact.name: claims_of(fact, systems) for fact in family}
    heard = {fact.name: _heard(fact, said[fact.name]) for fact in family}
    claims = [
        one.claims.select("entity", pl.lit(name).alias("field"), "source", "value", "at") for name, one in said.items()
    ]
    alike = [one.alike.with_columns(field=pl.lit(name)) for name, one in said.items()]
    settled = settle(
        pl.concat(claims).unique(maintain_order=True),
        alike=pl.concat(alike),
        record=heard,
        tolerance={fact.name: fact.tolerance for fact in family if said[fact.name].numeric},
        undated="unknown",
    )
    return [_outcome(fact, said[fact.name], settled, heard[fact.name]) for fact in family]


def _heard(fact: Settlement, said: Said) -> tuple[str, ...]:
    """The systems of record up to the first without a word: what that one would say, no later one may say for it."""
    silent = [place for place, name in enumerate(fact.record) if name not in said.spoken]
    return fact.record[: min(silent, default=None)]


def _outcome(fact: Settlement, said: Said, settled: Settled, heard: tuple[str, ...]) -> Outcome:
    mine = pl.col("field") == fact.name
    winners, losers = settled.winners.filter(mine).drop("field"), settled.losers.filter(mine).drop("field", "reason")
    silent = tuple(name for name in fact.record if name not in said.spoken)
    if silent:
        winners, losers = _left_open(winners, losers, said.claims, heard)
    scores = settled.reliability.filter(mine & pl.col("score").is_not_null())
    systems = set(scores["source"]) if scores.height >= LEARNS_FROM else set()
    return Outcome(
        fact=fact,
        cells=_cells(winners, losers, said.claims),
        rows=_rows(winners, losers, said.claims),
        scores={source: score for source, score in scores.select("source", "score").iter_rows() if source in systems},
        copies=tuple(
            (one, other)
            for one, other in settled.copies.select("source", "other").iter_rows()
            if {one, other} <= set(fact.systems)
        ),
        silent=silent,
        converged=settled.converged,
        rounds=settled.rounds,
    )


def _left_open(
    winners: pl.DataFrame, losers: pl.DataFrame, claims: pl.DataFrame, heard: tuple[str, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Where a system of record is silent, nothing after it decides: contested values stay unsettled."""
    decided = claims.filter(pl.col("source").is_in(list(heard)))["entity"].unique()
    is_open = (pl.col("reason") != Reason.AGREED) & ~pl.col("entity").is_in(decided.implode())
    opened = winners.filter(is_open)["entity"].implode()
    winners = winners.with_columns(
        value=pl.when(~is_open).then("value"),
        sources=pl.when(is_open).then(pl.lit([], pl.List(pl.String))).otherwise("sources"),
        reason=pl.when(is_open).then(pl.lit(Reason.UNSETTLED)).otherwise("reason"),
        confidence=pl.when(~is_open).then("confidence"),
    )
    all_said = claims.filter(pl.col("entity").is_in(opened)).select(losers.columns)
    return winners, pl.concat([losers, all_said]).unique(maintain_order=True)


def _cells(winners: pl.DataFrame, losers: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    told = claims.group_by("entity", "source", "value", maintain_order=True).agg(
        pl.col("of", "shown").first(), pl.col("at").max()
    )
    spelling = told.unique(subset=["entity", "value"], keep="first", maintain_order=True)
    beaten = (
        losers.unique(maintain_order=True)
        .join(told, on=["entity", "source", "value"], maintain_order="left")
        .sort("at", "source", "value", descending=[True, False, False], nulls_last=True)
        .select("entity", pl.struct("source", "of", pl.col("shown").alias("value"), "at").alias("losers"))
        .group_by("entity", maintain_order=True)
        .agg(pl.col("losers").head(LOSERS_KEPT), more=(pl.len().cast(pl.Int64) - LOSERS_KEPT).clip(lower_bound=0))
    )
    shown = winners.join(spelling.select("entity", "value", "shown"), on=["entity", "value"], how="left")
    cells = shown.with_columns(value="shown").drop("shown")
    return cells.join(beaten, on="entity", how="left").sort("entity")


def _rows(winners: pl.DataFrame, losers: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    decided = winners.filter(pl.col("reason") != Reason.UNSETTLED).select("entity", decided=True)
    lost = losers.unique().with_columns(lost=True)
    told = claims.join(decided, on="entity", how="left", maintain_order="left")
    told = told.join(lost, on=["entity", "source", "value"], how="left", maintain_order="left")
    wins = pl.col("decided").fill_null(False) & ~pl.col("lost").fill_null(False)
    return told.select("claimant", "row", "entity", wins.alias("wins"))
