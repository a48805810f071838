"""Tables of the catalogue. They hold what was seen; an error of the registry never deletes a row (law 4)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import ForeignKey, Index, LargeBinary, Table, UniqueConstraint
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.catalogue.name_index import keep_index
from webapp.catalogue.natural_order import natural_key
from webapp.database import Base

NO_SIZE = -1
"""The size of a tag's image where it is not known: it comes after all others."""

NEVER = "0001-01-01 00:00:00.000000"
"""A time that is not known, in the same way."""


class DescriptorRole(StrEnum):
    """What a manifest uses a descriptor for."""

    CONFIG = "config"
    LAYER = "layer"
    CHILD = "child"
    SUBJECT = "subject"


class RegistryMode(StrEnum):
    """What the registry said when it was last asked."""

    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Repository(Base):
    """A repository. Without tags it leaves the lists and its row stays: its activities speak of it.

    `version` grows with every removal of ours, so that a look that began before one does not undo its rows.
    `revisions_read_at` is when all its manifests, tagged or not, were last known; empty where they never were.
    `size_bytes` is what its manifests take in the store with all that they name, each blob once; where not all of them
    are known, what its tags reach. `left_out` manifests are not in it: nobody knows how much they take.
    """

    __tablename__ = "repositories"
    __table_args__ = (
        Index("ix_repositories_listed", "tag_count", "name"),
        Index(
            "ix_repositories_namespace",
            *("namespace", "tag_count", "size_bytes", "left_out", "changed_at", "first_seen_at", "name"),
        ),
        Index("ix_repositories_unread", "revisions_read_at", "tag_count"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    namespace: Mapped[str]
    first_seen_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    tag_count: Mapped[int] = mapped_column(default=0)
    image_count: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int | None]
    left_out: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)
    revisions_read_at: Mapped[datetime | None]

    tags: Mapped[list[Tag]] = relationship(back_populates="repository", passive_deletes=True)


class Manifest(Base):
    """A manifest's bytes, once for the whole registry: a digest means the same everywhere.

    `size_bytes` is the manifest's own; `image_size_bytes` is what pulling it with its children and all their blobs
    takes, each blob once, and empty where a child is not known and where one does not state sizes (schema 1).
    `first_seen_at` is empty where nobody knows it any more.
    """

    __tablename__ = "manifests"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    media_type: Mapped[str]
    kind: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size_bytes: Mapped[int]
    image_size_bytes: Mapped[int | None]
    artifact_type: Mapped[str] = mapped_column(default="")
    platforms: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime | None]
    labels: Mapped[str] = mapped_column(default="{}", deferred=True)
    first_seen_at: Mapped[datetime | None]

    descriptors: Mapped[list[ManifestDescriptor]] = relationship(passive_deletes=True)


def platforms_in(joined: str) -> tuple[str, ...]:
    """The platforms that `Manifest.platforms` names, with commas between them."""
    return tuple(filter(None, joined.split(",")))


class KeptConfiguration(Base):
    """An image's configuration as the registry has it, packed by zlib. Not every image's is kept."""

    __tablename__ = "kept_configurations"

    manifest_id: Mapped[int] = mapped_column(ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True)
    packed: Mapped[bytes] = mapped_column(LargeBinary)


class ManifestDescriptor(Base):
    """One thing that a manifest names: its configuration, a layer, a child, its subject."""

    __tablename__ = "manifest_descriptors"

    manifest_id: Mapped[int] = mapped_column(ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[DescriptorRole]
    digest: Mapped[str] = mapped_column(index=True)
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    platform: Mapped[str] = mapped_column(default="")


class RepositoryManifest(Base):
    """A manifest that was seen in a repository, tagged or not, and has not been deleted there by us.

    No tag leads to an untagged one, not through indexes either, and it refers to nothing that is here. An index may name
    it that is untagged itself.
    """

    __tablename__ = "repository_manifests"
    __table_args__ = (Index("ix_repository_manifests_untagged", "repository_id", "is_untagged", "manifest_id"),)

    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True)
    manifest_id: Mapped[int] = mapped_column(ForeignKey("manifests.id"), primary_key=True, index=True)
    is_untagged: Mapped[bool] = mapped_column(server_default="0")


def _natural_key_of_name(context: DefaultExecutionContext) -> str:
    return natural_key(context.get_current_parameters()["name"])  # type: ignore[no-untyped-call]


