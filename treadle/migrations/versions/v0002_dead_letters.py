"""Dead letters"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("first_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("last_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("died_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("redrives", sa.Integer, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="dead"),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("changed_by", sa.Text, nullable=False, server_default=""),
        sa.Column("changed_why", sa.Text, nullable=False, server_default=""),
        schema="treadle",
    )
    op.create_index("dead_letters_job", "dead_letters", ["job_id"], schema="treadle")
    op.create_index(
        "dead_letters_still_dead",
        "dead_letters",
        ["died_at"],
        schema="treadle",
        postgresql_where=sa.text("state = 'dead'"),
    )
    # Where the follower of the topics continues; changes together with the dead letters.
    op.create_table(
        "dead_positions",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        schema="treadle",
    )


def downgrade() -> None:
    op.drop_table("dead_positions", schema="treadle")
    op.drop_table("dead_letters", schema="treadle")
