"""Until when a recording is kept, and whether it still is. Those from before are kept for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("keep_until", sa.Float(), nullable=True))
    op.add_column("recordings", sa.Column("held", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("recordings", sa.Column("state", sa.Text(), server_default="kept", nullable=False))
    op.create_index("ix_recordings_due", "recordings", ["state", "keep_until"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_recordings_due", table_name="recordings")
    for column in ("state", "held", "keep_until"):
        op.drop_column("recordings", column)
