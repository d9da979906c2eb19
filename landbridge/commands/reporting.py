"""Lead to the report pages that the last run wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, FAILED, FINE, JsonOption, ProjectOption, faults_told, load


def report(
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.", show_default="all, and the gaps")] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show where the reports of the last checks lie, and what they say.

    Exits 1 where a report is lacking or its dataset is blocked.
    """
    from landbridge import check_reports, show

    with faults_told():
        loaded = load(project)
    if dataset is not None and dataset not in loaded.datasets:
        show.problem(f"{dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
        raise typer.Exit(BAD_INPUT)
    found = check_reports.reports(loaded, dataset=dataset)
    if json:
        show.as_json([one.as_json() for one in found])
    else:
        columns = ("about", "verdict", "rules", "not_holding", "checked_at", "html")
        show.table([one.as_json() for one in found], columns, right=("rules", "not_holding"))
    told = {one.about for one in found}
    lacking = [name for name in ([dataset] if dataset else sorted(loaded.datasets)) if name not in told]
    if lacking:
        show.problem(f"no report yet: {', '.join(lacking)} (landbridge run)")
    raise typer.Exit(FAILED if lacking or any(one.verdict == "block" for one in found) else FINE)
