"""Keep the changes that a run held back, the words of the people who approved them, and how the waiting ended.

A change waits as long as it has no end; an approval counts for the content it was given for, and only while that waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from ledger.models import Approval, HeldChange, HeldEnd, HeldOutcome
from ledger.tables import APPROVALS, HELD_CHANGES, HELD_ENDS

HELD = HELD_CHANGES.c
_JOINED = HELD_CHANGES.outerjoin(HELD_ENDS, HELD_ENDS.c.held_id == HELD.id)
_OPEN = HELD_ENDS.c.held_id.is_(None)


def record(connection: Connection, change: HeldChange) -> HeldChange:
    """Add what a run held; the same content keeps its `since`, other content of the same kind is ended as replaced."""
    waiting = _open_at(connection, change.dataset, change.stage)
    same = [one for one in waiting if one.kind == change.kind and one.fingerprint == change.fingerprint]
    other = [one for one in waiting if one.kind == change.kind and one.fingerprint != change.fingerprint]
    _end(connection, other, "replaced", run_id=change.run_id, at=change.at)
    made = change.model_copy(update={"since": min([change.at, *(one.since for one in same)])})
    row = made.model_dump(exclude={"id", "approval", "end"}) | {"sample_keys": list(made.sample_keys)}
    key: Any = connection.execute(insert(HELD_CHANGES).values(row)).inserted_primary_key
    return made.model_copy(update={"id": key.id})


def held(connection: Connection, *, run_id: str | None, everything: bool) -> list[HeldChange]:
    """The newest of each content that waits, oldest first; or what one run held; or all there ever was."""
    if run_id is not None:
        return _read(connection, select(HELD_CHANGES).where(HELD.run_id == run_id))
    if everything:
        return _read(connection, select(HELD_CHANGES))
    groups = (HELD.dataset, HELD.stage, HELD.kind, HELD.fingerprint)
    newest = select(func.max(HELD.id)).select_from(_JOINED).where(_OPEN).group_by(*groups)
    found = _read(connection, select(HELD_CHANGES).where(HELD.id.in_(newest)))
    return sorted(found, key=lambda one: (one.since, one.id))


def approve(connection: Connection, changes: Sequence[HeldChange], approval: Approval) -> None:
    """Add one approval for each change."""
    rows = [approval.model_dump() | {"held_id": change.id} for change in changes]
    if rows:
        connection.execute(insert(APPROVALS), rows)


def approval(connection: Connection, dataset: str, stage: str, fingerprint: str) -> Approval | None:
    """The newest approval of exactly this content, where it still waits."""
    told = (one.approval for one in _open_at(connection, dataset, stage) if one.fingerprint == fingerprint)
    return next((one for one in told if one is not None), None)


def end(
    connection: Connection, dataset: str, stage: str, *, run_id: str, outcome: HeldOutcome, at: datetime
) -> None:  # fmt: skip
    """End what waits at a stage. Where a run took something, what nobody approved was replaced by it.

    `replaced` leaves what was approved: it is kept for the run that finds it again.
    """
    waiting = _open_at(connection, dataset, stage)
    if outcome != "replaced":
        agreed = [one for one in waiting if one.approval is not None]
        _end(connection, agreed, outcome, run_id=run_id, at=at)
    rest: HeldOutcome = "replaced" if outcome == "taken" else outcome
    _end(connection, [one for one in waiting if one.approval is None], rest, run_id=run_id, at=at)


def _open_at(connection: Connection, dataset: str, stage: str) -> list[HeldChange]:
    numbers = select(HELD.id).select_from(_JOINED).where(_OPEN, HELD.dataset == dataset, HELD.stage == stage)
    return _read(connection, select(HELD_CHANGES).where(HELD.id.in_(numbers)))


def _end(
    connection: Connection, changes: Sequence[HeldChange], outcome: HeldOutcome, *, run_id: str, at: datetime
) -> None:
    rows = [{"held_id": change.id, "outcome": outcome, "run_id": run_id, "at": at} for change in changes]
    if rows:
        connection.execute(insert(HELD_ENDS), rows)


def _read(connection: Connection, wanted: Select[Any]) -> list[HeldChange]:
    """The changes with their ends, each with the approval that was given for its content while it waited."""
    rows = connection.execute(wanted.order_by(HELD.id)).mappings().all()
    numbers = [row["id"] for row in rows]
    ends = {row["held_id"]: row for row in _of(connection, HELD_ENDS, numbers)}
    found = [_change(row, ends.get(row["id"])) for row in rows]
    return [one.model_copy(update={"approval": _given(connection, one)}) for one in found]


def _given(connection: Connection, change: HeldChange) -> Approval | None:
    """An approval of one run's record counts for all records of the same stretch of waiting."""
    together = select(HELD.id).where(
        HELD.dataset == change.dataset, HELD.stage == change.stage, HELD.kind == change.kind,
        HELD.fingerprint == change.fingerprint, HELD.since == change.since,
    )  # fmt: skip
    wanted = select(*(APPROVALS.c[name] for name in Approval.model_fields)).where(APPROVALS.c.held_id.in_(together))
    row = connection.execute(wanted.order_by(APPROVALS.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else Approval(**row)


def _of(connection: Connection, table: Any, numbers: Sequence[int]) -> Sequence[Any]:
    return connection.execute(select(table).where(table.c.held_id.in_(numbers))).mappings().all()


def _change(row: Any, ended: Any) -> HeldChange:
    over = None if ended is None else HeldEnd(**{name: ended[name] for name in HeldEnd.model_fields})
    told = {name: row[name] for name in HeldChange.model_fields if name in row}
    return HeldChange(**told | {"sample_keys": tuple(row["sample_keys"]), "end": over})
