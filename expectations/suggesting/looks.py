"""Look at the ready rows one column at a time: values, groups, and keys, each read once and remembered while small."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

import polars as pl

from catalog.models import Dataset, Field, LogicalType, Project
from expectations.disclosure import tellable
from expectations.looked_at import Frame

SAMPLE = 1_000_000  # rows of a column; of more every n-th is looked at
GROUP_VALUES = 50  # a text of more different values is no group
GROUP_ROWS = 20  # rows that a group has on average, at least
BY_CHANCE = 0.10  # of the whole numbers between first and last key are keys: above it numbers are included by chance
FEWEST = 20  # rows or values below which nothing is concluded
_TYPES: Mapping[LogicalType, pl.DataType] = {
    "string": pl.String(), "integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean(), "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"), "time": pl.Time(),
}  # fmt: skip
_GENERIC = {
    "id", "code", "number", "no", "nr", "num", "key", "name", "ref", "reference", "identifier", "uid",
    "of", "the", "and", "a", "an", "in", "to", "for", "by", "at", "on", "der", "die", "das", "und", "von",
}  # fmt: skip


class Look:
    """The project and its ready rows, as far as a dataset has any."""

    def __init__(self, project: Project, frames: Mapping[str, Frame]) -> None:
        self.project = project
        self._rows = {name: _whole(frames[name].lazy(), one) for name, one in sorted(project.datasets.items())
                      if name in frames}  # fmt: skip
        self._heights = {name: int(rows.select(pl.len()).collect().item()) for name, rows in self._rows.items()}
        self._values: dict[tuple[str, str], pl.Series] = {}
        self._groups: dict[str, tuple[str, ...]] = {}

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets that have rows, by name."""
        return tuple(self.project.datasets[name] for name, height in self._heights.items() if height)

    def height(self, name: str) -> int:
        """How many ready rows a dataset has."""
        return self._heights.get(name, 0)

    def rows(self, name: str, *fields: str) -> pl.DataFrame:
        """Columns of a dataset, every row."""
        return self._rows[name].select(fields).collect()

    def sample(self, name: str, *fields: str) -> pl.DataFrame:
        """Columns of a dataset, of at most SAMPLE rows, the same ones each time."""
        step = -(-self.height(name) // SAMPLE)
        rows = self._rows[name].select(fields)
        return (rows.gather_every(step) if step > 1 else rows).collect()

    def values(self, name: str, field: str) -> pl.Series:
        """The different values of a column over all rows, without null, in order. Kept: ask for keys only."""
        if (name, field) not in self._values:
            self._values[name, field] = self.rows(name, field)[field].drop_nulls().unique().sort()
        return self._values[name, field]

    def groups(self, dataset: Dataset) -> tuple[str, ...]:
        """The texts and flags of few values, each in many rows, that rows can be told apart by."""
        if dataset.name not in self._groups:
            named = [one.name for one in dataset.fields
                     if one.type in ("string", "boolean") and tellable(dataset, [one.name])]  # fmt: skip
            self._groups[dataset.name] = tuple(name for name in named if self._is_group(dataset.name, name))
        return self._groups[dataset.name]

    def _is_group(self, name: str, field: str) -> bool:
        column = self.sample(name, field)[field]
        count = column.drop_nulls().n_unique()
        return 2 <= count <= GROUP_VALUES and column.len() >= count * GROUP_ROWS


def _whole(rows: pl.LazyFrame, dataset: Dataset) -> pl.LazyFrame:
    """The rows with a column for every field of the contract, without a value where the source lost it."""
    there = rows.collect_schema().names()
    lost = [pl.lit(None, _TYPES[one.type]).alias(one.name) for one in dataset.fields if one.name not in there]
    return rows.with_columns(lost)


def unique_fields(dataset: Dataset) -> tuple[str, ...]:
    """The fields of which one alone names a record: the primary key, and those declared unique."""
    keys = dataset.key if len(dataset.key) == 1 else ()
    return tuple(dict.fromkeys([*keys, *(field.name for field in dataset.fields if field.unique)]))


def inside(ours: pl.Series, theirs: pl.Series) -> int:
    """How many of our values are among theirs; both in order, without null, each value once."""
    if theirs.is_empty() or theirs.dtype != ours.dtype:
        return 0
    place = theirs.search_sorted(ours).clip(upper_bound=theirs.len() - 1)
    return int((theirs.gather(place) == ours).sum())


def handed_out(keys: pl.Series) -> bool:
    """Whether keys, in order, are whole numbers, also as text, that lie so close that any small number is one."""
    if keys.dtype == pl.String:
        keys = keys.cast(pl.Int64, strict=False).sort()
    if not keys.dtype.is_integer() or keys.is_empty() or keys.null_count():
        return False
    return keys.len() > BY_CHANCE * (int(keys[-1]) - int(keys[0]) + 1)


def words(text: str) -> set[str]:
    """The words of a name, singular: `tail_number`, `TailNumbers` and `tail numbers` have the same."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    return {_singular(word) for word in re.findall(r"[^\W_]+", split.lower())}


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def same_name(mine: Field, theirs: Field, other: str) -> bool:
    """Whether two fields are called the same in words that say something, or ours is called like their dataset."""
    ours = words(mine.name) - _GENERIC
    return bool(ours) and (ours in (words(theirs.name) - _GENERIC, words(other)))


def like_named(mine: Field, theirs: Field, other: str) -> bool:
    """Whether the names or titles share a word that says something."""
    ours = (words(mine.name) | words(mine.title)) - _GENERIC
    return bool(ours & ((words(theirs.name) | words(theirs.title) | words(other)) - _GENERIC))
