"""Rows from the world into frames: one module per kind of source, each loaded when a source of its kind is read.

`read` yields batches, `drift` compares what is there with the contract, `files_of` lists the files behind a dataset.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.errors import SourceError
    from catalog.models import Dataset, Source
    from connectors.batch import Batch
    from ledger.models import Finding

__all__ = ["drift", "files_of", "read", "unreadable"]

_MODULES = {
    "sql": "connectors.sql",
    "csv": "connectors.delimited",
    "ndjson": "connectors.ndjson",
    "parquet": "connectors.columnar",
    "fixed_width": "connectors.fixed_width",
    "markdown": "connectors.markdown",
}


def _connector(source: Source) -> Any:
    return import_module(_MODULES[source.kind])


def read(source: Source, dataset: Dataset, *, folder: Path) -> Generator[Batch, None, None]:
    """Rows of a dataset in batches of bounded size, with `_location` and `_position`, and the lines that are no rows.

    `folder` is the project folder. Raises SourceUnreachable where nothing answers, SourceUnreadable where what is there
    cannot be read at all. At least one batch comes, with the columns, also where there are no rows.
    """
    from connectors.batch import without_empty

    yield from without_empty(_connector(source).read(source, dataset, folder=folder))


def drift(source: Source, dataset: Dataset, *, folder: Path) -> list[Finding]:
    """Findings about columns: a promised one that is absent blocks, a new one is told, a retyped one is a warning."""
    from connectors.drifting import drift_findings

    return drift_findings(source, dataset, _connector(source).columns(source, dataset, folder=folder))


def unreadable(error: SourceError, source: Source, dataset: Dataset) -> Finding:
    """The finding that a source cannot deliver a dataset; it blocks, and the last good rows stay."""
    from connectors.drifting import unreadable_finding

    return unreadable_finding(error, source, dataset)


def files_of(source: Source, dataset: Dataset, *, folder: Path) -> list[Path]:
    """The files of a file dataset, sorted; see `connectors.files.files_of`."""
    from connectors import files

    return files.files_of(source, dataset, folder=folder)
