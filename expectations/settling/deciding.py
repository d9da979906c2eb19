"""Settle claims by contract: the system of record, then learned reliability, then the newest word, else nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from catalog.errors import Refusal
from expectations.settling.ballots import ballots
from expectations.settling.claims import comparable, silent
from expectations.settling.learning import Learned, learned
from expectations.settling.settled import COPIES, LOSERS, SCORES, SILENT, WINNERS, Reason, Settled

MARGIN = 0.1  # how much likelier a value has to be than the next before reliability decides
NOISE = 1e-9  # of sums that are equal
LIKELY_COPY = 0.5
Undated: TypeAlias = Literal["oldest", "unknown"]
NOTHING: Mapping[str, Any] = MappingProxyType({})


def settle(
    claims: pl.DataFrame, *, record: Mapping[str, Sequence[str]] = NOTHING, tolerance: Mapping[str, float] = NOTHING,
    fold: bool = True, margin: float = MARGIN, undated: Undated = "oldest", alike: pl.DataFrame | None = None,
) -> Settled:  # fmt: skip
    """Who is right about each entity and field, from claims with entity, field, source, value (all text) and `at`.

    `record` names the systems of record of a field, the first of them that says something decides. `tolerance` gives
    the absolute difference within which numbers of a field count as equal; `fold` lets texts count as equal without
    regard to case and blanks. A null value claims nothing. Of several claims of one source about the same, the newest
    stands. A null `at` is older than any other; with `undated="unknown"` it may be the newest just as well, so recency
    decides only between claims that all have one. `alike` counts further entities of which all say the very same
    (`field`, `sources`, `cells`): they are learned from, and not told of. Each of their sources claims something of
    the field in `claims` too. The result does not depend on the order of rows.

    Raises Refusal for claims of another form.
    """
    if not 0 <= margin < 1:
        raise Refusal(f"The margin is {margin}", "Give a probability: 0 or more, and less than 1.")
    told = comparable(claims, record, tolerance, fold=fold)
    fields, sources = (told.select(number, name).unique().sort(number) for number, name in
                       (("what", "field"), ("who", "source")))  # fmt: skip
    cast = ballots(told, fields=fields.height, alike=alike)
    known = learned(cast, sources=sources.height)
    values = _narrowed(_values(told, known), margin, undated)
    winners = _winners(values)
    return Settled(
        winners=_sorted(winners, WINNERS),
        losers=_sorted(_losers(told, values), LOSERS),
        reliability=_scores(told, known, fields["field"], sources["source"]),
        copies=_copies(known, sources["source"]),
        silent=_sorted(silent(told, record), SILENT),
        rounds=known.rounds,
        converged=known.converged,
    )


def _values(told: pl.DataFrame, known: Learned) -> pl.DataFrame:
    """One row per value that stands: its commonest spelling, who says it, since when, and how far it is believed."""
    standing = told.filter("standing")
    spelling = (
        standing.group_by("said", "value").agg(pl.col("who").n_unique())
        .sort("said", "who", "value", descending=[False, True, False])
        .unique(subset="said", keep="first", maintain_order=True)
    )  # fmt: skip
    values = standing.group_by("said", maintain_order=True).agg(
        pl.col("cell", "entity", "field").first(), pl.col("rank").min(), pl.col("at").max(),
        pl.col("at").is_null().any().alias("undated"),
        pl.col("source").unique().sort().alias("sources"),
    )  # fmt: skip
    heights = values.group_by("field", maintain_order=True).len()["len"]  # what is counted comes after what is told
    told_of = [belief[:height] for belief, height in zip(known.beliefs, heights, strict=True)]
    beliefs = np.concatenate(told_of) if told_of else np.empty(0)
    return values.with_columns(value=spelling["value"], belief=pl.Series(beliefs, dtype=pl.Float64))


def _narrowed(values: pl.DataFrame, margin: float, undated: Undated) -> pl.DataFrame:
    """With `lost`, what spoke against a value, null where nothing did, and `reason` of the cell."""
    open_values = values.with_columns(lost=pl.lit(None, pl.String), reason=pl.lit(Reason.AGREED))
    steps = (
        (Reason.RECORD, pl.col("rank").eq_missing(_of_open("rank").min().over("cell"))),
        (Reason.RELIABILITY, pl.col("belief") >= _of_open("belief").max().over("cell") - margin - NOISE),
        (Reason.RECENCY, pl.col("at").eq_missing(_of_open("at").max().over("cell")) | _no_telling(undated)),
    )
    for reason, stays in steps:
        still = pl.col("lost").is_null()
        contested = still.sum().over("cell") > 1
        open_values = open_values.with_columns(
            lost=pl.when(still & ~stays).then(pl.lit(reason)).otherwise("lost"),
            reason=pl.when(contested).then(pl.lit(reason)).otherwise("reason"),
        )
    left = pl.col("lost").is_null()
    return open_values.with_columns(
        reason=pl.when(left.sum().over("cell") > 1).then(pl.lit(Reason.UNSETTLED)).otherwise("reason")
    )


def _no_telling(undated: Undated) -> pl.Expr:
    """Whether nobody knows which of the values still open is the newest."""
    return _of_open("undated").any().over("cell") if undated == "unknown" else pl.lit(False)


def _of_open(name: str) -> pl.Expr:
    return pl.when(pl.col("lost").is_null()).then(pl.col(name))


def _winners(values: pl.DataFrame) -> pl.DataFrame:
    left = values.filter(pl.col("lost").is_null())
    winners = left.unique(subset="cell", keep="first", maintain_order=True)
    decided = pl.col("reason") != Reason.UNSETTLED
    return winners.with_columns(
        pl.when(decided).then("value").alias("value"),
        pl.when(decided).then("sources").otherwise(pl.lit([], pl.List(pl.String))).alias("sources"),
        pl.when(decided).then("belief").alias("confidence"),
    )


def _losers(told: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Claims of any other value than the winner, with the source's own earlier ones."""
    unsettled = pl.col("reason") == Reason.UNSETTLED
    against = values.select(
        "said", won=pl.col("lost").is_null() & ~unsettled, against=pl.coalesce("lost", pl.lit(Reason.UNSETTLED))
    )
    claims = told.join(against, on="said", how="left", maintain_order="left")
    claims = claims.filter(~pl.col("won").fill_null(False))
    superseded = ~pl.col("standing")
    return claims.with_columns(reason=pl.when(superseded).then(pl.lit(Reason.SUPERSEDED)).otherwise("against")).unique(
        subset=list(LOSERS), maintain_order=True
    )


