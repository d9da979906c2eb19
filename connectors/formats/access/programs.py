"""Starting mdbtools' programs: their output in blocks, their complaints as refusals, and an end to waiting for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from catalog.errors import FileRefused

BLOCK = 1024 * 1024
LOOK_SECONDS = 120.0  # for what a database declares
READ_SECONDS = 3600.0  # for the rows of one table
COMPLAINT_BYTES = 64 * 1024
PASSWORD = (b"password", b"encrypt")


def output(program: str, *arguments: str, encoding: str = "") -> bytes:
    """All that a program says. Raises FileRefused where it is not there, complains, or takes too long."""
    return b"".join(blocks(program, *arguments, encoding=encoding, seconds=LOOK_SECONDS))


def blocks(program: str, *arguments: str, encoding: str = "", seconds: float = READ_SECONDS) -> Iterator[bytes]:
    """What a program says, block by block."""
    with _started(program, arguments, encoding, seconds) as said:
        while block := said.read(BLOCK):
            yield block


@contextmanager
def _started(program: str, arguments: Sequence[str], encoding: str, seconds: float) -> Iterator[IO[bytes]]:
    """A program's output. It ends with the context, however that ends."""
    found = shutil.which(program)
    if found is None:
        raise FileRefused(f"Access databases are read by mdbtools, and its program '{program}' is not installed",
                          "Install the Debian package 'mdbtools'.")  # fmt: skip
    told = {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")}
    if encoding:
        told["MDB_JET3_CHARSET"] = encoding
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen([found, *arguments], stdout=subprocess.PIPE, stderr=complaints, env=told) as process,  # noqa: S603 - as above
    ):
        clock = threading.Timer(seconds, process.kill)
        clock.start()
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield process.stdout
            process.stdout.close()
            _refuse_failure(process.wait(), complaints, late=not clock.is_alive())
        finally:
            clock.cancel()
            process.kill()


def _refuse_failure(code: int, complaints: IO[bytes], *, late: bool) -> None:
    complaints.seek(0)
    said = complaints.read(COMPLAINT_BYTES).lower()
    if late:
        raise FileRefused("reading the database took too long", "Ask for its tables as CSV.")
    if any(word in said for word in PASSWORD):
        raise FileRefused("the database is protected by a password", "Deliver a copy without one.")
    if code or said.strip():
        raise FileRefused(
            "the database is damaged: it was cut off, or its pages do not fit", "Ask for the export again."
        )
