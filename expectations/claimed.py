"""What each system says of a fact that conflict rules compare, as the claims that settling weighs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from catalog.settlements import Claimant, Settlement
from expectations.across import Systems
from expectations.linking.clusters import components
from expectations.portions import ROW, Reduce, Rows, folded, joined, owned
from expectations.settling.ballots import MOST_WRONG
from expectations.settling.claims import folded as folded_text
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
ALIKE: dict[str, Any] = {"sources": pl.List(pl.String), "cells": pl.Int64}
TOGETHER = 4_000_000  # rows whose entities are looked at together; of more, one part of them after the other


@dataclass(frozen=True)
class Said:
    """The claims of one fact about entities of which two systems speak. `numeric`: all of them are numbers.

    Entities of which all say the very same are counted in `alike`, by the systems that speak of them (`sources`,
    `cells`), but for a few that stand for them among the claims: nothing is to be settled there, only learned.
    `spoken` are the systems that say anything at all, also of entities that no other speaks of.
    """

    claims: pl.DataFrame
    alike: pl.DataFrame
    numeric: bool
    spoken: frozenset[str]


def claims_of(fact: Settlement, systems: Systems) -> Said:
    """One claim per row that has a value and names an entity, as SAID. Systems without rows or columns say nothing."""
    present = [(place, one) for place, one in enumerate(fact.claimants) if _is_there(one, systems)]
    kinds = {one: systems.frames[one.dataset].schema[one.field] for _, one in present}
    numeric = all(kind.is_numeric() for kind in kinds.values())
    exact = numeric or len(set(kinds.values())) == 1
    parts = [
        (systems.frames[one.dataset],
         _saying(place, one, systems, exact=exact, keys=_exact_keys(one, present, systems)))
        for place, one in present
    ]  # fmt: skip
    if _links(one for _, one in present):
        told = _linked(_all_of(parts, lambda rows: rows)).drop("unique").drop_nulls("value")
        spoken = frozenset(told["source"].unique())
        told = told.filter(pl.col("source").n_unique().over("entity") > 1)
        return Said(told, pl.DataFrame(schema=ALIKE), numeric, spoken)
    return _told_apart(parts, numeric, sorted({one.dataset for _, one in present}))


def _told_apart(parts: Sequence[tuple[Rows, Reduce]], numeric: bool, sources: Sequence[str]) -> Said:
    """The claims about entities of which not all say the same, and the count of the others."""
    if not sources:
        return Said(_all_of(parts, lambda rows: rows).drop("unique"), pl.DataFrame(schema=ALIKE), numeric, frozenset())
    entities = sum(rows.height for rows, _ in parts)
    buckets, flags = max(1, -(-entities // TOGETHER)), [_flag(name) for name in sources]
    kept, alike, spoken = [], [pl.DataFrame(schema=ALIKE)], set()
    for bucket in range(buckets):
        words = _words(parts, sources, pl.col("entity").hash() % buckets == bucket if buckets > 1 else pl.lit(True))
        spoken |= {name for name, flag in zip(sources, flags, strict=True) if words[flag].any()}
        words = words.filter(pl.sum_horizontal(flags) > 1)
        same = pl.col("_least") == pl.col("_most")
        standing = _standing(words.filter(same), flags)
        kept.append(owned(pl.concat([words.filter(~same), standing]).select("entity")))
        rest = words.filter(same).join(standing.select("entity"), on="entity", how="anti")
        alike.append(_counted(rest, sources))
    named = joined(kept)
    claims = _all_of(parts, lambda rows: rows.join(named, on="entity", how="semi", maintain_order="left"))
    counted = pl.concat(alike).group_by("sources").agg(pl.col("cells").sum()).sort("sources")
    return Said(claims.drop("unique").drop_nulls("value"), counted, numeric, frozenset(spoken))


def _words(parts: Sequence[tuple[Rows, Reduce]], sources: Sequence[str], looked: pl.Expr) -> pl.DataFrame:
    """Each entity with the least and the greatest text that is said of it, and which sources speak."""

    def spoken(rows: pl.DataFrame) -> pl.DataFrame:
        value, flags = pl.col("value"), [(pl.col("source") == name).alias(_flag(name)) for name in sources]
        return rows.drop_nulls("value").filter(looked).select(
            "entity", value.alias("_least"), value.alias("_most"), *flags)  # fmt: skip

    def merged(words: pl.DataFrame) -> pl.DataFrame:
        flags = [pl.col(_flag(name)).any() for name in sources]
        return words.group_by("entity").agg(pl.col("_least").min(), pl.col("_most").max(), *flags)

    return folded((merged(spoken(said(part))) for rows, said in parts for part in rows.portions()), merged)


def _flag(source: str) -> str:
    return f"_says.{source}"


def _standing(same: pl.DataFrame, flags: Sequence[str]) -> pl.DataFrame:
    """Entities that stand for others of which all say the same: of each set of systems, and of some different values.

    The number of different values is learned from, up to `MOST_WRONG`.
    """
    ordered = same.sort("entity")
    values = ordered.unique(subset="_least", keep="first", maintain_order=True)
    values = values.filter(folded_text(pl.col("_least")).is_first_distinct()).head(MOST_WRONG + 1)
    of_each = ordered.unique(subset=flags, keep="first", maintain_order=True)
    return pl.concat([values, of_each]).unique(subset="entity", maintain_order=True)


def _counted(same: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """How many entities each set of systems speaks of."""
    names = [pl.when(_flag(name)).then(pl.lit(name)) for name in sources]
    counted = same.group_by([_flag(name) for name in sources]).agg(pl.len().cast(pl.Int64).alias("cells"))
    return counted.select(pl.concat_list(names).list.drop_nulls().alias("sources"), "cells")


def _all_of(parts: Sequence[tuple[Rows, Reduce]], keep: Reduce) -> pl.DataFrame:
    """The claims that `keep` keeps, of one system after the other."""
    told = [rows.kept(partial(_kept, said=said, keep=keep)) for rows, said in parts]
    return pl.concat([pl.DataFrame(schema={**SAID, "unique": pl.Boolean}), *told])


def _is_there(one: Claimant, systems: Systems) -> bool:
    frame = systems.frames.get(one.dataset)
    return frame is not None and {one.field, *one.on} <= set(frame.columns)


def _exact_keys(one: Claimant, present: Sequence[tuple[int, Claimant]], systems: Systems) -> list[bool]:
    """For each key field, whether all that share its entities have one type; else they are compared as text."""
    others = [other for _, other in present if other.space == one.space]
    kinds = [[systems.frames[other.dataset].schema[other.on[at]] for other in others] for at in range(len(one.on))]
    return [len(set(found)) == 1 for found in kinds]


def _kept(rows: pl.DataFrame, *, said: Reduce, keep: Reduce) -> pl.DataFrame:
    return keep(said(rows))


def _saying(place: int, one: Claimant, systems: Systems, *, exact: bool, keys: Sequence[bool]) -> Reduce:
    """What gives the claims of a system's rows."""
    schema = systems.frames[one.dataset].schema
    names = [_exact(schema, name) if same else as_text(schema, name) for name, same in zip(one.on, keys, strict=True)]
    columns = {
        "claimant": pl.lit(place),
        "source": pl.lit(one.dataset),
        "of": pl.lit(one.field),
        "row": pl.col(ROW),
        "entity": pl.concat_str(pl.lit(one.space), *names, separator=SEPARATOR),
        "value": _exact(schema, one.field) if exact else as_text(schema, one.field),
        "shown": as_text(schema, one.field),
        "at": _moment(schema, one.changed),
    }
    said = [column.cast(SAID[name]).alias(name) for name, column in columns.items()]
    return lambda rows: rows.select(said).with_columns(unique=pl.lit(one.unique)).drop_nulls("entity")


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


def _links(present: Iterable[Claimant]) -> bool:
    """Whether a system names its entities by several keys."""
    named = Counter(one.dataset for one in present if one.unique)
    return any(count > 1 for count in named.values())


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