def _scores(told: pl.DataFrame, known: Learned, fields: pl.Series, sources: pl.Series) -> pl.DataFrame:
    votes = told.filter("standing").with_columns(others=pl.col("who").n_unique().over("cell") > 1)
    counts = votes.group_by("what", "who").agg(
        pl.col("cell").n_unique().alias("claims"), pl.col("cell").filter("others").n_unique().alias("compared")
    )
    trusts = known.trusts[counts["what"].to_numpy(), counts["who"].to_numpy()] if counts.height else np.empty(0)
    scores = counts.with_columns(
        source=sources.gather(counts["who"]), field=fields.gather(counts["what"]),
        score=pl.when(pl.col("compared") > 0).then(pl.Series(trusts, dtype=pl.Float64)),
    )  # fmt: skip
    return _sorted(scores, SCORES)


def _copies(known: Learned, sources: pl.Series) -> pl.DataFrame:
    one, other = np.nonzero(np.triu(known.copies, 1) >= LIKELY_COPY)
    pairs = pl.DataFrame({
        "one": sources.gather(one), "two": sources.gather(other), "probability": known.copies[one, other],
    })  # fmt: skip
    ordered = pairs.with_columns(source=pl.min_horizontal("one", "two"), other=pl.max_horizontal("one", "two"))
    return _sorted(ordered, COPIES)


def _sorted(frame: pl.DataFrame, schema: dict[str, Any]) -> pl.DataFrame:
    told = frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    return told.sort([name for name in ("entity", "field", "source", "other", "value") if name in schema])
