"""The command line: declare, run, ask, serve. Every command exits 0 when fine, 1 when a gate failed, 2 on bad input."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from landbridge.commands import (
    approving,
    asking,
    drafting,
    entities,
    judging,
    operating,
    peeking,
    publishing,
    quarantine,
    readiness,
    reporting,
    running,
)

app = typer.Typer(
    name="landbridge",
    help="Make enterprise data ready for agents: pull, check, find the gaps, index, and answer with citations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for _command in (
    drafting.init, judging.check, running.run, approving.approve, asking.ask, judging.status, judging.gaps,
    peeking.peek, readiness.readiness, reporting.report, operating.forget_feed, operating.serve,
    operating.dev, operating.doctor, publishing.rollback,
):  # fmt: skip
    app.command()(_command)
app.add_typer(quarantine.quarantine, name="quarantine")
app.add_typer(entities.entities, name="entities")
app.add_typer(publishing.index, name="index")


def main() -> None:
    """Run the command line; a fault of the caller's is one line on stderr, never a traceback."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        app()
    except SystemExit as ended:
        if "_duckdb" in sys.modules and isinstance(ended.code, int | None):
            _leave(ended.code or 0)
        raise


def _leave(code: int) -> None:
    """End without taking the interpreter apart: beside torch DuckDB would then print a page about leaks."""
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        from landbridge import __version__

        sys.stdout.write(f"landbridge {__version__}\n")
        raise typer.Exit


@app.callback()
def entry(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Hold the options that stand before a command."""
