"""Approve what a run held: show what waits and what would go, and write down who agreed, and why.

An approval counts for exactly the content that was shown. The next run that finds that content takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.models import Project
from landbridge.quarantining import DecisionRefused
from ledger import Finding
from ledger.models import Approval, HeldChange
from pipelines.holding import RUN_SHOWN
from pipelines.site import Site

BY_LENGTH = 255
ENDS = {
    "taken": "run {run} took it on {at}", "replaced": "run {run} found other content on {at}",
    "gone": "the source was in order again when run {run} looked on {at}",
}  # fmt: skip


class ApprovalRefused(DecisionRefused):
    """An approval that cannot be given, and what to do instead."""


@dataclass(frozen=True)
class Word:
    """What a person says about held changes; `allow_empty`: also where nothing would be left."""

    by: str
    reason: str
    allow_empty: bool = False


@dataclass(frozen=True)
class Waiting:
    """What waits, oldest first, as seen `now`."""

    changes: tuple[HeldChange, ...]
    now: datetime

    def as_json(self) -> list[dict[str, Any]]:
        """The documented shape of `approve --list --json`."""
        return [held_row(change, now=self.now) for change in self.changes]

    def holds(self, finding: Finding) -> bool:
        """Whether a finding tells of something that waits here."""
        return any(
            change.dataset == finding.dataset and finding.rule in change.rule.split(", ") for change in self.changes
        )


@dataclass(frozen=True)
class Approved:
    """The changes that were approved, and one line for each change of the run that waits no longer."""

    changes: tuple[HeldChange, ...]
    over: tuple[str, ...]


def waiting(project: Project) -> Waiting:
    """Every held change of the project's datasets that was not taken, replaced or repaired since."""
    site = Site.open(project)
    return Waiting(tuple(one for one in site.ledger.held() if one.dataset in project.datasets), site.clock())


def approve(project: Project, run: str, word: Word, *, datasets: Sequence[str] = ()) -> Approved:
    """Approve what a run held, of all datasets or of some; all of it or nothing.

    ApprovalRefused where the run is not known, or held nothing of a dataset, or what it held waits no longer, or would
    leave nothing and `word` does not speak of that.
    """
    site = Site.open(project)
    _checked(word)
    held = _of_run(site, run)
    unknown = sorted(set(datasets) - {change.dataset for change in held})
    if unknown:
        there = ", ".join(sorted({change.dataset for change in held}))
        raise ApprovalRefused(f"the run held nothing of {unknown[0]}", f"It held {there}.")
    wanted = [change for change in held if not datasets or change.dataset in datasets]
    current = {_content(change): change for change in site.ledger.held()}
    open_now = [current[_content(change)] for change in wanted if _open(change, current)]
    over = [_what_happened(change) for change in wanted if not _open(change, current)]
    if not open_now or (datasets and over):
        raise ApprovalRefused(over[0], "landbridge approve --list shows what waits now.")
    empty = [change.dataset for change in open_now if change.empties]
    if empty and not word.allow_empty:
        raise ApprovalRefused(f"nothing of {empty[0]} would be left", "If that is right, say so with --allow-empty.")
    given = Approval(by=word.by.strip(), reason=word.reason.strip(), allow_empty=word.allow_empty, at=site.clock())
    site.ledger.approve(open_now, given)
    return Approved(tuple(one.model_copy(update={"approval": given}) for one in open_now), tuple(over))


def held_row(change: HeldChange, *, now: datetime) -> dict[str, Any]:
    """The documented shape of one held change in JSON."""
    approval = change.approval
    return {
        "run_id": change.run_id, "dataset": change.dataset, "stage": change.stage, "rule": change.rule,
        "kind": change.kind, "before": change.before, "after": change.after, "unit": change.unit,
        "share": change.share, "threshold": change.threshold, "message": change.message,
        "sample_keys": list(change.sample_keys), "owner": change.owner, "waits_since": change.since.isoformat(),
        "age_seconds": int((now - change.since).total_seconds()), "needs_allow_empty": change.empties,
        "approved": None if approval is None else approval.model_dump(mode="json"), "approve": command(change),
    }  # fmt: skip


