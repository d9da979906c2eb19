"""The open findings as a caller may read them: in full, or only that they are there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from catalog.models import Principal, Project
from expectations.kinds import kind_of
from ledger import Finding, FindingState
from serving.models import Gap
from serving.visibility import WITHHELD, may_see_evidence

GRAVEST = {"critical": 0, "warning": 1, "info": 2}


def tell_gaps(
    found: Iterable[FindingState], *, principal: Principal, project: Project, now: datetime
) -> tuple[Gap, ...]:
    """Findings of datasets the caller may see, the gravest first, then by dataset and size."""
    ordered = sorted(found, key=lambda one: _gravest(one.finding))
    return tuple(Gap.model_validate(_told(one, principal, project) | _life(one, project, now)) for one in ordered)


def _gravest(finding: Finding) -> tuple[int, str, int, str]:
    return GRAVEST[finding.severity], finding.dataset, -finding.count, finding.rule


def _life(one: FindingState, project: Project, now: datetime) -> dict[str, Any]:
    """What anybody may know who may know that the finding is there."""
    return {
        "id": one.finding.id, "kind": kind_of(one.finding, project), "state": one.state,
        "first_seen": one.first_seen, "age_seconds": one.age(now).total_seconds(),
    }  # fmt: skip


def _told(one: FindingState, principal: Principal, project: Project) -> dict[str, Any]:
    if may_see_evidence(principal, one.finding, project):
        return one.finding.model_dump()
    return _withheld(one.finding)


def _withheld(finding: Finding) -> dict[str, Any]:
    """That the gap is there, how grave and how large. A rule that we make per column names it after a slash."""
    kept = ("dataset", "stage", "severity", "count", "unit", "owner", "blocking")
    told = {name: getattr(finding, name) for name in kept}
    return told | {"rule": finding.rule.partition("/")[0], "message": WITHHELD, "withheld": True}
