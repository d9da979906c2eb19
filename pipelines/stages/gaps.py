"""Look across systems: what is referenced and absent, what is missing in time, where two registers disagree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from catalog.fingerprint import code_fingerprint
from expectations.results import RuleResult, gap_results
from ledger import Finding
from ledger.models import EVERYWHERE
from pipelines.as_of import is_of_a_rule, told_as_of, with_as_of
from pipelines.check_pages import as_json, findings_in, write_gap_report
from pipelines.progress import tell
from pipelines.site import Site, one_at_a_time
from pipelines.stages.entities import close_entities
from pipelines.standing import Stop, standing_mark, standing_rows, stops
from pipelines.store import fingerprint, read_json, write_frame, write_json
from pipelines.watching import watched

if TYPE_CHECKING:
    from index import Embedder


@dataclass(frozen=True)
class Known:
    """The gap report of a run."""

    findings: tuple[Finding, ...]
    changed: bool
    results: tuple[RuleResult, ...] = ()


@one_at_a_time
def find_gaps(site: Site, *, run_id: str, embedder: Callable[[], Embedder] | None = None) -> Known:
    """Evaluate every gap rule of the project over the rows that stand; skipped when none of them changed.

    What is known of a dataset that stopped is neither resolved nor found anew: it stays as of its last good run. Rules
    of others are held against the rows of it that stand, and say so. What no rule declares, such as rows lost on the
    way, is looked at in any case. `embedder` makes the model that groups questions; without one the project's own is
    loaded, when a question is new.
    """
    close_entities(site, run_id=run_id)
    stopped = stops(site, run_id=run_id)
    known, unmoved = _by_rules(site, stopped)
    found = [one for one in (*known.findings, *watched(site, embedder)) if one.dataset not in unmoved]
    _record(site, found, run_id=run_id, anew=known.changed, unmoved=unmoved)
    kept = (one for name in sorted(unmoved) for one in site.ledger.findings(dataset=name, stage="gaps"))
    return replace(known, findings=(*found, *kept))


def _record(
    site: Site, findings: Sequence[Finding], *, run_id: str, anew: bool, unmoved: Collection[str]
) -> None:  # fmt: skip
    """Keep what was found; where the rules were skipped, only of those datasets for which it is something else."""
    before, now = (_by_dataset(found) for found in (site.ledger.findings(stage="gaps"), findings))
    everywhere = {EVERYWHERE} & {*before, *now}
    for name in (*(one for one in site.project.datasets if one not in unmoved), *sorted(everywhere)):
        if (anew and name != EVERYWHERE) or as_json(before[name]) != as_json(now[name]):
            site.ledger.record_findings(run_id, name, "gaps", now[name], site.clock())


def _by_dataset(findings: Sequence[Finding]) -> defaultdict[str, list[Finding]]:
    by_dataset: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda one: one.rule):
        by_dataset[finding.dataset].append(finding)
    return by_dataset


def _by_rules(site: Site, stopped: Mapping[str, Stop]) -> tuple[Known, frozenset[str]]:
    """What the rules found, and the datasets of which nothing was judged anew."""
    home, project, now = site.home, site.project, site.clock().isoformat()
    marks = [standing_mark(site, name, stopped) for name in sorted(project.datasets)]
    contracts = [project.datasets[name].fingerprint for name in sorted(project.datasets)]
    told = [one.model_dump(mode="json") for one in stopped.values()]
    memo = fingerprint(*marks, *contracts, told, code_fingerprint("catalog", "expectations"))
    manifest = read_json(home.manifest("gaps", "all"))
    judged = {name: one for name, one in manifest.get("judged", {}).items() if name in project.datasets}
    unmoved = frozenset(judged) & frozenset(stopped)
    fresh = {name: {"at": now, "contract": project.datasets[name].fingerprint} for name in project.datasets}
    judged = {name: judged[name] if name in unmoved else one for name, one in fresh.items()}
    times = {name: one["at"] for name, one in judged.items()}
    same = manifest.get("memo") == memo
    findings = findings_in(manifest) if same else _judged(site, stopped, unmoved)
    results = told_as_of(gap_results(project, findings), project, stopped, {name: times[name] for name in unmoved})
    if not same:
        write_gap_report(site, results, findings, site.clock())
    kept = {"memo": memo, "contracts": sorted({one["contract"] for one in judged.values()}), "judged": judged,
            "stops": told, "findings": as_json(findings)}  # fmt: skip
    write_json(kept, home.manifest("gaps", "all"))
    return Known(findings, changed=not same, results=results), unmoved


def _judged(site: Site, stopped: Mapping[str, Stop], unmoved: Collection[str]) -> tuple[Finding, ...]:
    """Judge every rule, and write what is known of single keys and how conflicts were settled."""
    import expectations

    home, project = site.home, site.project
    tell("gaps", "all", 0, 1)
    report = expectations.gaps(project, _standing(site, stopped))
    before = pl.read_parquet(home.gaps) if home.gaps.exists() else report.known.clear()
    kept, known = (pl.col("dataset").is_in(list(unmoved)), report.known)
    write_frame(pl.concat([known.filter(~kept), before.filter(kept)]).sort(known.columns), home.gaps)
    for name in (one for one in project.datasets if one not in unmoved):
        settled = report.settled.filter(pl.col("dataset") == name)
        if settled.height or home.settled(name).exists():
            write_frame(settled, home.settled(name))
    tell("gaps", "all", 1, 1)
    kept_findings = (one for name in sorted(unmoved) for one in site.ledger.findings(dataset=name, stage="gaps"))
    found = (with_as_of(one, project, stopped) for one in report.findings if one.dataset not in unmoved)
    return (*found, *(one for one in kept_findings if is_of_a_rule(one, project)))


def _standing(site: Site, stopped: Mapping[str, Stop]) -> dict[str, pl.LazyFrame]:
    """The rows of every dataset that has any; what rules look at is read when its turn comes."""
    paths = {name: standing_rows(site, name, stopped) for name in site.project.datasets}
    return {name: pl.scan_parquet(path) for name, path in paths.items() if path.exists()}
