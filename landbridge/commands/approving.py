"""Let a person approve what a run held."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, FAILED, FINE, JsonOption, ProjectOption, decisions_told, load


def approve(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The run's id, or as much of it as no other run has.")
    ] = None,
    project: ProjectOption = Path(),
    listed: Annotated[bool, typer.Option("--list", help="Show what waits, oldest first, and approve nothing.")] = False,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset; repeatable.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for those who come later; no personal values.")] = "",
    by: Annotated[str, typer.Option(help="Who approves [default: the user of this machine].")] = "",
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Also where nothing of a dataset would be left.")
    ] = False,
    then_run: Annotated[bool, typer.Option("--run", help="Refresh everything at once.")] = False,
    json: JsonOption = False,
) -> None:
    """Approve what a run held, so that the next run takes it.

    A run that would delete or set aside too much of a dataset takes nothing of it and waits. An approval counts for
    exactly what that run saw; if the source changed since, the next run asks again.
    """
    from landbridge import show

    if listed == (run is not None):
        show.problem("Give a RUN to approve, or --list to see what waits.")
        raise typer.Exit(BAD_INPUT)
    with decisions_told():
        from landbridge import approving

        loaded = load(project)
        if run is None:
            found = approving.waiting(loaded)
            if json:
                show.as_json(found.as_json())
            else:
                approving.tell_waiting(found)
            return
        from landbridge.quarantining import system_user

        word = approving.Word(by or system_user(), reason, allow_empty)
        made = approving.approve(loaded, run, word, datasets=tuple(dataset or ()))
    for line in made.over:
        show.problem(line)
    if json and not then_run:
        show.as_json([approving.held_row(one, now=one.approval.at) for one in made.changes if one.approval])
    elif not json:
        for change in made.changes:
            approving.tell_change(change)
        show.line(f"approved by {word.by.strip()}" + ("" if then_run else "; landbridge run takes it"))
    if then_run:
        _run(project, json=json)


def _run(project: Path, *, json: bool) -> None:
    """Refresh everything, as `landbridge run` does, and end with its exit code."""
    from landbridge.commands import running

    with decisions_told():
        report = running.refreshed(load(project))
    running.show_run(report, json=json)
    raise typer.Exit(FINE if report.good else FAILED)
