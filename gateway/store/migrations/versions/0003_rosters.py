"""Shifts, and the files they were imported from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rosters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("begins", sa.Float(), nullable=False),
        sa.Column("ends", sa.Float(), nullable=False),
        sa.Column("centres", sa.Text(), nullable=False),
        sa.Column("shifts", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "shifts",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("begins", sa.Float(), nullable=False),
        sa.Column("ends", sa.Float(), nullable=False),
        sa.Column("centre", sa.Text(), nullable=False),
        sa.Column("roster", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "begins"),
    )
    op.create_index("ix_shifts_begins", "shifts", ["begins"], unique=False)


def downgrade() -> None:
    op.drop_table("shifts")
    op.drop_table("rosters")
