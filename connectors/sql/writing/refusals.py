"""Why a change is not written, as errors that name fields, keys and remedies, and never a personal value.

    Refusal
└── WriteRefused        nothing was written
    ├── NotWritable     the source, the dataset or its table is not for writing
    ├── SetupNeeded     the table of applied changes is missing; carries the exact DDL
    ├── ChangeConflict  the id stands for other changes already
    ├── ChangeBlocked   something keeps the changes from being applied; carries every Blocker
    │   └── ChangeStale an expected value no longer holds, or the row is gone
    └── SourceBusy      others hold the rows; the same call may be made again
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.errors import Refusal
from connectors.sql.writing.models import Blocker

STALE = ("stale", "row_absent")
MOST_TOLD = 5  # blockers in one message; the attribute holds all


class WriteRefused(Refusal):
    """Nothing was written to `dataset` of `source`."""

    def __init__(self, source: str, dataset: str, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.args = (source, dataset, what, remedy)
        self.source, self.dataset = source, dataset

    def __str__(self) -> str:
        told = f"source '{self.source}', dataset '{self.dataset}': {self.what.rstrip('.')}."
        return f"{told} {self.remedy}".strip()


class NotWritable(WriteRefused):
    """The source did not opt in, or what the dataset reads is no table that can be changed safely."""


class SetupNeeded(WriteRefused):
    """The table of applied changes is missing and may not be made here; `ddl` is what its owner runs."""

    def __init__(self, source: str, dataset: str, what: str, ddl: str) -> None:
        super().__init__(source, dataset, what, f"Ask the database's owner to run: {ddl}")
        self.args = (source, dataset, what, ddl)
        self.ddl = ddl


class ChangeConflict(WriteRefused):
    """The id of the changes was used before, for other changes."""


class ChangeBlocked(WriteRefused):
    """What keeps the changes from being applied, all of it."""

    def __init__(self, source: str, dataset: str, blockers: Sequence[Blocker]) -> None:
        told = "; ".join(str(one).rstrip(".") for one in blockers[:MOST_TOLD])
        told += f"; and {len(blockers) - MOST_TOLD} more" if len(blockers) > MOST_TOLD else ""
        super().__init__(source, dataset, f"the changes cannot be applied: {told}", "Nothing was written.")
        self.args = (source, dataset, tuple(blockers))
        self.blockers = tuple(blockers)


class ChangeStale(ChangeBlocked):
    """The rows are no longer as they were when the changes were proposed."""


class SourceBusy(WriteRefused):
    """Rows were held by others for too long, or the database chose other transactions, each time it was tried."""


def blocked(source: str, dataset: str, blockers: Sequence[Blocker]) -> ChangeBlocked:
    """The error for these blockers: stale where that is all that is wrong."""
    kind = ChangeStale if all(one.kind in STALE for one in blockers) else ChangeBlocked
    return kind(source, dataset, blockers)
