"""Write what was seen into the catalogue. Functions of rows only: none asks the registry, none commits."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from webapp.catalogue.models import (
    DescriptorRole,
    KeptConfiguration,
    Manifest,
    ManifestDescriptor,
    Repository,
    RepositoryManifest,
    Tag,
)
from webapp.catalogue.seen import SeenManifest, SeenRepository, SeenTag
from webapp.catalogue.sizes import compute_image_sizes, remember_reached
from webapp.catalogue.tag_order import order_tags, order_tags_on
from webapp.catalogue.totals import measure, take_off
from webapp.database import among
from webapp.registry.manifests import Descriptor, ManifestKind
from webapp.registry.names import namespace_of

HALF_DELETED = "Its deletion was interrupted half way; Holystone looks after that every minute."


def known_digests(session: Session, digests: Collection[str]) -> set[str]:
    """Of some digests, those whose manifest the catalogue has."""
    return set(session.scalars(select(Manifest.digest).where(among(Manifest.digest, digests))))


def add_manifests(session: Session, manifests: Collection[SeenManifest], now: datetime) -> None:
    """Keep new manifests, children before those that name them. Many come at once, so they are inserted as rows."""
    known = known_digests(session, {each.bytes.digest for each in manifests})
    new = {each.bytes.digest: each for each in manifests if each.bytes.digest not in known}
    if not new:
        return
    session.execute(insert(Manifest), [_manifest_row(each, now) for each in new.values()])
    ids = _manifest_ids(session, new)
    descriptors = [row for digest, each in new.items() for row in _descriptor_rows(ids[digest], each)]
    if descriptors:
        session.execute(insert(ManifestDescriptor), descriptors)
    packed = [{"manifest_id": ids[digest], "packed": each.packed} for digest, each in new.items() if each.packed]
    if packed:
        session.execute(insert(KeptConfiguration), packed)
    for digest, each in new.items():
        if each.manifest.children:
            _learn_from_children(session, session.get_one(Manifest, ids[digest]))
    waited = set(compute_image_sizes(session, ids.values())).difference(ids.values())
    if waited:
        order_tags_on(session, waited)
    for repository in _reaching_only_by_tags(session, waited):
        remember_reached(session, repository.id)
        measure(session, repository)


def _reaching_only_by_tags(session: Session, manifest_ids: Collection[int]) -> list[Repository]:
    """The repositories with some manifests of which nothing is known but what their tags reach."""
    holding = select(RepositoryManifest.repository_id).where(among(RepositoryManifest.manifest_id, manifest_ids))
    found = select(Repository).where(Repository.id.in_(holding), Repository.revisions_read_at.is_(None))
    return list(session.scalars(found)) if manifest_ids else []


def _manifest_row(seen: SeenManifest, now: datetime) -> dict[str, Any]:
    manifest, config = seen.manifest, seen.config
    return {
        "digest": seen.bytes.digest,
        "media_type": seen.bytes.media_type,
        "kind": manifest.kind.value,
        "raw": seen.bytes.raw,
        "size_bytes": len(seen.bytes.raw),
        "artifact_type": manifest.artifact_type or "",
        "platforms": config.platform if config else "",
        "created_at": config.created if config else None,
        "labels": json.dumps(dict(config.labels) if config else {}, ensure_ascii=False),
        "first_seen_at": now,
    }


def _descriptor_rows(manifest_id: int, seen: SeenManifest) -> list[dict[str, Any]]:
    return [
        {
            "manifest_id": manifest_id,
            "position": position,
            "role": role,
            "digest": descriptor.digest,
            "media_type": descriptor.media_type,
            "size_bytes": descriptor.size_bytes,
            "platform": descriptor.platform or "",
        }
        for position, (role, descriptor) in enumerate(_descriptors(seen))
    ]


def _learn_from_children(session: Session, index: Manifest) -> None:
    """Platforms and age of an index are those of its children, which are here before it."""
    index.platforms = _platforms_of_children(session, index)
    index.created_at = _created_by_children(session, index)
    session.flush()


def _descriptors(seen: SeenManifest) -> list[tuple[DescriptorRole, Descriptor]]:
    manifest = seen.manifest
    return [
        *((DescriptorRole.CONFIG, each) for each in [manifest.config] if each),
        *((DescriptorRole.LAYER, each) for each in manifest.layers),
        *((DescriptorRole.CHILD, each) for each in manifest.children),
        *((DescriptorRole.SUBJECT, each) for each in [manifest.subject] if each),
    ]


def _platforms_of_children(session: Session, manifest: Manifest) -> str:
    """Of an index: what it says of its children, else what they say themselves."""
    rows = session.execute(
        select(ManifestDescriptor.platform, Manifest.platforms)
        .outerjoin(Manifest, Manifest.digest == ManifestDescriptor.digest)
        .where(ManifestDescriptor.manifest_id == manifest.id, ManifestDescriptor.role == DescriptorRole.CHILD)
        .order_by(ManifestDescriptor.position)
    ).all()
    named = [platform for stated, own in rows for platform in (stated or own or "").split(",") if platform]
    return ",".join(dict.fromkeys(each for each in named if not each.startswith("unknown")))


def _created_by_children(session: Session, manifest: Manifest) -> datetime | None:
    return session.scalar(
        select(func.max(Manifest.created_at))
        .join(ManifestDescriptor, ManifestDescriptor.digest == Manifest.digest)
        .where(ManifestDescriptor.manifest_id == manifest.id, ManifestDescriptor.role == DescriptorRole.CHILD)
    )


def repository_named(session: Session, name: str, now: datetime) -> Repository:
    """The row of a repository, made when it is first seen."""
    row = session.scalar(select(Repository).where(Repository.name == name))
    if row is None:
        row = Repository(name=name, namespace=namespace_of(name), first_seen_at=now, tag_count=0, image_count=0)
        session.add(row)
        session.flush()
    return row


def update_repository(session: Session, seen: SeenRepository, version: int, now: datetime) -> None:
    """Bring the rows of a repository's tags to what was seen.

    Tags that could not be looked at, or were left for another time, stay as they are. Nothing is changed where a removal
    of ours came in between: `version` is the repository's when the look began.
    """
    repository = repository_named(session, seen.name, now)
    if repository.version != version:
        return
    if seen.problem:
        return
    repository.synced_at = now
    of_it = Tag.repository_id == repository.id
    before = dict(session.execute(select(Tag.name, Tag.digest).where(of_it)).all())
    looked_at = select(Tag).where(of_it, among(Tag.name, _names(seen.tags)))  # not all: a hundred thousand are large
    rows = {row.name: row for row in session.scalars(looked_at)}
    manifest_ids = _manifest_ids(session, {tag.digest for tag in seen.tags if tag.digest})
    tags = _without_stand_ins(session, seen.tags)
    changed = [tag for tag in tags if _update_tag(session, repository, rows.get(tag.name), tag, manifest_ids, now)]
    still_there = seen.unread.union(seen.left, (tag.name for tag in seen.tags))
    gone = [name for name in before if name not in still_there]
    session.execute(delete(Tag).where(of_it, among(Tag.name, gone)))
    is_changed = bool(changed or gone)
    if is_changed:
        now_on = {tag.digest for tag in changed}
        order_tags(session, repository.id, now_on.union(before.get(name) for name in [*gone, *_names(changed)]))
        count_tags(session, repository, now if gone else None)
    if seen.goes_on:  # what all of them take is worked out with the last piece
        return
    if seen.revisions is not None:
        is_changed |= note_revisions(session, repository, seen.revisions, now)
    elif is_changed:
        remember_reached(session, repository.id)
    if is_changed or repository.size_bytes is None:
        measure(session, repository)


def _names(tags: Collection[SeenTag]) -> list[str]:
    return [tag.name for tag in tags]


def note_revisions(session: Session, repository: Repository, found: Collection[str], now: datetime) -> bool:
    """Write down which manifests a repository has, tagged or not; whether that is anything new."""
    was_known = repository.revisions_read_at is not None
    repository.revisions_read_at = now
    session.flush()
    of_it = RepositoryManifest.repository_id == repository.id
    known = set(session.scalars(select(RepositoryManifest.manifest_id).where(of_it)))
    there = set(_manifest_ids(session, found).values())
    session.execute(delete(RepositoryManifest).where(of_it, among(RepositoryManifest.manifest_id, known - there)))
    new = [{"repository_id": repository.id, "manifest_id": each} for each in sorted(there - known)]
    if new:
        session.execute(insert(RepositoryManifest), new)
    return known != there or not was_known


def _without_stand_ins(session: Session, tags: Collection[SeenTag]) -> list[SeenTag]:
    """A tag on a stand-in is half deleted: it is listed, and is on no image."""
    stand_ins = set(
        session.scalars(
            select(Manifest.digest).where(
                Manifest.kind == ManifestKind.STAND_IN, among(Manifest.digest, {tag.digest or "" for tag in tags})
            )
        )
    )
    return [replace(tag, digest=None, problem=HALF_DELETED) if tag.digest in stand_ins else tag for tag in tags]


def _manifest_ids(session: Session, digests: Collection[str]) -> dict[str, int]:
    found = session.execute(select(Manifest.digest, Manifest.id).where(among(Manifest.digest, digests)))
    return dict(found.all())


def _update_tag(
    session: Session, repository: Repository, row: Tag | None, seen: SeenTag, ids: dict[str, int], now: datetime
) -> bool:
    """Bring one tag's row up to date; whether it changed."""
    if row is None:
        row = Tag(repository_id=repository.id, name=seen.name, problem="", pushed_at=now, pushed_at_is_seen=True)
        session.add(row)
    row.checked_at = None if seen.is_read_in_store else now
    pushed_at, is_seen = _pushed_at(row, seen, now)
    new = (seen.digest, ids.get(seen.digest or ""), seen.problem, pushed_at, is_seen)
    old = (row.digest, row.manifest_id, row.problem, row.pushed_at, row.pushed_at_is_seen)
    if new == old:
        return False
    row.digest, row.manifest_id, row.problem, row.pushed_at, row.pushed_at_is_seen = new
    return True


