"""The table behind a dataset, looked at before anything is written to it: may it be, and which of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.exc import NoSuchTableError

from catalog.models import Dataset, Source
from connectors.sql.tables import reflected
from connectors.sql.writing.columns import MYSQL, places
from connectors.sql.writing.holding import Holding, why_closed
from connectors.sql.writing.refusals import NotWritable

TRIGGERS = {  # what fires when rows of a table change
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(:name)",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(:qualified)",
    "mysql": "SELECT trigger_name FROM information_schema.triggers"
    " WHERE event_object_table = :name AND event_object_schema = coalesce(:schema, database())",
}
TRIGGERS["mariadb"] = TRIGGERS["mysql"]
_SCHEMA = (
    "SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE pg_class.oid = to_regclass(:it)"
)
_ENGINE = (
    "SELECT t.engine, e.transactions FROM information_schema.tables t"
    " LEFT JOIN information_schema.engines e ON e.engine = t.engine"
    " WHERE t.table_name = :name AND t.table_schema = coalesce(:schema, database())"
)


@dataclass(frozen=True)
class Target:
    """A table that may be written, with the fields it holds and those it does not."""

    source: Source
    dataset: Dataset
    table: Table
    schema: str | None  # where the table stands, also where the contract does not say
    holdings: Mapping[str, Holding]
    closed: Mapping[str, str]  # field -> why it cannot be written or compared
    triggers: tuple[str, ...]

    @property
    def name(self) -> str:
        """The table's name with its schema."""
        return f"{self.schema}.{self.table.name}" if self.schema else str(self.table.name)

    @property
    def hidden(self) -> bool:
        """Whether the key may not be told."""
        return any(self.dataset.field(name).personal for name in self.dataset.key)


def target(connection: Connection, source: Source, dataset: Dataset) -> Target:
    """The table of a dataset; NotWritable where it is none or cannot be changed all or nothing."""
    table = _table(connection, source, dataset)
    known = places(connection, table)
    holdings, closed = {}, {}
    for field in dataset.fields:
        place = known.get(field.physical_name)
        reason = why_closed(field, place)
        if reason or place is None:
            closed[field.name] = reason
        else:
            holdings[field.name] = Holding(field, place)
    shut = [name for name in dataset.key if name in closed]
    if shut or not dataset.key:
        what = f"the key field '{shut[0]}' {closed[shut[0]]}" if shut else "the contract declares no primary key"
        raise NotWritable(
            source.name, dataset.name, f"no row can be named: {what}",
            "A dataset is written back where its key is plain.",
        )  # fmt: skip
    schema = _schema(connection, table)
    _transactional(connection, source, dataset, table)
    return Target(source, dataset, table, schema, holdings, closed, _triggers(connection, table))


def unique_key(connection: Connection, target: Target) -> bool:
    """Whether the database itself allows a key once."""
    inspector, name, schema = inspect(connection), str(target.table.name), target.table.schema
    key = {target.holdings[field].place.name for field in target.dataset.key}
    found = [inspector.get_pk_constraint(name, schema)["constrained_columns"]]
    found += [list(one["column_names"]) for one in inspector.get_unique_constraints(name, schema)]
    for index in inspector.get_indexes(name, schema):
        whole = not any("where" in option for option in index.get("dialect_options", {}))
        if index.get("unique") and whole:
            found.append(
                [one for one in index["column_names"] if one is not None] if None not in index["column_names"] else []
            )
    return any(columns and set(columns) <= key for columns in found)


def _table(connection: Connection, source: Source, dataset: Dataset) -> Table:
    if dataset.query:
        raise NotWritable(
            source.name, dataset.name, "it is read by a query, and no row of a query can be changed",
            "Write a contract for the table itself.",
        )  # fmt: skip
    try:
        table = reflected(connection, dataset)
    except NoSuchTableError:
        raise NotWritable(
            source.name, dataset.name, f"there is no table '{dataset.physical_name}' that the writing account sees",
            "Correct the contract's physicalName, or grant the right to read it.",
        ) from None  # fmt: skip
    names = {name.lower() for name in inspect(connection).get_table_names(schema=table.schema)}
    visible = str(table.name).lower() in names or connection.dialect.name == "postgresql"
    if not visible or (connection.dialect.name == "postgresql" and _relation(connection, table) not in ("r", "p")):
        raise NotWritable(
            source.name, dataset.name, f"'{table.name}' is a view or another kind of relation, and no table",
            "Write a contract for the table beneath it.",
        )  # fmt: skip
    return table


def _qualified(connection: Connection, table: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


def _relation(connection: Connection, table: Table) -> str:
    query = text("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(:it)")
    return str(connection.scalar(query, {"it": _qualified(connection, table)}))


def _schema(connection: Connection, table: Table) -> str | None:
    """The schema a table stands in; a search path may have found it anywhere."""
    if table.schema or connection.dialect.name != "postgresql":
        return table.schema
    return str(connection.scalar(text(_SCHEMA), {"it": _qualified(connection, table)}))


def _transactional(connection: Connection, source: Source, dataset: Dataset, table: Table) -> None:
    if connection.dialect.name not in MYSQL:
        return
    engine = connection.execute(text(_ENGINE), {"name": str(table.name), "schema": table.schema}).first()
    if engine is None or str(engine[1]).upper() != "YES":
        kind = engine[0] if engine else "unknown"
        raise NotWritable(
            source.name, dataset.name, f"the engine {kind} of '{table.name}' has no transactions, and half a change "
            "could stay", f"Ask its owner for ALTER TABLE {_qualified(connection, table)} ENGINE = InnoDB.",
        )  # fmt: skip


def _triggers(connection: Connection, table: Table) -> tuple[str, ...]:
    query = TRIGGERS.get(connection.dialect.name)
    if query is None:
        return ()
    known = {"name": str(table.name), "schema": table.schema, "qualified": _qualified(connection, table)}
    asked = {name: value for name, value in known.items() if f":{name}" in query}
    return tuple(sorted(str(name) for name in connection.scalars(text(query), asked)))
