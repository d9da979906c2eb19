"""The columns of a record element, and the values of a record in them.

A column is named by the path from the record: `Party/Name`, attributes `Price/@currency`, the record's own text
`#text`. Elements that stand more than once in their parent are a list: of texts, or of structs with such columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from connectors.formats.xml_records.parsing import Name
from connectors.formats.xml_records.shapes import Key, Shape

TEXT = "#text"
NIL = ("http://www.w3.org/2001/XMLSchema-instance", "nil")
NODE_BYTES = 200  # that an element takes in memory beside its text


@dataclass(slots=True)
class Node:
    """One element of a record, as it stands in the document."""

    key: Key
    attributes: dict[Name, str]
    texts: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    @property
    def value(self) -> str | None:
        """Its text as it is spelled; None where it is declared to be nil."""
        text = "".join(self.texts)
        nil = not text and any(name[:2] == NIL and told in ("true", "1") for name, told in self.attributes.items())
        return None if nil else text


@dataclass
class Plan:
    """Where an element's text, attributes and children go. `listed`: the column that holds it with its like."""

    text: str | None = None
    attributes: dict[Key, str] = field(default_factory=dict)
    children: dict[Key, Plan] = field(default_factory=dict)
    listed: str | None = None
    simple: bool = False
    schema: dict[str, pl.DataType] = field(default_factory=dict)  # of a record, or of a list's structs

    def row(self, node: Node) -> dict[str, Any]:
        """The values of a record, or of a struct in a list."""
        told: dict[str, Any] = dict.fromkeys(self.schema)
        self._fill(node, told)
        return told

    def _fill(self, node: Node, row: dict[str, Any]) -> None:
        if self.text is not None:
            value = node.value
            row[self.text] = value if not node.children or (value and not value.isspace()) else None
        for name, value in node.attributes.items():
            row[self.attributes[name[:2]]] = value
        for child in node.children:
            plan = self.children[child.key]
            if plan.listed is None:
                plan._fill(child, row)
            else:
                entry = child.value if plan.simple else plan.row(child)
                if row[plan.listed] is None:
                    row[plan.listed] = []
                row[plan.listed].append(entry)


def plan_of(record: Shape, namespaces: Mapping[str, str], lists: Collection[str] = ()) -> Plan:
    """The columns of a record. `namespaces` gives prefixes by namespace; `lists` names columns that are lists."""
    plan = Plan()
    _columns(record, plan, "", plan.schema, namespaces, lists)
    return plan


def names_among(names: list[Name], namespaces: Mapping[str, str]) -> list[str]:
    """What names are called side by side: locally, with a prefix where it is declared or tells them apart."""
    often = Counter(local for _, local, _ in names)
    told: list[str] = []
    for space, local, prefix in names:
        name = f"{namespaces[space]}:{local}" if space in namespaces else local
        if name == local and often[local] > 1 and prefix:
            name = f"{prefix}:{local}"
        again, base = 2, name
        while name in told:
            name, again = f"{base}_{again}", again + 1
        told.append(name)
    return told


def _columns(
    shape: Shape, plan: Plan, path: str, schema: dict[str, pl.DataType], namespaces: Mapping[str, str],
    lists: Collection[str],
) -> None:  # fmt: skip
    """Plan an element at `path` of the columns in `schema`."""
    if shape.text or not (shape.children or shape.attributes.keys() - {NIL}):
        plan.text = path or TEXT
        schema[plan.text] = pl.String()
    before = f"{path}/" if path else ""
    names = list(shape.attributes.values())
    for attribute, name in zip(names, names_among(names, namespaces), strict=True):
        plan.attributes[attribute[:2]] = f"{before}@{name}"
        schema[f"{before}@{name}"] = pl.String()
    children = list(shape.children.values())
    for child, name in zip(children, names_among([one.name for one in children], namespaces), strict=True):
        below = plan.children[child.name[:2]] = Plan()
        if not child.repeated and before + name not in lists:
            _columns(child, below, before + name, schema, namespaces, lists)
            continue
        below.listed, below.simple = before + name, child.simple
        if child.simple:
            schema[below.listed] = pl.List(pl.String())
        else:
            _columns(child, below, "", below.schema, namespaces, lists)
            schema[below.listed] = pl.List(pl.Struct(below.schema))
