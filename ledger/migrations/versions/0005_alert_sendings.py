"""What was told to whom: every attempt to send a finding to a channel, and how it ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from ledger.tables import UtcDateTime

revision = "0005"
down_revision = "0004"

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "alert_sendings",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("finding_id", sa.String(length=16), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", LONG, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_sendings")),
    )
    op.create_index(
        op.f("ix_alert_sendings_channel_finding_id"), "alert_sendings", ["channel", "finding_id"], unique=False
    )
