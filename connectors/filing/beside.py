"""Files that a source names beside its data, copybooks: below the project folder, and part of what is declared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.filing.asking import ANY

PATHS = ("copybook", "copybooks", "copies")  # options that name files


def located(source: Source, dataset: Dataset, folder: Path) -> Source:
    """The source with the paths of its options below `folder`. Raises SourceUnreachable where a file is not there."""
    under = "mainframe" if source.kind == ANY else ""
    options = source.options.get(under, {}) if under else source.options
    named = {name: options[name] for name in PATHS if isinstance(options, dict) and name in options}
    if not named:
        return source
    told = {**options, **{name: _absolute(value, source, dataset, folder) for name, value in named.items()}}
    return source.model_copy(update={"options": {**source.options, under: told} if under else told})


def content_of(source: Source) -> str:
    """SHA-256 over the files that the options of a located source name; empty where they name none."""
    options = source.options.get("mainframe", {}) if source.kind == ANY else source.options
    paths = [path for name in PATHS if isinstance(options, dict) for path in _paths(options.get(name))]
    told = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]
    return hashlib.sha256("".join(told).encode()).hexdigest() if told else ""


def _absolute(value: Any, source: Source, dataset: Dataset, folder: Path) -> Any:
    if isinstance(value, dict):
        return {name: _absolute(one, source, dataset, folder) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_absolute(one, source, dataset, folder) for one in value]
    path = folder / str(value)
    if not path.is_file():
        raise SourceUnreachable(
            source.name, dataset.name, f"its copybook '{value}' does not exist",
            f"Put it into the project folder, or correct {source.place.file}.",
        )  # fmt: skip
    return str(path)


def _paths(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(one) for one in value.values()]
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return [str(value)] if value else []
