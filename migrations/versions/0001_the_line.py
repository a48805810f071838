"""The line: registry, removals, activities, accounts, runs, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables. Names of constraints come from the naming convention of `webapp.database.Base`."""
    op.create_table(
        "activities",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("repository", sa.String, nullable=True),
        sa.Column("tag", sa.String, nullable=True),
        sa.Column("digest", sa.String, nullable=True),
        sa.Column("removal_id", sa.Integer, nullable=True),
        sa.Column("run_id", sa.Integer, nullable=True),
        sa.Column("place", sa.String, nullable=False),
    )
    op.create_index("ix_activities_actor_at", "activities", ["actor", "at", "id"])
    op.create_index("ix_activities_at", "activities", ["at", "id"])
    op.create_index("ix_activities_kind_at", "activities", ["kind", "at", "id"])
    op.create_index("ix_activities_repository_at", "activities", ["repository", "at", "id"])
    op.create_table(
        "failed_attempts",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime, nullable=False),
        sa.Column("wait_until", sa.DateTime, nullable=False),
    )
    op.create_index("ix_failed_attempts_last_at", "failed_attempts", ["last_at"])
    op.create_table(
        "keeper_seen",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("readiness", sa.String(40), nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("registry_version", sa.String, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("boot_id", sa.String, nullable=False),
        sa.Column("ends_boottime_s", sa.Double, nullable=False),
    )
    op.create_table(
        "manifests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("image_size_bytes", sa.Integer, nullable=True),
        sa.Column("artifact_type", sa.String, nullable=False),
        sa.Column("platforms", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=True),
        sa.Column("labels", sa.String, nullable=False),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "registry_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("mode_since", sa.DateTime, nullable=True),
        sa.Column("mode_sentence", sa.String, nullable=False),
        sa.Column("may_list", sa.Boolean, nullable=True),
        sa.Column("may_delete", sa.Boolean, nullable=True),
        sa.Column("generation", sa.String, nullable=False),
        sa.Column("checked_at", sa.DateTime, nullable=True),
        sa.Column("scheduler_seen_at", sa.DateTime, nullable=True),
        sa.Column("sync_started_at", sa.DateTime, nullable=True),
        sa.Column("sync_finished_at", sa.DateTime, nullable=True),
        sa.Column("sync_complete_at", sa.DateTime, nullable=True),
        sa.Column("sync_problem", sa.String, nullable=False),
        sa.Column("repositories_total", sa.Integer, nullable=True),
        sa.Column("repositories_done", sa.Integer, nullable=False),
        sa.Column("doubt", sa.String, nullable=False),
        sa.Column("doubt_since", sa.DateTime, nullable=True),
        sa.Column("doubt_digest", sa.String, nullable=False),
        sa.Column("doubt_accepted", sa.String, nullable=False),
    )
    op.create_table(
        "removals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request_key", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime, nullable=True),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("repository", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("fencing_token", sa.Integer, nullable=False),
        sa.Column("bytes_freed", sa.Integer, nullable=True),
        sa.Column("notice", sa.String, nullable=False),
        sa.UniqueConstraint("request_key"),
    )
    op.create_index("ix_removals_repository", "removals", ["repository"])
    op.create_index("ix_removals_state", "removals", ["state", "repository"])
    op.create_table(
        "repositories",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("namespace", sa.String, nullable=False),
        sa.Column("first_seen_at", sa.DateTime, nullable=False),
        sa.Column("synced_at", sa.DateTime, nullable=True),
        sa.Column("changed_at", sa.DateTime, nullable=True),
        sa.Column("tag_count", sa.Integer, nullable=False),
        sa.Column("image_count", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_repositories_listed", "repositories", ["tag_count", "name"])
    op.create_index("ix_repositories_namespace", "repositories", ["namespace"])
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("activity_id", sa.Integer, nullable=False),
        sa.Column("token", sa.String, nullable=False),
        sa.Column("fencing_token", sa.Integer, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime, nullable=True),
        sa.Column("outcome", sa.String(40), nullable=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("bytes_predicted", sa.Integer, nullable=True),
        sa.Column("bytes_freed", sa.Integer, nullable=True),
        sa.Column("blobs", sa.Integer, nullable=True),
        sa.Column("manifests", sa.Integer, nullable=True),
        sa.Column("seconds_without_push", sa.Double, nullable=True),
        sa.Column("output", sa.LargeBinary, nullable=True),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_runs_outcome", "runs", ["outcome"])
    op.create_index("ix_runs_started_at", "runs", ["started_at", "id"])
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64, collation="NOCASE"), nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("disabled_at", sa.DateTime, nullable=True),
        sa.Column("password_changed_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "journal_manifests",
        sa.Column("removal_id", sa.Integer, sa.ForeignKey("removals.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_journal_manifests_digest", "journal_manifests", ["digest"])
    op.create_table(
        "manifest_descriptors",
        sa.Column("manifest_id", sa.Integer, sa.ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("platform", sa.String, nullable=False),
    )
    op.create_index("ix_manifest_descriptors_digest", "manifest_descriptors", ["digest"])
    op.create_table(
        "removal_steps",
        sa.Column("removal_id", sa.Integer, sa.ForeignKey("removals.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=True),
        sa.Column("finished_at", sa.DateTime, nullable=True),
    )
    op.create_table(
        "removed_tags",
        sa.Column("removal_id", sa.Integer, sa.ForeignKey("removals.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("activity_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )
    op.create_table(
        "repository_manifests",
        sa.Column("repository_id", sa.Integer, sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("manifest_id", sa.Integer, sa.ForeignKey("manifests.id"), primary_key=True),
    )
    op.create_index("ix_repository_manifests_manifest_id", "repository_manifests", ["manifest_id"])
    op.create_table(
        "run_steps",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime, nullable=True),
        sa.Column("proof", sa.String, nullable=False),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("token_hash", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("last_seen_at", sa.DateTime, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("agent", sa.String, nullable=False),
        sa.Column("ended_at", sa.DateTime, nullable=True),
        sa.Column("end_reason", sa.String(40), nullable=True),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_sign_ins_user_id", "sign_ins", ["user_id"])
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("repository_id", sa.Integer, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=True),
        sa.Column("manifest_id", sa.Integer, sa.ForeignKey("manifests.id"), nullable=True),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("pushed_at", sa.DateTime, nullable=False),
        sa.Column("pushed_at_is_seen", sa.Boolean, nullable=False),
        sa.UniqueConstraint("repository_id", "name"),
    )
    op.create_index("ix_tags_manifest_id", "tags", ["manifest_id"])
    op.create_index("ix_tags_repository_digest", "tags", ["repository_id", "digest"])
    op.create_index("ix_tags_repository_pushed", "tags", ["repository_id", "pushed_at", "id"])
