"""Mail that is to be moved is known again when a mailbox's UIDs change."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mail_to_file", sa.Column("fingerprint", sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    op.drop_column("mail_to_file", "fingerprint")
