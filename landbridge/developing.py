"""Open the Dagster UI, its daemon and the API side by side, and close them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from catalog.home import Home
from catalog.models import Project
from landbridge import show
from pipelines.instance import dagster_environment

GRACE = 15  # seconds to close in


def develop(project: Project, *, port: int, api_port: int) -> int:
    """Run `dagster dev` and the server until one of them ends or Ctrl-C; the first bad exit code is returned."""
    home = Home.of(project.folder)
    environment = os.environ | dagster_environment(home, project.folder)
    environment.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")  # that another command line supersedes dagster's
    commands = {
        "Dagster UI": [
            sys.executable, "-m", "dagster", "dev", "-m", "pipelines.definitions", "-h", "127.0.0.1", "-p", str(port),
        ],
        "API": [
            sys.executable, "-m", "landbridge", "serve", "--project", str(project.folder), "--port", str(api_port),
        ],
    }  # fmt: skip
    show.problem(f"Dagster UI   http://127.0.0.1:{port}")
    show.problem(f"API          http://127.0.0.1:{api_port}/docs   MCP http://127.0.0.1:{api_port}/mcp")
    for wanted in (signal.SIGINT, signal.SIGTERM):  # before the children start, so that they inherit neither as ignored
        signal.signal(wanted, signal.default_int_handler)
    folder = environment["DAGSTER_HOME"]  # where Dagster finds no second instance file to warn about
    running = {
        name: subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True)  # noqa: S603 - our own commands
        for name, command in commands.items()
    }
    try:
        while all(process.poll() is None for process in running.values()):
            time.sleep(0.5)
        ended = next(name for name, process in running.items() if process.returncode is not None)
        show.problem(f"{ended} ended with code {running[ended].returncode}")
        return running[ended].returncode or 0
    except KeyboardInterrupt:
        return 0
    finally:
        for process in running.values():
            _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, then everything that it has started, ever more firmly."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)
    for ask in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, ask)  # the group that start_new_session made
            process.wait(timeout=GRACE)
