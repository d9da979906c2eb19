"""What was found, as frames: the pairs with what speaks for them, and the clusters that links make."""

from __future__ import annotations

import numpy as np
import polars as pl

from expectations.linking.clusters import components
from expectations.linking.deciding import DECISIONS, REASONS, UNTOLD, Codes
from expectations.linking.scoring import Scored
from expectations.linking.tasks import Task

MEMBER = {"side": pl.String, "key": pl.String}


def pairs_table(task: Task, scored: Scored, decided: Codes, reason: Codes) -> pl.DataFrame:
    """The pairs that became something, a row each, with the bits of every field."""
    told = np.flatnonzero(decided != UNTOLD)
    shown = scored.where(told)
    return pl.DataFrame({
        "left": task.left.gather(shown.left),
        "right": task.right.gather(shown.right),
        "probability": shown.probability,
        "decision": pl.Series(DECISIONS, dtype=pl.String).gather(decided[told]),
        "reason": pl.Series(REASONS, dtype=pl.String).gather(reason[told]),
        "weight": shown.total,
        **{f"weight_{one.comparison.name}": bits for one, bits in zip(task.columns, shown.bits, strict=True)},
    })  # fmt: skip


def clusters_of(task: Task, linked: Scored) -> pl.DataFrame:
    """Every linked record with its cluster, called by its smallest member: `crm:17`."""
    sides = (
        [(task.plan.left, task.left)] if task.within else [(task.plan.left, task.left), (task.plan.right, task.right)]
    )
    named = pl.concat([pl.DataFrame({"side": [side] * len(keys), "key": keys}, schema=MEMBER) for side, keys in sides])
    named = named.with_columns(
        pl.int_range(pl.len()).alias("_place"), (pl.col("side") + ":" + pl.col("key")).alias("name")
    )
    lowest = components(linked.left, task.nodes(linked.right), task.many)
    members = named.with_columns(pl.Series("_group", lowest))
    members = members.filter(pl.len().over("_group") > 1)
    called = members.with_columns(pl.col("name").min().over("_group").alias("cluster"))
    return called.sort("cluster", "side", "key").select("cluster", "side", "key")
