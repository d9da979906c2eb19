"""Work the rows that break a rule."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from landbridge.commands.frame import JsonOption, ProjectOption, decisions_told, load

quarantine = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Work the rows that break a rule: list, show, fix, release, reject. The next run carries out what is decided.",
)
RowArgument = Annotated[str, typer.Argument(metavar="ID", help="The row's id, or as much of it as no other row has.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for those who come later; no personal values.")]
ByOption = Annotated[str, typer.Option(help="Who decides [default: the user of this machine].")]


@quarantine.command("list")
def list_rows(
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    project: ProjectOption = Path(),
    summary: Annotated[bool, typer.Option("--summary", help="Count by rule: open, ages, time to release.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also rows that were rejected.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the open rows, oldest first: rule, column, place in the source, value where it may be told, age."""
    with decisions_told():
        from landbridge import quarantining, show

        loaded = load(project)
        if summary:
            found = quarantining.backlogs(loaded, dataset)
            if json:
                show.as_json([quarantining.backlog_json(one) for one in found])
            else:
                quarantining.tell_backlogs(found)
            return
        rows = quarantining.rows_of(loaded, dataset, everything=everything)
        if json:
            show.as_json([quarantining.as_json(row) for row in rows])
        else:
            quarantining.tell_rows(rows)


@quarantine.command("show")
def show_row(row: RowArgument, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show one row as it may be told, the rules it breaks, and its history."""
    with decisions_told():
        from landbridge import quarantining, show

        told = quarantining.history(load(project), row)
    if json:
        show.as_json(told)
    else:
        quarantining.tell_history(told)


@quarantine.command()
def fix(
    row: RowArgument,
    field: Annotated[str, typer.Option(help="The field to change, by its name in the contract.")],
    value: Annotated[str, typer.Option(help="The new value as the source spells it; - reads one line of input.")],
    reason: ReasonOption,
    by: ByOption = "",
    project: ProjectOption = Path(),
) -> None:
    """Change one value of one row before it is checked again."""
    told = sys.stdin.readline().rstrip("\r\n") if value == "-" else value
    _decide(project, row, "fix", by=by, reason=reason, field=field, value=told)


@quarantine.command()
def release(
    row: RowArgument,
    reason: ReasonOption,
    rule: Annotated[list[str] | None, typer.Option(help="Only from this rule; repeatable.")] = None,
    by: ByOption = "",
    project: ProjectOption = Path(),
) -> None:
    """Let one row pass although it breaks a rule."""
    _decide(project, row, "release", by=by, reason=reason, rules=tuple(rule or ()))


@quarantine.command()
def reject(row: RowArgument, reason: ReasonOption, by: ByOption = "", project: ProjectOption = Path()) -> None:
    """Keep one row out for good; it stays counted, and is not open any more."""
    _decide(project, row, "reject", by=by, reason=reason)


def _decide(project: Path, row: str, kind: Any, *, by: str, **told: Any) -> None:
    with decisions_told():
        from landbridge import quarantining, show

        verdict = quarantining.Verdict(kind, by=by or quarantining.system_user(), **told)
        for one in quarantining.decide(load(project), row, verdict):
            what = " ".join(filter(None, (kind, one.rule or one.field)))
            show.line(f"{one.dataset} {one.row_id}: {what}, by {one.by}; landbridge run applies it")
