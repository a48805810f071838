"""Unattended: windows and what became of them, holds, notices and what was sent about them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables. A run of before belonged to no window."""
    with op.batch_alter_table("runs") as batch:
        batch.add_column(sa.Column("ends_by", sa.DateTime, nullable=True))
        batch.add_column(sa.Column("obstacle", sa.String, nullable=False, server_default=""))
    with op.batch_alter_table("runs", recreate="always") as batch:
        batch.alter_column("obstacle", server_default=None)
    op.create_index("ix_runs_ended", "runs", ["kind", "id"], sqlite_where=sa.text("outcome IS NOT NULL"))
    op.create_table(
        "windows",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("weekdays", sa.String, nullable=False),
        sa.Column("starts", sa.String, nullable=False),
        sa.Column("zone", sa.String, nullable=False),
        sa.Column("longest_s", sa.Integer, nullable=False),
        sa.Column("least_bytes", sa.Integer, nullable=False),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("paused_until", sa.DateTime, nullable=True),
        sa.Column("planned_from", sa.DateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("ended_at", sa.DateTime, nullable=True),
    )
    op.create_index("ix_windows_ended_at", "windows", ["ended_at"])
    op.create_table(
        "occurrences",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("window_id", sa.Integer, sa.ForeignKey("windows.id"), nullable=False),
        sa.Column("planned_at", sa.DateTime, nullable=False),
        sa.Column("noted_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(40), nullable=True),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("run_id", sa.Integer, nullable=True),
        sa.UniqueConstraint("window_id", "planned_at"),
    )
    op.create_index("ix_occurrences_planned_at", "occurrences", ["planned_at", "id"])
    op.create_index("ix_occurrences_run_id", "occurrences", ["run_id"])
    op.create_index("ix_occurrences_open", "occurrences", ["id"], sqlite_where=sa.text("state IS NULL"))
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token", sa.String, nullable=False, unique=True),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("activity_id", sa.Integer, nullable=False),
        sa.Column("fencing_token", sa.Integer, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("held_at", sa.DateTime, nullable=True),
        sa.Column("finished_at", sa.DateTime, nullable=True),
        sa.Column("outcome", sa.String(40), nullable=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("stopped_by", sa.String, nullable=False),
    )
    op.create_index("ix_holds_outcome", "holds", ["outcome"])
    op.create_index("ix_holds_held_at", "holds", ["held_at"])
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime, nullable=True),
    )
    op.create_index(
        "ix_notices_open", "notices", ["kind", "subject"], unique=True, sqlite_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_notices_began_at", "notices", ["began_at", "id"])
    op.create_index("ix_notices_ended_at", "notices", ["ended_at"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("notice_id", sa.Integer, sa.ForeignKey("notices.id"), nullable=True),
        sa.Column("occurrence_id", sa.Integer, nullable=True, unique=True),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("next_try_at", sa.DateTime, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "next_try_at"])
    op.create_index("ix_deliveries_notice_id", "deliveries", ["notice_id", "made_at"])
