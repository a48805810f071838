"""What refers to an image: manifests with it as `subject`, and tags that are named after its digest.

Source: OCI distribution specification 1.1, "Referrers Tag Schema" (`sha256-<hex>`), and cosign's suffixes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import (
    DescriptorRole,
    Manifest,
    ManifestDescriptor,
    Repository,
    RepositoryManifest,
    Tag,
)
from webapp.database import among, unindexed
from webapp.registry.names import is_digest
from webapp.registry.visible import Some, first

NAMED_AFTER = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:\.(sig|att|sbom))?", re.ASCII)
KINDS = {"sig": "signature", "att": "attestation", "sbom": "SBOM", None: "list of referrers"}
ARTIFACT_KINDS = (
    (("sig", "notary"), "signature"),
    (("in-toto", "attestation", "provenance"), "attestation"),
    (("spdx", "cyclonedx", "sbom"), "SBOM"),
)
"""Parts of an artifact's type, and what people call it."""

MOST = 50
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Referrer:
    """One thing that refers to an image; `tag` is empty where it does so by `subject`, and then it has a type."""

    kind: str
    digest: str
    tag: str
    artifact_type: str = ""


def referrers_of(session: Session, repository: Repository, digest: str) -> Some[Referrer]:
    """What refers to a manifest of a repository, as far as it was seen."""
    return first(_by_tag(session, repository, digest) + _by_subject(session, repository, digest), MOST)


def notes_of(session: Session, repository: Repository, names: Collection[str]) -> dict[str, str]:
    """Of some tags, what those that are named after a digest refer to: 'signature of 1.4.2'."""
    found = {name: match for name in names if (match := NAMED_AFTER.fullmatch(name))}
    if not found:
        return {}
    digests = {f"{match[1]}:{match[2]}" for match in found.values()}
    tags: dict[str, list[str]] = {}
    rows = session.execute(
        select(Tag.digest, Tag.name)
        .where(Tag.repository_id == repository.id, among(Tag.digest, digests))
        .order_by(unindexed(Tag.pushed_at).desc(), Tag.name)
    )
    for digest, name in rows:
        tags.setdefault(digest or "", []).append(name)
    return {name: _note(match, tags.get(f"{match[1]}:{match[2]}", [])) for name, match in found.items()}


def subject_named_by(name: str) -> str | None:
    """The digest that a tag is named after; None for any other tag."""
    match = NAMED_AFTER.fullmatch(name)
    digest = f"{match[1]}:{match[2]}" if match else ""
    return digest if is_digest(digest) else None


def kind_of_tag(name: str) -> str:
    """What a tag is that is named after a digest; empty for any other tag."""
    match = NAMED_AFTER.fullmatch(name)
    return KINDS[match[3]] if match else ""


def _note(match: re.Match[str], tags: list[str]) -> str:
    return f"{KINDS[match[3]]} of {tags[0] if tags else match[2][:12]}"


def tags_named_after(session: Session, repository: Repository, digests: Collection[str]) -> dict[str, str]:
    """The tags of a repository that are named after some digests, each with the digest it is on."""
    bases = [digest.replace(":", "-") for digest in digests]
    names = [f"{base}.{suffix}" if suffix else base for base in bases for suffix in KINDS]
    rows = session.execute(
        select(Tag.name, Tag.digest)
        .where(Tag.repository_id == repository.id, among(Tag.name, names))
        .order_by(Tag.name)
    )
    return {name: digest or "" for name, digest in rows}


def kind_of_artifact(artifact_type: str) -> str:
    """What people call an artifact of a type; '' where they have no word for it."""
    said = artifact_type.lower()
    return next((kind for parts, kind in ARTIFACT_KINDS if any(part in said for part in parts)), "")


def _by_tag(session: Session, repository: Repository, digest: str) -> list[Referrer]:
    found = tags_named_after(session, repository, [digest])
    return [Referrer(kind_of_tag(name), on, name) for name, on in found.items()]


def _by_subject(session: Session, repository: Repository, digest: str) -> list[Referrer]:
    rows = session.execute(
        select(Manifest.digest, Manifest.artifact_type)
        .join(ManifestDescriptor, ManifestDescriptor.manifest_id == Manifest.id)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .where(
            RepositoryManifest.repository_id == repository.id,
            ManifestDescriptor.role == DescriptorRole.SUBJECT,
            ManifestDescriptor.digest == digest,
        )
        .order_by(Manifest.digest)
        .limit(MOST_COUNTED)
    )
    return [Referrer(kind_of_artifact(kind) or "artifact", found, "", kind) for found, kind in rows]
