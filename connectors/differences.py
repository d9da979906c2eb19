"""Compare the shape of a source with its contract and with the shape last accepted: what differs, column by column.

Where the contract speaks (names, `physicalType`, `logicalType`, key) the contract is what was before; elsewhere it is
the accepted shape. A column whose line in the contract was changed since then has no past: its owner has spoken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from catalog.models import Dataset, Field
from connectors.declared_types import Change, change, change_from_contract, readable_as
from connectors.renames import renames
from connectors.shapes import Column, Shape, key_columns, promise, promised_fields

Kind = Literal[
    "new-columns", "missing-columns", "renamed-columns", "widened-columns", "narrowed-columns", "retyped-columns",
    "key", "unique",
]  # fmt: skip
ABSENT = "absent"
NEVER = "never there"
_CHANGES: dict[Change, Kind] = {
    "widened": "widened-columns", "narrowed": "narrowed-columns", "retyped": "retyped-columns"
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `blocks`: whatever the mode, nothing is taken while it stands.

    Of a rename, `other` is the new name and `signs` are what speaks for it; `names` are the columns of a unique set.
    """

    kind: Kind
    column: str
    before: str
    now: str
    blocks: bool = False
    other: str = ""
    signs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def differences(dataset: Dataset, shape: Shape, last: Shape | None) -> list[Difference]:
    """Everything that differs, kind by kind, columns in the order of the source."""
    past = last if last is not None and last.origin == shape.origin else None
    moved = list(_gone(dataset, shape, past))
    new_names = {one.column: one.other for one in moved if one.other}
    found = [
        *moved,
        *_new(dataset, shape, past, set(new_names.values())),
        *_retyped(dataset, shape, past),
        *_keys(dataset, shape, past, new_names),
    ]
    order = {name: at for at, name in enumerate(shape.named())}
    return sorted(found, key=lambda one: order.get(one.column, len(order)))


def unnamed(dataset: Dataset, shape: Shape) -> list[str]:
    """Columns that the contract does not name."""
    spoken = {*promised_fields(dataset), dataset.incremental.column}
    return [name for name in shape.named() if name not in spoken]


def new_columns(dataset: Dataset, shape: Shape, last: Shape | None) -> list[str]:
    """Columns that neither the contract names nor a person has accepted as left out."""
    accepted = last.named() if last is not None and last.origin == shape.origin else {}
    return [name for name in unnamed(dataset, shape) if name not in accepted]


def settled(dataset: Dataset, shape: Shape, last: Shape | None, found: list[Difference]) -> Shape:
    """The shape that counts as accepted once the rows are taken: what needs no person's word is taken over.

    New columns, vanished ones, narrowed and retyped ones stay as they were accepted, so that they are told again.
    """
    past = last.known() if last is not None and last.origin == shape.origin else {}
    held = shape.named()
    doubted = {one.column for one in found if one.kind in ("narrowed-columns", "retyped-columns")}
    fresh = set(new_columns(dataset, shape, last))
    columns = []
    for name, column in held.items():
        if name in doubted:
            before = past.get(name)
            columns.append(column.model_copy(update={"type": before.type if before else ""}))
        elif name not in fresh:
            columns.append(column)
    columns += [past[name] for name in promised_fields(dataset) if name not in held and name in past]
    lost = [one.names for one in found if one.kind == "unique"]
    unique = tuple(sorted({*shape.unique, *lost}))
    return shape.model_copy(update={"columns": tuple(columns), "unique": unique})


