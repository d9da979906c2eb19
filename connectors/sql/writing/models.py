"""What is asked of a database, what a dry run tells about it, and what came of it, as frozen values.

Values are those of the contract's types. As JSON they are texts: a date `2024-02-29`, a moment with its offset, a
decimal `12.50`; the content of a binary column is lower-case hexadecimal text, as it is read.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

MOST_CHANGES = 500  # in one set: a person reads its diff
MOST_TEXT = 1_000_000  # characters of one value

Value = (
    Annotated[str, Strict()]
    | Annotated[bool, Strict()]
    | Annotated[int, Strict()]
    | Annotated[Decimal, Strict()]
    | Annotated[float, Strict(), Field(allow_inf_nan=False)]
    | Annotated[datetime, Strict()]
    | Annotated[date, Strict()]
    | Annotated[time, Strict()]
    | None
)
Operation = Literal["insert", "update", "delete"]
BlockerKind = Literal[
    "unknown_field", "closed_field", "incomplete_key", "changed_key", "repeated_key", "no_expectation", "not_a_value",
    "broken_promise", "generated", "not_null", "too_long", "row_exists", "row_absent", "ambiguous_key", "stale",
    "reference", "unique", "check", "trigger", "refused",
]  # fmt: skip


class Told(BaseModel):
    """A frozen value; what is wrong with it is told without quoting it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Change(Told):
    """One row to insert, update or delete, named by the whole key of the contract.

    `expected` holds old values that must still stand: of every changed field for an update, of any field for a delete.
    None is NULL and never an empty text. `values` are the new ones.
    """

    operation: Operation
    key: dict[str, Value] = Field(min_length=1)
    expected: dict[str, Value] = {}
    values: dict[str, Value] = {}

    @model_validator(mode="after")
    def _fits(self) -> Change:
        if self.operation == "insert" and self.expected:
            raise ValueError("an insert has no old values to expect")
        if self.operation == "delete" and self.values:
            raise ValueError("a delete has no new values")
        if self.operation == "update" and not self.values:
            raise ValueError("an update needs new values")
        said = [*self.key.values(), *self.expected.values(), *self.values.values()]
        if any(isinstance(value, str) and len(value) > MOST_TEXT for value in said):
            raise ValueError(f"a value is longer than {MOST_TEXT} characters")
        return self


class ChangeSet(Told):
    """Changes that are applied all together or not at all. `id` names them: the same id is applied once."""

    id: str = Field(pattern=r"^[!-~]{1,200}$")
    dataset: str
    changes: tuple[Change, ...] = Field(min_length=1, max_length=MOST_CHANGES)
    author: str = Field(min_length=1, max_length=200)
    approver: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=2000)

    @property
    def digest(self) -> str:
        """SHA-256 of what is to be done, the same for a set that went through JSON; not of who asks, and why."""
        content = self.model_dump(mode="json", include={"dataset", "changes"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class FieldDiff(Told):
    """One field before and after, as the database holds it; text that is no value of the field's type is itself."""

    field: str
    before: Value
    after: Value


class RowDiff(Told):
    """What one change does to its row. `number` counts the changes from 1. A row that is not there has no values."""

    number: int
    operation: Operation
    key: dict[str, Value]
    fields: tuple[FieldDiff, ...] = ()


class Blocker(Told):
    """What keeps one change from being applied. `what` names field and key, and quotes no value of either."""

    kind: BlockerKind
    change: int  # from 1; 0 is the whole set
    field: str = ""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"change {self.change}: " if self.change else ""
        return f"{place}{self.what.rstrip('.')}." + (f" {self.remedy}" if self.remedy else "")


class Preview(Told):
    """What a dry run saw. Only `ready` changes can be applied; `applied` ones are done already.

    `conflict`: the id was used for other changes. `notes` tell what cannot be known before: triggers, a table of
    applied changes that is still to be made. `digest` is the content that was shown.
    """

    id: str
    digest: str
    dataset: str
    table: str
    state: Literal["ready", "blocked", "applied", "conflict"]
    rows: tuple[RowDiff, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    notes: tuple[str, ...] = ()


class Outcome(Told):
    """What became of the changes. `rows` is read back after writing; empty where they were applied before.

    `altered` names (change, field) where the database holds something else than was asked for: a trigger's work.
    """

    id: str
    digest: str
    dataset: str
    table: str
    state: Literal["applied", "already applied"]
    applied_at: datetime
    rows: tuple[RowDiff, ...] = ()
    altered: tuple[tuple[int, str], ...] = ()
