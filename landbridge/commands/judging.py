"""Say what is sound, what is accounted for, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

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

if TYPE_CHECKING:
    from catalog.models import Project


def check(
    project: ProjectOption = Path(),
    gate: Annotated[bool, typer.Option("--gate", help="Also judge the readiness that was measured last.")] = False,
    minimum: Annotated[
        float | None, typer.Option(min=0, max=100, help="With --gate: the score that everything needs.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check declarations, secrets and sources against the contracts.

    With --gate it exits 1 also when a score is below its minimum or not known, was measured too long ago or under
    another contract, or when a critical finding is open.
    """
    from landbridge import checking, readiness_reporting, show

    if minimum is not None and not gate:
        show.problem("--minimum: it belongs to --gate")
        raise typer.Exit(BAD_INPUT)
    with faults_told():
        from pipelines.site import Site

        loaded = load(project)
        contracts = checking.check_contracts(loaded)
        findings = [*contracts.findings, *checking.check_sources(loaded)]
        judged = readiness_reporting.gate(Site.open(loaded), minimum) if gate else None
    if json:
        changes = [checking.change_row(name, change) for name, change in contracts.changes]
        told = {"project": loaded.name, "datasets": sorted(loaded.datasets)}
        gated = {} if judged is None else {"gate": judged.as_json()}
        show.as_json(told | {"changes": changes, "findings": finding_rows(findings)} | gated)
    else:
        show.line(
            f"{loaded.name}: {len(loaded.datasets)} datasets, {len(loaded.sources)} sources, declarations are sound."
        )
        for _, change in contracts.changes:
            show.line(str(change))
        show.findings(findings)
        if judged is not None:
            readiness_reporting.tell_gate(judged)
    failed = any(finding.severity == "critical" for finding in findings) or (judged is not None and not judged.passed)
    raise typer.Exit(FAILED if failed else FINE)


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


STATES = ("new", "open", "reopened", "resolved", "withdrawn", "all")


def gaps(
    project: ProjectOption = Path(),
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    every_kind: Annotated[
        bool, typer.Option("--all", help="Also promises about single rows that are broken, without blocking.")
    ] = False,
    state: Annotated[
        str | None, typer.Option(help="Only new, open, reopened, resolved or withdrawn ones, or all of them.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Of the resolved ones only those resolved in this time, such as 7d.")
    ] = None,
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 at an open one of this severity: critical, warning, never.")
    ] = "critical",
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Instead, the gap rules that the rows speak for and no contract declares.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="With --suggest: add those rules to the contracts, and judge them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --suggest: write nothing, show what --write would change.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="With --suggest: only DATASET/NAME; repeatable.")
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="With --suggest: only from this confidence on [default: 0.95 to write]."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what is missing or contradictory, how long it has been so, with owner and remedy.

    A finding is new when only the newest look at its stage told it, reopened when it was resolved before.

    With --suggest it looks at the rows of the last run for rules that nobody declared, tries each, and prints them as
    YAML for the contracts; it exits 1 when a dataset has no rows to look at. It changes a file only with --write, which
    keeps comments and layout, and puts everything back when the project does not load or a rule cannot be judged.
    """
    from landbridge import reporting, show

    _check_one_of("--fail-on", fail_on, ("critical", "warning", "never"))
    _check_one_of("--state", state or "all", STATES)
    if suggest and (every_kind or state or since):
        show.problem("--suggest looks at rows and not at findings: leave out --all, --state and --since")
        raise typer.Exit(BAD_INPUT)
    if not suggest and (write or dry_run or only or confidence is not None):
        show.problem("--write, --dry-run, --only and --confidence belong to --suggest")
        raise typer.Exit(BAD_INPUT)
    if write and dry_run:
        show.problem("--write and --dry-run: choose one")
        raise typer.Exit(BAD_INPUT)
    with faults_told():
        loaded = load(project)
        if dataset is not None and dataset not in loaded.datasets:
            show.problem(f"--dataset {dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        if suggest:
            mode: Mode = "write" if write else "dry run" if dry_run else "print"
            _suggest(loaded, dataset, only or (), confidence, mode=mode, json=json)
        found = reporting.gaps(loaded, dataset=dataset, every_kind=every_kind, state=state, since=_span(since, state))
    if json:
        show.as_json([show.gap_row(gap) for gap in found])
    else:
        show.gaps(found)
    failing = {"critical": ("critical",), "warning": ("critical", "warning"), "never": ()}[fail_on]
    failed = any(gap.told.is_open and gap.finding.severity in failing for gap in found)
    raise typer.Exit(FAILED if failed else FINE)


Mode = Literal["print", "dry run", "write"]


def _suggest(
    project: Project, dataset: str | None, only: Sequence[str], confidence: float | None, *, mode: Mode, json: bool
) -> NoReturn:
    """Print or write the suggested rules; datasets without rows are named, since silence about them means nothing."""
    from catalog.errors import Refusal
    from landbridge import gap_suggestions, gap_writing, show

    told = gap_suggestions.suggestions(project, dataset=dataset)
    try:
        found = gap_writing.chosen(told.found, only=only, confidence=confidence, writing=mode != "print")
        files = gap_writing.changes(project, found) if mode != "print" else []
        if mode == "write":
            gap_writing.write_judged(project, files, found)
    except Refusal as refused:
        show.problem(str(refused))
        raise typer.Exit(BAD_INPUT) from None
    if json:
        show.as_json([one.as_json() for one in found])
    elif mode == "print":
        for line in gap_suggestions.as_yaml(found, project):
            show.line(line)
        if not found:
            show.line("# No rule to suggest.")
    else:
        gap_writing.tell(files, found, left=len(told.found) - len(found), written=mode == "write")
    for name in told.rowless:
        show.problem(f"{name} has no ready rows, so no rule was sought there, nor one that leads there: landbridge run")
    raise typer.Exit(FAILED if told.rowless else FINE)


def _check_one_of(option: str, given: str, allowed: tuple[str, ...]) -> None:
    from landbridge import show

    if given not in allowed:
        show.problem(f"{option} {given}: use {', '.join(allowed[:-1])} or {allowed[-1]}")
        raise typer.Exit(BAD_INPUT)


def _span(since: str | None, state: str | None) -> timedelta | None:
    """The time to look back; it means something for resolved ones only."""
    from catalog.durations import span
    from landbridge import show

    if since is None:
        return None
    if state not in ("resolved", "all"):
        show.problem("--since looks back at resolved findings: add --state resolved or --state all")
        raise typer.Exit(BAD_INPUT)
    try:
        return span(since)
    except ValueError as error:
        show.problem(f"--since: {error}")
        raise typer.Exit(BAD_INPUT) from None
