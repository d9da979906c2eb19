"""Which columns of which datasets gap rules look at, so that no other is read into memory, and those of one rule only.

Rows may come as lazy frames; a rule passes over its columns in portions when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from catalog.models import Dataset, GapRule, Project
from expectations.portions import Rows

PROVENANCE = ("_key", "_location", "_position")
Frame = pl.DataFrame | pl.LazyFrame


def columns_of_gaps(project: Project, rules: Iterable[tuple[Dataset, GapRule]]) -> dict[str, tuple[str, ...]]:
    """For each dataset that one of `rules` names: the columns they need, in the order of the contract, provenance last.

    They are the fields that rules name, the keys that findings are told by, and all fields of a further register, of
    which is told what it says.
    """
    named: dict[str, set[str]] = {}
    for dataset, rule in rules:
        for name, field in _named(rule, dataset, project):
            named.setdefault(name, set()).add(field)
    return {name: (*_ordered(project.datasets[name], fields), *PROVENANCE) for name, fields in named.items()}


def held(frames: Mapping[str, Frame], columns: Mapping[str, tuple[str, ...]]) -> dict[str, Rows]:
    """The rows of the datasets in `columns`, as far as there are any, with those of their columns that there are."""
    return {name: _held(frames[name], wanted) for name, wanted in columns.items() if name in frames}


def _held(rows: Frame, wanted: tuple[str, ...]) -> Rows:
    scan = rows.lazy()
    there = scan.collect_schema()
    return Rows(scan.select(name for name in wanted if name in there))


def _named(rule: GapRule, dataset: Dataset, project: Project) -> Iterator[tuple[str, str]]:
    pairs = rule.named(dataset.name)
    yield from pairs
    for name in {dataset.name, *(name for name, _ in pairs)}:
        yield from ((name, field) for field in project.datasets[name].key)
    for name, _ in rule.also_in:
        yield from ((name, field.name) for field in project.datasets[name].fields)
    if rule.kind == "missing_period":  # the record that a group refers to says so as well
        for relation in dataset.relations:
            if relation.fields == rule.per:
                yield from ((relation.to_dataset, field) for field in relation.to_fields)


def _ordered(dataset: Dataset, fields: set[str]) -> list[str]:
    return [field.name for field in dataset.fields if field.name in fields]
