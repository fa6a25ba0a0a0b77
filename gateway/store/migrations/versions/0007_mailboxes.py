"""Mail that is known again when a mailbox's UIDs change, and mail that is to be moved into another folder."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("reread_to", "listed_to"):
        op.add_column("cursors", sa.Column(column, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "known_mail",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "fingerprint"),
    )
    op.create_table(
        "mail_to_file",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uid_validity", "uid"),
    )


def downgrade() -> None:
    op.drop_table("mail_to_file")
    op.drop_table("known_mail")
    for column in ("listed_to", "reread_to"):
        op.drop_column("cursors", column)
