"""Peek at every file below a folder and tell what became of it: read, refused with a reason, or crashed.

Each of two workers is a process of its own. One that dies, or takes longer than the limit, is a crash of the file it
was reading, and a new one goes on with the next: a fault in a library's C or Rust code hides nothing.

`python -m evals.every_file FOLDER` prints the table.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

WORKERS = 2
SECONDS = 120.0  # for one file
REASONS = 4  # told for a folder

# What nothing in the bytes tells: the copybook of a mainframe file, and how its records are cut.
COPYBOOKS: Mapping[str, Mapping[str, Any]] = {
    "test1_data/example.bin": {"copybook": "test1_copybook.cob"},
    "test3_data/TRAN2.AUG31.DATA.dat": {"copybook": "test3_copybook.cob"},
    "test4_data/COMP.DETAILS.SEP30.DATA.dat": {
        "copybook": "test4_copybook.cob",
        "record_format": "V",
        "encoding": "ascii",
    },
    "test6_data/INTEGR.TYPES.NOV28.DATA.dat": {"copybook": "test6_copybook.cob"},
    "test19_display_num/data.dat": {"copybook": "test19_display_num.cob"},
}

What = Literal["read", "refused", "crashed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `rows` and `rejects` are those of all its tables."""

    file: str  # below the folder
    what: What
    format: str = ""
    reason: str = ""
    tables: int = 0
    rows: int = 0
    rejects: int = 0
    seconds: float = 0.0
    noticed: tuple[str, ...] = field(default=())


def every_file(root: Path, *, workers: int = WORKERS, seconds: float = SECONDS) -> list[Outcome]:
    """The outcomes of all files below `root`, in their order."""
    waiting: SimpleQueue[Path] = SimpleQueue()
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
        waiting.put(path)
    with ThreadPoolExecutor(workers) as threads:
        done = list(threads.map(lambda _: _served(waiting, root, seconds), range(workers)))
    return sorted((one for told in done for one in told), key=lambda one: one.file)


def _served(waiting: SimpleQueue[Path], root: Path, seconds: float) -> list[Outcome]:
    """One worker's share of the files; the worker is replaced when it dies."""
    told: list[Outcome] = []
    worker = _Worker()
    while True:
        try:
            path = waiting.get_nowait()
        except Empty:
            worker.end()
            return told
        outcome = worker.look(path, root, seconds)
        told.append(outcome)
        if not worker.alive:
            worker = _Worker()


class _Worker:
    """A process that peeks at one file after the other."""

    def __init__(self) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it says when it is there; one that cannot start is a fault of ours, and raises EOFError
        self.alive = True

    def look(self, path: Path, root: Path, seconds: float) -> Outcome:
        """The outcome of one file; a dead or a slow worker is a crash."""
        name = path.relative_to(root).as_posix()
        begun = time.monotonic()
        self._pipe.send((str(path), name))
        try:
            if self._pipe.poll(seconds):
                told: Outcome = self._pipe.recv()
                return told
            reason = f"it took longer than {seconds:.0f} s"
        except (EOFError, OSError):
            self._process.join(5)
            reason = f"the process ended with {self._process.exitcode}"
        self.end()
        return Outcome(name, "crashed", reason=reason, seconds=time.monotonic() - begun)

    def end(self) -> None:
        """Stop the process, whatever it does."""
        self.alive = False
        self._process.kill()
        self._process.join(5)
        self._pipe.close()


def _serve(pipe: Connection) -> None:
    pipe.send("ready")
    while True:
        path, name = pipe.recv()
        pipe.send(outcome_of(Path(path), name))


def outcome_of(path: Path, name: str) -> Outcome:
    """Peek at every table of a file, and read each to its end."""
    from catalog.errors import LandbridgeError
    from connectors.faults import is_fault

    begun = time.monotonic()
    try:
        told = _read(path, name)
    except LandbridgeError as error:
        told = Outcome(name, "refused", reason=str(error).replace("\n", " "))
    except BaseException as error:
        if not is_fault(error):
            raise
        told = Outcome(name, "crashed", reason=f"{type(error).__name__}: {str(error)[:200]}")
    return Outcome(**{**vars(told), "seconds": time.monotonic() - begun})


def _read(path: Path, name: str) -> Outcome:
    options = _options(path)
    form = "mainframe" if options else ""
    first = _peeked(path, form, options, "")
    files = [str(one).rpartition("!")[2] for one in first.meta.get("files", ())]
    tables = files or [str(one) for one in first.meta.get("tables", ())]
    rows = rejects = 0
    noticed: list[str] = []
    for table in tables if len(tables) > 1 else [""]:
        with _peeked(path, form, options, table) as told:
            noticed += [one.rule for one in told.noticed]
            for piece in told.pieces():
                rows += piece.frame.height
                rejects += len(piece.rejects)
                noticed += [one.rule for one in piece.noticed]
    return Outcome(
        name, "read", format=first.format, tables=max(len(tables), 1), rows=rows, rejects=rejects,
        noticed=tuple(sorted(set(noticed))),
    )  # fmt: skip


def _peeked(path: Path, form: str, options: Mapping[str, Any], table: str) -> Any:
    import connectors

    return connectors.peek(path, format=form, options=options, table=table)


def _options(path: Path) -> dict[str, Any]:
    """A mainframe file's options, with the copybook's path."""
    for name, options in COPYBOOKS.items():
        if path.as_posix().endswith(f"cobrix/{name}"):
            return {**options, "copybook": str(path.parents[1] / options["copybook"])}
    return {}


def by_folder(outcomes: Iterable[Outcome]) -> str:
    """A Markdown table with a line for each first folder, and the reasons of what was refused."""
    folders: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        folders[one.file.partition("/")[0] if "/" in one.file else "."].append(one)
    lines = [
        "| folder | files | read | refused | crashed | tables | rows | rejects | s | refused because |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(name, told) for name, told in sorted(folders.items())]
    lines.append(_line("**all**", [one for told in folders.values() for one in told], reasons=False))
    return "\n".join(lines)


def _line(name: str, told: Sequence[Outcome], *, reasons: bool = True) -> str:
    what = Counter(one.what for one in told)
    why = Counter(_short(one.reason) for one in told if one.what == "refused")
    some = "; ".join(f"{count} x {reason}" for reason, count in why.most_common(REASONS))
    some += f"; {len(why) - REASONS} other reasons" if len(why) > REASONS else ""
    counts = [len(told), what["read"], what["refused"], what["crashed"], sum(one.tables for one in told)]
    counts += [sum(one.rows for one in told), sum(one.rejects for one in told)]
    seconds = f"{sum(one.seconds for one in told):.1f}"
    return f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + f" | {seconds} | {some if reasons else ''} |"


def _short(reason: str) -> str:
    """A reason without its remedy and its particulars, so that like ones are counted together."""
    return reason.partition(". ")[0].split(":")[0].replace("|", "/")[:80]


def main() -> None:
    """Print the table, and the files that crashed."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data").resolve()
    outcomes = every_file(root)
    sys.stdout.write(by_folder(outcomes) + "\n")
    for one in outcomes:
        if one.what == "crashed":
            sys.stdout.write(f"crashed: {one.file}: {one.reason}\n")


if __name__ == "__main__":
    main()
