"""The shape a source had when it was last accepted: columns in order, declared types, nulls, keys.

A `Shape` is what a read is compared with beside the contract. It is kept as JSON with the raw rows; a change that the
mode lets pass on its own is taken over into it, any other one only when a person accepts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from catalog.models import Dataset, Field, Source


class Column(BaseModel):
    """One column as its source declares it, and what the contract said of it then.

    `type` is in the source's words; empty where none was ever accepted. `promised` is the contract's side: once its
    owner has changed it there, the source is compared with the contract alone. An `absent` column is gone from the
    source, and that was accepted.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    type: str
    nullable: bool = True
    promised: str = ""
    absent: bool = False

    def __str__(self) -> str:
        """`varchar(50) not null`."""
        return self.type if self.nullable else f"{self.type} not null"


class Shape(BaseModel):
    """What a table or export looks like. `key` and `unique` are empty where the source declares none, as files do.

    An export that is all text is not `typed`: it declares nothing that a promised type could be held against.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    origin: str  # which source and table this is the shape of
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    typed: bool = True

    def named(self) -> dict[str, Column]:
        """The columns that are there, by name, in order."""
        return {column.name: column for column in self.columns if not column.absent}

    def known(self) -> dict[str, Column]:
        """The same with those whose absence was accepted."""
        return {column.name: column for column in self.columns}

    def promised_key(self) -> frozenset[str]:
        """The columns that were the contract's key when this shape was accepted."""
        return frozenset(
            column.name
            for column in self.columns
            if any(words.endswith(" key") for words in column.promised.split(", "))
        )

    def tells_apart(self, names: Iterable[str]) -> bool:
        """Whether the source itself promises that no two rows have the same values in these columns."""
        given = set(names)
        return any(declared and set(declared) <= given for declared in (self.key, *self.unique))


def shaped(
    source: Source,
    dataset: Dataset,
    types: Mapping[str, str],
    *,
    required: Iterable[str] = (),
    key: Iterable[str] = (),
    unique: Iterable[Iterable[str]] = (),
    typed: bool = True,
) -> Shape:
    """The shape of a source whose columns have these declared types; `required` are those that allow no null."""
    full = frozenset(required)
    columns = tuple(
        Column(name=name, type=told, nullable=name not in full, promised=promise(dataset, name))
        for name, told in types.items()
    )
    sets = sorted({tuple(sorted(names)) for names in unique})
    return Shape(origin=origin(source, dataset), columns=columns, key=tuple(key), unique=tuple(sets), typed=typed)


def origin(source: Source, dataset: Dataset) -> str:
    """Which table or export of which source; another one has no past here."""
    return "|".join((source.kind, source.name, dataset.physical_name, dataset.query))


def promised_fields(dataset: Dataset) -> dict[str, tuple[Field, ...]]:
    """The fields that each of the source's columns is read into, by column."""
    told: dict[str, tuple[Field, ...]] = {}
    for field in dataset.fields:
        if field.combine is None:
            told[field.physical_name] = (*told.get(field.physical_name, ()), field)
    return told


def key_columns(dataset: Dataset) -> tuple[str, ...]:
    """The source's columns that the contract's key is read from."""
    names: list[str] = []
    for key in dataset.key:
        field = dataset.field(key)
        parts = [field.combine.date, field.combine.time] if field.combine else [field.name]
        names += [dataset.field(part).physical_name for part in parts]
    return tuple(names)


def promise(dataset: Dataset, name: str) -> str:
    """What the contract says of a column: `integer required key`; empty where it does not name it."""
    words = []
    for field in promised_fields(dataset).get(name, ()):
        told = [field.type, *([f"as {field.physical_type}"] if field.physical_type else [])]
        told += ["required"] if field.required else []
        told += ["key"] if name in key_columns(dataset) else []
        words.append(" ".join(told))
    return ", ".join(words)


def accepted(shape: Shape, dataset: Dataset) -> Shape:
    """The shape as a person accepts it: all as it is, and what the contract names beyond that as absent."""
    held = shape.named()
    absent = [
        Column(name=name, type="", promised=promise(dataset, name), absent=True)
        for name in promised_fields(dataset)
        if name not in held
    ]
    return shape.model_copy(update={"columns": (*shape.columns, *absent)})
