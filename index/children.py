"""Tell the rows that belong to a document one by one: a line for each, in an order of their own, up to a limit.

A document lists its children below its text; where the list is long it goes on in passages of the same title. Values
are masked before they get here, so that no line holds what the contract hides.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from catalog.models import Children
from index.aggregates import joinable, with_lookups
from index.wording import as_text, compile_template

LISTS = "_lists"
LISTED = pl.List(pl.Struct({"name": pl.String, "lines": pl.String}))
DESCENDING = "-"  # before a field of `order`


def with_children(frame: pl.DataFrame, children: Sequence[Children], others: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The frame with `_lists`: per kind of children its name and lines, empty where no row belongs."""
    told: list[pl.Expr] = []
    for number, one in enumerate(children):
        name = f"_children{number}"
        keys = [f"_on{n}" for n in range(len(one.on))]
        left = frame.with_columns(joinable(frame, ours).alias(key) for key, (ours, _) in zip(keys, one.on, strict=True))
        lines = _lines(one, keys, others).rename({"_lines": name})
        frame = left.join(lines, on=keys, how="left", maintain_order="left").drop(keys)
        told.append(pl.struct(pl.lit(one.title).alias("name"), pl.col(name).alias("lines")))
    lists = pl.concat_list(told).list.filter(pl.element().struct.field("lines").is_not_null()) if told else None
    listed = frame.with_columns((pl.lit(None) if lists is None else lists).cast(LISTED).alias(LISTS))
    return listed.drop(f"_children{number}" for number in range(len(children)))


def _lines(one: Children, keys: list[str], others: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The lines of every group of rows that share their `on` values, as one text."""
    rows = with_lookups(others[one.dataset], one.lookups, others)
    line = compile_template(one.text, lambda name: as_text(rows.schema, name))
    order = [name.removeprefix(DESCENDING) for name in one.order]
    down = [name.startswith(DESCENDING) for name in one.order]
    # ties in the order of the key and then of the line: the same rows in another order are the same text
    told = rows.select(
        *(joinable(rows, theirs).alias(key) for key, (_, theirs) in zip(keys, one.on, strict=True)),
        ("- " + line.str.replace_all(r"\s+", " ").str.strip_chars()).alias("_line"),
        *(pl.col(name).alias(f"_by{number}") for number, name in enumerate(order)),
        pl.col("_key").alias("_own"),
    ).sort(
        [*(f"_by{number}" for number in range(len(order))), "_own", "_line"],
        descending=[*down, False, False],
        nulls_last=True,
    )
    more = pl.len() - one.limit
    return told.group_by(keys, maintain_order=True).agg(
        pl.concat_str(
            pl.col("_line").head(one.limit).str.join("\n"),
            pl.when(more > 0).then(pl.format("\n- and {} more", more)).otherwise(pl.lit("")),
        ).alias("_lines")
    )
