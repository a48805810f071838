"""Which of a repository's tags somebody wants to see, as conditions for its list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.catalogue.models import Manifest, Repository, Tag
from webapp.catalogue.needle import begins_digest

WILDCARDS = frozenset("*?")
_BEYOND = "\U0010ffff"
_DIGITS = "[0-9a-f]" * 64
NAMED_AFTER_DIGESTS = tuple(f"{algorithm}-{_DIGITS}*" for algorithm in ("sha256", "sha512"))
"""Patterns of the tags that signatures and the like have: they go with their image, whatever its age."""


@dataclass(frozen=True, slots=True)
class TagFilter:
    """What has to be true of a tag; what is None or empty asks nothing.

    Attributes:
        text: a part of its name, the beginning of its digest, or, with `*` or `?` in it, a pattern of the whole name.
        platform: of its image, whole or in part: 'linux/arm64', 'arm64', 'linux'.
        but_newest: of all that is found otherwise, so many that were pushed last are left out, and signatures with them.
    """

    text: str = ""
    pushed_before: datetime | None = None
    bigger_than_bytes: int | None = None
    platform: str = ""
    but_newest: int | None = None

    @property
    def asks_of_image(self) -> bool:
        """Whether a tag's manifest has to be looked at, too: a hundred thousand of them take their time."""
        return bool(self.platform) or self.bigger_than_bytes is not None


ANY = TagFilter()


def conditions(repository: Repository, wanted: TagFilter) -> list[ColumnElement[bool]]:
    """What the tags of a repository are held against; joined with their manifests where `asks_of_image`."""
    given = [Tag.repository_id == repository.id, *_each(wanted)]
    if wanted.but_newest is None:
        return given
    given += [not_(Tag.name.op("GLOB", is_comparison=True)(pattern)) for pattern in NAMED_AFTER_DIGESTS]
    ids = select(Tag.id)
    if wanted.asks_of_image:
        ids = ids.outerjoin(Manifest, Manifest.id == Tag.manifest_id)
    newest = ids.where(*given).order_by(Tag.pushed_at.desc(), Tag.id.desc()).limit(wanted.but_newest)
    return [*given, Tag.id.not_in(newest)]


def of_manifests(wanted: TagFilter) -> list[ColumnElement[bool]]:
    """The same of manifests without a tag: they have neither name nor push, and were first seen some time."""
    given = _of_image(wanted)
    if wanted.text:
        given.append(begins_with(Manifest.digest, begins_digest(wanted.text)))
    if wanted.pushed_before is not None:
        given.append(Manifest.first_seen_at < wanted.pushed_before)
    return given


def begins_with(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], beginnings: Sequence[str]
) -> ColumnElement[bool]:
    """The condition for texts that begin in one of these ways, which an index of the column answers."""
    return or_(False, *(and_(column >= each, column < each + _BEYOND) for each in beginnings))


def _each(wanted: TagFilter) -> list[ColumnElement[bool]]:
    given = _of_image(wanted)
    if wanted.text:
        given.append(_has_text(wanted.text))
    if wanted.pushed_before is not None:
        given.append(Tag.pushed_at < wanted.pushed_before)
    return given


def _has_text(text: str) -> ColumnElement[bool]:
    if WILDCARDS & set(text):
        pattern = text.lower().replace("[", "[[]")
        return func.lower(Tag.name).op("GLOB", is_comparison=True)(pattern)
    contains = Tag.name.icontains(text, autoescape=True)
    digests = begins_digest(text)
    return or_(contains, begins_with(Tag.digest, digests)) if digests else contains


def _of_image(wanted: TagFilter) -> list[ColumnElement[bool]]:
    given: list[ColumnElement[bool]] = []
    if wanted.bigger_than_bytes is not None:
        given.append(Manifest.image_size_bytes > wanted.bigger_than_bytes)
    if wanted.platform:
        # each platform between commas, each of its parts between a comma or slash and the next: ',linux/arm64,'
        parts = func.replace(func.concat(",", Manifest.platforms, ","), ",", "/,/")
        given.append(parts.icontains(f"/{wanted.platform.strip('/')}/", autoescape=True))
    return given
