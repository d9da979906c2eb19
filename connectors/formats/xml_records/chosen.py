"""The fields that a source declares of a record: a column for each, from a path below the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from connectors.formats.xml_records.columns import Plan


@dataclass(frozen=True)
class Chosen:
    """Declared fields of a plan's rows: for each, the columns on the way, one struct column in another's list."""

    ways: Mapping[str, tuple[str, ...]]
    schema: pl.Schema
    absent: tuple[str, ...]  # fields whose paths no element of this file has

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a record's row."""
        return {name: _value(row, way) for name, way in self.ways.items()}


def chosen(plan: Plan, fields: Mapping[str, str]) -> Chosen:
    """The fields, by name, and their paths as they are declared."""
    ways = {name: _way(plan, path.strip("/")) for name, path in fields.items()}
    schema = pl.Schema({name: _type(plan, way) for name, way in ways.items()})
    return Chosen(ways, schema, tuple(name for name, way in ways.items() if not way))


def _way(plan: Plan, path: str) -> tuple[str, ...]:
    """The columns to a path; empty where there is none."""
    if path in plan.schema:
        return (path,)
    for below in _lists(plan):
        name = below.listed or ""
        if path.startswith(f"{name}/"):
            rest = _way(below, path.removeprefix(f"{name}/"))
            if rest:
                return (name, *rest)
    return ()


def _lists(plan: Plan) -> list[Plan]:
    """The plans of the lists in a plan's own columns."""
    told = []
    for below in plan.children.values():
        told += [below] if below.listed is not None else _lists(below)
    return told


def _type(plan: Plan, way: tuple[str, ...]) -> pl.DataType:
    if len(way) == 1:
        return plan.schema[way[0]]
    return pl.List(pl.String()) if way else pl.String()


def _value(row: Mapping[str, Any], way: tuple[str, ...]) -> Any:
    if not way:
        return None
    value = row[way[0]]
    if len(way) == 1 or value is None:
        return value
    told: list[Any] = []
    for one in value:
        found = _value(one, way[1:])
        told += found if isinstance(found, list) else [found]
    return told
