"""What the ledger and the index say now: the accounting of every dataset, and the open findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from catalog.models import Project
from landbridge.approving import Waiting, waiting, waiting_line
from ledger import Account, Finding, FindingState
from ledger.models import EVERYWHERE
from pipelines.site import Site


@dataclass(frozen=True)
class Status:
    """The accounts, each verified against the live index, and how old each source read is."""

    project: str
    accounts: tuple[Account, ...]
    never_run: tuple[str, ...]
    findings: tuple[Finding, ...]
    checked_at: dict[str, datetime]
    waiting: Waiting  # what a person has to approve
    why: dict[str, str]  # by dataset: what was processed again last, and what had changed

    @property
    def good(self) -> bool:
        """Whether every dataset has been indexed and every identity holds."""
        blocking = any(finding.blocking for finding in self.findings)
        return not self.never_run and not blocking and all(account.balanced for account in self.accounts)

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `status --json`."""
        from landbridge import show

        rows = [
            show.account_row(account)
            | {"checked_at": _iso(self.checked_at.get(account.dataset)), "why": self.why.get(account.dataset)}
            for account in self.accounts
        ]
        blocking = [show.finding_row(finding) for finding in self.findings if finding.blocking]
        return {
            "project": self.project,
            "good": self.good,
            "datasets": rows,
            "never_run": list(self.never_run),
            "open_findings": len(self.findings),
            "blocking": blocking,
            "held": self.waiting.as_json(),
        }

    def show(self) -> None:
        """The same for a person."""
        from landbridge import show

        show.accounts(self.accounts)
        show.line()
        for name, why in self.why.items():
            show.line(f"{name}: {why}")
        for account in self.accounts:
            if not account.balanced:
                broken_by = ", ".join(account.missing_keys) or "rows without a document"
                show.line(f"{account.dataset}: the identity is broken by {broken_by}")
        for finding in self.findings:
            if finding.blocking and finding.rule != "accounting" and not self.waiting.holds(finding):
                show.line(f"{finding.dataset} / {finding.rule}: {finding.message} {finding.remedy}")
        for change in self.waiting.changes:
            show.line(waiting_line(change, now=self.waiting.now))
        if self.never_run:
            show.line(f"never indexed: {', '.join(self.never_run)} (landbridge run)")
        show.line(f"{len(self.findings)} open findings; landbridge gaps tells them")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def status(project: Project) -> Status:
    """Verify each dataset's last account against the index that is live now."""
    from pipelines.retelling import reasons
    from pipelines.stages import verify_indexed

    site = Site.open(project)
    latest = {account.dataset: account for account in site.ledger.accounts()}
    accounts, never = [], []
    for name in sorted(project.datasets):
        if name not in latest or not site.home.chunks(name).exists():
            never.append(name)
            continue
        account, _ = verify_indexed(site, name, run_id=latest[name].run_id)
        accounts.append(account)
    states = site.ledger.states()
    return Status(
        project=project.name,
        accounts=tuple(accounts),
        never_run=tuple(never),
        findings=tuple(one.finding for one in site.ledger.open_findings(known=(*project.datasets, EVERYWHERE))),
        checked_at={name: state.checked_at for (name, stage), state in states.items() if stage == "raw"},
        waiting=waiting(project),
        why=reasons(site),
    )


@dataclass(frozen=True)
class Gap:
    """A finding with its kind, its state, and how long it has been open."""

    kind: str
    told: FindingState
    age: timedelta

    @property
    def finding(self) -> Finding:
        """What was told last."""
        return self.told.finding


def gaps(
    project: Project,
    *,
    dataset: str | None = None,
    every_kind: bool = False,
    state: str | None = None,
    since: timedelta | None = None,
) -> list[Gap]:
    """Findings that tell of a gap or block, or with `every_kind` also of broken promises about single rows.

    Those that are open, or those of one `state`, or `all`; of the resolved ones those since `since` ago.
    """
    from expectations.kinds import kind_of

    site = Site.open(project)
    now, known = site.clock(), (*project.datasets, EVERYWHERE)
    read = site.ledger.open_findings if state in (None, "new", "open", "reopened") else site.ledger.finding_history
    found = [Gap(kind_of(one.finding, project), one, one.age(now)) for one in read(dataset=dataset, known=known)]
    return [
        one
        for one in found
        if _asked_for(one.told, state)
        and (every_kind or one.kind != "contract" or one.finding.stage == "gaps" or one.finding.blocking)
        and (since is None or one.told.resolved_at is None or one.told.resolved_at >= now - since)
    ]


def _asked_for(one: FindingState, state: str | None) -> bool:
    return one.is_open if state is None else state in ("all", one.state)
