"""Refresh everything, and say what came of it."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from pipelines.runs import RunReport


def run(
    project: ProjectOption = Path(),
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Accept a drop in this dataset's volume, or how its columns changed; repeatable."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Refresh everything as one Dagster run.

    Pull every source, normalize, check, find the gaps, index, publish. A source or contract that fails keeps its last
    good version in service.
    """
    from catalog.secrets import resolve
    from landbridge import show
    from landbridge.progress import shown

    with faults_told():
        loaded = load(project)
        accepted = frozenset(accept or ())
        unknown = sorted(accepted - set(loaded.datasets))
        if unknown:
            show.problem(f"--accept {unknown[0]}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        for source in loaded.sources.values():
            for place in filter(None, (source.location, source.write_location)):
                resolve(place, folder=loaded.folder)  # a secret without a value is bad input, not a broken source
        from pipelines.runs import execute

        with shown() as listener:
            report = execute(loaded, accept=accepted, listener=listener)
    _show_run(report, json=json)
    raise typer.Exit(FINE if report.good else FAILED)


def _show_run(report: RunReport, *, json: bool) -> None:
    from landbridge import show

    if json:
        show.as_json(
            {
                "run_id": report.run_id, "status": report.status, "seconds": report.seconds,
                "embedded": report.embedded, "index_version": report.index_version,
                "datasets": [show.account_row(account) for account in report.accounts],
                "findings": finding_rows(report.findings), "failures": list(report.failures),
                "failed_checks": list(report.failed_checks), "blocked": list(report.blocked),
            }
        )  # fmt: skip
        return
    show.accounts(report.accounts)
    show.line()
    show.line(
        f"run {report.run_id[:8]} {report.status} in {report.seconds} s, {report.embedded:,} texts embedded, "
        f"index version {report.index_version}, {len(report.findings)} open findings (landbridge gaps)"
    )
    for failure in report.failures:
        show.problem(f"failed: {failure}")
    for failed in report.failed_checks:
        show.problem(f"red check: {failed}")
    for finding in report.findings:
        if finding.blocking and finding.rule != "source-readable":  # that one is a failure, told above
            show.problem(f"{finding.dataset} / {finding.rule}: {finding.message} {finding.remedy}")
            if finding.sample_keys:
                show.problem(f"  keys: {', '.join(finding.sample_keys)}")
    if report.blocked:
        show.problem(f"not refreshed, the last good version keeps serving: {', '.join(report.blocked)}")
