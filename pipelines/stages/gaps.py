"""Look across systems: what is referenced and absent, what is missing in time, where two registers disagree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from catalog.fingerprint import code_fingerprint
from expectations.results import RuleResult, gap_results
from ledger import Finding
from ledger.models import EVERYWHERE
from pipelines.check_pages import as_json, findings_in, write_gap_report
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.stages.entities import close_entities
from pipelines.store import fingerprint, read_json, write_frame, write_json
from pipelines.watching import watched


@dataclass(frozen=True)
class Known:
    """The gap report of a run."""

    findings: tuple[Finding, ...]
    changed: bool
    results: tuple[RuleResult, ...] = ()


@one_at_a_time
def find_gaps(site: Site, *, run_id: str) -> Known:
    """Evaluate every gap rule of the project over the ready rows; skipped when no dataset changed.

    What no rule declares, such as rows lost on the way, is looked at in any case.
    """
    close_entities(site, run_id=run_id)
    known = _by_rules(site)
    findings = (*known.findings, *watched(site))
    _record(site, findings, run_id=run_id, anew=known.changed)
    return replace(known, findings=findings)


def _record(site: Site, findings: Sequence[Finding], *, run_id: str, anew: bool) -> None:
    """Keep what was found; where the rules were skipped, only of those datasets for which it is something else."""
    before, now = (_by_dataset(found) for found in (site.ledger.findings(stage="gaps"), findings))
    everywhere = {EVERYWHERE} & {*before, *now}
    for name in (*site.project.datasets, *sorted(everywhere)):
        if (anew and name != EVERYWHERE) or as_json(before[name]) != as_json(now[name]):
            site.ledger.record_findings(run_id, name, "gaps", now[name], site.clock())


def _by_dataset(findings: Sequence[Finding]) -> defaultdict[str, list[Finding]]:
    by_dataset: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda one: one.rule):
        by_dataset[finding.dataset].append(finding)
    return by_dataset


def _by_rules(site: Site) -> Known:
    home, project = site.home, site.project
    marks = [read_json(home.manifest("ready", name)).get("fingerprint", "") for name in sorted(project.datasets)]
    contracts = [project.datasets[name].fingerprint for name in sorted(project.datasets)]
    memo = fingerprint(*marks, *contracts, code_fingerprint("catalog", "expectations"))
    manifest = read_json(home.manifest("gaps", "all"))
    if manifest.get("memo") == memo:
        findings = findings_in(manifest)
        return Known(findings, changed=False, results=gap_results(project, findings))
    import expectations

    tell("gaps", "all", 0, 1)
    frames = _ready_rows(site)
    report = expectations.gaps(project, frames)
    write_frame(report.known, home.gaps)
    for name in project.datasets:
        settled = report.settled.filter(pl.col("dataset") == name)
        if settled.height or home.settled(name).exists():
            write_frame(settled, home.settled(name))
    results = gap_results(project, report.findings)
    write_gap_report(site, results, report.findings, site.clock())
    told = {"memo": memo, "contracts": contracts, "findings": as_json(report.findings)}
    write_json(told, home.manifest("gaps", "all"))
    tell("gaps", "all", 1, 1)
    return Known(report.findings, changed=True, results=results)


def _ready_rows(site: Site) -> dict[str, pl.LazyFrame]:
    """The ready rows of every dataset that has any; what rules look at is read when its turn comes."""
    paths = {name: site.home.ready(name) for name in site.project.datasets}
    return {name: pl.scan_parquet(path) for name, path in paths.items() if path.exists()}
