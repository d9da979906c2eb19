"""Approved changes back into a database: looked at first, applied once, all of a set or nothing.

`preview` is the dry run whose diff a person approves. `apply` may be called again with the same set after any failure:
its id stands in the table of applied changes, in the same transaction as the rows. docs/databases/write-back.md tells
what a database's owner grants, and what is refused.
"""

from __future__ import annotations

import random
import time
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from catalog.errors import SourceUnreachable
from catalog.models import Dataset, Source
from connectors.sql.writing import journal
from connectors.sql.writing.applying import Raced, applied_once
from connectors.sql.writing.checking import looked, notes, row_diff
from connectors.sql.writing.faults import broken, transient
from connectors.sql.writing.models import Blocker, Change, ChangeSet, FieldDiff, Outcome, Preview, RowDiff
from connectors.sql.writing.opening import begin, opened
from connectors.sql.writing.refusals import (
    ChangeBlocked,
    ChangeConflict,
    ChangeStale,
    NotWritable,
    SetupNeeded,
    SourceBusy,
    WriteRefused,
    blocked,
)
from connectors.sql.writing.targets import target

__all__ = [
    "Blocker", "Change", "ChangeBlocked", "ChangeConflict", "ChangeSet", "ChangeStale", "FieldDiff", "NotWritable",
    "Outcome", "Preview", "RowDiff", "SetupNeeded", "SourceBusy", "WriteRefused", "apply", "preview",
]  # fmt: skip

ATTEMPTS = 4  # a deadlock of two is over after one; more are a queue
PAUSE = 0.05  # seconds before the second attempt; doubled each time


def preview(source: Source, dataset: Dataset, changes: ChangeSet, *, folder: Path) -> Preview:
    """What `apply` would do now: each field before and after, and all that stands against it. Writes and locks nothing.

    Raises NotWritable where nothing could be written at all, SourceUnreachable where the database does not answer.
    """
    _allowed(source, dataset, changes)
    with opened(source, dataset, folder, writing=False) as connection:
        try:
            begin(connection, writing=False)
            aim = target(connection, source, dataset)
            there = journal.exists(connection, aim)
            before = journal.applied(connection, aim, changes.id) if there else None
            told = [] if before else looked(connection, aim, changes, lock=False)
            ddl = "" if there else journal.ddl(connection, aim)
        except SQLAlchemyError as error:
            raise _told(error, source, dataset, connection.dialect.name) from None
    blockers = tuple(blocker for one in told for blocker in one.blockers)
    made = [f"the first apply makes the table {journal.NAME}: {ddl}"] if ddl else []
    if before is not None:
        state = "applied" if before.digest == changes.digest else "conflict"
    else:
        state = "blocked" if blockers else "ready"
    return Preview.model_validate({
        "id": changes.id, "digest": changes.digest, "dataset": dataset.name, "table": aim.name, "state": state,
        "rows": tuple(row_diff(aim, one) for one in told), "blockers": blockers,
        "notes": (*made, *notes(aim, told)),
    })  # fmt: skip


def apply(source: Source, dataset: Dataset, changes: ChangeSet, *, folder: Path, at: datetime) -> Outcome:
    """Apply a set of changes once, at the moment `at` (aware); again with the same set: `already applied`.

    Raises ChangeStale or ChangeBlocked (nothing was written), ChangeConflict (the id stands for other changes),
    SetupNeeded with the DDL, SourceBusy, NotWritable, and SourceUnreachable: then only another call with the same id
    tells whether it was applied.
    """
    if at.tzinfo is None:
        raise ValueError("the moment of a change needs its time zone")
    _allowed(source, dataset, changes)
    lost = False
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2**attempt * (0.5 + random.random()))  # noqa: S311  # two that collided part ways
        with opened(source, dataset, folder, writing=True) as connection:
            try:
                return applied_once(connection, source, dataset, changes, at)
            except Raced:
                lost = False
            except SQLAlchemyError as error:
                backend = connection.dialect.name
                if not (isinstance(error, DBAPIError) and transient(error, backend)):
                    raise _told(error, source, dataset, backend) from None
                lost = bool(error.connection_invalidated)
    if lost:
        raise SourceUnreachable(
            source.name, dataset.name, "the connection was lost while a change was being applied",
            "Call again with the same id: the database knows whether it was.",
        )  # fmt: skip
    raise SourceBusy(
        source.name, dataset.name, f"other transactions were in the way {ATTEMPTS} times; nothing was written",
        "Call again with the same id when they are done.",
    )  # fmt: skip


def _allowed(source: Source, dataset: Dataset, changes: ChangeSet) -> None:
    if source.kind != "sql":
        raise NotWritable(source.name, dataset.name, f"a source of kind '{source.kind}' is not written back")
    if not source.writable:
        raise NotWritable(
            source.name, dataset.name, "the source is only read", "Its owner writes `writable: true` into its file."
        )
    if changes.dataset != dataset.name or dataset.source != source.name:
        raise NotWritable(
            source.name, dataset.name, f"the changes are for the dataset '{changes.dataset[:60]}'",
            "Give the dataset and the source that they name.",
        )  # fmt: skip


def _told(error: SQLAlchemyError, source: Source, dataset: Dataset, backend: str) -> Exception:
    """A fault of the database in words of ours; its own may quote a row."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return SourceUnreachable(source.name, dataset.name, "the connection was lost", "Call again.")
        return blocked(source.name, dataset.name, [broken(error, backend, 0)])
    told = Blocker(kind="refused", change=0, what=f"the statement could not be made: {type(error).__name__}")
    return blocked(source.name, dataset.name, [told])
