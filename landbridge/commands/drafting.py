"""Draft a project from what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, FAILED, FINE, JsonOption, faults_told


def init(
    folder: Annotated[Path, typer.Argument(help="The project folder, new or existing.")],
    url: Annotated[
        str,
        typer.Option(
            "--from", metavar="FROM", help="A SQLAlchemy URL, which may hold ${env:NAME}, or a folder of files."
        ),
    ],
    schema: Annotated[str, typer.Option(help="Only this schema [default: the database's own].")] = "",
    table: Annotated[list[str] | None, typer.Option(help="Only tables that match this glob; repeatable.")] = None,
    views: Annotated[bool, typer.Option("--views", help="Also views that have a usable key.")] = False,
    source_name: Annotated[str, typer.Option(help="Name of the source [default: the database's].")] = "",
    sample: Annotated[int, typer.Option(help="Most rows of a table to look at, 1 to 1000000.")] = 10_000,
    write: Annotated[bool, typer.Option("--write", help="Add what is new to a project that exists.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, show everything.")] = False,
    json: JsonOption = False,
) -> None:
    """Draft a project from a database or a folder of files, or propose what changed.

    Reads the catalog, or looks into every file, and a sample of rows, and writes project.yaml, sources and one contract
    per table. Guesses are marked by comments. In a folder that holds a project nothing is written without --write, and
    then only added. Exit code 1: what is there and the project differ, and this call did not close the difference.
    """
    from datetime import UTC, datetime

    from catalog.errors import Refusal, SourceError
    from connectors.discovering.opening import remedy
    from landbridge import show
    from landbridge.drafting import reporting
    from landbridge.drafting.folders import folder_of, propose_files
    from landbridge.drafting.proposing import Wanted, propose
    from landbridge.drafting.writing import write as write_files

    if not 1 <= sample <= 1_000_000 or (write and dry_run):
        wrong = "--write and --dry-run: choose one" if write and dry_run else f"--sample {sample}: use 1 to 1000000"
        show.problem(wrong)
        raise typer.Exit(BAD_INPUT)
    wanted = Wanted(schema=schema, tables=tuple(table or ()), views=views, source=source_name, sample=sample)
    with faults_told():
        try:
            place, now = folder_of(url), datetime.now(UTC)
            proposal = propose_files(place, folder, wanted, now=now) if place else propose(url, folder, wanted, now=now)
            written = (proposal.fresh or write) and not dry_run
            if written:
                write_files(folder, proposal.files)
        except SourceError as error:
            show.problem(f"{error.detail.rstrip('.')}. {remedy(error)}".strip())
            raise typer.Exit(BAD_INPUT) from None
        except Refusal as refused:
            show.problem(str(refused))
            raise typer.Exit(BAD_INPUT) from None
    if json:
        show.as_json(reporting.as_json(proposal, folder, written=written))
    else:
        reporting.tell(proposal, folder, written=written)
    raise typer.Exit(FAILED if proposal.to_settle or (proposal.files and not written) else FINE)
