"""Rows from the world into frames: one module per kind of source, each loaded when a source of its kind is read.

`read` yields batches, `drift` compares what is there with the contract, `mark` tells whether anything changed,
`files_of` lists the files behind a dataset. What a connector is: `connectors.protocol`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.models import FILE_KINDS

if TYPE_CHECKING:
    from catalog.errors import SourceError
    from catalog.models import Dataset, Source
    from connectors.batch import Batch, Since
    from connectors.peeking import Peek
    from connectors.shapes import Shape
    from connectors.sql.writing import ChangeSet, Outcome, Preview
    from ledger.models import Finding

__all__ = [
    "BUILT_IN",
    "drift",
    "files_of",
    "forget_feed",
    "held_back",
    "kind_findings",
    "mark",
    "peek",
    "preview",
    "read",
    "release",
    "shape",
    "unreadable",
    "within_run",
    "write_back",
]

# The same entries as in the group `landbridge.connectors`, under which they are registered like any plug-in's. They are
# taken from here, because a plug-in may not take their names, and because a checkout has no installed metadata.
BUILT_IN = {"sql": "connectors.sql", **{kind: f"connectors.filing:{kind}" for kind in FILE_KINDS}}


def _connector(source: Source) -> Any:
    if source.kind in BUILT_IN:
        module, _, name = BUILT_IN[source.kind].partition(":")
        loaded = import_module(module)
        return getattr(loaded, name) if name else loaded
    from connectors.plugins import plugged

    return plugged(source.kind)


def read(source: Source, dataset: Dataset, *, folder: Path, since: Since | None = None) -> Generator[Batch, None, None]:
    """Rows of a dataset in batches of bounded size, with `_location` and `_position`, and the lines that are no rows.

    `folder` is the project folder. With `since`, a connector that can tells only what changed (`Batch.whole` says
    which it was); one that cannot reads everything. Raises SourceUnreachable where nothing answers or a plug-in does
    not load, SourceUnreadable where what is there cannot be read at all. At least one batch comes, with the columns,
    also where there are no rows.
    """
    from connectors.batch import without_empty

    connector = _connector(source)
    known = {"since": since} if since is not None and getattr(connector, "INCREMENTAL", False) else {}
    yield from without_empty(connector.read(source, dataset, folder=folder, **known))


def shape(source: Source, dataset: Dataset, *, folder: Path, known: Mapping[str, Any] | None = None) -> Shape:
    """What the source looks like now: columns in order, declared types, nulls, keys. Raises what `read` raises.

    `known` is the cursor of the last read, which spares files that it knows a look.
    """
    connector = _connector(source)
    if source.kind == "sql":
        from connectors.sql.shapes import shape_of

        return shape_of(source, dataset, folder=folder)
    from connectors.shapes import shaped

    spared = {"known": known} if known and source.kind in FILE_KINDS else {}
    types = connector.columns(source, dataset, folder=folder, **spared)
    return shaped(source, dataset, types, typed=any(told != "text" for told in types.values()))


def peek(
    location: str | Path,
    *,
    format: str = "",  # noqa: A002 - the word that everybody uses for it
    options: Mapping[str, Any] | None = None,
    table: str = "",
    rows: int | None = None,
    folder: Path = Path(),
) -> Peek:
    """What a file, a place or a database holds that nobody has declared: `connectors.peek("x.csv").frame(rows=100)`.

    See `connectors.peeking.peek`. Raises FileRefused where no rows can be made of it.
    """
    from connectors.peeking import peek

    return peek(location, format=format, options=options, table=table, rows=rows, folder=folder)


def drift(source: Source, dataset: Dataset, *, folder: Path, last: Shape | None = None) -> list[Finding]:
    """Findings about columns and keys against the contract and the shape last accepted; see `docs/drift.md`."""
    from connectors.drifting import drift_findings

    return drift_findings(source, dataset, shape(source, dataset, folder=folder), last)


def unreadable(error: SourceError, source: Source, dataset: Dataset) -> Finding:
    """The finding that a source cannot deliver a dataset; it blocks, and the last good rows stay."""
    from connectors.drifting import unreadable_finding

    return unreadable_finding(error, source, dataset)


def mark(source: Source, dataset: Dataset, *, folder: Path) -> str | None:
    """A text that differs whenever what is there does, without reading rows; None where the source is always asked.

    It covers the source's content and a plug-in's own code, not the declarations. Raises as `read` does.
    """
    from connectors.marking import mark_of

    return mark_of(_connector(source), source, dataset, folder=folder)


def files_of(source: Source, dataset: Dataset, *, folder: Path) -> list[Path]:
    """The files of a dataset in reading order, none where its kind reads no files; see `connectors.files.files_of`."""
    connector = _connector(source)
    return list(connector.files_of(source, dataset, folder=folder)) if hasattr(connector, "files_of") else []


def kind_findings(source: Source, dataset: Dataset) -> list[Finding]:
    """What is wrong with the source's options, and whether a plug-in claims the name of its kind."""
    from connectors.kinds import kind_findings

    return kind_findings(_connector(source), source, dataset)


def preview(source: Source, dataset: Dataset, changes: ChangeSet, *, folder: Path) -> Preview:
    """What approved changes would do to a source that may be written to; nothing is written."""
    from connectors.sql.writing import preview

    return preview(source, dataset, changes, folder=folder)


def write_back(source: Source, dataset: Dataset, changes: ChangeSet, *, folder: Path, at: datetime) -> Outcome:
    """Apply approved changes in one transaction, once, however often it is called. `at` is an aware moment, now.

    Raises WriteRefused where nothing was written, SourceUnreachable where that is not known: call again with the same
    changes.
    """
    from connectors.sql.writing import apply

    return apply(source, dataset, changes, folder=folder, at=at)


@contextmanager
def within_run(run_id: str) -> Iterator[None]:
    """Within it, what a run reads is seen at one moment: a dataset's files, and the tables of a database that can."""
    from connectors.filing.finding import listed_once
    from connectors.sql.engines import within_run

    with within_run(run_id), listed_once():
        yield


def release(run_id: str) -> None:
    """Let go of what is kept open at databases for a run."""
    from connectors.sql.engines import release

    release(run_id)


def held_back(source: Source, dataset: Dataset, *, folder: Path) -> int:
    """Bytes of its log that a database keeps for the dataset's change feed; see `connectors.sql.feeds`."""
    from connectors.sql.feeds import held_back

    return held_back(source, dataset, folder=folder)


def forget_feed(source: Source, dataset: Dataset, *, folder: Path) -> None:
    """Remove what the dataset's change feed made at its database, so that it keeps its log no longer for us."""
    from connectors.sql.feeds import forget

    forget(source, dataset, folder=folder)
