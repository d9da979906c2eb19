"""Show what a file or a dataset holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, ProjectOption, faults_told, finding_rows, load


def peek(
    target: Annotated[str, typer.Argument(help="A dataset of the project, or a file, folder, archive member or URL.")],
    project: ProjectOption = Path(),
    rows: Annotated[
        int | None, typer.Option(help="How many rows; 0: all [default: 10, with --json and --as-text all].")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per row.")] = False,
    as_text: Annotated[bool, typer.Option("--as-text", help="Print one JSON array of texts per row.")] = False,
    meta: Annotated[bool, typer.Option("--meta", help="Print what was detected, as JSON, and no rows.")] = False,
    form: Annotated[str, typer.Option("--format", help="The file's format [default: it is recognised].")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="NAME=VALUE", help="Of the format; repeatable.")
    ] = None,
    table: Annotated[str, typer.Option(help="The sheet or table [default: the first].")] = "",
    copybook: Annotated[str, typer.Option(metavar="FILE", help="Read a mainframe file with this copybook.")] = "",
    record_format: Annotated[str, typer.Option(help="Of a mainframe file: F, FB, V, VB, D.")] = "",
    encoding: Annotated[str, typer.Option(help="Of a text file; of a mainframe file ebcdic or ascii.")] = "",
    code_page: Annotated[str, typer.Option(help="Of a mainframe file: cp037, cp273, ...")] = "",
) -> None:
    """Show what a file holds, or a dataset's first rows as their source holds them.

    A file needs no project: its format, encoding and columns are found and shown with its first rows. Of a dataset,
    also where its source differs from the contract; there confidential values show as ***.
    """
    from landbridge import show

    if sum((json, as_text, meta)) > 1 or (rows is not None and rows < 0):
        several = "--json, --as-text and --meta: choose one"
        show.problem(several if sum((json, as_text, meta)) > 1 else f"--rows {rows}: use 0 or more")
        raise typer.Exit(BAD_INPUT)
    if _may_be_dataset(target, project):
        if as_text or meta or option or any((form, table, copybook, record_format, encoding, code_page)):
            show.problem(f"{target} is a dataset of the project: of one there are only --rows and --json")
            raise typer.Exit(BAD_INPUT)
        _peek_dataset(target, project, rows=5 if rows is None else rows, json=json)
        return
    from landbridge import peeking

    flags = {"copybook": copybook, "record_format": record_format, "encoding": encoding, "ebcdic_code_page": code_page}
    try:
        options = peeking.parsed_options(option or [], **flags)
    except ValueError as error:
        show.problem(str(error))
        raise typer.Exit(BAD_INPUT) from None
    wanted = peeking.Wanted(target, form or ("mainframe" if copybook else ""), options, table, rows)
    how = "json" if json else "texts" if as_text else "meta" if meta else ""
    raise typer.Exit(peeking.tell(wanted, how=how))


def _may_be_dataset(target: str, project: Path) -> bool:
    """Whether a target is meant as a dataset: there is a project, and nothing of that name to look into."""
    from catalog.names import SLUG

    return SLUG.fullmatch(target) is not None and (project / "project.yaml").is_file() and not Path(target).exists()


def _peek_dataset(dataset: str, project: Path, *, rows: int, json: bool) -> None:
    from landbridge import checking, show

    with faults_told():
        loaded = load(project)
        if dataset not in loaded.datasets:
            show.problem(f"{dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        if not 1 <= rows <= 100:
            show.problem(f"--rows {rows}: use 1 to 100")
            raise typer.Exit(BAD_INPUT)
        columns, found, findings = checking.peek(loaded, dataset, rows=rows)
    if json:
        show.as_json({"dataset": dataset, "columns": columns, "rows": found, "findings": finding_rows(findings)})
        return
    show.table(columns, ("column", "type", "field", "promised"))
    show.line()
    show.table(found, [column["column"] for column in columns])
    show.line()
    show.findings(findings)
