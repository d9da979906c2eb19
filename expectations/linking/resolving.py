"""Link all records of an entity: every pair of its datasets, and each dataset with itself, then all links together.

Nothing is merged. What comes back are links, each with its probability, the way it came about and what speaks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import polars as pl

from catalog.entity_models import Entity
from catalog.errors import Refusal
from catalog.models import Dataset
from expectations.linking.clusters import components, torn
from expectations.linking.matching import Links, duplicates, link
from expectations.linking.planning import KEY, needed, never_compared, plan_for
from expectations.linking.splink_engine import require_splink

SIDES = ("left", "right")
PAIR = {"left_dataset": pl.String, "left_key": pl.String, "right_dataset": pl.String, "right_key": pl.String}
LINK_SCHEMA = PAIR | {
    "probability": pl.Float64, "decision": pl.String, "way": pl.String, "reason": pl.String, "weight": pl.Float64,
    "evidence": pl.String,
}  # fmt: skip
WORD_SCHEMA = PAIR | {"same": pl.Boolean}
_WAYS = {"key": "key", "person": "decision"}  # by reason; all others are by match


@dataclass(frozen=True)
class Resolution:
    """What was found out about the records of an entity.

    `links`: a row by pair, strongest first, with the columns of LINK_SCHEMA; `decision` is link, review or no, `way`
    key, match or decision, and `evidence` the bits by field as JSON, null where a side has no value. `records`: every
    record (`dataset`, `key`) with the number of its `group`. `skipped`: pairs in blocks above the limit, by datasets
    and block. `faults`: what could not be compared, in words. `compared`: pairs looked at. `unused`: words about
    records that are not there.
    """

    links: pl.DataFrame
    records: pl.DataFrame
    skipped: Mapping[str, int]
    faults: tuple[str, ...]
    compared: int
    unused: int


def resolve(
    entity: Entity, datasets: Mapping[str, Dataset], frames: Mapping[str, pl.DataFrame], *, words: pl.DataFrame
) -> Resolution:
    """The links of an entity over the ready rows of its datasets.

    A dataset without a frame is a fault. `words` (WORD_SCHEMA) is what people said about pairs, one row by pair.
    Refusal where the entity asks for an engine that is not installed.
    """
    if entity.engine == "splink":
        require_splink(f"{entity.place.file}:{entity.place.line}")
    told, faults = (
        [pl.DataFrame(schema=LINK_SCHEMA)],
        [f"'{name}' has no ready rows" for name in _absent(entity, frames)],
    )
    skipped: dict[str, int] = {}
    compared = 0
    for ours, theirs in combinations_with_replacement([name for name in entity.datasets if name in frames], 2):
        between = _between(words, ours, theirs)
        try:
            found = _linked(entity, datasets[ours], datasets[theirs], frames, between)
        except Refusal as refused:
            faults.append(f"'{ours}' and '{theirs}': {refused.what}")
            found = None
        if never_compared(entity, datasets[ours], datasets[theirs]):
            faults.append(f"'{ours}' and '{theirs}' share match fields, and no blocking is of fields that both have")
        if found is None:
            told.append(_by_word_alone(between, frames[ours], frames[theirs], ours, theirs))
            continue
        compared += found.candidates
        skipped |= {f"{ours}, {theirs}: {block}": pairs for block, pairs in found.skipped.items()}
        told.append(_table(found, ours, theirs))
    records = _records(entity, frames)
    links, groups = _together(pl.concat(told), records, words)
    unused = words.height - _numbered(words, records).height
    return Resolution(links, groups, skipped, tuple(faults), compared, unused)


def _absent(entity: Entity, frames: Mapping[str, pl.DataFrame]) -> list[str]:
    return [name for name in entity.datasets if name not in frames or frames[name].is_empty()]


def _between(words: pl.DataFrame, ours: str, theirs: str) -> pl.DataFrame:
    """What was said about pairs of two datasets, with ours on the left."""
    straight = words.filter((pl.col("left_dataset") == ours) & (pl.col("right_dataset") == theirs))
    turned = words.filter((pl.col("left_dataset") == theirs) & (pl.col("right_dataset") == ours))
    columns = ("left_key", "right_key", "same")
    both = [straight.select(columns)]
    if ours != theirs:
        both.append(turned.select(left_key="right_key", right_key="left_key", same="same"))
    return pl.concat(both).rename({"left_key": "left", "right_key": "right"})


def _linked(
    entity: Entity, ours: Dataset, theirs: Dataset, frames: Mapping[str, pl.DataFrame], between: pl.DataFrame
) -> Links | None:
    if frames[ours.name].is_empty() or frames[theirs.name].is_empty():
        return None
    plan = plan_for(entity, ours, theirs, frames)
    if plan is None:
        return None
    left, right = (frames[one.name].select(KEY, *needed(entity, one)) for one in (ours, theirs))
    if ours.name == theirs.name:
        return duplicates(left, plan, decisions=between)
    return link(left, right, plan, decisions=between)


def _table(found: Links, ours: str, theirs: str) -> pl.DataFrame:
    fields = [name for name in found.pairs.columns if name.startswith("weight_")]
    bits = [
        pl.when(pl.col(name) != 0).then(pl.col(name).round(2)).alias(name.removeprefix("weight_")) for name in fields
    ]
    return found.pairs.select(
        pl.lit(ours).alias("left_dataset"), pl.col("left").alias("left_key"),
        pl.lit(theirs).alias("right_dataset"), pl.col("right").alias("right_key"),
        "probability", "decision",
        pl.col("reason").replace_strict(_WAYS, default="match", return_dtype=pl.String).alias("way"),
        "reason", "weight", pl.struct(bits).struct.json_encode().alias("evidence"),
    )  # fmt: skip


def _by_word_alone(
    between: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, ours: str, theirs: str
) -> pl.DataFrame:
    """Where nothing compares two datasets, what people said about their records still holds."""
    there = between.join(left.select(left=KEY), on="left", how="semi")
    there = there.join(right.select(right=KEY), on="right", how="semi")
    return there.select(
        pl.lit(ours).alias("left_dataset"), pl.col("left").alias("left_key"),
        pl.lit(theirs).alias("right_dataset"), pl.col("right").alias("right_key"),
        pl.col("same").cast(pl.Float64).alias("probability"),
        pl.when("same").then(pl.lit("link")).otherwise(pl.lit("no")).alias("decision"),
        pl.lit("decision").alias("way"), pl.lit("person").alias("reason"), pl.lit(0.0).alias("weight"),
        pl.lit("{}").alias("evidence"),
    )  # fmt: skip


def _records(entity: Entity, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """All records in the order of the members and of their keys: the first of a group is its anchor."""
    parts = [
        frames[name].select(pl.lit(name).alias("dataset"), pl.col(KEY).alias("key")).sort("key")
        for name in entity.datasets
        if name in frames
    ]
    return pl.concat([pl.DataFrame(schema={"dataset": pl.String, "key": pl.String}), *parts])


def _together(links: pl.DataFrame, records: pl.DataFrame, words: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All links with the weakest loosened that would join, by way of others, what a person keeps apart; and groups."""
    strength = pl.col("way").replace_strict({"decision": 0, "key": 1}, default=2, return_dtype=pl.Int8)
    links = links.sort(strength, pl.col("weight") * -1, *PAIR)
    numbered = _numbered(links, records)
    linked = numbered.filter(pl.col("decision") == "link")
    left, right = (linked[f"_{side}"].to_numpy() for side in SIDES)
    apart = list(_apart(_numbered(words.filter(~pl.col("same")), records)))
    loose = torn(left, right, apart, records.height)
    places = linked.filter(pl.Series(loose, dtype=pl.Boolean))["_at"]
    given_way = pl.int_range(pl.len()).is_in(places.implode())
    links = links.with_columns(
        pl.when(given_way).then(pl.lit("review")).otherwise("decision").alias("decision"),
        pl.when(given_way).then(pl.lit("kept_apart")).otherwise("reason").alias("reason"),
        pl.when(given_way).then(pl.lit("match")).otherwise("way").alias("way"),
    )
    groups = components(left[~loose], right[~loose], records.height) if records.height else np.zeros(0, np.int64)
    return links, records.with_columns(pl.Series("group", groups, dtype=pl.Int64))


def _numbered(pairs: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose two records are there, with the numbers of both and their own place."""
    places = records.with_row_index("_place").with_columns(pl.col("_place").cast(pl.Int64))
    told = pairs.with_columns(pl.int_range(pl.len()).alias("_at"))
    for side in SIDES:
        by = {"dataset": f"{side}_dataset", "key": f"{side}_key", "_place": f"_{side}"}
        told = told.join(places.rename(by), on=[f"{side}_dataset", f"{side}_key"], how="inner", maintain_order="left")
    return told


def _apart(numbered: pl.DataFrame) -> Iterator[tuple[int, int]]:
    rows: Sequence[Any] = numbered.select("_left", "_right").rows()
    yield from rows
