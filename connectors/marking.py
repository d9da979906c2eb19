"""Know that nothing changed without reading rows: by a connector's own mark, or by the files it reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.files import location_of


def mark_of(connector: Any, source: Source, dataset: Dataset, *, folder: Path) -> str | None:
    """What `connector` says of the dataset as it is now; None where it cannot tell."""
    if hasattr(connector, "mark"):
        told: str | None = connector.mark(source, dataset, folder=folder)
        return told
    if hasattr(connector, "files_of"):
        return mark_of_files(connector.files_of(source, dataset, folder=folder), source, dataset, folder=folder)
    return None


def mark_of_files(files: Sequence[Path], source: Source, dataset: Dataset, *, folder: Path) -> str | None:
    """SHA-256 over the places, the times and the contents of files; None where there are none."""
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            written = path.stat().st_mtime_ns
        except OSError as error:
            raise SourceUnreachable(
                source.name, dataset.name, f"'{path.name}' cannot be read: {error.strerror}", "Check the rights on it."
            ) from error
        digest.update(f"{location_of(path, folder=folder)}\x1f{written}\x1f{content}\x1e".encode(errors="replace"))
    return digest.hexdigest() if files else None
