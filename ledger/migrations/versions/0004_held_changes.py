"""The circuit breaker: changes that wait for a person, who approved them, and how the waiting ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from ledger.tables import UtcDateTime

revision = "0004"
down_revision = "0003"

MOMENT = UtcDateTime()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "held_changes",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("rule", LONG, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("message", LONG, nullable=False),
        sa.Column("sample_keys", sa.JSON(), nullable=False),
        sa.Column("owner", LONG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_changes")),
    )
    op.create_index(op.f("ix_held_changes_dataset_stage"), "held_changes", ["dataset", "stage"], unique=False)
    op.create_index(op.f("ix_held_changes_run_id"), "held_changes", ["run_id"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("held_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("reason", LONG, nullable=False),
        sa.Column("allow_empty", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["held_id"], ["held_changes.id"], name=op.f("fk_approvals_held_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_held_id"), "approvals", ["held_id"], unique=False)
    op.create_table(
        "held_ends",
        sa.Column("held_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["held_id"], ["held_changes.id"], name=op.f("fk_held_ends_held_id")),
        sa.PrimaryKeyConstraint("held_id", name=op.f("pk_held_ends")),
    )
