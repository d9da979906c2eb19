"""The open findings as a caller may read them: in full, or only that they are there."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.models import Principal, Project
from ledger import Finding
from serving.models import Gap
from serving.visibility import WITHHELD, may_see_evidence

GRAVEST = {"critical": 0, "warning": 1, "info": 2}


def tell_gaps(findings: Iterable[Finding], *, principal: Principal, project: Project) -> tuple[Gap, ...]:
    """Findings of datasets the caller may see, the gravest first, then by dataset and size."""
    ordered = sorted(findings, key=lambda one: (GRAVEST[one.severity], one.dataset, -one.count, one.rule))
    return tuple(
        _whole(finding) if may_see_evidence(principal, finding, project) else _withheld(finding) for finding in ordered
    )


def _whole(finding: Finding) -> Gap:
    return Gap(id=finding.id, **finding.model_dump())


def _withheld(finding: Finding) -> Gap:
    """That the gap is there, how grave and how large. A rule that we make per column names it after a slash."""
    return Gap(
        id=finding.id,
        rule=finding.rule.partition("/")[0],
        dataset=finding.dataset,
        stage=finding.stage,
        severity=finding.severity,
        count=finding.count,
        unit=finding.unit,
        message=WITHHELD,
        owner=finding.owner,
        blocking=finding.blocking,
        withheld=True,
    )
