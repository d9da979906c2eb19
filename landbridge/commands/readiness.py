"""Show how ready datasets and use cases are for agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, FAILED, FINE, JsonOption, ProjectOption, faults_told, load


def readiness(
    subject: Annotated[str | None, typer.Argument(help="Only this dataset or use case, with its measurements.")] = None,
    project: ProjectOption = Path(),
    measure: Annotated[bool, typer.Option("--measure", help="Measure now; no source is read.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the readiness score of every dataset and use case, its trend, and what costs most."""
    from catalog.names import did_you_mean
    from landbridge import show

    with faults_told():
        from landbridge import readiness_reporting
        from pipelines.site import Site

        site = Site.open(load(project))
        names = [*(case.name for case in site.project.use_cases), *site.project.datasets]
        if subject is not None and subject not in names:
            show.problem(f"{subject}: no such dataset or use case. {did_you_mean(subject, names)}".strip())
            raise typer.Exit(BAD_INPUT)
        if measure:
            readiness_reporting.measure(site, run_id="measured-by-hand")
        told = [one for one in readiness_reporting.subjects(site) if subject in (None, one.subject)]
    if json:
        show.as_json([one.as_json() for one in told])
    elif subject is not None:
        readiness_reporting.tell_one(told[0])
    else:
        readiness_reporting.tell(told)
        show.line(f"report: {site.home.readiness_report}")
    raise typer.Exit(FINE if all(one.now for one in told) else FAILED)
