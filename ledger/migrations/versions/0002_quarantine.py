"""The quarantine as a workplace: what people decided about rows, and when rows came in and went out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from ledger.tables import UtcDateTime

revision = "0002"
down_revision = "0001"

MOMENT = UtcDateTime()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "quarantine_decisions",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("row_id", sa.String(length=32), nullable=False),
        sa.Column("key", LONG, nullable=False),
        sa.Column("location", LONG, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("rule", LONG, nullable=False),
        sa.Column("field", LONG, nullable=False),
        sa.Column("value", LONG, nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("taken", sa.String(length=32), nullable=False),
        sa.Column("key_mark", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("reason", LONG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine_decisions")),
    )
    op.create_index(op.f("ix_quarantine_decisions_dataset_id"), "quarantine_decisions", ["dataset", "id"], unique=False)
    op.create_table(
        "quarantine_sightings",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("row_id", sa.String(length=32), nullable=False),
        sa.Column("rule", LONG, nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.Column("resolved_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine_sightings")),
    )
    op.create_index(
        op.f("ix_quarantine_sightings_dataset_row_id"), "quarantine_sightings", ["dataset", "row_id"], unique=False
    )
