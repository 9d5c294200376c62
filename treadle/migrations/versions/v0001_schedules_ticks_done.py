"""Schedules, ticks and jobs done"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("last_due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        schema="treadle",
    )
    op.create_table(
        "ticks",
        sa.Column("schedule", sa.Text, primary_key=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), primary_key=True),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rung_at", sa.TIMESTAMP(timezone=True)),
        schema="treadle",
    )
    # Schedulers keep asking which ticks have not been sent; nearly all have.
    op.create_index(
        "ticks_not_rung",
        "ticks",
        ["due_at"],
        schema="treadle",
        postgresql_where=sa.text("rung_at IS NULL"),
    )
    op.create_table(
        "done",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("follow_ups", sa.LargeBinary, nullable=False, server_default=sa.text("''")),
        schema="treadle",
    )


def downgrade() -> None:
    op.drop_table("done", schema="treadle")
    op.drop_table("ticks", schema="treadle")
    op.drop_table("schedules", schema="treadle")
