"""The table of applied changes, `landbridge_changes`: one row per id, beside the table that was changed.

It is written in the same transaction as the changes, first of all: whoever comes second with the same id waits for the
first, and then finds its row. So a call may be repeated after any crash, also one in the middle of a COMMIT.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import CHAR, Column, Connection, DateTime, Integer, MetaData, String, Table, insert, inspect, select
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from connectors.sql.writing.models import ChangeSet
from connectors.sql.writing.refusals import SetupNeeded
from connectors.sql.writing.targets import Target

NAME = "landbridge_changes"


class Applied(NamedTuple):
    """What is known of changes that were applied."""

    digest: str
    at: datetime


def journal(schema: str | None) -> Table:
    """The table in its schema. MariaDB compares text without case; an id is compared as it is."""
    exact = String(200).with_variant(mysql.VARCHAR(200, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    moment = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    return Table(
        NAME, MetaData(),
        Column("id", exact, primary_key=True),
        Column("digest", CHAR(64), nullable=False),
        Column("dataset", String(200), nullable=False),
        Column("changes", Integer, nullable=False),
        Column("author", String(200), nullable=False),
        Column("approver", String(200), nullable=False),
        Column("applied_at", moment, nullable=False),  # UTC
        schema=schema, mysql_engine="InnoDB", mysql_charset="utf8mb4", mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )  # fmt: skip


def ddl(connection: Connection, target: Target) -> str:
    """The statement that makes the table, for whoever may run it."""
    made = CreateTable(journal(target.schema)).compile(dialect=connection.dialect)
    return " ".join(str(made).split()) + ";"


def exists(connection: Connection, target: Target) -> bool:
    """Whether the table of applied changes is there, and not hidden from this account."""
    return NAME in inspect(connection).get_table_names(schema=target.schema)


def prepare(connection: Connection, target: Target) -> None:
    """Make the table where it is missing, in a transaction of its own: MariaDB would commit a running one."""
    if exists(connection, target):
        connection.rollback()
        return
    statement = ddl(connection, target)
    connection.rollback()
    try:
        connection.execute(CreateTable(journal(target.schema)))
        connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        connection.rollback()
        made = exists(connection, target)  # by somebody else at the same moment
        connection.rollback()
        if not made:
            what = f"the table '{NAME}' is missing or hidden, and may not be made here"
            raise SetupNeeded(target.source.name, target.dataset.name, what, statement) from None


def applied(connection: Connection, target: Target, id: str) -> Applied | None:  # noqa: A002  # its name in the table
    """What was applied under an id."""
    table = journal(target.schema)
    row = connection.execute(select(table.c.digest, table.c.applied_at).where(table.c.id == id)).first()
    if row is None:
        return None
    at: datetime = row[1]
    return Applied(str(row[0]), at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))


def record(connection: Connection, target: Target, changes: ChangeSet, at: datetime) -> None:
    """Claim the id; an IntegrityError where somebody else just did."""
    utc = at.astimezone(UTC)
    moment = utc if connection.dialect.name == "postgresql" else utc.replace(tzinfo=None)
    connection.execute(
        insert(journal(target.schema)).inline().values(
            id=changes.id, digest=changes.digest, dataset=changes.dataset, changes=len(changes.changes),
            author=changes.author, approver=changes.approver, applied_at=moment,
        )
    )  # fmt: skip
