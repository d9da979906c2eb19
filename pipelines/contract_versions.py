"""Hold a published dataset to its contract: what breaks those who read it needs a new major version.

Until it has one the documents, the rows and the contract published last stay in service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.change import Change
from catalog.changes import changes
from catalog.errors import Refusal
from catalog.home import Home
from catalog.models import Dataset
from catalog.published import contract_json, contract_path, published_contract
from catalog.versions import Step, next_line, step
from ledger import Finding
from pipelines.store import write_json

RULE = "contract-version"


@dataclass(frozen=True)
class Comparison:
    """A contract beside the one its dataset was last published under."""

    before: Dataset
    after: Dataset
    changes: tuple[Change, ...]

    @property
    def step(self) -> Step:
        """How the version moved."""
        return step(self.before.version, self.after.version)

    @property
    def refused(self) -> tuple[Change, ...]:
        """The changes that the version does not allow."""
        allowed = self.step in ("breaking", "unordered")
        return () if allowed else tuple(change for change in self.changes if change.needs_new_line)

    @property
    def unjudged(self) -> tuple[Change, ...]:
        """The changes that pass only because the two versions have no order."""
        told = self.step == "unordered"
        return tuple(change for change in self.changes if change.needs_new_line) if told else ()


def compare(home: Home, dataset: Dataset) -> Comparison | None:
    """The contract against the published one; None where there is none. Raises Refusal where that cannot be read."""
    before = published_contract(home, dataset.name)
    if before is None:
        return None
    same = before.fingerprint == dataset.fingerprint  # also where a newer Landbridge reads more out of the same file
    return Comparison(before, dataset, () if same else tuple(changes(before, dataset)))


def keep_contract(home: Home, dataset: Dataset) -> None:
    """Remember the contract that is in force for what is published now."""
    write_json(contract_json(dataset), contract_path(home, dataset.name))


def holding(home: Home, datasets: Sequence[Dataset], *, teller: Dataset) -> list[Finding]:
    """Why `teller` may not be published: its own contract, or that of a dataset its documents tell of; at most one."""
    found = (finding for dataset in datasets for finding in version_findings(home, dataset) if finding.blocking)
    return [_about(finding, teller) for finding in found][:1]


def _about(finding: Finding, teller: Dataset) -> Finding:
    """The finding as one of the dataset that waits for it."""
    if finding.dataset == teller.name:
        return finding
    message = f"It tells of '{finding.dataset}': {finding.message}"
    return finding.model_copy(update={"dataset": teller.name, "message": message})


def version_findings(home: Home, dataset: Dataset) -> list[Finding]:
    """What its version does not allow a contract to change; nothing for one that was never published."""
    try:
        compared = compare(home, dataset)
    except Refusal as refused:
        return [unreadable(refused, dataset)]
    return [] if compared is None else findings_of(compared)


def unreadable(refused: Refusal, dataset: Dataset) -> Finding:
    """That the published contract cannot be read: then nobody knows what the new one breaks."""
    return _finding(dataset, 1, f"{refused.what}.", refused.remedy, {})


def findings_of(compared: Comparison) -> list[Finding]:
    """The judgement of one comparison: a refusal, a warning where the versions have no order, or nothing."""
    before, after = compared.before.version, compared.after.version
    evidence: dict[str, object] = {"published": before, "declared": after}
    if compared.step == "lower":
        message = f"Version {after} is lower than {before}, which is published."
        remedy = f"Write a version above {before}; an old contract comes back as a new version."
        return [_finding(compared.after, max(len(compared.changes), 1), message, remedy, evidence)]
    if compared.refused:
        message = f"{_counted(compared.refused)} against version {before}, which is published; the version is {after}."
        remedy = _remedy(compared)
        return [_finding(compared.after, len(compared.refused), message, remedy, evidence | _told(compared.refused))]
    if compared.unjudged:
        message = f"{_counted(compared.unjudged)} from version {before} to {after}: they have no order, so they pass."
        remedy = "Write semantic versions, such as 2.0.0, so that a breaking change is told from a harmless one."
        evidence |= _told(compared.unjudged)
        finding = _finding(compared.after, len(compared.unjudged), message, remedy, evidence)
        return [finding.model_copy(update={"severity": "warning", "blocking": False})]
    return []


def _counted(found: Sequence[Change]) -> str:
    widening = sum(change.access == "widened" for change in found)
    breaking = len(found) - widening
    changes_ = f"{breaking} breaking change{'s' if breaking > 1 else ''}" if breaking else ""
    access = f"{widening} change{'s' if widening > 1 else ''} that widen{'' if widening > 1 else 's'} access"
    return " and ".join(filter(None, (changes_, access if widening else "")))


def _remedy(compared: Comparison) -> str:
    version = next_line(compared.before.version)
    wanted = f"version: {version} or higher" if version else "another version"
    return f"Write {wanted} in {compared.after.place.file}, or take the changes back."


def _told(found: Sequence[Change]) -> dict[str, object]:
    rows = [{"value": f"{one.place.file}:{one.place.line}", one.effect: one.sentence} for one in found]
    return {"changes": rows}


def _finding(dataset: Dataset, count: int, message: str, remedy: str, evidence: dict[str, object]) -> Finding:
    return Finding(
        rule=RULE, dataset=dataset.name, stage="indexed", severity="critical", count=count, unit="changes",
        message=message, evidence=evidence, owner=dataset.owner, remedy=remedy, blocking=True,
    )  # fmt: skip
