"""Tables of where the space goes: what was last added up, written anew as a whole, and a figure for each day.

None of these rows refers to one of the catalogue. They are of the moment at which they were added up.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class MeasuredSpace(Base):
    """One row: the whole registry, and for which state of the records everything was added up.

    Attributes:
        content_version: `RegistryState.content_version` at that time; `trash_version` is the same for the trash.
        size_bytes: each blob once; `left_out` manifests are not in it.
        saved_bytes: by how much less that is than what all repositories take, each counted for itself.
        shared_blobs: how many blobs several repositories use, and `shared_bytes` what these take, each once.
        in_trash_bytes: what only the trash holds.
    """

    __tablename__ = "measured_space"

    id: Mapped[int] = mapped_column(primary_key=True)
    content_version: Mapped[int]
    trash_version: Mapped[str]
    measured_at: Mapped[datetime]
    repositories: Mapped[int]
    namespaces: Mapped[int]
    size_bytes: Mapped[int]
    left_out: Mapped[int]
    saved_bytes: Mapped[int]
    shared_blobs: Mapped[int]
    shared_bytes: Mapped[int]
    in_trash_bytes: Mapped[int]


class RepositorySpace(Base):
    """What a repository takes; of that `exclusive_bytes` are needed nowhere else, and `in_trash_bytes` by the trash alone."""

    __tablename__ = "repository_space"
    __table_args__ = (
        Index("ix_repository_space_size", "size_bytes", "repository_id"),
        Index("ix_repository_space_exclusive", "exclusive_bytes", "repository_id"),
        Index("ix_repository_space_namespace", "namespace", "name"),
        Index("ix_repository_space_namespace_size", "namespace", "size_bytes", "repository_id"),
        Index("ix_repository_space_namespace_exclusive", "namespace", "exclusive_bytes", "repository_id"),
    )

    repository_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    namespace: Mapped[str]
    size_bytes: Mapped[int]
    exclusive_bytes: Mapped[int]
    left_out: Mapped[int]
    in_trash_bytes: Mapped[int]

    @property
    def shared_bytes(self) -> int:
        """What other repositories need, too."""
        return self.size_bytes - self.exclusive_bytes


class NamespaceSpace(Base):
    """What a namespace takes, each blob once within it; `counted_bytes` is the sum of what its repositories take."""

    __tablename__ = "namespace_space"
    __table_args__ = (
        Index("ix_namespace_space_size", "size_bytes", "namespace"),
        Index("ix_namespace_space_exclusive", "exclusive_bytes", "namespace"),
        Index("ix_namespace_space_counted", "counted_bytes", "namespace"),
    )

    namespace: Mapped[str] = mapped_column(primary_key=True)
    repositories: Mapped[int]
    size_bytes: Mapped[int]
    exclusive_bytes: Mapped[int]
    counted_bytes: Mapped[int]
    left_out: Mapped[int]
    in_trash_bytes: Mapped[int]

    @property
    def shared_bytes(self) -> int:
        """What other namespaces need, too."""
        return self.size_bytes - self.exclusive_bytes


class LargestTag(Base):
    """One of the tags whose image is the largest: one for each image, and how many more tags it has in the registry."""

    __tablename__ = "largest_tags"

    place: Mapped[int] = mapped_column(primary_key=True)
    repository: Mapped[str]
    tag: Mapped[str]
    size_bytes: Mapped[int]
    others: Mapped[int]


class LargestLayer(Base):
    """One of the largest layers: what names it, which tags reach it, and the one of these that was pushed last ('' for none)."""

    __tablename__ = "largest_layers"

    place: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str]
    size_bytes: Mapped[int]
    manifests: Mapped[int]
    repositories: Mapped[int]
    tags: Mapped[int]
    repository: Mapped[str]
    tag: Mapped[str]


class DailySize(Base):
    """The last figures of a day (UTC). What a collection would have freed is None where no dry run had told it."""

    __tablename__ = "daily_sizes"

    day: Mapped[date] = mapped_column(primary_key=True)
    size_bytes: Mapped[int]
    in_trash_bytes: Mapped[int]
    collectable_bytes: Mapped[int | None]
