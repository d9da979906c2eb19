"""What people decided about pairs of records: the same thing, or not."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from ledger.tables import UtcDateTime

revision = "0003"
down_revision = "0002"

MOMENT = UtcDateTime()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "entity_decisions",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("left_dataset", sa.String(length=64), nullable=False),
        sa.Column("left_id", sa.String(length=32), nullable=False),
        sa.Column("left_key", LONG, nullable=False),
        sa.Column("right_dataset", sa.String(length=64), nullable=False),
        sa.Column("right_id", sa.String(length=32), nullable=False),
        sa.Column("right_key", LONG, nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("key_mark", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("reason", LONG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity_decisions")),
    )
    op.create_index(op.f("ix_entity_decisions_entity_id"), "entity_decisions", ["entity", "id"], unique=False)
