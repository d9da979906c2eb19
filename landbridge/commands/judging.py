"""Say what is sound, what is accounted for, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


def check(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Check declarations, secrets and sources against the contracts."""
    from landbridge import checking, show

    with faults_told():
        loaded = load(project)
        contracts = checking.check_contracts(loaded)
        findings = [*contracts.findings, *checking.check_sources(loaded)]
    if json:
        changes = [checking.change_row(name, change) for name, change in contracts.changes]
        told = {"project": loaded.name, "datasets": sorted(loaded.datasets)}
        show.as_json(told | {"changes": changes, "findings": finding_rows(findings)})
    else:
        show.line(
            f"{loaded.name}: {len(loaded.datasets)} datasets, {len(loaded.sources)} sources, declarations are sound."
        )
        for _, change in contracts.changes:
            show.line(str(change))
        show.findings(findings)
    raise typer.Exit(FAILED if any(finding.severity == "critical" for finding in findings) else FINE)


def status(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show the accounting of every dataset, verified against the index."""
    from landbridge import reporting, show

    with faults_told():
        report = reporting.status(load(project))
    if json:
        show.as_json(report.as_json())
    else:
        report.show()
    raise typer.Exit(FINE if report.good else FAILED)


def gaps(
    project: ProjectOption = Path(),
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    every_stage: Annotated[bool, typer.Option("--all", help="Also findings of single datasets.")] = False,
    fail_on: Annotated[str, typer.Option(help="Exit 1 at this severity: critical, warning, never.")] = "critical",
    json: JsonOption = False,
) -> None:
    """Show what is missing or contradictory, with owner and remedy."""
    from landbridge import reporting, show

    if fail_on not in ("critical", "warning", "never"):
        show.problem(f"--fail-on {fail_on}: use critical, warning or never")
        raise typer.Exit(BAD_INPUT)
    with faults_told():
        loaded = load(project)
        if dataset is not None and dataset not in loaded.datasets:
            show.problem(f"--dataset {dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        findings = reporting.gaps(loaded, dataset=dataset, every_stage=every_stage)
    if json:
        show.as_json(finding_rows(findings))
    else:
        show.findings(findings)
    failing = {"critical": ("critical",), "warning": ("critical", "warning"), "never": ()}[fail_on]
    raise typer.Exit(FAILED if any(finding.severity in failing for finding in findings) else FINE)
