"""Apply a set of changes in one transaction, with its id in the same transaction, and read back what came of it.

Order: the table of applied changes is made where it is missing; the transaction begins; the id is looked up and
claimed; rows are locked and compared; each statement changes exactly one row; rows are read back; COMMIT.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from catalog.models import Dataset, Source
from connectors.sql.writing import journal
from connectors.sql.writing.checking import Looked, held, looked, named, row_diff
from connectors.sql.writing.faults import broken, transient
from connectors.sql.writing.models import Blocker, ChangeSet, Outcome, RowDiff
from connectors.sql.writing.opening import begin
from connectors.sql.writing.refusals import ChangeConflict, blocked
from connectors.sql.writing.targets import Target, target

LOCKING = ("postgresql", "mysql", "mariadb", "oracle", "sqlite")  # rows, or all of SQLite, stay as they were compared


class Raced(Exception):
    """Somebody else claimed the same id at the same moment; the next look finds what came of it."""


def applied_once(connection: Connection, source: Source, dataset: Dataset, changes: ChangeSet, at: datetime) -> Outcome:
    """One attempt. Errors that are worth another come out as they are; the caller undoes and repeats."""
    aim = target(connection, source, dataset)
    journal.prepare(connection, aim)
    begin(connection, writing=True)
    before = journal.applied(connection, aim, changes.id)
    if before is not None:
        return already(aim, changes, before)
    _claimed(connection, aim, changes, at)
    told = looked(connection, aim, changes, lock=True)
    blockers = [blocker for one in told for blocker in one.blockers]
    if blockers:
        raise blocked(source.name, dataset.name, blockers)
    for one in told:
        _executed(connection, aim, one)
    rows, altered = _read_back(connection, aim, told)
    try:
        connection.commit()
    except DBAPIError as error:
        raise _judged(error, aim, 0) from None
    return Outcome(
        id=changes.id, digest=changes.digest, dataset=dataset.name, table=aim.name, state="applied",
        applied_at=at.astimezone(UTC), rows=rows, altered=altered,
    )  # fmt: skip


def already(aim: Target, changes: ChangeSet, before: journal.Applied) -> Outcome:
    """The outcome of changes whose id was applied before; ChangeConflict where it was for others."""
    if before.digest != changes.digest:
        raise ChangeConflict(
            aim.source.name, aim.dataset.name, f"the id '{changes.id}' was applied with other content",
            "Give these changes an id of their own.",
        )  # fmt: skip
    return Outcome(
        id=changes.id, digest=changes.digest, dataset=aim.dataset.name, table=aim.name, state="already applied",
        applied_at=before.at,
    )  # fmt: skip


def _claimed(connection: Connection, aim: Target, changes: ChangeSet, at: datetime) -> None:
    try:
        journal.record(connection, aim, changes, at)
    except IntegrityError:
        raise Raced from None
    except DBAPIError as error:
        raise _judged(error, aim, 0) from None


def _executed(connection: Connection, aim: Target, one: Looked) -> None:
    """One statement that changes exactly one row."""
    values = {aim.holdings[name].place.column: aim.holdings[name].place.bound(raw) for name, raw in one.after.items()}
    here = named(aim, one)
    if connection.dialect.name not in LOCKING and one.before is not None:
        here = and_(here, *(
            aim.holdings[name].place.column == aim.holdings[name].place.bound(one.before[name])
            if one.before[name] is not None
            else aim.holdings[name].place.column.is_(None)
            for name in one.change.expected
        ))  # fmt: skip
    statement: Any
    match one.change.operation:
        case "insert":  # a table may say ON CONFLICT REPLACE, which deletes rows
            statement = insert(aim.table).inline().values(values).prefix_with("OR ABORT", dialect="sqlite")
        case "update":
            statement = update(aim.table).where(here).values(values).prefix_with("OR ABORT", dialect="sqlite")
        case "delete":
            statement = delete(aim.table).where(here)
    try:
        done = connection.execute(statement, execution_options={"preserve_rowcount": True})
    except DBAPIError as error:
        raise _judged(error, aim, one.number) from None
    if done.rowcount != 1:
        what = f"the {one.change.operation} changed {done.rowcount} rows instead of one"
        raise _refused(aim, one, what, "A trigger, a rule or another writer stands between.")


def _read_back(
    connection: Connection, aim: Target, told: list[Looked]
) -> tuple[tuple[RowDiff, ...], tuple[tuple[int, str], ...]]:
    """Every row as the database holds it now, and the fields that hold something else than was asked for."""
    rows, altered = [], []
    for one in told:
        found = held(connection, aim, one, lock=False)
        if one.change.operation == "delete":
            if found:
                raise _refused(aim, one, "the row is still there after its deletion", "A trigger may put it back.")
            rows.append(row_diff(aim, one))
            continue
        if len(found) != 1:
            raise _refused(aim, one, "the row is not there after it was written", "A trigger may move it.")
        rows.append(row_diff(aim, one, read_back=found[0]))
        before = one.before or {}
        for name, holding in aim.holdings.items():
            wanted = one.after[name] if name in one.after else before.get(name)
            given = name in one.after or one.change.operation == "update"
            if given and not holding.same(found[0][name], holding.decoded(wanted)):
                altered.append((one.number, name))
    return tuple(rows), tuple(altered)


def _refused(aim: Target, one: Looked, what: str, remedy: str) -> Exception:
    told = Blocker(kind="refused", change=one.number, what=what, remedy=remedy)
    return blocked(aim.source.name, aim.dataset.name, [told])


def _judged(error: DBAPIError, aim: Target, change: int) -> Exception:
    backend = aim.holdings[aim.dataset.key[0]].place.backend
    if transient(error, backend):
        return error
    return blocked(aim.source.name, aim.dataset.name, [broken(error, backend, change)])
