"""Hold the newest value of a field against the age the contract allows: rows can be read today and be old all the same.

It depends on the clock, so it is judged on every run, also where the rows did not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from catalog.models import Dataset, FieldFreshness
from expectations.disclosure import may_tell
from expectations.results import RuleResult
from ledger import Finding

PREFIX = "freshness/"
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Freshness:
    """What was found about the ages of fields: a result for each promise, a finding for each that is broken."""

    results: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]


def freshness(ready: pl.DataFrame | None, dataset: Dataset, now: datetime) -> Freshness:
    """Judge every promised age over the ready rows; None where there never were any.

    A value counts from its moment, a date from the end of its day in UTC. Values after `now`, such as plans, say
    nothing about how new the data are and are left out.
    """
    judged = list(_judged(ready, dataset, now))
    return Freshness(tuple(result for result, _ in judged), tuple(one for _, one in judged if one is not None))


def _judged(ready: pl.DataFrame | None, dataset: Dataset, now: datetime) -> Iterator[tuple[RuleResult, Finding | None]]:
    for promise in dataset.field_freshness:
        newest = None if ready is None or promise.field not in ready.columns else _newest(ready[promise.field], now)
        age = None if newest is None else max(now - newest, timedelta())
        finding = None
        if age is None or age > promise.max_age:
            finding = _finding(promise, dataset, newest, age)
        yield _result(promise, dataset, newest, age, finding), finding


def _newest(values: pl.Series, now: datetime) -> datetime | None:
    """The newest moment up to `now`, None where there is none."""
    if values.dtype == pl.Date:
        day = values.filter(values <= now.astimezone(UTC).date()).max()
        return None if day is None else datetime.fromisoformat(str(day)).replace(tzinfo=UTC) + _A_DAY
    moment = values.filter(values <= now).max()
    return moment if isinstance(moment, datetime) else None


def _finding(promise: FieldFreshness, dataset: Dataset, newest: datetime | None, age: timedelta | None) -> Finding:
    unknown = age is None
    place = f"{promise.place.file}:{promise.place.line}"
    return Finding(
        rule=f"{PREFIX}{promise.field}",
        dataset=dataset.name,
        stage="ready",
        severity="critical" if unknown else "warning",
        count=1,
        unit="checks",
        message=_message(promise, dataset, newest, age),
        evidence={
            "field": promise.field,
            "max_age": told_age(promise.max_age),
            **({"status": "not evaluated"} if age is None else {"age": told_age(age)}),
        },
        owner=dataset.owner,
        remedy=f"Ask the owner of the source why nothing newer arrives, or correct the promise at {place}.",
    )


def _result(
    promise: FieldFreshness, dataset: Dataset, newest: datetime | None, age: timedelta | None, finding: Finding | None
) -> RuleResult:
    return RuleResult(
        dataset=dataset.name,
        rule=f"{PREFIX}{promise.field}",
        kind="freshness",
        fields=(promise.field,),
        severity=finding.severity if finding else "warning",
        verdict="unjudged" if age is None else "failed" if finding else "passed",
        count=1 if finding else 0,
        unit="checks",
        observed=None if age is None else told_age(age),
        expected=_promised(promise),
        message=_message(promise, dataset, newest, age),
        owner=dataset.owner,
        remedy=finding.remedy if finding else "",
        place=f"{promise.place.file}:{promise.place.line}",
    )


def _promised(promise: FieldFreshness) -> str:
    return f"the newest '{promise.field}' must not be older than {told_age(promise.max_age)}"


def _message(promise: FieldFreshness, dataset: Dataset, newest: datetime | None, age: timedelta | None) -> str:
    if newest is None or age is None:
        return f"Nobody knows how old the data are, since no ready row has a '{promise.field}' up to now."
    when = f", {newest:%Y-%m-%d %H:%M} UTC," if may_tell(dataset.field(promise.field)) else ""
    held = "" if age > promise.max_age else "Holds: "
    return f"{held}the newest '{promise.field}'{when} is {told_age(age)} old; {told_age(promise.max_age)} are allowed."


def told_age(age: timedelta) -> str:
    """An age in its two largest units: `3 d 4 h`, `26 h` as `1 d 2 h`, `12 min`."""
    minutes = int(age.total_seconds() // 60)
    days, hours, left = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [f"{size} {unit}" for size, unit in ((days, "d"), (hours, "h"), (left, "min")) if size]
    return " ".join(parts[:2]) or "0 min"