def command(change: HeldChange) -> str:
    """What approves it."""
    empty = " --allow-empty" if change.empties else ""
    return f"landbridge approve {change.run_id[:RUN_SHOWN]} --dataset {change.dataset} --reason TEXT{empty}"


def waiting_line(change: HeldChange, *, now: datetime) -> str:
    """One held change in one line, with what to do."""
    from pipelines.workplace import told_duration

    then = f"if it is right: {command(change)}" if change.approval is None else "approved; landbridge run takes it"
    return f"held for {told_duration(now - change.since)}: {change.dataset} / {change.rule}: {change.message} {then}"


def tell_waiting(found: Waiting) -> None:
    """What waits, for a person."""
    from landbridge import show
    from pipelines.workplace import told_duration

    if not found.changes:
        show.line("Nothing waits for approval.")
        return
    rows = [
        {
            "run": change.run_id[:RUN_SHOWN], "dataset": change.dataset, "rule": change.rule, "before": change.before,
            "after": change.after, "unit": change.unit, "share": f"{change.share:.1%}",
            "age": told_duration(found.now - change.since), "owner": change.owner,
            "state": "waits" if change.approval is None else "approved; the next run takes it",
        }
        for change in found.changes
    ]  # fmt: skip
    numbers = ("before", "after", "share", "age")
    show.table(rows, ("run", "dataset", "rule", *numbers[:2], "unit", *numbers[2:], "owner", "state"), right=numbers)


def tell_change(change: HeldChange) -> None:
    """One held change, for a person: what it is about, and which keys would go, as far as they may be told."""
    from landbridge import show

    allowed = f"{change.threshold:.1%} allowed"
    numbers = f"{change.before:,} {change.unit} before, {change.after:,} after, {change.share:.1%} ({allowed})"
    show.line(f"{change.dataset} / {change.rule}: {numbers}")
    show.line(f"  {change.message}")
    if change.sample_keys:
        show.line(f"  keys: {', '.join(change.sample_keys)}")


def _checked(word: Word) -> None:
    if not word.reason.strip():
        raise ApprovalRefused("an approval needs a reason", "Say it with --reason TEXT.")
    if not 0 < len(word.by.strip()) <= BY_LENGTH:
        raise ApprovalRefused(f"an approval needs a name of 1 to {BY_LENGTH} characters", "Say it with --by NAME.")


def _of_run(site: Site, run: str) -> list[HeldChange]:
    """What one run held, named by its id or a beginning that no other run has."""
    wanted = run.strip()
    everything = [one for one in site.ledger.held(everything=True) if one.dataset in site.project.datasets]
    runs = sorted({change.run_id for change in everything if wanted and change.run_id.startswith(wanted)})
    chosen = wanted if wanted in runs else runs[0] if len(runs) == 1 else ""
    if not runs:
        raise ApprovalRefused(f"no run {run} held anything", "landbridge approve --list shows what waits.")
    if not chosen:
        raise ApprovalRefused(f"{len(runs)} runs begin with {run}", "Give more of the id.")
    return [change for change in everything if change.run_id == chosen]


def _content(change: HeldChange) -> tuple[str, str, str]:
    return change.dataset, change.stage, change.fingerprint


def _open(change: HeldChange, current: dict[tuple[str, str, str], HeldChange]) -> bool:
    """Whether it waits, since that run without a break."""
    return change.end is None and _content(change) in current and current[_content(change)].approval is None


def _what_happened(change: HeldChange) -> str:
    if change.end is not None:
        then = ENDS[change.end.outcome].format(run=change.end.run_id[:RUN_SHOWN], at=f"{change.end.at:%Y-%m-%d %H:%M}")
        return f"{change.dataset} / {change.rule} waits no longer: {then}"
    if change.approval is not None:
        by, at = change.approval.by, change.approval.at
        return f"{change.dataset} / {change.rule} was approved by {by} on {at:%Y-%m-%d %H:%M}; landbridge run takes it"
    return f"{change.dataset} / {change.rule} waits no longer"
