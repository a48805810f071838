"""What the pages of a tag and of a manifest show alike: platforms, one image in full, what is attached, what holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from webapp.catalogue.configurations import kept_configuration
from webapp.catalogue.details import (
    Child,
    Holder,
    ManifestDetails,
    children_of,
    holders_of,
    is_here,
    manifest_details,
)
from webapp.catalogue.models import Repository
from webapp.catalogue.referrers import Referrer, referrers_of
from webapp.catalogue.sizes import why_no_size
from webapp.pages.image_view import ImageView, image_view
from webapp.registry.configuration import read_annotations
from webapp.registry.manifests import ManifestKind
from webapp.registry.visible import Some, mapped

KINDS = {
    ManifestKind.INDEX: "image index",
    ManifestKind.IMAGE: "image",
    ManifestKind.ARTIFACT: "artifact",
    ManifestKind.SCHEMA1: "image of schema 1",
    ManifestKind.STAND_IN: "stand-in",
    ManifestKind.UNKNOWN: "of an unknown kind",
}
ABOUT = {
    ManifestKind.SCHEMA1: "It is in the old format, schema 1. It can be deleted, and cannot be restored afterwards.",
    ManifestKind.STAND_IN: "This empty index takes the place of a manifest while a tag of it is deleted alone.",
    ManifestKind.UNKNOWN: "Holystone does not know this media type. What the manifest names where others do"
    " is counted; it may need more.",
}
PULLED = frozenset({ManifestKind.INDEX, ManifestKind.IMAGE, ManifestKind.SCHEMA1})
NAMES_NOTHING = "This index names nothing."
NOT_HERE = "The registry does not have it in this repository, or it could not be read yet."
UNSTATED = "unknown"
"""What BuildKit puts in place of a platform for what it attests to."""

Here = Callable[[str], str]
"""The address of the page in hand, with a platform chosen."""


@dataclass(frozen=True, slots=True)
class PlatformLine:
    """One child of an index.

    Attributes:
        size_bytes: of the image.
        pull_bytes: what pulling this platform through this index transfers: the index comes along.
        choose: where it is shown on the page in hand; '' for what is no image.
        page: of its own; '' where it is not there.
    """

    words: str
    digest: str
    size_bytes: int | None
    pull_bytes: int | None
    size_reason: str
    pull_reason: str
    choose: str
    page: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What a manifest refers to; `is_here` where it can be opened."""

    digest: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class ManifestView:
    """A manifest.

    Attributes:
        about: what is unusual about it, in a sentence or two; '' where nothing is.
        is_pulled: whether it is an image to whoever pulls it.
        image: what it is, or the platform of an index that was chosen; None where there is none.
    """

    digest: str
    kind: str
    about: str
    media_type: str
    artifact_type: str
    is_pulled: bool
    size_bytes: int | None
    size_reason: str
    own_size_bytes: int
    first_seen_at: datetime | None
    subject: Subject | None
    platforms: Some[PlatformLine]
    image: ImageView | None
    annotations: Some[tuple[str, str]]
    referrers: Some[Referrer]
    holders: Some[Holder]


def manifest_view(
    session: Session, repository: Repository, details: ManifestDetails, chosen: str, here: Here
) -> ManifestView:
    """All that is shown of a manifest.

    Args:
        chosen: the platform that the address names; where it names none that there is, the first one is shown.
    """
    platforms = _platforms(session, repository, details, chosen, here)
    subject = details.content.subject
    return ManifestView(
        digest=details.digest,
        kind=KINDS[details.kind],
        about=_about(details, platforms),
        media_type=details.content.media_type,
        artifact_type=details.content.artifact_type,
        is_pulled=details.kind in PULLED,
        size_bytes=details.size_bytes,
        size_reason=details.size_reason,
        own_size_bytes=details.own_size_bytes,
        first_seen_at=details.first_seen_at,
        subject=subject_of(session, repository, subject.digest) if subject else None,
        platforms=platforms,
        image=_image(session, repository, details, platforms),
        annotations=read_annotations(details.raw),
        referrers=referrers_of(session, repository, details.digest),
        holders=holders_of(session, repository, details.digest),
    )


def _about(details: ManifestDetails, platforms: Some[PlatformLine]) -> str:
    if details.kind == ManifestKind.INDEX and not platforms:
        return NAMES_NOTHING
    size = f"Its size is not known. {details.size_reason}" if details.size_reason else ""
    return " ".join(filter(None, (ABOUT.get(details.kind, ""), size)))


def subject_of(session: Session, repository: Repository, digest: str) -> Subject:
    """What is referred to."""
    return Subject(digest, is_here(session, repository, digest))


def _platforms(
    session: Session, repository: Repository, details: ManifestDetails, chosen: str, here: Here
) -> Some[PlatformLine]:
    children = children_of(session, repository, details)
    named = Counter(_key(child) for child in children.items)
    keys = {id(child): _key(child) if named[_key(child)] == 1 else child.descriptor.digest for child in children.items}
    images = [keys[id(child)] for child in children.items if _is_image(child)]
    usual = [keys[id(child)] for child in children.items if _is_image(child) and not _is_unstated(child)]
    shown = chosen if chosen in images else next(iter(usual or images), "")

    def line(child: Child) -> PlatformLine:
        key, digest = keys[id(child)], child.descriptor.digest
        is_pulled = _is_image(child) and not _is_unstated(child)
        return PlatformLine(
            words=_words(child),
            digest=digest,
            size_bytes=child.size_bytes if child.is_here else None,
            pull_bytes=child.size_bytes + details.own_size_bytes if is_pulled and child.size_bytes else None,
            size_reason=_why_no_size(child) if child.is_here else NOT_HERE,
            pull_reason=_why_no_pull(child) if child.is_here else NOT_HERE,
            choose=here(key) if _is_image(child) else "",
            page=url_for("manifests.show", repository=repository.name, digest=digest) if child.is_here else "",
            is_chosen=key == shown,
        )

    return mapped(children, line)


def _image(
    session: Session, repository: Repository, details: ManifestDetails, platforms: Some[PlatformLine]
) -> ImageView | None:
    if details.kind == ManifestKind.INDEX:
        line = next((each for each in platforms.items if each.is_chosen), None)
        found = manifest_details(session, repository, line.digest) if line else None
        if line is None or found is None:
            return None
        return image_view(repository.name, found, kept_configuration(session, found.id), line.words)
    if details.kind in (ManifestKind.IMAGE, ManifestKind.ARTIFACT, ManifestKind.SCHEMA1):
        words = ", ".join(details.platforms)
        return image_view(repository.name, details, kept_configuration(session, details.id), words)
    return None


def _key(child: Child) -> str:
    return ",".join(child.platforms) or child.descriptor.digest


def _is_image(child: Child) -> bool:
    return child.is_here and child.kind == ManifestKind.IMAGE


def _why_no_size(child: Child) -> str:
    return why_no_size(child.kind or "")


def _why_no_pull(child: Child) -> str:
    if child.kind == ManifestKind.INDEX:
        return "a pull takes one of its platforms"
    if not _is_image(child) or _is_unstated(child):
        return "no platform: a pull leaves it"
    return _why_no_size(child)


def _is_unstated(child: Child) -> bool:
    return _key(child).startswith(UNSTATED)


def _words(child: Child) -> str:
    """A platform in words."""
    if _is_unstated(child):
        return "attestation"
    platforms = ", ".join(child.platforms)
    if child.kind == ManifestKind.INDEX:
        return f"index of {platforms}" if platforms else "index"
    if child.kind == ManifestKind.ARTIFACT:
        return "artifact"
    return platforms or "not stated"
