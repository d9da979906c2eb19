"""Remember what was told to which channel, so that nothing is told twice and what failed is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from ledger.models import FindingState
from ledger.tables import ALERT_SENDINGS


def record(
    connection: Connection, channel: str, told: Sequence[FindingState], *, run_id: str, at: datetime, failure: str
) -> None:
    """Add one attempt to send findings; `failure` is its reason, empty where it was taken."""
    outcome = "failed" if failure else "sent"
    rows = [
        {"channel": channel, "finding_id": one.finding.id, "opening": one.opening, "run_id": run_id,
         "outcome": outcome, "detail": failure, "at": at}
        for one in told
    ]  # fmt: skip
    if rows:
        connection.execute(insert(ALERT_SENDINGS), rows)


def sent(connection: Connection, channel: str) -> set[tuple[str, int]]:
    """The (finding id, opening) that a channel took."""
    table = ALERT_SENDINGS.c
    wanted = select(table.finding_id, table.opening).where(table.channel == channel, table.outcome == "sent")
    return {(row.finding_id, row.opening) for row in connection.execute(wanted)}
