"""What is counted: waits, handlings and spells of presence, drawn from the journal; and how far it was read."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _moment(name: str, *, always: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=not always)


def _yes_or_no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "waits",
        sa.Column("id", sa.Text(), primary_key=True),
        *_text("reference", "queue", "channel"),
        _yes_or_no("again"),
        _moment("arrived_at", always=True),
        _moment("began_at"),
        _moment("ended_at"),
        *_text("outcome"),
        _yes_or_no("emergency"),
        *_text("handler", "centre", "through"),
        _moment("at", always=True),
    )
    op.create_index("ix_waits_at", "waits", ["at"])
    op.create_table(
        "handlings",
        sa.Column("id", sa.Text(), primary_key=True),
        *_text("reference", "queue", "channel", "activity", "handler", "centre"),
        _moment("began_at", always=True),
        _moment("talked_until"),
        _moment("ended_at"),
        _moment("hold_seconds", always=True),
        _yes_or_no("reached"),
    )
    op.create_index("ix_handlings_began_at", "handlings", ["began_at"])
    op.create_index("ix_handlings_over", "handlings", ["ended_at", "began_at"])
    op.create_table(
        "spells",
        sa.Column("id", sa.Text(), primary_key=True),
        *_text("handler", "centre", "state", "reason"),
        _moment("began_at", always=True),
        _moment("ended_at"),
    )
    op.create_index("ix_spells_began_at", "spells", ["began_at"])
    op.create_index("ix_spells_over", "spells", ["ended_at", "began_at"])
    op.create_table("ledger", sa.Column("key", sa.Text(), primary_key=True), *_text("document"))


def downgrade() -> None:
    for table in ("ledger", "spells", "handlings", "waits"):
        op.drop_table(table)
