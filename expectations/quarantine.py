"""Set rows aside, each once, with every rule it breaks and what a steward needs to find it at its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from catalog.models import Dataset
from expectations.disclosure import HIDDEN, secrets, tellable, told_key, told_value
from expectations.wording import as_text

ROW = "_row"  # the number of a row in the frame that is checked, from 0
BREACH = pl.Struct({"rule": pl.String, "field": pl.String, "value": pl.String, "reason": pl.String})
QUARANTINED: Mapping[str, type[pl.DataType] | pl.DataType] = {
    "_key": pl.String,  # *** where the key may not be told
    "_location": pl.String,
    "_position": pl.Int64,
    "rule": pl.String,  # the first rule the row breaks, in the order of the contract
    "rules": pl.List(pl.String),
    "field": pl.String,
    "value": pl.String,  # *** where the field is personal, masked or above internal
    "reason": pl.String,
    "row": pl.String,  # JSON of the fields that may be told
    "breaches": pl.List(BREACH),  # each rule the row breaks, with its field, value and reason
    ROW: pl.Int64,
}


@dataclass(frozen=True)
class Cause:
    """A reason to set rows aside: the rule, its fields, the rows it holds for, and the reason in words."""

    rule: str
    fields: tuple[str, ...]
    rows: pl.Series
    reason: str
    unread: bool = False  # the value could not be read, so it stands in `_faults`


def set_aside(rows: pl.DataFrame, causes: Sequence[Cause], dataset: Dataset) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows no cause holds for, and the quarantine: one row for each of the others."""
    fields = [field.name for field in dataset.fields]
    kept = [*fields, "_location", "_position", "_key"]
    if not causes:
        return rows.select(kept), pl.DataFrame(schema=QUARANTINED)
    marked = rows.with_columns(cause.rows.alias(f"_cause{place}") for place, cause in enumerate(causes))
    marks = [pl.col(f"_cause{place}") for place in range(len(causes))]
    hit = pl.any_horizontal(marks)
    return rows.select(kept).filter(marked.select(~hit).to_series()), _told(marked.filter(hit), causes, marks, dataset)


def _told(rows: pl.DataFrame, causes: Sequence[Cause], marks: Sequence[pl.Expr], dataset: Dataset) -> pl.DataFrame:
    def first(parts: Iterable[pl.Expr]) -> pl.Expr:
        """The part of the first cause that holds."""
        chain = pl.lit(None, pl.String)
        for mark, part in reversed(list(zip(marks, parts, strict=True))):
            chain = pl.when(mark).then(part).otherwise(chain)
        return chain

    names = [pl.when(mark).then(pl.lit(cause.rule)) for mark, cause in zip(marks, causes, strict=True)]
    hidden = secrets(dataset)
    shown = [as_text(rows.schema, one.name).alias(one.name) for one in dataset.fields if one.name not in hidden]
    columns = {
        "_key": told_key(dataset),
        "_location": pl.col("_location"),
        "_position": pl.col("_position"),
        "rule": first(pl.lit(cause.rule) for cause in causes),
        "rules": pl.concat_list(names).list.drop_nulls(),
        "field": first(pl.lit(", ".join(cause.fields)) for cause in causes),
        "value": first(_value(rows, cause, dataset) for cause in causes),
        "reason": first(pl.lit(cause.reason) for cause in causes),
        "row": pl.struct(shown).struct.json_encode() if shown else pl.lit(None, pl.String),
        "breaches": pl.concat_list(
            pl.when(mark).then(_breach(rows, cause, dataset)) for mark, cause in zip(marks, causes, strict=True)
        ).list.drop_nulls(),
        ROW: pl.col(ROW),
    }
    return rows.select(column.cast(QUARANTINED[name]).alias(name) for name, column in columns.items())


def _breach(rows: pl.DataFrame, cause: Cause, dataset: Dataset) -> pl.Expr:
    return pl.struct(
        pl.lit(cause.rule).alias("rule"),
        pl.lit(", ".join(cause.fields)).alias("field"),
        _value(rows, cause, dataset).cast(pl.String).alias("value"),
        pl.lit(cause.reason).alias("reason"),
    )


def _value(rows: pl.DataFrame, cause: Cause, dataset: Dataset) -> pl.Expr:
    if not cause.fields:
        return pl.lit(None, pl.String)
    if not cause.unread:
        return told_value(rows.schema, dataset, cause.fields)
    if not tellable(dataset, cause.fields):
        return pl.lit(HIDDEN)
    ours = pl.element().filter(pl.element().struct.field("field") == cause.fields[0])
    return pl.col("_faults").list.eval(ours.struct.field("value")).list.first()
