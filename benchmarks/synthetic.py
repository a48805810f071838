"""Records of a large registry, written as rows: what a sync of it would have left. Harbor's 'small' test is 500,000 tags."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.catalogue.models import (
    DescriptorRole,
    Manifest,
    ManifestDescriptor,
    RegistryMode,
    RegistryState,
    Repository,
    RepositoryManifest,
    Tag,
)
from webapp.catalogue.natural_order import natural_key
from webapp.catalogue.rows import count_tags
from webapp.catalogue.tag_order import order_tags
from webapp.catalogue.untagged_marks import mark_untagged
from webapp.database import Writing
from webapp.registry.names import namespace_of

TAGS_A_REPOSITORY = 50
LARGEST_SHARE = 5
"""One repository has a fifth of all tags; the others share the rest."""

PLATFORMS = ("linux/amd64",) * 8 + ("linux/arm64", "linux/amd64,linux/arm64")
LARGEST = "team-0/service-0"
MIDDLE = "team-7/service-7"
ACTORS = ("alice", "bob", "carol")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a registry is made up."""

    tags: int
    activities: int

    @property
    def repositories(self) -> int:
        """How many repositories share the tags."""
        return max(10, self.tags // TAGS_A_REPOSITORY)


def fill(writing: Writing, size: Size, now: datetime) -> None:
    """Write the rows; equal sizes give equal rows."""
    chance = random.Random(size.tags)
    first_manifest = 1
    for number in range(size.repositories):
        with writing() as session:
            first_manifest = _add_repository(session, size, number, first_manifest, chance, now)
    rows = _activities(size, chance, now)
    while some := list(islice(rows, 5_000)):
        with writing() as session:
            session.execute(insert(Activity), some)
    with writing() as session:
        state = session.get(RegistryState, 1) or RegistryState(id=1)
        session.add(state)
        state.mode, state.may_list, state.may_delete = RegistryMode.READ_WRITE, True, True
        state.sync_started_at = state.sync_finished_at = state.sync_complete_at = state.checked_at = now
        state.size_bytes, state.scheduler_seen_at = size.tags * 40_000_000, now


def _add_repository(
    session: Session, size: Size, number: int, first_manifest: int, chance: random.Random, now: datetime
) -> int:
    """Add one repository with its manifests and tags; returns the number of the next manifest."""
    name = f"team-{number % 40}/service-{number}"
    row = Repository(name=name, namespace=namespace_of(name), first_seen_at=now, synced_at=now, revisions_read_at=now)
    session.add(row)
    session.flush()
    tags = size.tags // LARGEST_SHARE if number == 0 else size.tags * (LARGEST_SHARE - 1) // LARGEST_SHARE
    tags = tags if number == 0 else max(1, tags // (size.repositories - 1))
    manifests = [_manifest(first_manifest + each, chance, now) for each in range(tags // 2 + 1)]
    untagged = len(manifests) // 20
    session.execute(insert(Manifest), manifests)
    session.execute(insert(ManifestDescriptor), [each for row in manifests for each in _descriptors(row)])
    session.execute(
        insert(RepositoryManifest), [{"repository_id": row.id, "manifest_id": each["id"]} for each in manifests]
    )
    tagged = manifests[untagged:]
    session.execute(insert(Tag), [_tag(row.id, each, tagged, chance, now) for each in range(tags)])
    order_tags(session, row.id, [each["digest"] for each in tagged])
    mark_untagged(session, row.id)
    count_tags(session, row, None)
    values = {"size_bytes": tags * 40_000_000, "left_out": 0}
    session.execute(update(Repository).where(Repository.id == row.id).values(values))
    return first_manifest + len(manifests)


def _manifest(number: int, chance: random.Random, now: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "digest": _digest(f"manifest {number}"),
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "kind": "image",
        "raw": b"{}",
        "size_bytes": 1_200,
        "image_size_bytes": chance.randrange(1_000_000, 1_000_000_000) if number % 50 else None,
        "artifact_type": "",
        "platforms": chance.choice(PLATFORMS),
        "created_at": now - timedelta(minutes=chance.randrange(1_000_000)) if number % 40 else None,
        "labels": "{}",
        "first_seen_at": now,
    }


def _descriptors(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A configuration and a layer of its own, and one of a hundred that others have, too."""
    number = manifest["id"]
    named = (f"config {number}", f"layer {number}", f"base {number % 100}")
    for position, text in enumerate(named):
        yield {
            "manifest_id": number,
            "position": position,
            "role": DescriptorRole.LAYER if position else DescriptorRole.CONFIG,
            "digest": _digest(text),
            "media_type": "application/vnd.oci.image.layer.v1.tar+gzip",
            "size_bytes": 1_000_000,
            "platform": "",
        }


def _tag(
    repository_id: int, number: int, manifests: list[dict[str, Any]], chance: random.Random, now: datetime
) -> dict[str, Any]:
    manifest = chance.choice(manifests)
    name = (
        f"{number % 20}.{number // 20 % 100}.{number}",
        f"main-{number:07x}",
        f"release-{number}",
        f"sha256-{hashlib.sha256(b'%d' % number).hexdigest()}.sig",
    )[chance.choice((0, 0, 0, 0, 1, 1, 2, 3))]
    return {
        "repository_id": repository_id,
        "name": name,
        "sort_key": natural_key(name),
        "digest": manifest["digest"],
        "manifest_id": manifest["id"],
        "problem": "",
        "pushed_at": now - timedelta(minutes=chance.randrange(1_000_000)),
        "pushed_at_is_seen": False,
        "checked_at": now,
    }


def _activities(size: Size, chance: random.Random, now: datetime) -> Iterator[dict[str, Any]]:
    kinds = (ActivityKind.TAG_DELETED,) * 8 + (ActivityKind.SIGNED_IN, ActivityKind.RUN_FINISHED)
    for number in range(size.activities):
        kind = chance.choice(kinds)
        repository = chance.randrange(size.repositories)
        is_tag = kind == ActivityKind.TAG_DELETED
        yield {
            "at": now - timedelta(minutes=number),
            "kind": kind,
            "actor": chance.choice(ACTORS),
            "place": "127.0.0.1",
            "repository": f"team-{repository % 40}/service-{repository}" if is_tag else None,
            "tag": f"1.{number}" if is_tag else None,
            "digest": _digest(f"gone {number}") if is_tag else None,
            "outcome": Outcome.DONE,
            "reason": "",
            "removal_id": None,
            "run_id": None,
        }


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
