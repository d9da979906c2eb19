"""Write the report pages of checks and gaps into the home: HTML for people, JSON for programs, each in one piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.models import Dataset
from expectations.check_report import CheckReport, check_report, gap_report
from expectations.results import RuleResult
from ledger import Finding
from pipelines.site import Site
from pipelines.store import replacing, write_json

_COUNTS = {
    "rows": "ready",
    "quarantined": "quarantined",
    "filtered": "filtered",
    "duplicate": "duplicate",
}  # of a manifest, as a reader calls them


def results_in(manifest: Mapping[str, Any]) -> tuple[RuleResult, ...]:
    """The results that a manifest keeps."""
    return tuple(RuleResult.model_validate(one) for one in manifest.get("results", ()))


def findings_in(manifest: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The findings that a manifest keeps."""
    return tuple(Finding.model_validate(one) for one in manifest.get("findings", ()))


def as_json(entries: Iterable[RuleResult | Finding]) -> list[dict[str, Any]]:
    """Results or findings as a manifest keeps them."""
    return [entry.model_dump(mode="json") for entry in entries]


def write_check_report(site: Site, dataset: Dataset, manifest: Mapping[str, Any]) -> None:
    """The report of what the manifest of a ready stage tells."""
    counts = {told: int(manifest[name]) for name, told in _COUNTS.items()}
    report = check_report(
        dataset,
        results_in(manifest),
        findings_in(manifest),
        verdict=manifest["verdict"],
        rows={"read": sum(counts.values()), **counts},
        checked_at=datetime.fromisoformat(manifest["checked_at"]),
    )
    _write(report, site.home.check_report(dataset.name))


def write_gap_report(site: Site, results: tuple[RuleResult, ...], findings: tuple[Finding, ...], at: datetime) -> None:
    """The report of all gap rules."""
    _write(gap_report(site.project, results, findings, checked_at=at), site.home.gap_report)


def _write(report: CheckReport, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text(report.html, encoding="utf-8")
    write_json(report.json, path.with_suffix(".json"))
