"""Keep what people decided about pairs of records; rows are only added, and the last about a pair counts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from ledger.models import EntityDecision
from ledger.tables import ENTITY_DECISIONS


def decide(connection: Connection, made: Sequence[EntityDecision]) -> None:
    """Add decisions."""
    if made:
        connection.execute(insert(ENTITY_DECISIONS), [one.model_dump() for one in made])


def decisions(connection: Connection, entity: str) -> list[EntityDecision]:
    """All decisions about an entity's records, oldest first."""
    table = ENTITY_DECISIONS
    wanted = select(*(table.c[name] for name in EntityDecision.model_fields)).where(table.c.entity == entity)
    return [EntityDecision(**row) for row in connection.execute(wanted.order_by(table.c.id)).mappings()]