def _gone(dataset: Dataset, shape: Shape, past: Shape | None) -> Iterator[Difference]:
    """Promised columns that are not there, each with the new column that may be it."""
    held, known = shape.named(), past.known() if past else {}
    fields = promised_fields(dataset)
    needed = {*key_columns(dataset), *([dataset.incremental.column] if dataset.incremental.column else [])}
    needed |= {name for name, told in fields.items() if any(field.required for field in told)}
    vanished: dict[str, Column | None] = {}
    for name in dict.fromkeys((*fields, *sorted(needed))):
        if name not in held and (name in needed or name not in known or not known[name].absent):
            vanished[name] = known.get(name)
    guesses = {one.before: one for one in renames(vanished, new_columns(dataset, shape, past), shape=shape, last=past)}
    for name, was in vanished.items():
        before = (str(was) if was.type else "there") if was is not None and not was.absent else NEVER
        blocks = name in needed or was is None
        guess = guesses.get(name)
        if guess is None:
            yield Difference("missing-columns", name, before, ABSENT, blocks)
        else:
            now = f"{guess.now}: {held[guess.now]}"
            yield Difference("renamed-columns", name, before, now, blocks, other=guess.now, signs=guess.signs)


def _new(dataset: Dataset, shape: Shape, past: Shape | None, renamed: set[str]) -> Iterator[Difference]:
    for name in new_columns(dataset, shape, past):
        if name not in renamed:
            yield Difference("new-columns", name, ABSENT, str(shape.named()[name]))


def _retyped(dataset: Dataset, shape: Shape, past: Shape | None) -> Iterator[Difference]:
    """Promised columns whose declared type holds less, more or something else than it did, or than is promised."""
    known = past.named() if past else {}
    held = shape.named()
    for name, fields in promised_fields(dataset).items():
        if name not in held:
            continue
        now, was = held[name], known.get(name)
        if was is not None and was.promised != promise(dataset, name):
            was = None
        what, before = _type_change(fields, was, now) if shape.typed else ("same", "")
        if what == "same" and was is not None and now.nullable and not was.nullable:
            what, before = "widened", str(was)
        if what != "same":
            yield Difference(_CHANGES[what], name, before, str(now))


def _type_change(fields: Sequence[Field], was: Column | None, now: Column) -> tuple[Change, str]:
    """What became of a column's type, and what it is compared with; a type that was accepted as it is says nothing."""
    if was is not None and was.type == now.type:
        return "same", ""
    what: Change = "same"
    before = ""
    declared = [field.physical_type for field in fields if field.physical_type]
    if declared:
        what, before = change_from_contract(declared[0], now.type), declared[0]
    elif was is not None and was.type:
        what, before = change(was.type, now.type), str(was)
    readable = readable_as(now.type)
    unread = [field.type for field in fields if readable is not None and field.type not in ("string", *readable)]
    return ("retyped", before or f"read as {unread[0]}") if unread else (what, before)


def _keys(dataset: Dataset, shape: Shape, past: Shape | None, renamed: Mapping[str, str]) -> Iterator[Difference]:
    """A primary key that is no longer the contract's, and unique sets that are no longer promised."""
    key = key_columns(dataset)
    moved = _key_moved(key, shape, past, renamed)
    if moved:
        before = (past.key if past else ()) or key
        yield Difference("key", ", ".join(key), ", ".join(before), ", ".join(shape.key) or "none", blocks=True)
    promised = promised_fields(dataset)
    for names in past.unique if past else ():
        ours = set(names) <= set(promised) and not (moved and set(names) <= set(key))
        if ours and not shape.tells_apart(_renamed(names, renamed)):
            yield Difference("unique", ", ".join(names), "unique", "not unique", names=names)


def _key_moved(key: tuple[str, ...], shape: Shape, past: Shape | None, renamed: Mapping[str, str]) -> bool:
    """Whether the source tells its rows apart by something else than it did, or by more than the contract does."""
    if not key or set(shape.key) == set(key):
        return False
    if past is None or past.promised_key() != set(key):
        return set(key) < set(shape.key) and not shape.tells_apart(key)
    before = set(_renamed(past.key, renamed))
    if before == set(shape.key):
        return past.tells_apart(key) and not shape.tells_apart(_renamed(key, renamed))
    lost = past.tells_apart(key) and not shape.tells_apart(_renamed(key, renamed))
    return bool(before) or lost or (set(key) < set(shape.key) and not shape.tells_apart(key))


def _renamed(names: tuple[str, ...], renamed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(renamed.get(name, name) for name in names)