class Tag(Base):
    """A tag and the manifest it was last seen on. `digest` is known although the manifest could not be read.

    `checked_at` is when the registry was last asked for it; empty where it is read in the store with all others, when its
    repository is. `sort_key` orders the names by the numbers in them; a tag's name never changes, so it is made with the
    row.

    `size_bytes`, `created_at` and `platforms` are its manifest's, `image` is its digest or '', and `image_pushed_at` is the
    last push of any tag of it: copies that an index can order by, kept up by `tag_order`.
    """

    __tablename__ = "tags"
    __table_args__ = (
        UniqueConstraint("repository_id", "name"),
        Index("ix_tags_repository_pushed", "repository_id", "pushed_at", "id", "size_bytes", "platforms", "name"),
        Index("ix_tags_repository_digest", "repository_id", "digest", "pushed_at"),
        Index("ix_tags_repository_size", "repository_id", "size_bytes", "id"),
        Index("ix_tags_repository_created", "repository_id", "created_at", "id"),
        Index("ix_tags_repository_image", "repository_id", "image_pushed_at", "image", "sort_key", "id"),
        Index("ix_tags_repository_platforms", "repository_id", "platforms"),
        Index("ix_tags_repository_sort_key", "repository_id", "sort_key"),
        Index("ix_tags_name", "name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    name: Mapped[str]
    digest: Mapped[str | None]
    manifest_id: Mapped[int | None] = mapped_column(ForeignKey("manifests.id"), index=True)
    problem: Mapped[str] = mapped_column(default="")
    pushed_at: Mapped[datetime]
    pushed_at_is_seen: Mapped[bool]
    checked_at: Mapped[datetime | None] = mapped_column(index=True)
    sort_key: Mapped[str] = mapped_column(default=_natural_key_of_name)
    size_bytes: Mapped[int] = mapped_column(server_default=str(NO_SIZE))
    created_at: Mapped[datetime] = mapped_column(server_default=NEVER)
    platforms: Mapped[str] = mapped_column(server_default="")
    image: Mapped[str] = mapped_column(server_default="")
    image_pushed_at: Mapped[datetime] = mapped_column(server_default=NEVER)

    repository: Mapped[Repository] = relationship(back_populates="tags")
    manifest: Mapped[Manifest | None] = relationship()


keep_index(cast("Table", Tag.__table__))


class UnreadRepository(Base):
    """A repository that could not be read completely at the last look: what is shown of it may be older than the rest.

    `tags` is how many of its tags did not answer; empty where not even their list could be read.
    """

    __tablename__ = "unread_repositories"

    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True)
    sentence: Mapped[str]
    tags: Mapped[int | None]
    since: Mapped[datetime]


class RegistryState(Base):
    """One row: what is known of the registry as a whole, and of the look at it that is under way or was last.

    `size_bytes` and `left_out` are as a repository's, of all repositories, each blob once. `content_version` grows with
    every change of what a repository holds; `measured_version` is the one for which the size was computed.
    """

    __tablename__ = "registry_state"

    id: Mapped[int] = mapped_column(primary_key=True)
    mode: Mapped[RegistryMode] = mapped_column(default=RegistryMode.UNKNOWN)
    mode_since: Mapped[datetime | None]
    mode_sentence: Mapped[str] = mapped_column(default="")
    mode_until: Mapped[datetime | None]
    may_list: Mapped[bool | None]
    may_delete: Mapped[bool | None]
    generation: Mapped[str] = mapped_column(default="")
    checked_at: Mapped[datetime | None]
    scheduler_seen_at: Mapped[datetime | None]
    sync_started_at: Mapped[datetime | None]
    sync_finished_at: Mapped[datetime | None]
    sync_complete_at: Mapped[datetime | None]
    sync_problem: Mapped[str] = mapped_column(default="")
    repositories_total: Mapped[int | None]
    repositories_done: Mapped[int] = mapped_column(default=0)
    doubt: Mapped[str] = mapped_column(default="")
    doubt_since: Mapped[datetime | None]
    doubt_digest: Mapped[str] = mapped_column(default="")
    doubt_accepted: Mapped[str] = mapped_column(default="")
    size_bytes: Mapped[int | None]
    left_out: Mapped[int] = mapped_column(default=0)
    content_version: Mapped[int] = mapped_column(default=0)
    measured_version: Mapped[int | None]
