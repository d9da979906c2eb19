"""Look across systems: what is referenced and absent, what is missing in time, where two registers disagree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import polars as pl

from catalog.fingerprint import code_fingerprint
from ledger import Finding
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.store import fingerprint, read_json, write_frame, write_json


@dataclass(frozen=True)
class Known:
    """The gap report of a run."""

    findings: tuple[Finding, ...]
    changed: bool


@one_at_a_time
def find_gaps(site: Site, *, run_id: str) -> Known:
    """Evaluate every gap rule of the project over the ready rows; skipped when no dataset changed."""
    home, project = site.home, site.project
    marks = [read_json(home.manifest("ready", name)).get("fingerprint", "") for name in sorted(project.datasets)]
    contracts = [project.datasets[name].fingerprint for name in sorted(project.datasets)]
    memo = fingerprint(*marks, *contracts, code_fingerprint("catalog", "expectations"))
    manifest = read_json(home.manifest("gaps", "all"))
    if manifest.get("memo") == memo:
        return Known(tuple(Finding.model_validate(finding) for finding in manifest["findings"]), changed=False)
    import expectations

    tell("gaps", "all", 0, 1)
    frames = {name: pl.read_parquet(home.ready(name)) for name in project.datasets if home.ready(name).exists()}
    report = expectations.gaps(project, frames)
    by_dataset: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_dataset[finding.dataset].append(finding)
    for name in project.datasets:
        site.ledger.record_findings(run_id, name, "gaps", by_dataset[name], site.clock())
    write_frame(report.known, home.gaps)
    stored = [finding.model_dump(mode="json") for finding in report.findings]
    write_json({"memo": memo, "findings": stored}, home.manifest("gaps", "all"))
    tell("gaps", "all", 1, 1)
    return Known(report.findings, changed=True)
