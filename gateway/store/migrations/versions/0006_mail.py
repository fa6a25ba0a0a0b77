"""What the mail server found out about a sender, a mail's language, blocked addresses, and quick counts by address."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("authentication", "language"):
        op.add_column("messages", sa.Column(column, sa.Text(), server_default=sa.text("''"), nullable=False))
    for address in ("sender", "recipient"):
        op.create_index(f"ix_messages_{address}", "messages", [sa.text(f"lower({address})"), "at"], unique=False)
    op.create_table(
        "blocks",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("address"),
    )


def downgrade() -> None:
    op.drop_table("blocks")
    for address in ("recipient", "sender"):
        op.drop_index(f"ix_messages_{address}", table_name="messages")
    for column in ("language", "authentication"):
        op.drop_column("messages", column)
