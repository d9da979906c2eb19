"""How much a rule of a contract, or a gap rule, loses: a share from 0 to 1, taken from the findings it left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.models import Dataset, GapKind, GapRule
from expectations.freshness import PREFIX
from expectations.readiness.evidence import Evidence
from expectations.readiness.models import Loss, Part
from ledger import Finding

UNJUDGED = ("errored", "disagreed", "not evaluated")  # what a finding says of a rule that nobody could judge


def rules_part(dataset: Dataset, evidence: Evidence) -> Part:
    """The rules of the contract, each counted by the share of rows that keep it; a rule about all rows whole or not."""
    found = {one.rule: [one] for one in evidence.findings if one.stage == "ready"}
    ready = evidence.rows.ready + evidence.rows.quarantined if evidence.rows else 0
    names = [(rule.name, found.get(rule.name, [])) for rule in dataset.rules]
    return _part("rules", "rules of the contract, each by the share of its rows that keep it", names, ready)


def gaps_part(dataset: Dataset, evidence: Evidence, kinds: Sequence[GapKind]) -> Part | None:
    """The gap rules of some kinds, each by the share that is whole; None where the contract declares none."""
    rules = [rule for rule in dataset.gap_rules if rule.kind in kinds]
    if not rules:
        return None
    what = "gap rules, each by the share that is whole"
    if not evidence.gaps_looked:
        reason = "the gap rules were not evaluated yet"
        loss = Loss(what=f"Not measured: {reason}.", amount=len(rules), owner=dataset.owner, remedy=RUN)
        return Part(name="gaps", what=what, value=0, of=len(rules), losses=(loss,), unknown=reason)
    ready = evidence.rows.ready if evidence.rows else 0
    return _part("gaps", what, [(rule.name, list(_of_gap(rule, evidence.findings))) for rule in rules], ready)


RUN = "Run: landbridge run."


def ages_part(dataset: Dataset, evidence: Evidence) -> Part | None:
    """The ages promised for single fields, each kept or not; None where the contract promises none."""
    if not dataset.field_freshness:
        return None
    what = "promises of age for single fields that are kept"
    if evidence.rows is None:
        reason = "the ages of fields were not judged yet"
        loss = Loss(what=f"Not measured: {reason}.", amount=1, owner=dataset.owner, remedy=RUN)
        return Part(name="fields", what=what, value=0, of=1, losses=(loss,), unknown=reason)
    names = [f"{PREFIX}{promise.field}" for promise in dataset.field_freshness]
    found = [(name, [one for one in evidence.findings if (one.stage, one.rule) == ("ready", name)]) for name in names]
    return _part("fields", what, found, evidence.rows.ready)


def _of_gap(rule: GapRule, findings: Iterable[Finding]) -> Iterable[Finding]:
    """A gap rule's findings carry its name, or its name and what they are about: `rule/field`."""
    return (one for one in findings
            if one.stage == "gaps" and (one.rule == rule.name or one.rule.startswith(f"{rule.name}/")))  # fmt: skip


def _part(name: str, what: str, rules: Sequence[tuple[str, list[Finding]]], rows: int) -> Part:
    """One part over some rules; a rule that could not be judged makes it unknown."""
    unjudged = [one for _, found in rules for one in found if one.evidence.get("status") in UNJUDGED]
    if unjudged:
        losses = tuple(_loss([one], len(rules)) for one in unjudged[:1])
        reason = f"the rule '{unjudged[0].rule}' could not be judged"
        return Part(name=name, what=what, value=0, of=len(rules), losses=losses, unknown=reason)
    lost = {rule: lost_share(found, rows) for rule, found in rules if found}
    return Part(
        name=name,
        what=what,
        value=len(rules) - sum(sorted(lost.values())),
        of=len(rules),
        losses=tuple(_loss(found, lost[rule]) for rule, found in rules if found and lost[rule]),
        evidence={"lost_by_rule": dict(sorted(lost.items()))},
    )


def _loss(found: Sequence[Finding], amount: float) -> Loss:
    first = max(found, key=lambda one: (one.count, one.rule))
    ids = tuple(sorted(one.id for one in found))
    return Loss(what=first.message, amount=amount, owner=first.owner, remedy=first.remedy, findings=ids)


def lost_share(found: Sequence[Finding], rows: int) -> float:
    """The largest share that one of a rule's findings tells; above 0 wherever there is a finding."""
    return max((_share(one, rows) for one in found), default=0.0)


def _share(finding: Finding, rows: int) -> float:
    """Of what the rule looked at: rows, periods, numbers, segments. 1 where the finding names no such number."""
    told = finding.evidence
    if "expected" in told and finding.unit == "periods":
        return _of(finding.count, int(told["expected"]))
    if "seen" in told and finding.unit == "numbers":
        return _of(finding.count, int(told["seen"]) + finding.count)
    if "judged" in told:
        return _of(int(told["gaps"]), int(told["judged"]))
    if isinstance(told.get("share"), int | float):
        return min(max(float(told["share"]), 0.0), 1.0) or 1.0
    if isinstance(told.get("compared"), int):
        return _of(finding.count, told["compared"])
    return _of(finding.count, rows) if finding.unit == "rows" else 1.0


def _of(count: int, whole: int) -> float:
    return min(count / whole, 1.0) if count and whole else 1.0
