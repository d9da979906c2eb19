"""Suggest references that nobody declared: a column called like another table's key, which holds only its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.discovering.keys import declared_key
from connectors.discovering.profiles import ColumnProfile, Reference, SystemProfile, TableProfile
from connectors.discovering.words import one_of, words

FEWEST = 2  # different values; one value is found in many columns
ASKED = 500  # different values that are looked for
SELF = {
    ("reports", "to"), ("parent",), ("manager",), ("supervisor",), ("boss",), ("mgr",), ("superior",),
}  # fmt: skip
IDS = {"id", "key", "code", "no", "nr", "number", "fk"}

Held = Callable[[TableProfile, str, Sequence[str | int]], int]


def with_suggestions(system: SystemProfile, held: Held) -> SystemProfile:
    """The system with suggested references added; `held` counts how many of some values a key column holds."""
    tables = []
    for table in system.tables:
        known = {column for reference in table.references for column in reference.columns}
        told = [
            reference
            for column in table.columns
            if column.name not in known
            and column.distinct >= FEWEST
            and (reference := _suggested(column, table, system, held)) is not None
        ]
        tables.append(table.model_copy(update={"references": (*table.references, *told)}) if told else table)
    return system.model_copy(update={"tables": tuple(tables)})


def _suggested(column: ColumnProfile, table: TableProfile, system: SystemProfile, held: Held) -> Reference | None:
    """The one table whose key the column's name means, if it holds all its values; None where two are as likely."""
    ranked = sorted(
        (rank, other.physical_name, key)
        for other in system.tables
        if not other.view and (key := single_key(other)) and (rank := _likeness(column, table, other, key)) is not None
    )
    for at, (rank, name, key) in enumerate(ranked):
        if at and rank > ranked[0][0]:
            break
        other = system.table(name)
        if other is None or other.column(key).held != column.held:
            continue
        asked = _asked(column)
        if asked and held(other, key, asked) == len(asked):
            twins = [one for one in ranked[at + 1 :] if one[0] == rank]
            if twins:
                return None
            evidence = f"its name, and all {len(asked)} values looked for are there"
            return Reference(columns=(column.name,), table=name, to_columns=(key,), evidence=evidence)
    return None


def single_key(table: TableProfile) -> str:
    """The column that alone names a row; empty where there is none."""
    key = declared_key(table) or table.found_key
    return key[0] if len(key) == 1 else ""


def _asked(column: ColumnProfile) -> list[str | int]:
    values = column.values[:ASKED]
    return [int(text) for text in values] if column.held == "integer" else list(values)


def _likeness(column: ColumnProfile, table: TableProfile, other: TableProfile, key: str) -> int | None:
    """How well the name fits, 0 best; None where it does not."""
    if column.held not in ("integer", "string"):
        return None
    told, theirs, one = words(column.name), words(key), one_of(other.name)
    itself = table.physical_name == other.physical_name
    bare = told[:-1] if told and told[-1] in IDS else told
    if itself:
        return 0 if bare in SELF and column.name != key else None
    if not bare or not one:
        return None
    own = single_key(table) == column.name
    if told == (*one, *theirs) or (bare == one and told != bare) or (told == theirs and bare == one):
        return 0
    if own:
        return None  # a table's own key means another table only where it is called after it
    if bare == one or (len(one) > 1 and bare == one[-1:] and told != bare):
        return 1
    if told == theirs and theirs[-1] in IDS and len(theirs) > 1:
        return 1
    named = told[-1] in IDS and len(bare) > len(one) and bare[-len(one) :] == one
    return 2 if named else None
