"""Keep what happened in quarantine: when each row came in and went out, and what people decided about it.

A row that stays adds nothing; the tables grow by what changes, not by runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, func, insert, select

from ledger.models import Outcome, QuarantineDecision, Sighting
from ledger.tables import QUARANTINE_DECISIONS, QUARANTINE_SIGHTINGS, RECORDINGS

SEEN = QUARANTINE_SIGHTINGS.c
_COLUMNS = [SEEN[name] for name in Sighting.model_fields]


def record(
    connection: Connection,
    run_id: str,
    dataset: str,
    held: frozenset[tuple[str, str]],
    at: datetime,
    *,
    outcome: Callable[[str, str], Outcome],
    whole: bool,
) -> None:
    """Add the (row id, rule) pairs that came in since the last record, and those of a `whole` dataset that went out."""
    known = {(row_id, rule) for row_id, rule in connection.execute(_open(dataset, SEEN.row_id, SEEN.rule))}
    told = {"dataset": dataset, "run_id": run_id}
    rows: list[dict[str, Any]] = [
        told | {"row_id": row_id, "rule": rule, "first_seen": at, "last_seen": at, "resolved_at": None, "outcome": None}
        for row_id, rule in sorted(held - known)
    ]
    if whole and known - held:
        rows += [
            told | one.model_dump() | {"resolved_at": at, "outcome": outcome(one.row_id, one.rule)}
            for one in sightings(connection, dataset, None)
            if (one.row_id, one.rule) not in held
        ]
    if rows:
        connection.execute(insert(QUARANTINE_SIGHTINGS), rows)


def sightings(connection: Connection, dataset: str, resolved_since: datetime | None) -> list[Sighting]:
    """The open sightings of a dataset, oldest first, then those resolved at a moment or later."""
    looked = _last_look(connection, dataset)
    found = [_sighting(row, looked) for row in connection.execute(_open(dataset, *_COLUMNS))]
    if resolved_since is None:
        return found
    resolved = select(*_COLUMNS).where(SEEN.dataset == dataset, SEEN.resolved_at >= resolved_since).order_by(SEEN.id)
    return found + [_sighting(row, None) for row in connection.execute(resolved)]


def decide(connection: Connection, made: Sequence[QuarantineDecision]) -> None:
    """Add decisions."""
    if made:
        connection.execute(insert(QUARANTINE_DECISIONS), [one.model_dump() for one in made])


def decisions(connection: Connection, dataset: str) -> list[QuarantineDecision]:
    """All decisions about a dataset's rows, oldest first."""
    table = QUARANTINE_DECISIONS
    wanted = select(*(table.c[name] for name in QuarantineDecision.model_fields)).where(table.c.dataset == dataset)
    return [QuarantineDecision(**row) for row in connection.execute(wanted.order_by(table.c.id)).mappings()]


def _open(dataset: str, *columns: Column[Any]) -> Select[Any]:
    """What is in quarantine: the newest word on a row and rule does not say that it is out."""
    newest = select(func.max(SEEN.id)).where(SEEN.dataset == dataset).group_by(SEEN.row_id, SEEN.rule)
    return select(*columns).where(SEEN.id.in_(newest), SEEN.resolved_at.is_(None)).order_by(SEEN.first_seen, SEEN.id)


def _last_look(connection: Connection, dataset: str) -> datetime | None:
    """When the rows of a dataset were last checked."""
    checks = select(func.max(RECORDINGS.c.at)).where(RECORDINGS.c.dataset == dataset, RECORDINGS.c.stage == "ready")
    found: datetime | None = connection.scalar(checks)
    return found


def _sighting(row: Row[Any], looked: datetime | None) -> Sighting:
    told = row._asdict()
    return Sighting(**told | {"last_seen": max(told["last_seen"], looked or told["last_seen"])})
