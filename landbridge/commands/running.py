"""Refresh everything, and say what came of it."""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landbridge.commands.frame import (
    BAD_INPUT,
    FAILED,
    FINE,
    JsonOption,
    ProjectOption,
    faults_told,
    finding_rows,
    load,
)

COLLECT_AFTER = 10_000  # new objects; after 700 the million that imports make is gone through again and again

if TYPE_CHECKING:
    from catalog.models import Project
    from pipelines.runs import RunReport


def run(
    project: ProjectOption = Path(),
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Approve, for this run, a drop of this dataset or how its columns changed; repeatable."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Refresh everything as one Dagster run.

    Pull every source, normalize, check, find the gaps, index, publish. A source or contract that fails keeps its last
    good version in service. What would delete or set aside too much is held: it waits for landbridge approve.
    """
    from landbridge import show

    gc.set_threshold(COLLECT_AFTER, 10, 10)
    with faults_told():
        loaded = load(project)
        accepted = frozenset(accept or ())
        unknown = sorted(accepted - set(loaded.datasets))
        if unknown:
            show.problem(f"--accept {unknown[0]}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        report = refreshed(loaded, accept=accepted)
    show_run(report, json=json)
    raise typer.Exit(FINE if report.good else FAILED)


def refreshed(project: Project, *, accept: frozenset[str] = frozenset()) -> RunReport:
    """Run the whole refresh with a progress display; what is accepted is accepted by the user of this machine."""
    from catalog.secrets import resolve
    from landbridge.progress import shown
    from landbridge.quarantining import DecisionRefused, system_user

    for source in project.sources.values():
        for place in filter(None, (source.location, source.write_location)):
            resolve(place, folder=project.folder)  # a secret without a value is bad input, not a broken source
    from pipelines.runs import execute

    by = ""
    with suppress(DecisionRefused):  # a container may know no user; then the ledger says that nobody told
        by = system_user() if accept else ""
    with shown() as listener:
        return execute(project, accept=accept, accepted_by=by, listener=listener)


def show_run(report: RunReport, *, json: bool) -> None:
    """What came of a run, for a person or as the documented JSON."""
    from landbridge import approving, show

    if json:
        show.as_json(
            {
                "run_id": report.run_id, "status": report.status, "seconds": report.seconds,
                "embedded": report.embedded, "index_version": report.index_version,
                "datasets": [show.account_row(account) for account in report.accounts],
                "findings": finding_rows(report.findings), "failures": list(report.failures),
                "failed_checks": list(report.failed_checks), "blocked": list(report.blocked),
                "held": [approving.held_row(change, now=change.at) for change in report.held],
                "why": report.why,
            }
        )  # fmt: skip
        return
    show.accounts(report.accounts)
    show.line()
    show.line(
        f"run {report.run_id[:8]} {report.status} in {report.seconds} s, {report.embedded:,} texts embedded, "
        f"index version {report.index_version}, {len(report.findings)} open findings (landbridge gaps)"
    )
    for name, why in report.why.items():
        show.line(f"{name}: {why}")
    for failure in report.failures:
        show.problem(f"failed: {failure}")
    for failed in report.failed_checks:
        show.problem(f"red check: {failed}")
    held = {(change.dataset, rule) for change in report.held for rule in change.rule.split(", ")}
    for change in report.held:
        show.problem(f"held: {change.dataset} / {change.rule}: {change.message}")
        show.problem(f"  if it is right: {approving.command(change)}")
    for finding in report.findings:
        told = finding.rule == "source-readable" or (finding.dataset, finding.rule) in held
        if finding.blocking and not told:
            show.problem(f"{finding.dataset} / {finding.rule}: {finding.message} {finding.remedy}")
            if finding.sample_keys:
                show.problem(f"  keys: {', '.join(finding.sample_keys)}")
    if report.blocked:
        show.problem(f"not refreshed, the last good version keeps serving: {', '.join(report.blocked)}")
