"""Write a proposal into its folder: new files, and additions to files that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.errors import Refusal
from landbridge.drafting.proposing import FileChange


def write(folder: Path, files: Sequence[FileChange]) -> None:
    """Write all files. A file that changed since the proposal was made is refused, before anything is written."""
    for change in files:
        path = folder / change.file
        now = path.read_bytes().decode("utf-8-sig") if path.exists() else None
        if now != change.before:
            raise Refusal(f"{change.file} changed while this command ran", "Run it again.")
    for change in files:
        path = folder / change.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.before is None:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(change.after)
            continue
        mark = "\ufeff" if path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes((mark + change.after).encode())
        beside.replace(path)
