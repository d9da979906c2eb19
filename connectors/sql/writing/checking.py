"""Look at each change and its row: what it will do, and everything that keeps it from being done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from catalog.names import did_you_mean
from connectors.sql.writing.holding import Holding
from connectors.sql.writing.models import Blocker, BlockerKind, Change, ChangeSet, FieldDiff, RowDiff, Value
from connectors.sql.writing.promises import broken_promise
from connectors.sql.writing.references import Reference, holds_on, missing, referring
from connectors.sql.writing.targets import Target, unique_key
from connectors.sql.writing.values import typed

SCOPE = "the row of change {number} leaves what `landbridge.keep` holds, and so the answers"


@dataclass
class Looked:
    """One change with its row: `before` and `after` are raw values by field, as the database holds them."""

    number: int
    change: Change
    blockers: list[Blocker] = field(default_factory=list)
    key: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    after: dict[str, Any] = field(default_factory=dict)  # of the fields that change; of the key too for an insert

    def blocked(self, kind: BlockerKind, what: str, remedy: str = "", *, name: str = "") -> None:
        """Add what keeps this change from being applied."""
        self.blockers.append(Blocker(kind=kind, change=self.number, field=name, what=what, remedy=remedy))


def looked(connection: Connection, target: Target, changes: ChangeSet, *, lock: bool) -> list[Looked]:
    """All changes against their rows. With `lock` the rows stay as they are until the transaction ends."""
    references: list[Reference] | None = None
    unique: bool | None = None
    seen: set[tuple[Any, ...]] = set()
    told = []
    for number, change in enumerate(changes.changes, 1):
        one = Looked(number, change)
        told.append(one)
        _names(target, one)
        if not _keyed(connection, target, one):
            continue
        values = tuple(one.key[name] for name in target.dataset.key)
        if values in seen:
            one.blocked("repeated_key", "another change names the same key", "Say all of a row in one change.")
            continue
        seen.add(values)
        _row(connection, target, one, lock=lock)
        if change.operation == "insert" and unique is None:
            unique = unique_key(connection, target)
        if change.operation == "insert" and not unique:
            what = "the table has no primary key or unique index over the key, so a row could be inserted twice"
            one.blocked("ambiguous_key", what, "Ask its owner for one.")
        _compare(target, one)
        _take(connection, target, one)
        if change.operation != "insert" and not one.blockers:
            references = referring(connection, target) if references is None else references
            _keep(connection, target, one, references)
        elif change.operation == "insert":
            _complete(target, one)
        if not lock and not one.blockers:
            _referred(connection, target, one)
    return told


def row_diff(target: Target, one: Looked, *, read_back: dict[str, Any] | None = None) -> RowDiff:
    """The change as fields before and after; with the row read back, every field that differs."""
    before, after = one.before or {}, one.after if read_back is None else read_back
    if one.change.operation == "delete":
        shown: list[str] = list(before)
    elif read_back is None:
        shown = [name for name in target.holdings if name in one.after]
    else:
        shown = [name for name in read_back if name in one.after or before.get(name) != read_back[name]]
    fields = tuple(
        FieldDiff(field=name, before=_told(target, name, before), after=_told(target, name, after)) for name in shown
    )
    return RowDiff(number=one.number, operation=one.change.operation, key=one.change.key, fields=fields)


def named(target: Target, one: Looked) -> ColumnElement[bool]:
    """The condition that names a change's row."""
    return and_(*(
        target.holdings[name].place.column == target.holdings[name].place.bound(raw) for name, raw in one.key.items()
    ))  # fmt: skip


def held(connection: Connection, target: Target, one: Looked, *, lock: bool) -> list[dict[str, Any]]:
    """The rows a change's key names, exactly, as raw values by field; at most two."""
    asked = [holding.place.asked().label(f"v{at}") for at, holding in enumerate(target.holdings.values())]
    query = select(*asked).select_from(target.table).where(named(target, one))
    query = query.with_for_update() if lock else query.limit(2)
    return [dict(zip(target.holdings, row, strict=True)) for row in connection.execute(query).fetchmany(2)]


