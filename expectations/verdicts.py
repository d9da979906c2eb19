"""Say who wins a conflict and why, naming only systems that the document or finding may quote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import polars as pl

from catalog.models import Dataset
from expectations.across import Systems
from expectations.settling.settled import Reason
from expectations.settling_rules import Outcome

ANOTHER = "another system"


@dataclass(frozen=True)
class Named:
    """The two sides of a rule, the further systems that speak of the fact, and which of those may be quoted."""

    systems: Systems
    sides: AbstractSet[str]
    third: tuple[str, ...]
    quotable: AbstractSet[str]

    def name(self, system: str) -> str:
        """A dataset's name, or `another system`."""
        return system if system in self.sides or system in self.quotable else ANOTHER

    def scores(self, scores: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """Name and score of each system, the best first."""
        for system, score in sorted(scores.items(), key=lambda one: (-one[1], one[0])):
            yield self.name(system), score

    def title(self, system: str) -> str:
        """The title as documents tell it."""
        return self.systems.dataset(system).title


def winner(named: Named, dataset: Dataset, other: Dataset) -> pl.Expr:
    """The name of the system whose value wins, null where none does."""
    third = [
        pl.when(pl.col("_sources").list.contains(name)).then(pl.lit(name))
        for name in named.third
        if name in named.quotable
    ]
    return (
        pl.when(pl.col("_reason") == Reason.UNSETTLED)
        .then(pl.lit(None, pl.String))
        .when("_mine_wins")
        .then(pl.lit(dataset.name))
        .when("_their_wins")
        .then(pl.lit(other.name))
        .otherwise(pl.coalesce(*third, pl.lit(ANOTHER)))
    )


def verdict(named: Named, outcome: Outcome, dataset: Dataset, other: Dataset) -> pl.Expr:
    """`Register wins: system of record`, or `unsettled: no rule decides`."""
    by = pl.col("_reason")
    third = [
        pl.when(pl.col("_sources").list.contains(name)).then(
            pl.format("{} wins with {}: {}", pl.lit(named.title(name)), pl.col("_value"), by)
        )
        for name in named.third
        if name in named.quotable
    ]
    return (
        pl.when(by == Reason.UNSETTLED)
        .then(pl.lit(_unsettled(named, outcome)))
        .when(pl.col("_mine_wins") & pl.col("_their_wins"))
        .then(pl.lit("both are within the tolerance of the value that most systems give"))
        .when("_mine_wins")
        .then(pl.format("{} wins: {}", pl.lit(dataset.title), by))
        .when("_their_wins")
        .then(pl.format("{} wins: {}", pl.lit(other.title), by))
        .otherwise(pl.coalesce(*third, pl.format("{} wins: {}", pl.lit(ANOTHER), by)))
    )


def _unsettled(named: Named, outcome: Outcome) -> str:
    """Why nothing decides."""
    if not outcome.silent:
        return "unsettled: no rule decides"
    first = outcome.silent[0]
    who = named.title(first) if named.name(first) == first else ANOTHER
    return f"unsettled: {who} is the system of record and says nothing now"
