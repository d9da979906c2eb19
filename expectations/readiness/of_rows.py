"""Completeness, validity and consistency: what rows lack, what they break, where they contradict."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.models import Dataset, GapKind
from expectations.readiness.evidence import Evidence
from expectations.readiness.models import Loss, Part
from expectations.readiness.of_rules import RUN, gaps_part, rules_part

ABSENCES: tuple[GapKind, ...] = (
    "missing_reference", "missing_value", "missing_period", "missing_entity", "missing_sequence", "segment_coverage",
)  # fmt: skip
CONTRADICTIONS: tuple[GapKind, ...] = ("conflict", "mixed_format")
NEVER = "no rows were checked against the contract as it is now"


def completeness(dataset: Dataset, evidence: Evidence) -> Iterator[Part]:
    """Fields that must or should have a value, and the gap rules that look for what is absent."""
    yield _filled(dataset, evidence)
    gaps = gaps_part(dataset, evidence, ABSENCES)
    if gaps is not None:
        yield gaps


def validity(dataset: Dataset, evidence: Evidence) -> Iterator[Part]:
    """Lines that could be read, rows that are not in quarantine, rules that hold, deliveries that were taken."""
    rows = evidence.rows
    if rows is None:
        yield unmeasured("rows", "rows that are not in quarantine", NEVER, dataset)
        return
    yield _counted("lines", "lines that a row could be made of", rows.failed, rows.read, dataset, evidence,
                   bad_are="lines could not be read as rows", rules=("lines-readable",),
                   remedy="Ask the owner of the export for a complete file.")  # fmt: skip
    in_scope = rows.ready + rows.quarantined
    yield _counted("rows", "rows in scope that are not in quarantine", rows.quarantined, in_scope, dataset, evidence,
                   bad_are="rows in scope are in quarantine",
                   remedy=f"Look at them: landbridge quarantine list {dataset.name}.")  # fmt: skip
    if dataset.rules:
        yield rules_part(dataset, evidence)
    yield _taken(dataset, evidence)


def consistency(dataset: Dataset, evidence: Evidence) -> Iterator[Part]:
    """Keys that come once, and the gap rules that look for contradictions and mixed formats."""
    rows = evidence.rows
    if rows is None:
        yield unmeasured("keys", "rows whose key does not come again", NEVER, dataset)
        return
    yield _counted("keys", "rows whose key does not come again", rows.duplicate, rows.read - rows.failed, dataset,
                   evidence, bad_are="rows repeat a key", rules=("primary-key-repeats",),
                   remedy="Ask the owner of the source which row holds.")  # fmt: skip
    gaps = gaps_part(dataset, evidence, CONTRADICTIONS)
    if gaps is not None:
        yield gaps


def unmeasured(name: str, what: str, reason: str, dataset: Dataset, remedy: str = RUN) -> Part:
    """A part that nobody could measure."""
    loss = Loss(what=f"Not measured: {reason}.", amount=1, owner=dataset.owner, remedy=remedy)
    return Part(name=name, what=what, value=0, of=1, losses=(loss,), unknown=reason)


def _filled(dataset: Dataset, evidence: Evidence) -> Part:
    """Every required or expected field by the share of ready rows that hold a value."""
    what = "required and expected fields, each by the share of rows that hold a value"
    wanted = [field for field in dataset.fields if field.required or field.expected or field.key_position is not None]
    held = evidence.held
    if evidence.rows is None or not held:
        return unmeasured("fields", what, NEVER, dataset)
    lost = {field.name: 1 - min(evidence.filled.get(field.name, 0), held) / held for field in wanted}
    losses = tuple(
        Loss(
            what=f"{held - evidence.filled.get(name, 0):,} of {held:,} rows have no '{name}'.",
            amount=share,
            owner=dataset.owner,
            remedy=f"Have the source fill '{name}', or take `required` or `landbridge.expected` from the contract.",
        )
        for name, share in lost.items()
        if share
    )
    lost = {name: share for name, share in sorted(lost.items()) if share}
    value = len(wanted) - sum(sorted(lost.values()))
    evidence_told = {"fields": len(wanted), "rows": held, "share_without_value": lost}
    return Part(name="fields", what=what, value=value, of=len(wanted), losses=losses, evidence=evidence_told)


def _counted(name: str, what: str, bad: int, of: int, dataset: Dataset, evidence: Evidence, *, bad_are: str,
             remedy: str, rules: tuple[str, ...] = ()) -> Part:  # fmt: skip
    """Rows that are well, of rows there are; nothing there at all is unknown, not whole."""
    if not of:
        return unmeasured(name, what, "there are no rows", dataset, "Have the source deliver rows, then run again.")
    ids = tuple(one.id for one in evidence.findings if one.rule in rules)
    told = f"{bad:,} of {of:,} {bad_are}."
    losses = (Loss(what=told, amount=bad, owner=dataset.owner, remedy=remedy, findings=ids),) if bad else ()
    return Part(name=name, what=what, value=of - bad, of=of, losses=losses, evidence={"not": bad, "of": of})


def _taken(dataset: Dataset, evidence: Evidence) -> Part:
    """Whether the newest delivery could be taken at all."""
    held = [one for one in evidence.findings if one.blocking and one.stage in ("raw", "ready")]
    losses = tuple(
        Loss(what=one.message, amount=1 / len(held), owner=one.owner, remedy=one.remedy, findings=(one.id,))
        for one in held
    )
    return Part(name="delivery", what="newest deliveries that were taken", value=0 if held else 1, of=1, losses=losses,
                evidence={"held_by": sorted(one.rule for one in held)})  # fmt: skip
