"""Choose for each entity and field the value it is known by, and say whose it is and why.

Values are chosen, never mixed or changed: each golden value stands in one record, which is named beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from catalog.entity_models import Entity, GoldenField
from expectations.linking.planning import KEY
from expectations.wording import as_text

GOLDEN_SCHEMA = {
    "entity_id": pl.String, "field": pl.String, "value": pl.String, "dataset": pl.String, "key": pl.String,
    "source_field": pl.String, "reason": pl.String, "others": pl.UInt32,
}  # fmt: skip
MOMENT = pl.Datetime("us", "UTC")
_ORDERS = {
    "order": ("_order", "key"),
    "most_complete": ("_filled", "_order", "key"),
    "newest": ("_changed", "_order", "key"),
}


def golden_record(entity: Entity, members: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """A row by entity and golden field that some member fills, with the columns of GOLDEN_SCHEMA.

    `members` holds `entity_id`, `dataset` and `key`. `reason`: `only` (no other record has a value), `order`,
    `most_complete`, `newest`, or `no_change_date` (none of the records says when it changed, so the order decides).
    `others` counts the other values that lost.
    """
    members = members.with_columns((pl.col("entity_id").rank("dense") - 1).cast(pl.Int64).alias("_entity"))
    named = members["entity_id"].unique().sort()
    records = {name: _records(entity, frames[name], members, name) for name in entity.datasets if name in frames}
    told = [_chosen(one, records) for one in entity.golden]
    empty = pl.DataFrame(schema=GOLDEN_SCHEMA | {"entity_id": pl.Int64})
    chosen = pl.concat([empty, *told]).sort("entity_id", maintain_order=True)
    return chosen.with_columns(named.gather(chosen["entity_id"]).alias("entity_id"))


def _records(entity: Entity, frame: pl.DataFrame, members: pl.DataFrame, dataset: str) -> pl.DataFrame:
    """The records of a dataset with the number of their entity and how much of it they fill."""
    whose = members.filter(pl.col("dataset") == dataset).select("_entity", pl.col("key").alias(KEY))
    return frame.join(whose, on=KEY, how="inner").with_columns(_filled(entity, dataset).alias("_filled"))


def _filled(entity: Entity, dataset: str) -> pl.Expr:
    """How many golden fields a record of the dataset fills, negative: the fullest sorts first."""
    names = {field for golden in entity.golden for source, field in golden.sources if source == dataset}
    counted = [pl.col(name).is_not_null().cast(pl.Int32) for name in sorted(names)]
    return -pl.sum_horizontal(pl.lit(0, pl.Int32), *counted)


def _chosen(golden: GoldenField, records: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """By number of the entity the value chosen of one field, and what it was chosen from."""
    parts = [
        _values(golden, records[dataset], dataset, field, place)
        for place, (dataset, field) in enumerate(golden.sources)
        if dataset in records
    ]
    if not parts:
        return pl.DataFrame(schema=GOLDEN_SCHEMA | {"entity_id": pl.Int64})
    values = pl.concat(parts)
    best = values.sort("_entity", *_ORDERS[golden.rule], nulls_last=True).group_by("_entity", maintain_order=True)
    undated = pl.lit(golden.rule == "newest") & (pl.col("_changed").count() == 0)
    told = best.agg(
        pl.col("value", "dataset", "key", "source_field").first(),
        pl.when(pl.len() == 1).then(pl.lit("only")).when(undated).then(pl.lit("no_change_date"))
        .otherwise(pl.lit(golden.rule)).alias("reason"),
    )  # fmt: skip
    others = values.unique(["_entity", "value"]).group_by("_entity").agg((pl.len() - 1).cast(pl.UInt32).alias("others"))
    told = told.join(others, on="_entity", how="left", maintain_order="left")
    return told.select(
        pl.col("_entity").alias("entity_id"), pl.lit(golden.name).alias("field"),
        *[name for name in GOLDEN_SCHEMA if name not in ("entity_id", "field")],
    )  # fmt: skip


def _values(golden: GoldenField, records: pl.DataFrame, dataset: str, field: str, place: int) -> pl.DataFrame:
    """What the records of one dataset say, where they say something; what sorts first is to be preferred."""
    changed = golden.changed.get(dataset)
    moment = pl.lit(None, MOMENT) if changed is None else _moment(records.schema[changed], changed)
    return records.select(
        "_entity", pl.lit(dataset).alias("dataset"), pl.col(KEY).alias("key"),
        as_text(records.schema, field).alias("value"),
        pl.lit(field).alias("source_field"), pl.lit(place).alias("_order"), "_filled",
        # the newest sorts first: its distance from the epoch, negative
        (-moment.dt.epoch("us")).alias("_changed"),
    ).filter(pl.col("value").is_not_null() & (pl.col("value").str.strip_chars() != ""))  # fmt: skip


def _moment(dtype: pl.DataType, name: str) -> pl.Expr:
    """A date or a timestamp in UTC; a date is its first moment."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return column.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
