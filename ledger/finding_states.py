"""Follow each finding over the looks at its stage: when it opened, when it was resolved, whether it came back.

A look is one recording of (dataset, stage). A look that does not tell a finding resolves it; a stage that was skipped
records nothing and changes nothing. Looks are put in order by their number, not by the clock, which may be set back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Connection, Select, Subquery, and_, case, func, or_, select

from ledger.models import Finding, FindingState, StateOfFinding
from ledger.tables import FINDINGS, RECORDINGS, UtcDateTime

MOMENT = UtcDateTime()


def states(
    connection: Connection,
    *,
    dataset: str | None = None,
    known: Collection[str] | None = None,
    resolved: bool = True,
) -> list[FindingState]:
    """Every finding with its state, by dataset, stage and rule; without the `resolved` ones where they are not wanted.

    Findings of a dataset that is not in `known` are `withdrawn`, whatever its last look said.
    """
    rows = connection.execute(_states(dataset, resolved=resolved)).mappings()
    return [_state(row, known) for row in rows]


def counts(connection: Connection, finding_id: str) -> list[tuple[datetime, int]]:
    """The count of a finding at each look since the first that told it; 0 where a look did not."""
    looks = _looks(None)
    told = (
        select(FINDINGS.c.recording_id, func.sum(FINDINGS.c.count).label("told_count"))
        .where(FINDINGS.c.finding_id == finding_id)
        .group_by(FINDINGS.c.recording_id)
        .subquery("told")
    )
    first = (
        select(looks.c.dataset, looks.c.stage, func.min(looks.c.id).label("id"))
        .join(told, told.c.recording_id == looks.c.id)
        .group_by(looks.c.dataset, looks.c.stage)
        .subquery("first")
    )
    wanted = (
        select(looks.c.at, func.coalesce(told.c.told_count, 0).label("told_count"))
        .join(first, and_(first.c.dataset == looks.c.dataset, first.c.stage == looks.c.stage))
        .join(told, told.c.recording_id == looks.c.id, isouter=True)
        .where(looks.c.id >= first.c.id)
        .order_by(looks.c.id)
    )
    return [(row.at, int(row.told_count)) for row in connection.execute(wanted)]


def _looks(dataset: str | None) -> CTE:
    """Each look with its number among the looks at its stage, how many there are, and when the next one was."""
    table, stage = RECORDINGS.c, [RECORDINGS.c.dataset, RECORDINGS.c.stage]
    wanted = select(
        table.id, table.dataset, table.stage, table.at,
        func.row_number().over(partition_by=stage, order_by=table.id).label("look"),
        func.count().over(partition_by=stage).label("looks"),
        func.lead(table.at, type_=MOMENT).over(partition_by=stage, order_by=table.id).label("next_at"),
    )  # fmt: skip
    return (wanted if dataset is None else wanted.where(table.dataset == dataset)).cte("looks")


def _followed(looks: CTE, *, resolved: bool) -> Subquery:
    """Each finding with the row of its newest word, its first look, the look that opened it last, and how often."""
    before = func.lag(looks.c.look).over(partition_by=FINDINGS.c.finding_id, order_by=FINDINGS.c.id)
    told = select(
        FINDINGS.c.finding_id, FINDINGS.c.id, FINDINGS.c.recording_id, looks.c.look, before.label("before")
    ).join(looks, looks.c.id == FINDINGS.c.recording_id)
    if not resolved:
        newest = select(looks.c.id).where(looks.c.look == looks.c.looks)
        told = told.where(
            FINDINGS.c.finding_id.in_(select(FINDINGS.c.finding_id).where(FINDINGS.c.recording_id.in_(newest)))
        )
    seen = told.subquery("seen")
    opens = or_(seen.c.before.is_(None), seen.c.before < seen.c.look - 1)
    # grouped, because MariaDB takes 80 times as long for the same over windows
    return (
        select(
            func.max(seen.c.id).label("id"),
            func.min(seen.c.recording_id).label("first"),
            func.sum(case((opens, 1), else_=0)).label("openings"),
            func.max(case((opens, seen.c.recording_id))).label("opening"),
        )
        .group_by(seen.c.finding_id)
        .subquery("followed")
    )


def _states(dataset: str | None, *, resolved: bool) -> Select[Any]:
    looks = _looks(dataset)
    followed = _followed(looks, resolved=resolved)
    first, opened = RECORDINGS.alias("first"), RECORDINGS.alias("opened")
    wanted = (
        select(
            FINDINGS, followed.c.openings, followed.c.opening, looks.c.look, looks.c.looks, looks.c.next_at,
            looks.c.at.label("last_seen"), first.c.at.label("first_seen"), opened.c.at.label("opened_at"),
        )
        .join(followed, followed.c.id == FINDINGS.c.id)
        .join(looks, looks.c.id == FINDINGS.c.recording_id)
        .join(first, first.c.id == followed.c.first)
        .join(opened, opened.c.id == followed.c.opening)
    )  # fmt: skip
    if not resolved:
        wanted = wanted.where(looks.c.look == looks.c.looks)
    return wanted.order_by(FINDINGS.c.dataset, FINDINGS.c.stage, FINDINGS.c.rule, FINDINGS.c.id)


def _state(row: Any, known: Collection[str] | None) -> FindingState:
    fields = {name: row[name] for name in Finding.model_fields}
    finding = Finding(**fields | {"sample_keys": tuple(row["sample_keys"])})
    last = row["look"] == row["looks"]
    return FindingState(
        finding=finding,
        state=_word(row, withdrawn=known is not None and finding.dataset not in known),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        opened_at=row["opened_at"],
        resolved_at=None if last else row["next_at"],
        reopened=int(row["openings"]) - 1,
        opening=row["opening"],
    )


def _word(row: Any, *, withdrawn: bool) -> StateOfFinding:
    if withdrawn:
        return "withdrawn"
    if row["look"] != row["looks"]:
        return "resolved"
    if row["openings"] > 1:
        return "reopened"
    return "new" if row["opening"] == row["recording_id"] else "open"
