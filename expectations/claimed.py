"""What each system says of a fact that conflict rules compare, as the claims that settling weighs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from catalog.settlements import Claimant, Settlement
from expectations.across import Systems
from expectations.linking.clusters import components
from expectations.wording import as_text

SEPARATOR = "\x1f"
SAID: dict[str, Any] = {
    "claimant": pl.UInt32,  # its place among the fact's claimants
    "source": pl.String,
    "of": pl.String,  # the source's own field
    "row": pl.UInt32,  # of the source's ready rows, from 0
    "entity": pl.String,
    "value": pl.String,  # exact
    "shown": pl.String,  # as documents read
    "at": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Said:
    """The claims of one fact about entities of which two systems speak. `numeric`: all of them are numbers.

    `spoken` are the systems that say anything at all, also of entities that no other speaks of.
    """

    claims: pl.DataFrame
    numeric: bool
    spoken: frozenset[str]


def claims_of(fact: Settlement, systems: Systems) -> Said:
    """One claim per row that has a value and names an entity, as SAID. Systems without rows or columns say nothing."""
    present = [(place, one) for place, one in enumerate(fact.claimants) if _is_there(one, systems)]
    kinds = {one: systems.frames[one.dataset].schema[one.field] for _, one in present}
    numeric = all(kind.is_numeric() for kind in kinds.values())
    exact = numeric or len(set(kinds.values())) == 1
    parts = [_said(place, one, systems, exact=exact, keys=_exact_keys(one, present, systems)) for place, one in present]
    told = pl.concat([pl.DataFrame(schema={**SAID, "unique": pl.Boolean}), *parts])
    told = _linked(told).drop("unique").drop_nulls("value")
    spoken = frozenset(told["source"].unique())
    return Said(told.filter(pl.col("source").n_unique().over("entity") > 1), numeric, spoken)


def _is_there(one: Claimant, systems: Systems) -> bool:
    frame = systems.frames.get(one.dataset)
    return frame is not None and {one.field, *one.on} <= set(frame.columns)


def _exact_keys(one: Claimant, present: Sequence[tuple[int, Claimant]], systems: Systems) -> list[bool]:
    """For each key field, whether all that share its entities have one type; else they are compared as text."""
    others = [other for _, other in present if other.space == one.space]
    kinds = [[systems.frames[other.dataset].schema[other.on[at]] for other in others] for at in range(len(one.on))]
    return [len(set(found)) == 1 for found in kinds]


def _said(place: int, one: Claimant, systems: Systems, *, exact: bool, keys: Sequence[bool]) -> pl.DataFrame:
    frame = systems.frames[one.dataset]
    schema = frame.schema
    names = [_exact(schema, name) if same else as_text(schema, name) for name, same in zip(one.on, keys, strict=True)]
    columns = {
        "claimant": pl.lit(place),
        "source": pl.lit(one.dataset),
        "of": pl.lit(one.field),
        "row": pl.int_range(pl.len()),
        "entity": pl.concat_str(pl.lit(one.space), *names, separator=SEPARATOR),
        "value": _exact(schema, one.field) if exact else as_text(schema, one.field),
        "shown": as_text(schema, one.field),
        "at": _moment(schema, one.changed),
    }
    told = frame.select(column.cast(SAID[name]).alias(name) for name, column in columns.items())
    return told.with_columns(unique=pl.lit(one.unique)).drop_nulls("entity")


def _exact(schema: pl.Schema, name: str) -> pl.Expr:
    """The whole value as text: numbers with all their digits, moments with all their seconds."""
    column, dtype = pl.col(name), schema[name]
    if dtype.is_float():
        return pl.when(column.is_finite()).then(column.cast(pl.String).str.replace(r"\.0$", ""))
    return column if dtype == pl.String else column.cast(pl.String)


def _moment(schema: pl.Schema, name: str) -> pl.Expr:
    """When a row was changed, in UTC; null where no field tells it, or it is not there."""
    dtype = schema.get(name) if name else None
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return pl.col(name)
    return pl.lit(None)


def _linked(told: pl.DataFrame) -> pl.DataFrame:
    """One name for an entity that rules know by several keys: the rows of a system that has them all join them.

    Only rows that a key names alone join keys; a shared key, such as a country, would make one entity of many.
    """
    spaces = defaultdict(set)
    alone = told.filter("unique")
    for source, claimant in alone.select("source", "claimant").unique().iter_rows():
        spaces[source].add(claimant)
    if all(len(claimants) < 2 for claimants in spaces.values()):
        return told
    numbers = told.select("entity").unique(maintain_order=True).with_row_index("number")
    pairs = alone.join(numbers, on="entity").group_by("source", "row", maintain_order=True).agg("number")
    pairs = pairs.select(pl.col("number").list.first().alias("one"), pl.col("number").alias("other")).explode("other")
    left, right = (pairs[name].cast(pl.Int64).to_numpy() for name in ("one", "other"))
    lowest = pl.Series("first", components(left, right, numbers.height), dtype=pl.Int64)
    named = numbers.with_columns(first=numbers["entity"].gather(lowest))
    return (
        told.join(named.drop("number"), on="entity", maintain_order="left").with_columns(entity="first").drop("first")
    )
