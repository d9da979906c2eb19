"""Read the catalog of a database: tables, columns, keys, references, checks and comments, as it declares them."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, Inspector, inspect, text
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.types import NullType

from connectors.discovering.declared_types import family, listed, scale
from connectors.discovering.profiles import ColumnProfile, LeftOut, Reference, SystemProfile, TableProfile

RESERVED = ("_location", "_position")  # columns that provenance needs for itself
SYSTEM_SCHEMAS = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys", "pg_toast")
SCHEMAS_TOLD = 20


def read_catalog(
    connection: Connection, *, schema: str = "", globs: Sequence[str] = (), views: bool = False
) -> SystemProfile:
    """What the catalog declares, without a look at any row. `globs` choose tables; none of them: all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types and indexes that SQLAlchemy does not know
        inspector = inspect(connection)
        tables = sorted(set(inspector.get_table_names(schema=schema or None)) - _partitions(connection, schema))
        others = sorted({*inspector.get_view_names(schema=schema or None), *_materialized(inspector, schema)})
        seen = [name for name in others if chosen(name, globs)]
        told = _tables(connection, inspector, schema, [name for name in tables if chosen(name, globs)])
        broken: list[LeftOut] = []
        for name in seen if views else ():
            try:  # each alone: a view whose tables are gone would hide all the others
                told += _tables(connection, inspector, schema, [name], view=True)
            except SQLAlchemyError:
                remedy = "Repair or drop it, or grant the right to read what it shows."
                broken.append(LeftOut(name=_named(schema, name), reason="a view that cannot be read", remedy=remedy))
    left = broken if views else [LeftOut(name=_named(schema, name), reason="a view", remedy="--views") for name in seen]
    for table in told:
        taken = [column.name for column in table.columns if column.name in RESERVED]
        if taken:
            reason = f"has a column '{taken[0]}', a name that is taken by provenance"
            left.append(LeftOut(name=table.physical_name, reason=reason, remedy="Read it through a view."))
        elif not table.columns:
            left.append(LeftOut(name=table.physical_name, reason="has no columns that this user may read"))
    out = {one.name for one in left}
    return SystemProfile(
        tables=tuple(table for table in told if table.physical_name not in out),
        left_out=tuple(left),
        known=tuple(_named(schema, name) for name in [*tables, *others]),
    )


def _tables(
    connection: Connection, inspector: Inspector, schema: str, names: Sequence[str], *, view: bool = False
) -> list[TableProfile]:
    catalog = _Catalog(inspector, schema, names)
    catalog.checks = {**catalog.checks, **_column_checks(connection, schema)}
    return [catalog.table(name, view=view, connection=connection) for name in names]


def schemas(connection: Connection) -> list[str]:
    """The schemas that hold tables, for whoever looked in an empty one."""
    inspector = inspect(connection)
    names = [name for name in inspector.get_schema_names() if name not in SYSTEM_SCHEMAS]
    return [name for name in names[:SCHEMAS_TOLD] if inspector.get_table_names(schema=name)]


def chosen(name: str, globs: Sequence[str]) -> bool:
    """Whether a table is asked for; the case of letters does not count."""
    return not globs or any(fnmatchcase(name.casefold(), glob.casefold()) for glob in globs)


def _named(schema: str, name: str) -> str:
    return f"{schema}.{name}" if schema else name


def _materialized(inspector: Inspector, schema: str) -> list[str]:
    try:
        return list(inspector.get_materialized_view_names(schema=schema or None))
    except NotImplementedError:
        return []


def _partitions(connection: Connection, schema: str) -> set[str]:
    """PostgreSQL's parts of a partitioned table, whose rows the whole table shows."""
    if connection.dialect.name != "postgresql":
        return set()
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relispartition AND n.nspname = coalesce(nullif(:schema, ''), current_schema())"
    )
    return set(connection.execute(query, {"schema": schema}).scalars())


