"""Write what a stage made so that a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    A block that finds the old file still right removes the temporary one, and the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if temporary.exists():
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed runs left in a folder; for who holds the home alone."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def write_frame(frame: pl.DataFrame, path: Path) -> str:
    """Write a frame as Parquet in one piece; the SHA-256 of the file is returned as its fingerprint."""
    with replacing(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", compression_level=1)
        return file_fingerprint(temporary)


def keep(path: Path, kept: Path) -> None:
    """Keep the file as it is now under a second name; a later `write_frame` of the first leaves this one alone."""
    with replacing(kept) as temporary:
        try:
            os.link(path, temporary)
        except OSError:  # a file system without links
            shutil.copyfile(path, temporary)


def write_json(value: dict[str, Any], path: Path) -> None:
    """Write a manifest in one piece, a line for each of its entries: indented, ten thousand files take six times."""
    lines = (f"{json.dumps(name)}: {json.dumps(value[name], sort_keys=True)}" for name in sorted(value))
    with replacing(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The manifest at `path`, or an empty one where there is none yet."""
    if not path.exists():
        return {}
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise TypeError(f"{path} is not a manifest; remove it, it is rebuilt by the next run")
    return value


def file_fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(path: Path, mark: str) -> bool:
    """Whether the file is the one a manifest speaks of: a run that was killed between the two leaves them apart."""
    return path.exists() and file_fingerprint(path) == mark


def fingerprint(*parts: object) -> str:
    """SHA-256 over the parts as text, in order: equal inputs, equal name."""
    joined = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()
