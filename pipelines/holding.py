"""Hold a change that would take too much away, until a person approves exactly that change.

A stage shows its gate what it found too large; the gate says what counts as approved, keeps in the ledger what waits,
and ends the waiting once the stage went through. docs/readiness/holding.md has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow.parquet as pq

from catalog.errors import ChangeHeld, ContractBlocked
from catalog.models import Dataset
from connectors.drifting import HELD
from connectors.shapes import key_columns, promised_fields
from expectations.disclosure import SAMPLES, may_tell
from ledger import Finding
from ledger.models import Approval, HeldChange, HeldKind, HeldOutcome
from pipelines.site import Site

AT_THE_COMMAND_LINE = "accepted at the command line"
BY_RUN_TAG = "accepted by the run tag landbridge/accept"
STAYS = "The last good version stays."  # what findings end with that hold or block
RUN_SHOWN = 8  # characters of a run's id; approve takes any beginning that no other run has
MANY_ROWS = 5_000_000  # beyond it no samples of vanished keys are looked for: both key sets would be held in memory


class Gate:
    """What one stage of one dataset asks in one run. Lives as long as the stage works."""

    def __init__(self, site: Site, dataset: str, stage: Literal["raw", "ready", "indexed"], run_id: str) -> None:
        self._site, self._dataset, self._stage, self._run_id = site, dataset, stage, run_id
        self._waiting: dict[str, HeldChange] = {}
        self._agreed: list[tuple[HeldChange, Approval]] = []
        self._accepted: list[HeldChange] = []  # for this run alone, so they are kept only where the run takes them
        self._along: set[str] = set()  # rules that block for the same reason as a change that waits

    def judged(
        self, finding: Finding, *, kind: HeldKind, content: str, before: int, after: int, share: float,
        threshold: float, unit: str = "rows",
    ) -> Finding:  # fmt: skip
        """The finding as it counts: as it is while it waits, and no longer blocking where a person agreed.

        `content` names what would be taken; an approval of other content is none. What leaves nothing (`after` 0) needs
        an approval that says so.
        """
        now = self._site.clock()
        change = HeldChange(
            run_id=self._run_id, dataset=self._dataset, stage=self._stage, rule=finding.rule, kind=kind,
            fingerprint=content, before=before, after=after, unit=unit, share=share, threshold=threshold,
            message=finding.message, sample_keys=finding.sample_keys, owner=finding.owner, at=now, since=now,
        )  # fmt: skip
        approval = self._approval(change)
        if approval is None:
            self._waiting[finding.rule] = change
            return finding
        self._agreed.append((change, approval))
        return agreed(finding, f"A person approved it on {approval.at:%Y-%m-%d}.")

    def goes_along(self, rule: str) -> None:
        """That a rule blocks only because of what waits: it is no reason to fail."""
        self._along.add(rule)

    @property
    def mark(self) -> dict[str, Any] | None:
        """What the stages behind this one must know of an approval: the content, what goes with it, whether all."""
        for change, approval in self._agreed:
            if change.kind != "drift":
                lost = change.before - change.after
                return {"content": change.fingerprint, "lost": lost, "empty": change.empties and approval.allow_empty}
        return None

    def holds(self, findings: Iterable[Finding]) -> bool:
        """Whether all that blocks is waiting for a person; one broken promise beside it, and the stage fails."""
        rules = {finding.rule for finding in findings if finding.blocking}
        return bool(self._waiting) and rules <= self._waiting.keys() | self._along

    def told(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings, those that wait with the command that approves them."""
        if not self.holds(findings):
            return list(findings)
        empty = any(change.empties for change in self._waiting.values())
        command = f"landbridge approve {self._run_id[:RUN_SHOWN]} --reason TEXT{' --allow-empty' if empty else ''}"
        remedy = f"Look whether the source is complete. If this is right: {command}"
        waiting = self._waiting.keys() | self._along
        kept = {rule: change for rule, change in self._waiting.items() if change.kind == "drift"}
        return [
            finding.model_copy(update={"remedy": f"{finding.remedy} Or: {command}" if finding.rule in kept else remedy})
            if finding.blocking and finding.rule in waiting
            else finding
            for finding in findings
        ]

    def keep(self, findings: Sequence[Finding]) -> None:
        """Keep in the ledger what waits, or end the waiting where nothing blocks."""
        if self.holds(findings):
            for change in _together(self._waiting.values()):
                self._site.ledger.record_held(change)
            return
        blocked = any(finding.blocking for finding in findings)
        for change in () if blocked else _together(self._accepted):
            self._site.ledger.approve([self._site.ledger.record_held(change)], self._at_the_command_line())
        outcome: HeldOutcome = "replaced" if blocked else "taken" if self._agreed else "gone"
        self._site.ledger.end_held(
            self._dataset, self._stage, run_id=self._run_id, outcome=outcome, at=self._site.clock()
        )  # fmt: skip

    def close(self, findings: Sequence[Finding]) -> None:
        """Keep what waits, and raise ChangeHeld for it, or ContractBlocked where something else blocks."""
        self.keep(findings)
        blocking = [finding for finding in findings if finding.blocking]
        if blocking:
            stopped = ChangeHeld if self.holds(findings) else ContractBlocked
            raise stopped(self._dataset, [finding.rule for finding in blocking], blocking[0].message)

    def _approval(self, change: HeldChange) -> Approval | None:
        known = self._site.ledger.approval(change.dataset, change.stage, change.fingerprint)
        if known is not None and (known.allow_empty or not change.empties):
            return known
        if change.dataset in self._site.accept and not change.empties:
            self._accepted.append(change)
            return self._at_the_command_line()
        return None

    def _at_the_command_line(self) -> Approval:
        by = self._site.accepted_by
        reason = AT_THE_COMMAND_LINE if by else BY_RUN_TAG
        return Approval(by=by or "not named", reason=reason, at=self._site.clock())