def _column_checks(connection: Connection, schema: str) -> dict[str, list[dict[str, str]]]:
    """MariaDB's checks, those of single columns too, which SQLAlchemy does not see."""
    told: dict[str, list[dict[str, str]]] = {}
    if not getattr(connection.dialect, "is_mariadb", False):
        return told
    query = text(
        "SELECT table_name, check_clause FROM information_schema.check_constraints"
        " WHERE constraint_schema = coalesce(nullif(:schema, ''), database())"
    )
    for name, clause in connection.execute(query, {"schema": schema}):
        told.setdefault(name, []).append({"sqltext": clause})
    return told


class _Catalog:
    """The answers of the inspector for many tables at once; what a dialect cannot tell is empty."""

    def __init__(self, inspector: Inspector, schema: str, names: Sequence[str]) -> None:
        self.inspector, self.schema, self.names = inspector, schema, names
        self.columns = self._all(inspector.get_multi_columns)
        self.keys = self._all(inspector.get_multi_pk_constraint)
        self.uniques = self._all(inspector.get_multi_unique_constraints)
        self.indexes = self._all(inspector.get_multi_indexes)
        self.foreign = self._all(inspector.get_multi_foreign_keys)
        self.checks = self._all(inspector.get_multi_check_constraints)
        self.comments = self._all(inspector.get_multi_table_comment)

    def _all(self, ask: Callable[..., Any]) -> Mapping[str, Any]:
        if not self.names:
            return {}
        try:
            told = ask(schema=self.schema or None, filter_names=list(self.names), kind=ObjectKind.ANY)
        except NotImplementedError:
            return {}
        return {name: value for (_, name), value in told.items()}

    def table(self, name: str, *, view: bool, connection: Connection) -> TableProfile:
        checks = [str(one.get("sqltext") or "") for one in self.checks.get(name) or ()]
        return TableProfile(
            name=name,
            schema_name=self.schema,
            view=view,
            comment=_tidy((self.comments.get(name) or {}).get("text")),
            columns=tuple(_column(one, checks, connection) for one in self.columns.get(name) or ()),
            primary_key=tuple((self.keys.get(name) or {}).get("constrained_columns") or ()),
            uniques=tuple(dict.fromkeys(self._uniques(name))),
            references=tuple(self._references(name)),
        )

    def _uniques(self, name: str) -> Iterable[tuple[str, ...]]:
        for one in self.uniques.get(name) or ():
            yield tuple(one["column_names"])
        for index in self.indexes.get(name) or ():
            partial = any("where" in option for option in (index.get("dialect_options") or {}))
            if index.get("unique") and not partial and None not in index["column_names"] and index["column_names"]:
                yield tuple(index["column_names"])

    def _references(self, name: str) -> Iterable[Reference]:
        seen = defaultdict(int)  # type: ignore[var-annotated]  # of tuples, only counted
        for one in self.foreign.get(name) or ():
            to = one["referred_table"]
            schema = one.get("referred_schema") or self.schema
            columns, theirs = tuple(one["constrained_columns"]), tuple(one["referred_columns"])
            if not theirs:  # SQLite: REFERENCES other, without columns, means its primary key
                theirs = tuple((self.keys.get(to) or {}).get("constrained_columns") or ())
            seen[columns, to] += 1
            if len(columns) == len(theirs) and columns and seen[columns, to] == 1:
                yield Reference(columns=columns, table=_named(schema, to), to_columns=theirs)


def _column(one: Mapping[str, Any], checks: Sequence[str], connection: Connection) -> ColumnProfile:
    name, kind = str(one["name"]), one["type"]
    told = "" if isinstance(kind, NullType) else str(kind.compile(dialect=connection.dialect)).lower()
    return ColumnProfile(
        name=name,
        declared=told,
        family=family(kind),
        scale=scale(kind),
        nullable=bool(one.get("nullable", True)),
        comment=_tidy(one.get("comment")),
        allowed=listed(kind, name, checks),
    )


def _tidy(comment: Any) -> str:
    return " ".join(str(comment).split()) if comment else ""
