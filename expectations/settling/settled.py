"""What settling answers: who wins, who loses and why, and how far each source is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Reason(StrEnum):
    """What spoke for a winner or against a loser."""

    RECORD = "system of record"
    RELIABILITY = "reliability"
    RECENCY = "recency"
    AGREED = "agreed"
    UNSETTLED = "unsettled"
    SUPERSEDED = "superseded"


WINNERS = {
    "entity": pl.String,
    "field": pl.String,
    "value": pl.String,
    "sources": pl.List(pl.String),
    "reason": pl.String,
    "confidence": pl.Float64,
}
LOSERS = {"entity": pl.String, "field": pl.String, "source": pl.String, "value": pl.String, "reason": pl.String}
SCORES = {"source": pl.String, "field": pl.String, "score": pl.Float64, "claims": pl.UInt32, "compared": pl.UInt32}
COPIES = {"source": pl.String, "other": pl.String, "probability": pl.Float64}
SILENT = {"field": pl.String, "source": pl.String}


@dataclass(frozen=True)
class Settled:
    """Each entity and field once in `winners`; every claim that does not back the winner in `losers`.

    `winners.reason` is `agreed` (nobody says otherwise), or what decided: `system of record`, `reliability`, `recency`;
    or `unsettled`, where value and confidence are null, no source backs a winner, and all that is left is in `losers`.
    `confidence` is the probability of the value by the learned reliabilities alone, also where a system of record won.
    `losers.reason` is what spoke against the claim, or `superseded`: its own source said something else later.
    `reliability` tells the share of a source's claims in a field that are believed, over the `compared` ones that
    another source speaks of too; `score` is null where there are none. `copies` are pairs of sources that share errors
    no independent sources would share. `silent` are declared systems of record that say nothing of their field.
    `rounds` of learning were needed; `converged` is false where they ran out.
    """

    winners: pl.DataFrame
    losers: pl.DataFrame
    reliability: pl.DataFrame
    copies: pl.DataFrame
    silent: pl.DataFrame
    rounds: int
    converged: bool
