"""What people said about pairs of records, carried over to the records of now."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from expectations.linking.resolving import WORD_SCHEMA
from ledger.models import EntityDecision
from pipelines.row_identity import key_mark

PAIR_BYTES = 8


@dataclass(frozen=True)
class Said:
    """The last word about each pair of records that are there (WORD_SCHEMA), and what could not be carried over.

    `absent` counts words about records that are gone; `foreign` words under another mask key, which nobody can match.
    """

    words: pl.DataFrame
    absent: int
    foreign: int


def pair_id(one: str, other: str) -> str:
    """The name of a pair, from the ids of its records; it does not depend on who stands left."""
    return hashlib.blake2b("\x1f".join(sorted((one, other))).encode(), digest_size=PAIR_BYTES).hexdigest()


def pair_ids(left: pl.Series, right: pl.Series) -> pl.Series:
    """The names of many pairs."""
    # a loop over linked and doubtful pairs only: Polars has no hash that stays the same over its versions
    names = [pair_id(one, other) for one, other in zip(left.to_list(), right.to_list(), strict=True)]
    return pl.Series("pair", names, dtype=pl.String)


def last_words(decisions: Sequence[EntityDecision], key: bytes) -> dict[tuple[str, str], EntityDecision]:
    """The last decision about each pair that the present mask key can name, by the ids of its records."""
    mark = key_mark(key)
    return {one.records: one for one in decisions if one.key_mark == mark}


def said(decisions: Sequence[EntityDecision], records: pl.DataFrame, key: bytes) -> Said:
    """Decisions as words about records; `records` has `dataset`, `key` and `record`, their id."""
    last = list(last_words(decisions, key).values())
    foreign = sum(one.key_mark != key_mark(key) for one in decisions)
    rows = [(one.left_id, one.right_id, one.same) for one in last]
    told = pl.DataFrame(rows, schema={"left": pl.String, "right": pl.String, "same": pl.Boolean}, orient="row")
    for side in ("left", "right"):
        names = records.select(
            pl.col("record").alias(side), pl.col("dataset").alias(f"{side}_dataset"), pl.col("key").alias(f"{side}_key")
        )
        told = told.join(names, on=side, how="inner", maintain_order="left")
    return Said(told.select(*WORD_SCHEMA), len(last) - told.height, foreign)
