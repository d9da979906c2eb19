"""Write a folder of Markdown files that are one passage each, change or remove some, and a project that indexes them.

Passages are stretches of running words of the Cranfield abstracts, one begun every 22 words: real prose, each of them
different without an added word. The 1,400 abstracts give 10,000 of them; those of 22 words do not overlap.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from evals.bench_embedding import read

STEP = 22  # words: so that the abstracts suffice for 10,000 passages
MODEL = "all-MiniLM-L6-v2"
NEVER_HELD = 1.0  # of the documents may go at once: the bench removes some on purpose


def passages_of(cranfield: Path, count: int, *, long: int = STEP) -> list[str]:
    """So many passages of `long` words, no two the same; ValueError where the collection gives fewer."""
    words = " ".join(read(cranfield).documents).split()
    passages = list(dict.fromkeys(" ".join(words[at : at + long]) for at in range(0, len(words) - long + 1, STEP)))
    if len(passages) < count:
        raise ValueError(f"{cranfield} gives {len(passages):,} passages of {long} words, not {count:,}")
    return passages[:count]


def write_passages(folder: Path, passages: list[str]) -> None:
    """A file for each."""
    folder.mkdir(parents=True)
    for number, passage in enumerate(passages):
        _file(folder, number).write_text(passage + "\n", encoding="utf-8")


def change(folder: Path, count: int, turn: int) -> list[str]:
    """Say something else in so many files, spread over the folder and others each turn; what they say now."""
    files = sorted(folder.glob("*.md"))
    step, told = len(files) // count, []
    for path in files[turn % step :: step][:count]:
        words = path.read_text(encoding="utf-8").split()
        told.append(" ".join([*words[::-1], "revised", str(turn)]))
        path.write_text(told[-1] + "\n", encoding="utf-8")
    return told


def remove(folder: Path, count: int) -> list[str]:
    """Delete so many files, spread over the folder; their names."""
    files = sorted(folder.glob("*.md"))
    gone = files[:: len(files) // count][:count]
    for path in gone:
        path.unlink()
    return [path.name for path in gone]


def write_project(folder: Path, passages: Path) -> Path:
    """A project whose one dataset is the folder of passages."""
    for name in ("sources", "datasets", "policies"):
        (folder / name).mkdir(parents=True)
    _write(folder / "project.yaml", {"name": "passages", "model": MODEL})
    _write(folder / "sources" / "files.yaml", {"name": "files", "kind": "markdown", "location": str(passages)})
    _write(folder / "policies" / "access.yaml", {"local": {"clearance": "restricted"}})
    _write(folder / "datasets" / "passages.odcs.yaml", _contract())
    return folder


def _contract() -> dict[str, Any]:
    document = {"name": "passage", "title": "{title}", "text": "{text}", "keys": ["path"]}
    custom = {"source": "files", "documents": [document], "deletionThreshold": NEVER_HELD}
    properties: list[dict[str, Any]] = [
        {"name": "path", "logicalType": "string", "primaryKey": True, "required": True},
        {"name": "title", "logicalType": "string", "required": True},
        {"name": "text", "logicalType": "string", "required": True},
    ]
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "passages.passages", "name": "passages",
        "version": "1.0.0", "status": "active",
        "schema": [{"name": "passages", "physicalName": "*.md", "properties": properties}],
        "customProperties": [{"property": f"landbridge.{name}", "value": value} for name, value in custom.items()],
    }  # fmt: skip


def _file(folder: Path, number: int) -> Path:
    return folder / f"p{number:05}.md"


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
