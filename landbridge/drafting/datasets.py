"""What a contract will say, before it is written: datasets with names, keys, types, labels and references."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from catalog.models import LogicalType
from connectors.discovering.keys import declared_key
from connectors.discovering.kinds import Settled, settled
from connectors.discovering.personal import Personal, personal
from connectors.discovering.profiles import ColumnProfile, Reference, SystemProfile, TableProfile
from landbridge.drafting.naming import dataset_names, field_names


class Known(NamedTuple):
    """A dataset that the project has already: its name, and name and type of the field that reads each column."""

    name: str
    fields: Mapping[str, tuple[str, LogicalType]]


@dataclass(frozen=True)
class DraftField:
    """One property."""

    column: ColumnProfile
    name: str
    read: Settled
    guess: Personal | None = None
    key_position: int | None = None
    required: bool = False
    unique: bool = False

    @property
    def masked(self) -> bool:
        """Whether a text shows something else than the value."""
        return self.guess is not None


@dataclass(frozen=True)
class DraftRelation:
    """A reference to a dataset of this project. `comparable`: both sides have the same types, so that rows can meet."""

    fields: tuple[str, ...]
    dataset: str
    to_fields: tuple[str, ...]
    evidence: str = ""  # empty: declared
    comparable: bool = True


@dataclass(frozen=True)
class DraftDataset:
    """One contract."""

    name: str
    table: TableProfile
    fields: tuple[DraftField, ...]
    relations: tuple[DraftRelation, ...] = ()
    unfollowed: tuple[Reference, ...] = ()  # declared references to tables without a contract
    key_guessed: bool = False

    @property
    def key(self) -> tuple[DraftField, ...]:
        """The fields that name a row, in order."""
        return tuple(sorted((one for one in self.fields if one.key_position), key=lambda one: one.key_position or 0))

    def field_of(self, column: str) -> DraftField:
        """The field that reads a column."""
        return next(one for one in self.fields if one.column.name == column)


def drafted(
    system: SystemProfile, *, known: Mapping[str, Known] | None = None, taken: Collection[str] = ()
) -> list[DraftDataset]:
    """A draft for each table; `known` are the tables that have a contract, `taken` the names other datasets have."""
    known = known or {}
    new = [table.physical_name for table in system.tables if table.physical_name not in known]
    called = {table.physical_name: table.name for table in system.tables if table.path}
    names = dataset_names(sorted(new), taken=taken, called=called) | {table: one.name for table, one in known.items()}
    drafts = {
        table.physical_name: _dataset(table, names[table.physical_name], known.get(table.physical_name))
        for table in system.tables
    }
    return [_linked(draft, drafts, known) for draft in drafts.values()]


def _dataset(table: TableProfile, name: str, known: Known | None) -> DraftDataset:
    key = declared_key(table) or table.found_key
    kept = {column: field for column, (field, _) in known.fields.items()} if known else {}
    fresh = [column.name for column in table.columns if column.name not in kept]
    fields = field_names(fresh, taken=kept.values()) | kept
    keyed = {*key, *(column for reference in table.references for column in reference.columns)}
    told = []
    for column in table.columns:
        read = settled(column)
        if column.name in keyed and read.type in ("boolean", "date") and column.family == "integer":
            read = Settled("integer")  # a key counts, whatever it looks like
        told.append(DraftField(
            column=column, name=fields[column.name], read=read,
            guess=personal(column, table, read.type, keyed=column.name in keyed),
            key_position=key.index(column.name) + 1 if column.name in key else None,
            required=not column.nullable or column.name in key,
            unique=(column.name,) in table.uniques and (column.name,) != key,
        ))  # fmt: skip
    return DraftDataset(name=name, table=table, fields=tuple(told), key_guessed=not declared_key(table))


def _linked(draft: DraftDataset, drafts: Mapping[str, DraftDataset], known: Mapping[str, Known]) -> DraftDataset:
    relations, lost = [], []
    order = [column.name for column in draft.table.columns]
    for reference in sorted(draft.table.references, key=lambda one: [order.index(name) for name in one.columns]):
        theirs = _fields_of(reference.table, drafts, known)
        if theirs is None or not set(reference.to_columns) <= set(theirs.fields):
            lost.append(reference)
            continue
        ours = [draft.field_of(column) for column in reference.columns]
        to = [theirs.fields[column] for column in reference.to_columns]
        relations.append(DraftRelation(
            fields=tuple(field.name for field in ours), dataset=theirs.name, to_fields=tuple(name for name, _ in to),
            evidence=reference.evidence,
            comparable=all(field.read.type == kind for field, (_, kind) in zip(ours, to, strict=True)),
        ))  # fmt: skip
    return DraftDataset(
        draft.name, draft.table, draft.fields, tuple(relations),
        tuple(one for one in lost if not one.evidence), draft.key_guessed,
    )  # fmt: skip


def _fields_of(table: str, drafts: Mapping[str, DraftDataset], known: Mapping[str, Known]) -> Known | None:
    if table in known:
        return known[table]
    draft = drafts.get(table)
    if draft is None:
        return None
    return Known(draft.name, {one.column.name: (one.name, one.read.type) for one in draft.fields})
