"""Give every group of linked records a name that stays while the group changes.

A group takes over the name that most of its records had before, and each name goes to one group only: to that with most
of the records that bore it. A group without such a name is called by its anchor, its first record in the order of the
members; so the same records give the same names where nothing is remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import polars as pl

BEFORE = {"dataset": pl.String, "key": pl.String, "entity_id": pl.String}
DIGITS = 16  # of a record's id in the name of an entity


def named(records: pl.DataFrame, before: pl.DataFrame, *, entity: str) -> pl.DataFrame:
    """`records` with `entity_id`; they have `dataset`, `key`, `record` (an id as text) and `group`, anchors first.

    `before` (BEFORE) is what the records were called at the last run.
    """
    own = pl.format("{}-{}", pl.lit(entity), pl.col("record").str.slice(0, DIGITS))
    anchors = records.group_by("group", maintain_order=True).agg(pl.col("record").first())
    anchors = anchors.with_columns(own.alias("_own"))
    kept = _kept(records, before, anchors)
    unnamed = anchors.join(kept, on="group", how="anti", maintain_order="left")
    new = unnamed.filter(pl.col("_own").is_first_distinct())
    new = new.join(kept, left_on="_own", right_on="entity_id", how="anti", maintain_order="left")
    told = pl.concat([kept, new.select("group", entity_id="_own")])
    told = pl.concat([told, _named_otherwise(unnamed, told, entity)])
    return records.join(told, on="group", how="left", maintain_order="left")


_NAMES = {"group": pl.Int64, "entity_id": pl.String}


def _kept(records: pl.DataFrame, before: pl.DataFrame, anchors: pl.DataFrame) -> pl.DataFrame:
    """The names that groups take over (_NAMES).

    Of groups with equal claims, that whose anchor gave the name; then the first.
    """
    met = records.join(before.select(*BEFORE), on=["dataset", "key"], how="inner", maintain_order="left")
    claims = met.group_by("group", "entity_id", maintain_order=True).len()
    alone = (pl.len().over("group") == 1) & (pl.len().over("entity_id") == 1)
    claims = claims.with_columns(alone.alias("_alone"))
    contested = claims.filter(~pl.col("_alone")).join(anchors, on="group", how="left", maintain_order="left")
    contested = contested.sort(
        -pl.col("len").cast(pl.Int64), pl.col("entity_id") != pl.col("_own"), maintain_order=True
    )
    kept: dict[int, str] = {}
    given: set[str] = set()
    # a loop over claims that others dispute, not the rows: who gets a name depends on who got one before
    for group, name in contested.select("group", "entity_id").iter_rows():
        if group not in kept and name not in given:
            kept[group] = name
            given.add(name)
    settled = claims.filter("_alone").select(pl.col("group").cast(pl.Int64), "entity_id")
    return pl.concat([settled, _as_names(kept)])


def _named_otherwise(unnamed: pl.DataFrame, told: pl.DataFrame, entity: str) -> pl.DataFrame:
    """The names (_NAMES) of groups whose anchor's name another group bears."""
    rest = unnamed.join(told, on="group", how="anti", maintain_order="left")
    taken = set(told["entity_id"].to_list()) if rest.height else set()
    names: dict[int, str] = {}
    # a loop over those few groups: whether a name is free depends on the names given before
    for group, record in rest.select("group", "record").iter_rows():
        names[group] = _free(entity, record, taken)
        taken.add(names[group])
    return _as_names(names)


def _as_names(names: Mapping[int, str]) -> pl.DataFrame:
    return pl.DataFrame({"group": list(names), "entity_id": list(names.values())}, schema=_NAMES)


def _free(entity: str, record: str, taken: set[str]) -> str:
    """The anchor's name; where a group that outlived it bears that name, the next one that follows from the record."""
    name, turn = f"{entity}-{record[:DIGITS]}", 1
    while name in taken:
        turn += 1
        name = f"{entity}-{hashlib.blake2b(f'{record}/{turn}'.encode(), digest_size=DIGITS // 2).hexdigest()}"
    return name
