"""What a process and its children took: wall and processor seconds, and the most memory they held at once."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LOOK_EVERY = 0.1  # seconds; the kernel's own mark of the process misses nothing in between


class Cost(NamedTuple):
    """Wall and CPU in seconds, peak in MiB."""

    wall: float
    cpu: float
    peak: float


def spent(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end; RuntimeError with its last words where it fails.

    Memory is the kernel's high-water mark of the process, or what it and its children held together at any look, each
    page shared by several counted once: whichever is more.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE_", "DAGSTER_"))}
    began, peak = time.perf_counter(), 0
    with subprocess.Popen(  # noqa: S603 - the caller's own command
        command, cwd=cwd, env={**kept, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as one:
        assert one.stderr is not None  # noqa: S101 - it was asked for
        os.set_blocking(one.stderr.fileno(), False)
        told = b""
        while True:
            peak = max(peak, _held_kib(one.pid))
            told = (told + (one.stderr.read() or b""))[-4000:]
            pid, status, usage = os.wait4(one.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(LOOK_EVERY)
        told = (told + (one.stderr.read() or b""))[-4000:]
        one.returncode = os.waitstatus_to_exitcode(status)
    if one.returncode:
        raise RuntimeError(f"{command} ended with {one.returncode}: {told.decode(errors='replace')}")
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak / 1024)


def _children(pid: int) -> list[int]:
    """The processes below one, also of its children."""
    below: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            own = [int(one) for one in task.read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            continue
        below += [*own, *(other for one in own for other in _children(one))]
    return below


def _held_kib(pid: int) -> int:
    """The most that a process held, or what it holds now together with those below it; none of one that has ended."""
    most, below = _kib(pid, "status", "VmHWM:"), _children(pid)
    return max(most, sum(_kib(one, "smaps_rollup", "Pss:") for one in (pid, *below))) if below else most


def _kib(pid: int, table: str, name: str) -> int:
    try:
        told = Path(f"/proc/{pid}/{table}").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(told.partition(name)[2].split()[0]) if name in told else 0