def _together(waiting: Iterable[HeldChange]) -> Iterable[HeldChange]:
    """One change for each content: several kinds of drift are one shape, and approved together."""
    found: dict[str, HeldChange] = {}
    for change in waiting:
        first = found.get(change.fingerprint)
        found[change.fingerprint] = change if first is None else first.model_copy(update={
            "rule": f"{first.rule}, {change.rule}", "message": f"{first.message} {change.message}",
            "sample_keys": (*first.sample_keys, *change.sample_keys)[:SAMPLES], "share": max(first.share, change.share),
        })  # fmt: skip
    return found.values()


def agreed(finding: Finding, why: str) -> Finding:
    """A finding that blocks no longer: it stays told, and it is not green."""
    message = finding.message.replace(f" {STAYS}", "").replace(f" {HELD}", "")
    return finding.model_copy(
        update={"severity": "warning", "blocking": False, "message": f"{message} {why}", "remedy": ""}
    )


def vanished_keys(before: Path, after: Path, dataset: Dataset) -> tuple[str, ...]:
    """Keys of the first raw rows that `after` holds no more; none where keys may not be told, or rows are too many."""
    names, fields = list(key_columns(dataset)), promised_fields(dataset)
    secret = any(not may_tell(field) for name in names for field in fields.get(name, ()))
    if not names or secret or not all(path.exists() for path in (before, after)):
        return ()
    held, now = pq.read_schema(before).names, pq.read_schema(after).names
    if not set(names) <= set(held) & set(now) or pq.read_metadata(before).num_rows > MANY_ROWS:
        return ()
    parts = [pl.col(name).cast(pl.String).str.strip_chars().fill_null("") for name in names]
    key = pl.concat_str(parts, separator="|").alias("key")
    gone = pl.scan_parquet(before).select(key).join(
        pl.scan_parquet(after).select(key), on="key", how="anti", maintain_order="left"
    )  # fmt: skip
    return tuple(gone.head(SAMPLES).collect()["key"].to_list())
