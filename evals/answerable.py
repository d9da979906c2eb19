"""Live through random histories of a shop; after each run three callers are told what they must be, and no more."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

import index
from catalog import load_project
from catalog.errors import ChangeHeld
from catalog.models import Classification, Principal
from evals.changing_shop import SECRETS, Shop, Told
from index.access import may_see_row, readable_by
from index.schema import READABLE
from index.store import Store, read_table
from index.testing import HashEmbedder
from ledger.models import Approval
from pipelines import stages
from pipelines.site import Site

CALLERS = (
    Principal(name="anybody"),
    Principal(name="operator", clearance=Classification.internal, roles=("ops",)),
    Principal(name="auditor", clearance=Classification.restricted, roles=("audit",)),
)
PLACES: tuple[Literal["live", "latest"], ...] = ("live", "latest")
SET_BACK = 0.02  # the share of looks at the clock before which it is set back
TEXTS = ("title", "text", "search_text", "breadcrumb", "keys_text", "document_id", "key")


@dataclass
class Outcome:
    """What a history came to: runs, and documents that were told wrongly (`ghosts`) or not at all (`losses`).

    `leaks` are masked values found in the store, `stale` datasets whose chunks are not those of a build from nothing.
    """

    runs: int = 0
    documents: int = 0
    ghosts: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether every run left exactly what it must."""
        return not (self.ghosts or self.losses or self.leaks or self.stale)


class Clock:
    """A clock that is set back now and then."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.now = draw, datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time, a second later than the last time it was asked, or long before."""
        self.now += timedelta(seconds=1)
        if self.draw.random() < SET_BACK:
            self.now -= timedelta(days=self.draw.randint(1, 400))
        return self.now


def live_through(seed: int, folder: Path, *, runs: int) -> Outcome:
    """One history: a first run, and `runs` more with one to three changes before each."""
    shop, outcome = Shop.begin(folder, seed), Outcome()
    clock, embedder = Clock(shop.draw), HashEmbedder()
    for number in range(runs + 1):
        if number:
            outcome.changes += [shop.step() for _ in range(shop.draw.choice((1, 1, 2, 3)))]
        shop.write()
        site = Site.open(load_project(folder))
        run(replace(site, clock=clock), f"{seed}-{number}")
        judge(Store(site.home.index), shop, embedder, outcome)
        outcome.stale += [f"{number}: {name}" for name in site.project.datasets if not is_as_from_nothing(site, name)]
    return outcome


def run(site: Site, run_id: str) -> dict[str, stages.Indexed]:
    """All stages of a run, without Dagster, and what it did. What is held, a person approves at once."""
    for stage in (stages.pull, stages.make_ready):
        for name in sorted(site.project.datasets):
            _approved(site, run_id, stage, name)
    for name in sorted(site.project.datasets):
        made: Any = stages.make_ready(site, name, run_id=run_id)
        if made.held:
            _approve(site)
            stages.make_ready(site, name, run_id=run_id)
    stages.find_gaps(site, run_id=run_id)
    return {name: _approved(site, run_id, stages.make_indexed, name) for name in sorted(site.project.datasets)}


def judge(store: Store, shop: Shop, embedder: HashEmbedder, outcome: Outcome) -> None:
    """Compare what each caller is told with what is right, and look for what nobody may be told."""
    outcome.runs += 1
    expected = shop.expected()
    for caller in CALLERS:
        told = _told(store, caller)
        right = {one for one in expected if _may_see(caller, one)}
        outcome.documents += len(right)
        outcome.ghosts += [f"{caller.name}: {one}" for one in sorted(told - right)]
        outcome.losses += [f"{caller.name}: {one}" for one in sorted(right - told)]
    outcome.leaks += _leaks(store, shop, embedder)


def is_as_from_nothing(site: Site, name: str) -> bool:
    """Whether the published chunks of a dataset are, to the byte, those that rendering all of its rows now makes."""
    dataset, home = site.dataset(name), site.home
    frames = {one: pl.read_parquet(home.ready(one)) for one in site.project.datasets}
    chunks = index.render(
        dataset, frames, project=site.project, known=pl.read_parquet(home.gaps), mask_key=site.mask_key(),
        tokens=index.tokens_of(site.project.model, home.models),
    )  # fmt: skip
    live = Store(home.index).read(READABLE, at="live").filter(pl.col("dataset") == name)
    return live.select(chunks.columns).cast(chunks.schema).sort("id").equals(chunks.sort("id"))


def _told(store: Store, caller: Principal) -> set[Told]:
    """What the store lets this caller see of the items."""
    rows = read_table(store.live(), READABLE, readable_by(caller)).filter(pl.col("dataset") == "items")
    return {
        Told(row["document_id"], row["title"], row["text"], row["classification"], tuple(row["roles"]), row["source"],
             row["location"])
        for row in rows.iter_rows(named=True)
        if may_see_row(caller, row)
    }  # fmt: skip


def _may_see(caller: Principal, one: Told) -> bool:
    """The rule as its owners say it: cleared for it, and one of its roles where it has any and is not public."""
    cleared = one.classification <= int(caller.clearance)
    return cleared and (one.classification == 0 or not one.roles or bool({*one.roles} & {*caller.roles}))


def _leaks(store: Store, shop: Shop, embedder: HashEmbedder) -> list[str]:
    """Secrets in a text while they are masked, and vectors that are not those of their text; also before publishing."""
    found = []
    for at in PLACES:
        rows = store.read((*TEXTS, "vector"), at=at)
        if shop.declared.mask:
            texts = rows.select(pl.concat_str(TEXTS, separator="\n", ignore_nulls=True).alias("told"))["told"]
            found += [f"{at}: {secret}" for secret in SECRETS if texts.str.contains(secret, literal=True).any()]
        right = embedder.embed(rows["search_text"].to_list()) if rows.height else np.zeros((0, 1))
        if rows.height and not np.allclose(np.array(rows["vector"].to_list()), right, atol=1e-6):
            found.append(f"{at}: a vector that is not its text's")
    return found


def _approved(site: Site, run_id: str, stage: Callable[..., Any], name: str) -> Any:
    try:
        return stage(site, name, run_id=run_id)
    except ChangeHeld:
        _approve(site)
        return stage(site, name, run_id=run_id)


def _approve(site: Site) -> None:
    agreed = Approval(by="history", reason="the history says so", allow_empty=True, at=site.clock())
    site.ledger.approve(site.ledger.held(), agreed)
