"""Tell how ready datasets and use cases are, from the last measurement, and decide whether that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from catalog.models import Project
from expectations.readiness import SHOWN_BLOCKERS, Blocker
from expectations.readiness.wording import number
from expectations.readiness.wording import told as costs
from ledger import Finding
from ledger.models import ReadinessScore
from pipelines.site import Site

STAGE = "readiness"  # of the ledger's states: when a subject was measured last
EVEN = 0.05  # points; a smaller difference is none


@dataclass(frozen=True)
class Told:
    """The last measurement of one subject, and the score before the evidence last moved."""

    subject: str
    kind: str
    title: str
    owner: str
    minimum: float | None
    datasets: tuple[str, ...]
    now: ReadinessScore | None
    before: ReadinessScore | None
    measured_at: datetime | None

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """What costs most, first."""
        return tuple(Blocker.model_validate(one) for one in self.now.dimensions["blockers"]) if self.now else ()

    @property
    def trend(self) -> str:
        """`↑ 2.1`, `↓ 0.4`, `→`, or `new` before there is anything to compare with."""
        if self.now is None or self.before is None:
            return "new" if self.now else ""
        change = self.now.total - self.before.total
        return "→" if abs(change) < EVEN else f"{'↑' if change > 0 else '↓'} {abs(change):.1f}"

    def as_json(self) -> dict[str, Any]:
        """The documented shape of one subject in `readiness --json`."""
        now, before = self.now, self.before
        return {
            "subject": self.subject,
            "kind": self.kind,
            "title": self.title,
            "owner": self.owner,
            "datasets": list(self.datasets),
            "minimum": self.minimum,
            "total": now.total if now else None,
            "known": bool(now and now.known),
            "enough": bool(now and now.known and (self.minimum is None or now.total >= self.minimum)),
            "before": before.total if before else None,
            "moved_at": now.at.isoformat() if now else None,
            "measured_at": self.measured_at.isoformat() if self.measured_at else None,
            "dimensions": now.dimensions["dimensions"] if now else [],
            "blockers": now.dimensions["blockers"] if now else [],
        }


@dataclass(frozen=True)
class Gate:
    """Whether the last measurement is enough: `faults` say in a line each why it is not."""

    faults: tuple[str, ...]
    blockers: tuple[tuple[str, Blocker], ...]  # each with its subject, the costliest first
    measured_at: datetime | None

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against going on."""
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `gate` in `check --gate --json`."""
        told = [{"subject": subject, **one.model_dump(mode="json")} for subject, one in self.blockers[:SHOWN_BLOCKERS]]
        at = self.measured_at.isoformat() if self.measured_at else None
        return {"passed": self.passed, "measured_at": at, "faults": list(self.faults), "blockers": told}


def subjects(site: Site) -> list[Told]:
    """Everything that is scored, use cases before datasets, each with what is known of it."""
    project, plan = site.project, site.project.readiness
    ones: list[tuple[str, str, str, str, float | None, tuple[str, ...]]]
    ones = [(case.name, "use case", case.title or case.name, case.owner, case.minimum, case.datasets)
            for case in project.use_cases]  # fmt: skip
    ones += [(name, "dataset", one.title, one.owner, plan.minimum_of(name), (name,))
             for name, one in sorted(project.datasets.items())]  # fmt: skip
    history = site.ledger.readiness_history(last=2)
    states = site.ledger.states()
    told = []
    for name, kind, title, owner, minimum, datasets in ones:
        scores = [one for one in history if (one.subject, one.kind) == (name, kind)]
        state = states.get((name, STAGE)) if scores else None
        told.append(
            Told(name, kind, title, owner, minimum, datasets, scores[-1] if scores else None,
                 scores[-2] if len(scores) > 1 else None, state.checked_at if state else None)
        )  # fmt: skip
    return told


def measure(site: Site, run_id: str) -> None:
    """Measure anew from what the stages left behind; no source is read."""
    from pipelines.stages import measure_readiness

    measure_readiness(site, run_id=run_id)


def gate(site: Site, minimum: float | None = None) -> Gate:
    """Hold the last measurement against the minimums, its own age, the contracts as they are, and open findings.

    `minimum` stands in for those of the project, for every subject.
    """
    told, now = subjects(site), site.clock()
    critical = [one for one in site.ledger.findings() if one.severity == "critical" and _declared(site.project, one)]
    faults = [fault for one in told for fault in _faults(one, site.project, now, minimum)]
    faults += [f"{one.dataset}: the critical finding '{one.rule}' is open: {one.message}" for one in critical]
    blockers = [(one.subject, blocker) for one in told for blocker in one.blockers]
    blockers.sort(key=lambda pair: (-pair[1].points, pair[0], pair[1].what))
    times = [one.measured_at for one in told if one.measured_at]
    return Gate(tuple(faults), tuple(blockers), min(times, default=None))


def _declared(project: Project, finding: Finding) -> bool:
    return finding.dataset in project.datasets


def _faults(one: Told, project: Project, now: datetime, minimum: float | None) -> list[str]:
    """Why one subject does not pass."""
    if one.now is None or one.measured_at is None:
        return [f"{one.subject}: it was never measured. Run: landbridge run."]
    faults = []
    if any(one.now.dimensions["contracts"].get(name) != project.datasets[name].fingerprint for name in one.datasets):
        faults.append(f"{one.subject}: a contract changed since it was measured. Run: landbridge run.")
    promises = [age for name in one.datasets if (age := project.datasets[name].freshness) is not None]
    if promises and now - one.measured_at > min(promises):
        ago, allowed = hours(now - one.measured_at), hours(min(promises))
        faults.append(f"{one.subject}: it was measured {ago} ago; the contract allows {allowed}. Run: landbridge run.")
    if not one.now.known:
        lacking = [each["name"] for each in one.now.dimensions["dimensions"] if each["score"] is None]
        faults.append(f"{one.subject}: not measured: {', '.join(lacking)}.")
    needed = one.minimum if minimum is None else minimum
    if needed is not None and one.now.total < needed:
        faults.append(f"{one.subject}: {one.now.total:.1f} of 100; {needed:g} are needed.")
    return faults


def hours(age: timedelta) -> str:
    """`3 h`, `12 min`, `4 d`."""
    minutes = int(age.total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


def tell(told: Sequence[Told]) -> None:
    """The table of scores for a person: what, how much, which way it goes, and what costs most."""
    from landbridge import show

    rows = [
        {
            "subject": one.subject,
            "kind": one.kind,
            "score": "never measured" if one.now is None else f"{one.now.total:.1f}" + ("" if one.now.known else " ?"),
            "needed": "" if one.minimum is None else f"{one.minimum:g}",
            "trend": one.trend,
            "costs most": _short(one.blockers[0]) if one.blockers else "",
        }
        for one in told
    ]
    show.table(rows, ("subject", "kind", "score", "needed", "trend", "costs most"), right=("score", "needed"))
    if any(one.now and not one.now.known for one in told):
        show.line("? a dimension was not measured, and counts as 0")


def tell_one(one: Told) -> None:
    """One subject: its dimensions with their measurements, and every blocker."""
    from landbridge import show

    show.line(f"{one.title} ({one.kind} {one.subject}), owner: {one.owner or 'nobody is named'}")
    if one.now is None:
        show.line("never measured: landbridge run")
        return
    needed = "" if one.minimum is None else f", {one.minimum:g} are needed"
    measured = f"{one.measured_at:%Y-%m-%d %H:%M} UTC" if one.measured_at else "never"
    show.line(
        f"{one.now.total:.1f} of 100{needed}; {one.trend}; measured {measured}, moved {one.now.at:%Y-%m-%d %H:%M} UTC"
    )
    show.line()
    for each in one.now.dimensions["dimensions"]:
        show.line(f"{each['name']:<15} {'not measured' if each['score'] is None else format(each['score'], '.1f')}")
        for part in each["parts"]:
            counted = part["unknown"] or f"{number(part['value'])} of {number(part['of'])}"
            show.line(f"    {part['what']}: {counted}")
    show.line()
    tell_blockers([(one.subject, blocker) for blocker in one.blockers])


def tell_gate(found: Gate) -> None:
    """What the gate says, and the three blockers that cost most."""
    from landbridge import show

    at = f"{found.measured_at:%Y-%m-%d %H:%M} UTC" if found.measured_at else "never"
    show.line(f"readiness gate: {'passed' if found.passed else 'not passed'}; measured {at}")
    for fault in found.faults:
        show.line(f"    {fault}")
    if not found.passed and found.blockers:
        show.line(f"The {min(SHOWN_BLOCKERS, len(found.blockers))} that cost most:")
        tell_blockers(found.blockers[:SHOWN_BLOCKERS])


def tell_blockers(blockers: Sequence[tuple[str, Blocker]]) -> None:
    """Blockers with what they cost, who can change it and how."""
    from landbridge import show

    for subject, one in blockers:
        where = f", in {one.dataset}" if one.dataset and one.dataset != subject else ""
        show.line(f"{subject}: {costs(one)}{where}")
        show.line(f"    {one.what}")
        show.line(f"    remedy ({one.owner or 'no owner'}): {one.remedy}")


def _short(one: Blocker) -> str:
    text = f"{one.dimension}: {one.what}"
    return text if len(text) <= 90 else text[:87] + "..."
