"""Keep the readiness scores: one row whenever the evidence behind a score differs, so that the rows are its history."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from ledger.models import ReadinessScore
from ledger.tables import READINESS_SCORES

TABLE = READINESS_SCORES.c
_COLUMNS = [TABLE[name] for name in ReadinessScore.model_fields]


def record(connection: Connection, scores: Sequence[ReadinessScore]) -> list[str]:
    """Add the scores whose evidence differs from the newest of their subject; the subjects that moved."""
    newest = {one.subject: one.fingerprint for one in latest(connection)}
    moved = [one for one in scores if newest.get(one.subject) != one.fingerprint]
    if moved:
        connection.execute(insert(READINESS_SCORES), [one.model_dump() for one in moved])
    return [one.subject for one in moved]


def latest(connection: Connection) -> list[ReadinessScore]:
    """The newest score of each subject, by name."""
    newest = select(func.max(TABLE.id)).group_by(TABLE.subject)
    rows = connection.execute(select(*_COLUMNS).where(TABLE.id.in_(newest)).order_by(TABLE.subject)).mappings()
    return [ReadinessScore(**row) for row in rows]


def history(connection: Connection, subject: str | None, last: int) -> list[ReadinessScore]:
    """The scores of one subject or of all, oldest first; of each subject its `last` newest ones."""
    place = func.row_number().over(partition_by=TABLE.subject, order_by=TABLE.id.desc()).label("place")
    numbered = select(TABLE.id, place)
    if subject is not None:
        numbered = numbered.where(TABLE.subject == subject)
    ranked = numbered.subquery()
    wanted = select(*_COLUMNS).join(ranked, ranked.c.id == TABLE.id).where(ranked.c.place <= last).order_by(TABLE.id)
    return [ReadinessScore(**row) for row in connection.execute(wanted).mappings()]
