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
from webapp.database import among
from webapp.registry.names import is_digest

NAMED_AFTER = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:\.(sig|att|sbom))?", re.ASCII)
KINDS = {"sig": "signature", "att": "attestation", "sbom": "SBOM", None: "list of referrers"}
MOST = 50


@dataclass(frozen=True, slots=True)
class Referrer:
    """One thing that refers to an image; `tag` is empty where it does so by `subject`."""

    kind: str
    digest: str
    tag: str


def referrers_of(session: Session, repository: Repository, digest: str) -> list[Referrer]:
    """What refers to a manifest of a repository, as far as it was seen."""
    return (_by_tag(session, repository, digest) + _by_subject(session, repository, digest))[:MOST]


def notes_of(session: Session, repository: Repository, names: Collection[str]) -> dict[str, str]:
    """Of some tags, what those that are named after a digest refer to: 'signature of 1.4.2'."""
    found = {name: match for name in names if (match := NAMED_AFTER.fullmatch(name))}
    digests = {f"{match[1]}:{match[2]}" for match in found.values()}
    tags: dict[str, list[str]] = {}
    rows = session.execute(
        select(Tag.digest, Tag.name)
        .where(Tag.repository_id == repository.id, among(Tag.digest, digests))
        .order_by(Tag.pushed_at.desc(), Tag.name)
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


def _by_tag(session: Session, repository: Repository, digest: str) -> list[Referrer]:
    base = digest.replace(":", "-")
    names = [base, *(f"{base}.{suffix}" for suffix in KINDS if suffix)]
    rows = session.execute(
        select(Tag.name, Tag.digest).where(Tag.repository_id == repository.id, Tag.name.in_(names)).order_by(Tag.name)
    )
    return [Referrer(kind_of_tag(name), on or "", name) for name, on in rows]


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
        .limit(MOST)
    )
    return [Referrer(kind or "manifest", found, "") for found, kind in rows]
