"""What became of every rule of a contract, also of those that hold: what checks and reports show, ready for JSON.

A finding is there only where something is wrong; a result is there for each rule. Both come from one judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from catalog.models import Dataset, GapRule, Project, Severity
from expectations.outcomes import Judged
from expectations.telling import fields_of, observed_of, promise
from expectations.wording import rows as rows_text
from ledger import Finding

RuleVerdict = Literal["passed", "failed", "errored", "unjudged"]
_GRAVEST: tuple[Severity, ...] = ("critical", "warning", "info")
_OVER_NOTHING = ("row_count", "sql")  # kinds that are judged also where there are no rows


class RuleResult(BaseModel):
    """One rule held against one delivery.

    `failed`: the data break it. `errored`: it could not be evaluated, and nobody knows. `unjudged`: there was nothing
    to hold it against. `count` is of what breaks it, in `unit`; `subject` the rows it speaks about; `share` of those.
    `blocking`: the outcome stops the dataset. No personal, masked or confidential value stands in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    rule: str
    kind: str
    fields: tuple[str, ...] = ()
    severity: Severity
    action: str = "report"
    verdict: RuleVerdict
    blocking: bool = False
    count: int = 0
    unit: str = "rows"
    subject: int | None = None
    share: float | None = None
    observed: bool | int | float | str | None = None
    expected: str = ""
    message: str
    description: str = ""
    owner: str = ""
    remedy: str = ""
    sample_keys: tuple[str, ...] = ()
    place: str  # file:line in the project folder


def result_of(judged: Judged, finding: Finding | None, dataset: Dataset, *, read: int) -> RuleResult:
    """The result of a rule of the contract; `finding` is what was told of it, `read` the rows it was held against."""
    rule, verdict = judged.rule, _verdict(judged, finding, read)
    counted = judged.count is not None and verdict in ("passed", "failed") and rule.kind not in _OVER_NOTHING
    share = judged.count / judged.subject if counted and judged.count is not None and judged.subject else None
    whole = rule.kind == "row_count" and finding is not None  # its finding counts the rows there are
    return RuleResult(
        dataset=dataset.name,
        rule=rule.name,
        kind=rule.kind,
        fields=fields_of(rule),
        severity=finding.severity if finding else rule.severity,
        action=rule.action,
        verdict=verdict,
        blocking=finding is not None and finding.blocking,
        count=1 if whole else finding.count if finding else (judged.count or 0) if counted else 0,
        unit="checks" if whole else finding.unit if finding else "rows",
        subject=judged.subject if counted else None,
        share=share,
        observed=_plain(observed_of(judged, dataset)) if verdict in ("passed", "failed") else None,
        expected=promise(rule),
        message=finding.message if finding else _message(judged, verdict, read),
        description=rule.description,
        owner=dataset.owner,
        remedy=finding.remedy if finding else rule.remedy,
        sample_keys=finding.sample_keys if finding else (),
        place=f"{rule.place.file}:{rule.place.line}",
    )


def _verdict(judged: Judged, finding: Finding | None, read: int) -> RuleVerdict:
    if judged.error or judged.counts:
        return "errored"
    if finding is not None:
        return "failed"
    return "passed" if read or judged.rule.kind in _OVER_NOTHING else "unjudged"


def _message(judged: Judged, verdict: RuleVerdict, read: int) -> str:
    """What to say of a rule that nothing was found against."""
    told = promise(judged.rule)
    if verdict == "unjudged":
        return f"Not judged, since there are no rows: {told}."
    if judged.rule.tolerance is not None and judged.count:
        seen = f"{rows_text(judged.count)} of {judged.subject:,} break it"
        return f"Holds within the {judged.rule.tolerance:.2%} allowed: {told}; {seen}."
    if judged.failing is not None and not judged.subject:
        return f"Holds, but none of {rows_text(read)} has a value: {told}."
    return f"Holds: {told}."


def _plain(value: Any) -> bool | int | float | str | None:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def gap_results(project: Project, findings: Iterable[Finding]) -> tuple[RuleResult, ...]:
    """The result of every gap rule of the project: it passed where nothing was found in its name."""
    by_rule: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault((finding.dataset, finding.rule.partition("/")[0]), []).append(finding)
    return tuple(
        _gap_result(rule, dataset, by_rule.get((dataset.name, rule.name), []))
        for _, dataset in sorted(project.datasets.items())
        for rule in dataset.gap_rules
    )


def _gap_result(rule: GapRule, dataset: Dataset, findings: Sequence[Finding]) -> RuleResult:
    lost = any(finding.evidence.get("status") == "not evaluated" for finding in findings)
    units = {finding.unit for finding in findings}
    worst = min((finding.severity for finding in findings), key=_GRAVEST.index, default=rule.severity)
    keys = [key for finding in findings for key in finding.sample_keys]
    return RuleResult(
        dataset=dataset.name,
        rule=rule.name,
        kind=rule.kind,
        fields=tuple(f"{of}.{name}" for of, name in rule.named(dataset.name)),
        severity=worst,
        verdict="errored" if lost else "failed" if findings else "passed",
        count=sum(finding.count for finding in findings) if len(units) == 1 else len(findings),
        unit=units.pop() if len(units) == 1 else "findings",
        share=next((share for finding in findings if isinstance(share := finding.evidence.get("share"), float)), None),
        message=" ".join(finding.message for finding in findings) or "No gap was found.",
        description=rule.title,
        owner=rule.owner or dataset.owner,
        remedy=" ".join(dict.fromkeys(finding.remedy for finding in findings)) or rule.remedy,
        sample_keys=tuple(dict.fromkeys(keys))[:20],
        place=f"{rule.place.file}:{rule.place.line}",
    )
