"""The ledger's tables. They only ever grow: what is true now is the newest row, what was true then stays readable.

Migrations make these tables; a change here is a further migration, and a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect

HEAD = "0006"  # the newest migration; kept here so that opening an up-to-date ledger loads no migration library
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment to the microsecond, in databases that keep zones and in those that do not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """MariaDB and MySQL cut to whole seconds unless told otherwise."""
        kept = mysql.DATETIME(fsp=6) if dialect.name in ("mysql", "mariadb") else DateTime(timezone=True)
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in, else ValueError: a time without a zone is a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes aware times only")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware UTC out."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _long() -> Text:
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _serial() -> Column[int]:
    kept = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows only in an INTEGER key
    return Column("id", kept, primary_key=True, autoincrement=True)


def _id(name: str = "id", **options: Any) -> Column[str]:
    return Column(name, String(64), **options)


def _name(name: str, length: int = 255) -> Column[str]:
    return Column(name, String(length), nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _at(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=nullable)


def _text(name: str) -> Column[str]:
    return Column(name, _long(), nullable=False)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


RECORDINGS = Table(  # one look at one stage of one dataset; its findings replace those of the look before
    "recordings", METADATA,
    _serial(), _name("run_id", 64), _name("dataset", 64), _name("stage", 16), _at("at"),
    Index(None, "dataset", "stage", "id"),
)  # fmt: skip
FINDINGS = Table(
    "findings", METADATA,
    _serial(), Column("recording_id", ForeignKey("recordings.id"), nullable=False), _name("finding_id", 16),
    _text("rule"), _name("dataset", 64), _name("stage", 16), _name("severity", 16), _count("count"), _name("unit", 32),
    _text("message"), _json("sample_keys"), _json("evidence"), _text("owner"), _text("remedy"),
    Column("blocking", Boolean, nullable=False),
    Index(None, "recording_id"), Index(None, "finding_id"),
)  # fmt: skip
ACCOUNTS = Table(
    "accounts", METADATA,
    _serial(), _name("dataset", 64), _name("run_id", 64), _at("at"), _count("read"), _count("indexed"),
    _count("quarantined"), _count("filtered"), _count("duplicate"), _count("failed"), _count("documents"),
    _count("embedded"), _count("index_version"), _json("missing_keys"),
    Index(None, "dataset", "id"),
)  # fmt: skip
STATES = Table(
    "states", METADATA,
    _serial(), _name("dataset", 64), _name("stage", 16), _name("run_id", 64), _at("checked_at"),
    _name("fingerprint", 128), Column("changed", Boolean, nullable=False),
    Index(None, "dataset", "stage", "id"),
)  # fmt: skip
QUARANTINE_DECISIONS = Table(
    "quarantine_decisions", METADATA,
    _serial(), _name("dataset", 64), _name("row_id", 32), _text("key"), _text("location"),
    Column("position", BigInteger, nullable=True), _name("kind", 16), _text("rule"), _text("field"), _text("value"),
    Column("sealed", Boolean, nullable=False), _name("taken", 32), _name("key_mark", 32), _name("by"),
    _text("reason"), _at("at"),
    Index(None, "dataset", "id"),
)  # fmt: skip
QUARANTINE_SIGHTINGS = Table(  # a row when it enters quarantine for a rule, and another one when it is out again
    "quarantine_sightings", METADATA,
    _serial(), _name("dataset", 64), _name("row_id", 32), _text("rule"), _name("run_id", 64), _at("first_seen"),
    _at("last_seen"), _at("resolved_at", nullable=True), Column("outcome", String(16), nullable=True),
    Index(None, "dataset", "row_id"),
)  # fmt: skip
READINESS_SCORES = Table(  # a row whenever the evidence of a subject differs; a time without one moved nothing
    "readiness_scores", METADATA,
    _serial(), _name("subject", 64), _name("kind", 16), _at("at"), _name("run_id", 64),
    Column("total", Double, nullable=False), Column("known", Boolean, nullable=False), _json("dimensions"),
    _name("fingerprint", 64),
    Index(None, "subject", "id"),
)  # fmt: skip
HELD_CHANGES = Table(  # what a run did not take, once for each run that held it; `since` is when it was first held
    "held_changes", METADATA,
    _serial(), _name("run_id", 64), _name("dataset", 64), _name("stage", 16), _text("rule"), _name("kind", 16),
    _name("fingerprint", 64), _count("before"), _count("after"), _name("unit", 32),
    Column("share", Double, nullable=False), Column("threshold", Double, nullable=False), _text("message"),
    _json("sample_keys"), _text("owner"), _at("at"), _at("since"),
    Index(None, "dataset", "stage"), Index(None, "run_id"),
)  # fmt: skip
APPROVALS = Table(
    "approvals", METADATA,
    _serial(), Column("held_id", ForeignKey("held_changes.id"), nullable=False), _name("by"), _text("reason"),
    Column("allow_empty", Boolean, nullable=False), _at("at"),
    Index(None, "held_id"),
)  # fmt: skip
HELD_ENDS = Table(  # a table of its own, so that the end of the waiting rewrites no row
    "held_ends", METADATA,
    Column("held_id", ForeignKey("held_changes.id"), primary_key=True), _name("outcome", 16), _name("run_id", 64),
    _at("at"),
)  # fmt: skip
ALERT_SENDINGS = Table(  # `opening` is the recording that opened the finding: once told, never again in that opening
    "alert_sendings", METADATA,
    _serial(), _name("channel", 64), _name("finding_id", 16), _count("opening"), _name("run_id", 64),
    _name("outcome", 16), _text("detail"), _at("at"),
    Index(None, "channel", "finding_id"),
)  # fmt: skip
ENTITY_DECISIONS = Table(  # what a person said about a pair of records; the last word about a pair counts
    "entity_decisions", METADATA,
    _serial(), _name("entity", 64), _name("left_dataset", 64), _name("left_id", 32), _text("left_key"),
    _name("right_dataset", 64), _name("right_id", 32), _text("right_key"), Column("same", Boolean, nullable=False),
    _name("key_mark", 32), _name("by"), _text("reason"), _at("at"),
    Index(None, "entity", "id"),
)  # fmt: skip
SESSIONS = Table(
    "sessions", METADATA,
    _id(primary_key=True), _name("channel", 16), _name("principal"), _at("started_at"),
)  # fmt: skip
SESSION_ENDS = Table(  # a table of its own, so that ending a session rewrites no row
    "session_ends", METADATA,
    _id("session_id", primary_key=True), _at("ended_at"), _name("end_type", 32),
)  # fmt: skip
INTERACTIONS = Table(
    "interactions", METADATA,
    _id(primary_key=True), _id("session_id", nullable=False), _count("position"), _name("type", 32), _name("topic"),
    _at("started_at"), _at("ended_at", nullable=True), _id("previous_id"), _id("trace_id"), _json("attributes"),
    Index(None, "session_id", "position"),
)  # fmt: skip
STEPS = Table(
    "steps", METADATA,
    _id(primary_key=True), _id("interaction_id", nullable=False), _count("position"), _name("type", 32), _name("name"),
    _text("input"), _text("output"), _text("error"), _at("started_at"), _at("ended_at", nullable=True),
    _id("previous_id"), _json("attributes"),
    Index(None, "interaction_id", "position"),
)  # fmt: skip
MESSAGES = Table(
    "messages", METADATA,
    _id(primary_key=True), _id("session_id", nullable=False), _id("interaction_id", nullable=False), _count("position"),
    _name("type", 16), _text("content"), _name("content_type", 64), _at("sent_at"),
    Index(None, "interaction_id", "position"),
)  # fmt: skip