def _pushed_at(row: Tag, seen: SeenTag, now: datetime) -> tuple[datetime, bool]:
    """The time of the link in the store; else the moment in which this tag was first seen on this digest."""
    if seen.pushed_at:
        return seen.pushed_at, False
    if row.digest == seen.digest:
        return row.pushed_at, row.pushed_at_is_seen
    return now, True


def count_repository(session: Session, repository: Repository, changed_at: datetime | None) -> None:
    """Compute anew what the lists say of a repository: tags, images, last change, size; `changed_at` as below."""
    count_tags(session, repository, changed_at)
    measure(session, repository)


def count_tags(session: Session, repository: Repository, changed_at: datetime | None) -> None:
    """Count a repository's tags and images anew, and say when it last changed.

    Args:
        changed_at: when tags left it, where they did; the newest push otherwise.
    """
    session.flush()
    of_it = Tag.repository_id == repository.id
    tags, images, pushed_at = session.execute(
        select(func.count(), func.count(Tag.digest.distinct()), func.max(Tag.pushed_at)).where(of_it)
    ).one()
    repository.tag_count, repository.image_count = tags, images
    repository.changed_at = max((each for each in (pushed_at, changed_at) if each), default=repository.changed_at)


def forget(session: Session, name: str, tags: Collection[str], digests: Collection[str], now: datetime) -> None:
    """Take out what a removal of ours deleted, and make looks that began before it worthless."""
    repository = session.scalar(select(Repository).where(Repository.name == name))
    if repository is None:
        return
    repository.version += 1
    take_off(session, repository, digests)
    going = (Tag.repository_id == repository.id, among(Tag.name, tags))
    images = session.scalars(select(Tag.digest).where(*going).distinct()).all()
    session.execute(delete(Tag).where(*going))
    order_tags(session, repository.id, images)
    gone = select(Manifest.id).where(among(Manifest.digest, digests))
    session.execute(
        delete(RepositoryManifest).where(
            RepositoryManifest.repository_id == repository.id, RepositoryManifest.manifest_id.in_(gone)
        )
    )
    count_repository(session, repository, now)


def doubt_revisions(session: Session, names: Collection[str], since: datetime | None) -> None:
    """Of repositories that are gone it is not known any more what they hold, unless a look since then told it."""
    old = select(Repository).where(among(Repository.name, names), Repository.revisions_read_at < since)
    for repository in session.scalars(old):
        repository.revisions_read_at = None
