"""Figures about many rows, and columns borrowed from other datasets: the joins that documents are told from.

Joins compare text, so that a number in one system meets the same number kept as text in another; they use the plain
values of masked fields (`masking.RAW`), which never leave rendering.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from catalog.models import Aggregate, Lookup, Related
from index.masking import RAW
from index.wording import as_text


def joinable(frame: pl.DataFrame, name: str) -> pl.Expr:
    """The column that joins on `name`, as text: the plain value where the told one is masked."""
    return as_text(frame.schema, RAW + name if RAW + name in frame.columns else name)


def with_lookups(frame: pl.DataFrame, lookups: Sequence[Lookup], others: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The frame with borrowed columns; rows stay as many, a duplicate on their side counts once (the first)."""
    for lookup in lookups:
        theirs = others[lookup.dataset]
        on = [f"_on{n}" for n in range(len(lookup.on))]
        right = theirs.select(
            *(joinable(theirs, name).alias(key) for key, (_, name) in zip(on, lookup.on, strict=True)),
            *(pl.col(name).alias(new) for new, name in lookup.fields.items()),
        ).unique(subset=on, keep="first", maintain_order=True)
        left = frame.with_columns(
            joinable(frame, name).alias(key) for key, (name, _) in zip(on, lookup.on, strict=True)
        )
        frame = left.join(right, on=on, how="left", maintain_order="left").drop(on)
    return frame


def with_related(frame: pl.DataFrame, related: Sequence[Related], others: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The frame with `name.aggregate` columns, as text, about the rows of other datasets that belong to each row."""
    for one in related:
        theirs = with_lookups(others[one.dataset], one.lookups, others)
        on = [f"_on{n}" for n in range(len(one.on))]
        grouped = theirs.with_columns(
            joinable(theirs, name).alias(key) for key, (_, name) in zip(on, one.on, strict=True)
        )
        told = aggregated(grouped, on, one.aggregates).select(
            *on, *(pl.col(figure.name).alias(f"{one.name}.{figure.name}") for figure in one.aggregates)
        )
        left = frame.with_columns(joinable(frame, name).alias(key) for key, (name, _) in zip(on, one.on, strict=True))
        counts = [f"{one.name}.{figure.name}" for figure in one.aggregates if figure.function == "count"]
        frame = (
            left.join(told, on=on, how="left", maintain_order="left")
            .drop(on)
            .with_columns(pl.col(counts).fill_null("0"))  # no row there is a count of 0; other figures stay unknown
        )
    return frame


def aggregated(frame: pl.DataFrame, by: Sequence[str], figures: Sequence[Aggregate]) -> pl.DataFrame:
    """One row per group of `by`: the figures as text columns by their names."""
    keys = list(by)
    plain = [figure for figure in figures if figure.function != "top"]
    groups = frame.group_by(keys, maintain_order=True).agg(
        _figure(frame, figure).alias(figure.name) for figure in plain
    )
    groups = groups.with_columns(
        as_text(groups.schema, figure.name, decimals=figure.decimals).alias(figure.name) for figure in plain
    )
    for figure in figures:
        if figure.function == "top":
            groups = groups.join(
                _top(frame, keys, figure), on=keys, how="left", nulls_equal=True, maintain_order="left"
            )
    return groups


def _figure(frame: pl.DataFrame, figure: Aggregate) -> pl.Expr:
    if figure.function == "count" and not figure.field:
        return pl.col(figure.where_null).is_null().sum() if figure.where_null else pl.len()
    column = pl.col(figure.field)
    if figure.where_null:
        column = column.filter(pl.col(figure.where_null).is_null())
    present = column.drop_nulls()
    if figure.function == "count":
        return present.len()
    if figure.function == "distinct":
        return present.n_unique()
    if figure.function in ("min", "max"):
        return present.min() if figure.function == "min" else present.max()
    # a masked number is text by now: not a figure any more, so unknown
    dtype = frame.schema[figure.field]
    numeric = present if dtype.is_numeric() else present.cast(pl.Float64, strict=False).drop_nulls()
    if figure.function == "mean":
        return numeric.cast(pl.Float64).mean()
    return pl.when(numeric.len() > 0).then(numeric.sum())


def _top(frame: pl.DataFrame, keys: list[str], figure: Aggregate) -> pl.DataFrame:
    """`BOS (12), SJU (3)`: most frequent first, ties in the order of the value, so that nothing changes by chance."""
    rows = frame.filter(pl.col(figure.where_null).is_null()) if figure.where_null else frame
    value = as_text(rows.schema, figure.field)
    counted = (
        rows.select(*keys, value.alias("_value"))
        .drop_nulls("_value")
        .group_by(*keys, "_value")
        .len("_count")
        .sort(["_count", "_value"], descending=[True, False])
    )
    told = pl.format("{} ({})", pl.col("_value"), pl.col("_count")).head(figure.limit).str.join(", ")
    return counted.group_by(keys, maintain_order=True).agg(told.alias(figure.name))
