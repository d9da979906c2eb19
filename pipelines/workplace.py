"""What lies in quarantine now, how old it is, what was decided about it, and how long rows take to get out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import polars as pl

from expectations.decided import REJECTED
from ledger.models import QuarantineDecision, Sighting
from pipelines.row_identity import key_mark
from pipelines.settling import Standing, standing_of
from pipelines.site import Site
from pipelines.store import read_json

LOOKED_BACK = timedelta(days=90)  # over which the time to release is told
LISTED = ("id", "taken", "_key", "_location", "_position", "rule", "rules", "field", "value", "reason")
MORE = ("row", "breaches", "_row")


@dataclass(frozen=True)
class Held:
    """One row in quarantine, as it may be told. `rules` are those that hold it; it is `open` until it is rejected.

    `standing` is what was decided about the row as it is now; where it `waits`, the next run applies it.
    """

    dataset: str
    id: str
    taken: str
    key: str | None
    location: str
    position: int | None
    rule: str
    rules: tuple[str, ...]
    field: str
    value: str | None
    reason: str
    first_seen: datetime | None
    age: timedelta | None
    standing: Standing
    waits: bool

    @property
    def open(self) -> bool:
        """Whether somebody should look at it."""
        return not self.standing.rejected


@dataclass(frozen=True)
class Backlog:
    """The rows that one rule holds, and how long those took to get out that left in the last 90 days."""

    dataset: str
    rule: str
    open: int
    oldest: timedelta | None
    median_age: timedelta | None
    out: int
    median_to_release: timedelta | None


def is_of_now(site: Site, dataset: str) -> bool:
    """Whether the quarantine was written by a version that names its rows."""
    path, manifest = site.home.quarantine(dataset), read_json(site.home.manifest("ready", dataset))
    return not path.exists() or ("checked_at" in manifest and {*LISTED, *MORE} <= {*pl.read_parquet_schema(path)})


def held_rows(site: Site, dataset: str) -> list[Held]:
    """The rows of a dataset in quarantine since its last check, oldest first."""
    path = site.home.quarantine(dataset)
    if not path.exists():
        return []
    rows = pl.read_parquet(path, columns=list(LISTED))
    seen = _first_seen(site.ledger.sightings(dataset))
    decided = _by_row(site.ledger.quarantine_decisions(dataset), key_mark(site.mask_key()))
    checked = datetime.fromisoformat(read_json(site.home.manifest("ready", dataset))["checked_at"])
    now = site.clock()
    told = [
        _held(dataset, row, seen.get(row["id"]), now, decided.get((row["id"], row["taken"]), []), checked)
        for row in rows.iter_rows(named=True)  # a loop over the rows in quarantine, which are to be read one by one
    ]
    return sorted(told, key=lambda one: (one.first_seen or now, one.location, one.position or 0))


def _held(
    dataset: str,
    row: Mapping[str, Any],
    seen: datetime | None,
    now: datetime,
    made: Sequence[QuarantineDecision],
    checked: datetime,
) -> Held:
    return Held(
        dataset=dataset, id=row["id"], taken=row["taken"], key=row["_key"], location=row["_location"],
        position=row["_position"], rule=row["rule"], rules=_real(row["rules"]), field=row["field"],
        value=row["value"], reason=row["reason"], first_seen=seen, age=None if seen is None else now - seen,
        standing=standing_of(made),
        waits=any(one.at > checked for one in made),
    )  # fmt: skip


def backlog(site: Site, dataset: str, rows: Sequence[Held] | None = None) -> list[Backlog]:
    """Open rows by rule, and the time to release; a row that breaks two rules counts for both."""
    now = site.clock()
    counted = [one for one in (held_rows(site, dataset) if rows is None else rows) if one.open]
    ages: dict[str, list[timedelta]] = defaultdict(list)
    for row in counted:
        for rule in row.rules:
            ages[rule].append(row.age or timedelta())
    out: dict[str, list[timedelta]] = defaultdict(list)
    for one in site.ledger.sightings(dataset, resolved_since=now - LOOKED_BACK):
        if one.resolved_at is not None and one.outcome != "reject":
            out[one.rule].append(one.resolved_at - one.first_seen)
    return [
        Backlog(dataset, rule, len(ages[rule]), max(ages[rule], default=None), _median(ages[rule]), len(out[rule]),
                _median(out[rule]))
        for rule in sorted({*ages, *out})
    ]  # fmt: skip


def told_duration(span: timedelta | None) -> str:
    """`3 d`, `5 h`, `12 min`; nothing where there is none."""
    if span is None:
        return ""
    minutes = int(span.total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} d"
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


def _median(spans: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(span.total_seconds() for span in spans)) if spans else None


def _real(rules: Sequence[str]) -> tuple[str, ...]:
    """The rules of the contract; a row that only a decision holds names that."""
    return tuple(rule for rule in rules if rule != REJECTED) or tuple(rules)


def _first_seen(sightings: Sequence[Sighting]) -> dict[str, datetime]:
    first: dict[str, datetime] = {}
    for one in sightings:
        first[one.row_id] = min(one.first_seen, first.get(one.row_id, one.first_seen))
    return first


def _by_row(decisions: Sequence[QuarantineDecision], mark: str) -> dict[tuple[str, str], list[QuarantineDecision]]:
    by_row: dict[tuple[str, str], list[QuarantineDecision]] = defaultdict(list)
    for one in decisions:
        if one.key_mark == mark:
            by_row[one.row_id, one.taken].append(one)
    return by_row
