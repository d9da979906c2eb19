"""Freshness and retrievability: how old what agents get is, and whether they find what is there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from catalog.models import Dataset
from expectations.readiness.evidence import Asked, Evidence
from expectations.readiness.models import Loss, Part
from expectations.readiness.of_rows import unmeasured
from expectations.readiness.of_rules import ages_part, gaps_part

STEPS = ((1, 1.0, "within the promise"), (2, 0.5, "up to twice the promise"))  # times the promise, share, in words
OLDER = "older than twice the promise"
DEPTH = 5  # hits of an answer that are looked at
MISSES = 10  # records that the evidence names
FIND = (
    "Name in the titles and texts of documents what tells one record from the others, and from those of other datasets."
)
PROMISE = "Add {property: freshness, value: 26, unit: h} to slaProperties of the contract."


def freshness(dataset: Dataset, evidence: Evidence) -> Iterator[Part]:
    """The age of the last read and of what is served, in steps of the promise, and fields that lag behind a peer."""
    promise = dataset.freshness
    yield _aged("source", "age of the last read of the source", evidence.source_read, evidence, dataset, promise)
    yield _aged("index", "age of the read behind what is served", evidence.published_read, evidence, dataset, promise)
    for part in (gaps_part(dataset, evidence, ("stale_field",)), ages_part(dataset, evidence)):
        if part is not None:
            yield part


def _aged(
    name: str, what: str, moment: datetime | None, evidence: Evidence, dataset: Dataset, promise: timedelta | None
) -> Part:
    if promise is None:
        return unmeasured(name, what, "the contract promises no age", dataset, PROMISE)
    if moment is None:
        return unmeasured(name, what, "it was never read" if name == "source" else "nothing is published", dataset)
    age = max(evidence.now - moment, timedelta())
    share, step = next(((share, step) for times, share, step in STEPS if age <= times * promise), (0.0, OLDER))
    loss = Loss(
        what=f"The {what} is {step} of {_told(promise)}.",
        amount=1 - share,
        owner=dataset.owner,
        remedy="Run again; if the newest delivery is held or the source is down, landbridge gaps --all says why.",
    )
    return Part(
        name=name,
        what=f"{what}: {step}",
        value=share,
        of=1,
        losses=(loss,) if share < 1 else (),
        evidence={"promise_hours": promise.total_seconds() / 3600, "step": step},
        seen={"at": moment.isoformat(), "age_hours": round(age.total_seconds() / 3600, 1)},
    )


def _told(promise: timedelta) -> str:
    hours = promise.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"


def retrievability(dataset: Dataset, evidence: Evidence) -> Iterator[Part]:
    """Known-item questions whose record comes first, comes at all, and how near the top."""
    probe = evidence.probe
    reason = probe.unknown or ("" if probe.asked else "no question could be made from its documents")
    if reason:
        yield unmeasured("questions", "known-item questions that find their record", reason, dataset)
        return
    asked, of = probe.asked, len(probe.asked)
    first = sum(one.rank == 1 for one in asked)
    found = sum(_reciprocal(one) > 0 for one in asked)
    rank = math.fsum(_reciprocal(one) for one in asked)
    missed = [one for one in asked if not _reciprocal(one)]
    names = missed_names(missed)
    such = f", such as {', '.join(names[:3])}" if names else ""
    says = (
        f"Asked about {of:,} of its records, the search put {first:,} first and {found - first:,} further down "
        f"the first {DEPTH}; {of - found:,} were not found{such}."
    )
    told: dict[str, object] = {"model": probe.model, "missed": names, "missed_by_form": _by_form(missed)}
    yield _asked("first", "questions whose record comes first", first, of, dataset, says, {})
    yield _asked("first_five", f"questions whose record is among the first {DEPTH}", found, of, dataset, says, told)
    yield _asked("rank", "questions, each by one over the rank of its record", rank, of, dataset, says, {})


def _reciprocal(one: Asked) -> float:
    return 1 / one.rank if one.rank is not None and one.rank <= DEPTH else 0.0


def missed_names(misses: list[Asked]) -> list[str]:
    """The records that were not found, as far as they may be named, each once."""
    return sorted({one.urn for one in misses})[:MISSES]


def _by_form(misses: list[Asked]) -> dict[str, int]:
    return dict(sorted(Counter(one.form for one in misses).items()))


def _asked(name: str, what: str, value: float, of: int, dataset: Dataset, says: str, told: dict[str, object]) -> Part:
    loss = Loss(what=says, amount=of - value, owner=dataset.owner, remedy=FIND)
    losses = (loss,) if of - value > 1e-9 else ()
    return Part(name=name, what=what, value=value, of=of, losses=losses, evidence={"questions": of, **told})


Measure = Callable[[Dataset, Evidence], Iterator[Part]]
