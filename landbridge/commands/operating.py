"""Serve the project, open its tools, examine it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, FAILED, FINE, JsonOption, ProjectOption, faults_told, load


def forget_feed(
    dataset: Annotated[str, typer.Argument(help="The dataset, read in mode feed before or now.")],
    project: ProjectOption = Path(),
) -> None:
    """Remove what a change feed keeps at its database.

    For a dataset that is not read by feed any more: its server would keep its log for us without end. The next read in
    mode feed begins anew.
    """
    import connectors
    from landbridge import show

    with faults_told():
        loaded = load(project)
        if dataset not in loaded.datasets:
            show.problem(f"{dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        declared = loaded.datasets[dataset]
        connectors.forget_feed(loaded.sources[declared.source], declared, folder=loaded.folder)
    show.line(f"{dataset}: its database keeps nothing for us any more.")


def serve(
    project: ProjectOption = Path(),
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port [default: 8787].")] = None,
) -> None:
    """Serve governed context over HTTP and MCP."""
    with faults_told():
        from serving.server import serve as serve_project

        serve_project(load(project), host=host, port=port)


def dev(
    project: ProjectOption = Path(),
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    api_port: Annotated[int, typer.Option(help="Port of the API.")] = 8787,
) -> None:
    """Open the Dagster UI, its daemon and the API together.

    History is kept in the project's home.
    """
    with faults_told():
        from landbridge.developing import develop

        code = develop(load(project), port=port, api_port=api_port)
    raise typer.Exit(code)


def doctor(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Examine this machine and this project.

    Versions, embedding runtime, home, disk, index, API keys, sources: each with what to do about it.
    """
    from landbridge import doctoring, show

    with faults_told():
        examined = doctoring.examine(project)
    if json:
        show.as_json({"checks": examined})
    else:
        show.table(examined, ("what", "ok", "detail", "remedy"))
    raise typer.Exit(FINE if all(row["ok"] for row in examined) else FAILED)