def notes(target: Target, told: list[Looked]) -> Iterator[str]:
    """What no diff shows: triggers, what else goes with a row, and rows that the contract would leave out."""
    yield from (f"the trigger '{name}' may change what is written" for name in target.triggers)
    unseen = {str(column.name) for column in target.table.columns}
    unseen -= {holding.place.name for holding in target.holdings.values()}
    if unseen and any(one.change.operation == "delete" for one in told):
        yield f"a deletion takes the whole row, also columns that are not shown: {', '.join(sorted(unseen))}"
    for one in told:
        for name, allowed in target.dataset.keep.items():
            if name in one.after and str(_told(target, name, one.after)) not in allowed:
                yield SCOPE.format(number=one.number)


def key_told(target: Target, change: Change) -> str:
    """The key of a change for messages; nothing of it where it is personal."""
    if target.hidden:
        return "the row"
    return f"the row {', '.join(f'{name}={value}' for name, value in change.key.items())}"


def _told(target: Target, name: str, values: dict[str, Any]) -> Value:
    return target.holdings[name].decoded(values.get(name))


def _names(target: Target, one: Looked) -> None:
    """Fields that the contract does not have, or that cannot be written back."""
    change, known = one.change, [known.name for known in target.dataset.fields]
    for name in dict.fromkeys([*change.key, *change.expected, *change.values]):
        if name not in known:
            one.blocked(
                "unknown_field", f"the contract has no field '{name[:60]}'", did_you_mean(name, known), name=name
            )
        elif name in target.closed:
            one.blocked("closed_field", f"the field '{name}' {target.closed[name]}", name=name)
    for name in change.values:
        if name in target.dataset.key:
            what = f"'{name}' is part of the key, and a key stays" if change.operation == "update" else (
                f"'{name}' is part of the key"
            )  # fmt: skip
            one.blocked("changed_key", what, "Delete the row and insert another, or name it in the key.", name=name)
        elif name in target.holdings and target.holdings[name].generated:
            one.blocked("generated", f"the column of '{name}' is computed by the database", name=name)
    if change.operation == "update":
        for name in change.values:
            if name not in change.expected and name not in target.dataset.key:
                one.blocked(
                    "no_expectation", f"the old value of '{name}' is not told", "Say what it is now.", name=name
                )
    if change.operation == "delete" and not change.expected:
        one.blocked("no_expectation", "no old value is told", "Say at least one field as it is now.")


def _keyed(connection: Connection, target: Target, one: Looked) -> bool:
    """Read the key; whether it names a row."""
    change, whole = one.change, True
    for name in target.dataset.key:
        if change.key.get(name) is None:
            one.blocked("incomplete_key", f"the key field '{name}' has no value", name=name)
            whole = False
            continue
        raw = _raw(connection, target.holdings[name], one, change.key[name])
        whole = whole and raw is not None
        one.key[name] = raw
        if change.operation == "insert" and target.holdings[name].generated:
            one.blocked("generated", f"the column of '{name}' is computed by the database", name=name)
    for name in change.key:
        if name in target.holdings and name not in target.dataset.key:
            one.blocked("incomplete_key", f"'{name}' is no part of the key", "Expect it instead.", name=name)
    return whole


def _raw(connection: Connection, holding: Holding, one: Looked, value: Value, *, like: Any = None) -> Any:
    """A value as its column will hold it; None and a blocker where it cannot."""
    name = holding.field.name
    try:
        return holding.canonical(connection, holding.encoded(typed(holding.field, value), like=like))
    except ValueError as error:
        kind: BlockerKind = "too_long" if "longer than" in str(error) else "not_a_value"
        one.blocked(kind, f"the value of '{name}' {error}", name=name)
        return None


