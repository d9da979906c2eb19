"""Settled conflicts per row, in the form that records and programs read: who wins, by what rule, and what lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from catalog.models import Project
from expectations.portions import ROW, Rows
from expectations.settling.settled import Reason
from expectations.settling_rules import Outcome

SETTLED: dict[str, Any] = {
    "dataset": pl.String,
    "key": pl.String,
    "field": pl.String,
    "value": pl.String,  # that wins, as documents read; null: unsettled, or masked
    "winner_source": pl.String,  # the dataset, the row's own where it says so; null: unsettled
    "reason": pl.String,
    "probability": pl.Float64,
    "backers": pl.List(pl.Struct({"source": pl.String, "field": pl.String})),
    "losers": pl.List(
        pl.Struct({"source": pl.String, "field": pl.String, "value": pl.String, "at": pl.Datetime("us")})
    ),
    "more": pl.Int64,  # losers that are not listed
}


def settled_rows(outcomes: Iterable[Outcome], frames: Mapping[str, Rows], project: Project) -> pl.DataFrame:
    """One row per contested field of a row that has a key, as SETTLED; values of a masked field are left out."""
    parts = [part for outcome in outcomes for part in _parts(outcome, frames, project)]
    return pl.concat([pl.DataFrame(schema=SETTLED), *parts]).unique(
        subset=["dataset", "key", "field"], keep="first", maintain_order=True
    ).sort("dataset", "key", "field")  # fmt: skip


def _parts(outcome: Outcome, frames: Mapping[str, Rows], project: Project) -> Iterator[pl.DataFrame]:
    fact = outcome.fact
    contested = _told(outcome, masked=any(_is_masked(project, one.dataset, one.field) for one in fact.claimants))
    if contested.is_empty():
        return
    for place, one in enumerate(fact.claimants):
        rows = outcome.rows.filter(pl.col("claimant") == place).join(contested, on="entity", maintain_order="left")
        if rows.is_empty():
            continue
        keys = frames[one.dataset].at(rows["row"], "_key").select(pl.col(ROW).alias("row"), key="_key")
        told = rows.join(keys, on="row", how="left", maintain_order="left").with_columns(
            dataset=pl.lit(one.dataset),
            field=pl.lit(one.field),
            winner_source=pl.when("wins").then(pl.lit(one.dataset)).otherwise("winner_source"),
        )
        yield told.select(pl.col(name).cast(dtype) for name, dtype in SETTLED.items()).drop_nulls("key")


def _told(outcome: Outcome, *, masked: bool) -> pl.DataFrame:
    """The entities on which systems differ, with who says what wins."""
    fact = outcome.fact
    cells = outcome.cells.filter(pl.col("reason") != Reason.AGREED)
    first = [
        pl.when(pl.col("sources").list.contains(name)).then(pl.lit(name))
        for name in dict.fromkeys((*fact.record, *fact.systems))
    ]
    fields = {name: fact.field_of(name) for name in fact.systems}
    of = pl.element().replace_strict(list(fields), list(fields.values()), default=None, return_dtype=pl.String)
    backers = pl.col("sources").list.eval(pl.struct(pl.element().alias("source"), of.alias("field")))
    said = pl.lit(None, pl.String) if masked else pl.element().struct.field("value")
    listed = pl.struct(
        pl.element().struct.field("source"), pl.element().struct.field("of").alias("field"), said.alias("value"),
        pl.element().struct.field("at"),
    )  # fmt: skip
    return cells.with_columns(
        value=pl.lit(None, pl.String) if masked else pl.col("value"),
        winner_source=pl.coalesce(first),
        probability="confidence",
        backers=backers,
        losers=pl.col("losers").list.eval(listed),
    )


def _is_masked(project: Project, dataset: str, name: str) -> bool:
    return project.datasets[dataset].field(name).mask is not None
