"""Retention: rules, and their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables. There is no rule at first: everything is kept."""
    op.create_table(
        "retention_rules",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("repositories", sa.String, nullable=False),
        sa.Column("keep_newest", sa.Integer),
        sa.Column("keep_days", sa.Integer),
        sa.Column("keep_tags", sa.String, nullable=False),
        sa.Column("untagged_days", sa.Integer),
        sa.Column("may_take_last_tag", sa.Boolean, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("seen_terms", sa.String, nullable=False),
        sa.Column("seen_above", sa.String, nullable=False),
        sa.Column("seen_at", sa.DateTime),
        sa.Column("seen_by", sa.String, nullable=False),
        sa.Column("why_off", sa.String, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_retention_rules_position", "retention_rules", ["position", "id"])
    op.create_table(
        "retention_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("outcome", sa.String(40)),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("tags_foreseen", sa.Integer, nullable=False),
        sa.Column("untagged_foreseen", sa.Integer, nullable=False),
        sa.Column("bytes_foreseen", sa.Integer),
        sa.Column("tags_taken", sa.Integer, nullable=False),
        sa.Column("untagged_taken", sa.Integer, nullable=False),
    )
    op.create_index("ix_retention_runs_outcome", "retention_runs", ["outcome", "id"])
    op.create_table(
        "retention_parts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("retention_runs.id"), nullable=False),
        sa.Column("rule_id", sa.Integer, nullable=False),
        sa.Column("rule_name", sa.String, nullable=False),
        sa.Column("repository", sa.String, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("tags", sa.Integer, nullable=False),
        sa.Column("tags_foreseen", sa.Integer, nullable=False),
        sa.Column("untagged_foreseen", sa.Integer, nullable=False),
        sa.Column("bytes_foreseen", sa.Integer),
        sa.Column("tags_taken", sa.Integer, nullable=False),
        sa.Column("untagged_taken", sa.Integer, nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("differences", sa.String, nullable=False),
        sa.Column("removal_id", sa.Integer),
        sa.Column("answered_by", sa.String, nullable=False),
    )
    op.create_index("ix_retention_parts_run_id", "retention_parts", ["run_id", "id"])
    op.create_index("ix_retention_parts_state", "retention_parts", ["state", "id"])


def downgrade() -> None:
    """Back to the tables of 0015."""
    op.drop_table("retention_parts")
    op.drop_table("retention_runs")
    op.drop_table("retention_rules")
