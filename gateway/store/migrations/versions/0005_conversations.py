"""When the carrier had a text: the order in which the person wrote. What is known of a person's safety."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("sent_at", sa.Float(), nullable=True))
    op.create_table(
        "people",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("address", name="people_pkey"),
    )


def downgrade() -> None:
    op.drop_table("people")
    op.drop_column("messages", "sent_at")
