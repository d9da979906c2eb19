"""What every command shares: its common options, its exit codes, and how it tells a fault."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from catalog.models import Project

FINE, FAILED, BAD_INPUT = 0, 1, 2
# of SQLite, which calls a disk without any room left a failing one, and of libraries that tell no number
NO_ROOM = ("database or disk is full", "disk I/O error", "No space left on device")

ProjectOption = Annotated[
    Path, typer.Option("--project", "-p", help="The project folder.", envvar="LANDBRIDGE_PROJECT", show_default="here")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@contextmanager
def faults_told() -> Iterator[None]:
    """Turn our own errors into one line and an exit code."""
    from catalog.errors import BadQuery, IndexStoreError, LandbridgeError, ProjectError, SecretUnresolved
    from landbridge import show

    try:
        yield
    except (ProjectError, BadQuery, SecretUnresolved, IndexStoreError) as error:
        show.problem(str(error))
        raise typer.Exit(BAD_INPUT) from None
    except LandbridgeError as error:
        show.problem(str(error))
        raise typer.Exit(FAILED) from None
    except Exception as error:
        if not _is_full_disk(error):
            raise
        show.problem("the disk is full, or fails. Make room, then run again: the last published version is served.")
        raise typer.Exit(FAILED) from None


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether that, or what it came from, is the system's or a database's word that there is no room."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(one in str(error) for one in NO_ROOM):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def decisions_told() -> Iterator[None]:
    """As `faults_told`, and a decision that makes no sense becomes one line and exit code 2."""
    from landbridge import show
    from landbridge.quarantining import DecisionRefused

    with faults_told():
        try:
            yield
        except DecisionRefused as refused:
            show.problem(str(refused))
            raise typer.Exit(BAD_INPUT) from None


def load(project: Path) -> Project:
    """The project in a folder."""
    from catalog import load_project

    return load_project(project)


def finding_rows(findings: Any) -> list[dict[str, Any]]:
    """The documented shape of findings in JSON."""
    from landbridge import show

    return [show.finding_row(finding) for finding in findings]
