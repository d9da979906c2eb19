"""Foreign keys around a row: what it refers to must be there, and what refers to it must not vanish with it.

A database that deletes or empties rows of other tables along with one does more than a person approved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, column, inspect, literal_column, select, table, text
from sqlalchemy.exc import DBAPIError

from connectors.sql.writing.columns import MYSQL
from connectors.sql.writing.targets import Target

_POSTGRESQL = """
    SELECT c.oid::bigint AS key, n.nspname AS schema, r.relname AS name, a.attname AS own, b.attname AS theirs
    FROM pg_constraint c
    JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(own, theirs, place)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
    JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.theirs
    WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = to_regclass(:qualified) ORDER BY 1, k.place
"""
_MYSQL = """
    SELECT constraint_name AS `key`, table_schema AS `schema`, table_name AS name, column_name AS own,
           referenced_column_name AS theirs
    FROM information_schema.key_column_usage
    WHERE referenced_table_name = :name AND referenced_table_schema = coalesce(:schema, database())
    ORDER BY table_schema, table_name, constraint_name, ordinal_position
"""


@dataclass(frozen=True)
class Reference:
    """A foreign key of another table to this one: its columns, and ours that they hold."""

    schema: str | None
    name: str
    own: tuple[str, ...]
    theirs: tuple[str, ...]


def referring(connection: Connection, target: Target) -> list[Reference]:
    """Foreign keys that refer to the target's table, as far as the account sees them."""
    backend, name = connection.dialect.name, str(target.table.name)
    if backend == "postgresql":
        qualified = connection.dialect.identifier_preparer.format_table(target.table)
        return _grouped(connection.execute(text(_POSTGRESQL), {"qualified": qualified}).all())
    if backend in MYSQL:
        return _grouped(connection.execute(text(_MYSQL), {"name": name, "schema": target.table.schema}).all())
    every = inspect(connection).get_multi_foreign_keys(schema=target.table.schema)
    return [
        Reference(at[0], at[1], tuple(key["constrained_columns"]), tuple(key["referred_columns"]))
        for at, keys in every.items()
        for key in keys
        if key["referred_table"].lower() == name.lower() and key["referred_columns"]
    ]


def holds_on(connection: Connection, target: Target, reference: Reference, named: ColumnElement[bool]) -> bool:
    """Whether a row of another table refers to the row that `named` tells."""
    theirs = table(reference.name, *(column(name) for name in reference.own), schema=reference.schema).alias(
        "referring"
    )
    joined = and_(*(
        theirs.c[own] == target.table.c[other] for own, other in zip(reference.own, reference.theirs, strict=True)
    ))  # fmt: skip
    query: Select[Any] = (
        select(literal_column("1")).select_from(theirs.join(target.table, joined)).where(named).limit(1)
    )
    return connection.scalar(query) is not None


def missing(connection: Connection, target: Target, raws: Mapping[str, Any]) -> Iterator[str]:
    """Tables that new values (by column) refer to without a row there, as far as the account may look."""
    places = {one.place.name: one.place for one in target.holdings.values()}
    for key in inspect(connection).get_foreign_keys(str(target.table.name), schema=target.table.schema):
        own, theirs = key["constrained_columns"], key["referred_columns"]
        known = bool(theirs) and all(name in raws and raws[name] is not None for name in own)
        if not known or key["referred_table"] == target.table.name:  # a row of the same set may be meant
            continue
        other = table(key["referred_table"], *(column(name) for name in theirs), schema=key["referred_schema"])
        there = and_(*(
            other.c[name] == places[ours].bound(raws[ours]) for ours, name in zip(own, theirs, strict=True)
        ))  # fmt: skip
        try:
            with connection.begin_nested():
                found = connection.scalar(select(literal_column("1")).select_from(other).where(there).limit(1))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            continue  # no right to look there; the database itself will
        if found is None:
            yield key["referred_table"]


def _grouped(rows: Any) -> list[Reference]:
    found: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for key, schema, name, own, theirs in rows:
        found.setdefault((key, schema, name), []).append((own, theirs))
    return [
        Reference(schema, name, tuple(own for own, _ in pairs), tuple(theirs for _, theirs in pairs))
        for (_, schema, name), pairs in found.items()
    ]