def _row(connection: Connection, target: Target, one: Looked, *, lock: bool) -> None:
    """Find the row, and say where it should be there or should not."""
    insert = one.change.operation == "insert"
    rows = held(connection, target, one, lock=lock and not insert)
    told = key_told(target, one.change)
    if insert:
        if rows:
            one.blocked("row_exists", f"{told} is there already", "Propose an update.")
        return
    key = {name: target.holdings[name].decoded(raw) for name, raw in one.key.items()}
    exact = [row for row in rows if all(target.holdings[name].same(row[name], value) for name, value in key.items())]
    if len(rows) > 1:
        one.blocked("ambiguous_key", f"{told} is there more than once", "Ask the table's owner to part them.")
    elif not rows:
        one.blocked("row_absent", f"{told} is not there")
    elif not exact:
        what = f"{told} is not there; the database takes a key for equal that is written otherwise"
        one.blocked("row_absent", what, "Write the key as the database holds it.")
    else:
        one.before = exact[0]


def _compare(target: Target, one: Looked) -> None:
    """Hold the expected values against the row."""
    for name, value in one.change.expected.items():
        if name not in target.holdings:
            continue
        holding = target.holdings[name]
        try:
            expected = holding.expected(value)
        except ValueError as error:
            one.blocked("not_a_value", f"the expected value of '{name}' {error}", name=name)
            continue
        if one.before is None or holding.same(one.before[name], expected):
            continue
        raw = one.before[name]
        nothing = expected is None and isinstance(raw, str) and (not raw.strip() or raw in holding.field.null_values)
        hint = "; it is a text that the contract takes for no value" if nothing else ""
        what = f"'{name}' of {key_told(target, one.change)} is no longer as expected{hint}"
        one.blocked("stale", what, "Look at the row again and propose anew.", name=name)


def _take(connection: Connection, target: Target, one: Looked) -> None:
    """Read the new values as their columns will hold them."""
    insert = one.change.operation == "insert"
    named = {name: value for name, value in one.change.values.items() if name not in target.dataset.key}
    every = {**{name: one.change.key[name] for name in one.key}, **named} if insert else named
    for name, value in every.items():
        holding = target.holdings.get(name)
        if holding is None:
            continue
        if value is None and not holding.place.column.nullable:
            one.blocked("not_null", f"the column of '{name}' must have a value", name=name)
            continue
        known = len(one.blockers)
        like = one.before[name] if one.before else None
        raw = one.key[name] if name in one.key else _raw(connection, holding, one, value, like=like)
        if len(one.blockers) > known:
            continue
        rule = broken_promise(target.dataset, holding.field, typed(holding.field, value))
        if rule:
            one.blocked("broken_promise", f"the value of '{name}' breaks the contract's rule '{rule}'", name=name)
        one.after[name] = raw


def _complete(target: Target, one: Looked) -> None:
    """An insert gives every value that the table and the contract ask for."""
    said = one.change.key | one.change.values
    given = {target.holdings[name].place.name for name in said if name in target.holdings}
    for column in target.table.columns:
        filled = column.nullable or column.server_default is not None or column.computed is not None
        if not filled and column.identity is None and column.autoincrement is not True and column.name not in given:
            one.blocked("not_null", f"the column '{column.name}' must have a value and has no default")
    for wanted in target.dataset.fields:
        if wanted.required and wanted.name in target.holdings and wanted.name not in said:
            one.blocked("broken_promise", f"the contract requires '{wanted.name}'", name=wanted.name)


def _keep(connection: Connection, target: Target, one: Looked, references: list[Reference]) -> None:
    """No other row hangs on what goes."""
    changed = {target.holdings[name].place.name for name in one.after}
    for reference in references:
        gone = one.change.operation == "delete" or bool(changed & set(reference.theirs))
        if gone and holds_on(connection, target, reference, named(target, one)):
            what = f"rows of '{reference.name}' refer to {key_told(target, one.change)}"
            one.blocked("reference", what, "Change those first, as a proposal of its own.")


def _referred(connection: Connection, target: Target, one: Looked) -> None:
    """What new values refer to is there."""
    raws = {target.holdings[name].place.name: raw for name, raw in one.after.items()}
    for table in missing(connection, target, raws):
        one.blocked("reference", f"'{table}' has no row that the new values refer to")
