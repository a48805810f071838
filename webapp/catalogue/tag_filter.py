"""Which of a repository's tags somebody wants to see, as conditions for its list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.catalogue.models import Manifest, Repository, Tag
from webapp.catalogue.needle import begins_digest
from webapp.database import unindexed

WILDCARDS = str.maketrans({"*": "%", "?": "_", "%": "/%", "_": "/_", "/": "//"})
"""What patterns mean by them, as LIKE has it: that minds no case of ASCII, as names are, and reads no name twice."""

_IN_NAMES = re.compile("[A-Za-z0-9._-]*", re.ASCII)
_BEYOND = "\U0010ffff"
_DIGITS = "[0-9a-f]" * 64
_NAMED_AFTER_DIGEST = [
    Tag.name.op("GLOB", is_comparison=True)(f"{algorithm}-{_DIGITS}*") for algorithm in ("sha256", "sha512")
]
NOT_NAMED_AFTER_DIGEST = not_(and_(Tag.name > "sha", Tag.name < "shb", or_(*_NAMED_AFTER_DIGEST)))
"""Signatures and the like go with their image, whatever its age. To compare is much quicker than to match a pattern."""


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


ANY = TagFilter()
TOGETHER = Tag.pushed_at.expression
"""Its index has besides all that the filters ask of a tag but its digest, so that several are asked there at once."""


def conditions(
    repository: Repository, wanted: TagFilter, walked: ColumnElement[Any] | None = None
) -> list[ColumnElement[bool]]:
    """What the tags of a repository are held against.

    Args:
        walked: the column whose index is walked until a page is full: no other index is used, for one that finds all that
            match would have to sort them.
    """
    given = _with_the_newest(repository, wanted, walked)
    if wanted.but_newest is None:
        return given
    by_push = select(Tag.pushed_at, Tag.id).where(*_with_the_newest(repository, wanted, TOGETHER))
    last = by_push.order_by(Tag.pushed_at.desc(), Tag.id.desc()).offset(wanted.but_newest - 1).limit(1)
    pushed_at = Tag.pushed_at if walked is None or walked is TOGETHER else unindexed(Tag.pushed_at)
    return [*given, tuple_(pushed_at, Tag.id) < last.scalar_subquery()]


def found_by(wanted: TagFilter) -> ColumnElement[Any] | None:
    """The column whose index is walked to find all that match; None where each thing that is asked has one of its own."""
    asked = [each for each in astuple(wanted) if each not in (None, "")]
    return TOGETHER if len(asked) > 1 and not begins_digest(wanted.text) else None


def count_matching(session: Session, repository: Repository, wanted: TagFilter) -> int:
    """How many tags of a repository match. The newest, which are left out, are so many of all that match otherwise."""
    given = _with_the_newest(repository, wanted, found_by(wanted))
    with_the_newest = session.scalar(select(func.count(Tag.id)).where(*given)) or 0
    return max(0, with_the_newest - (wanted.but_newest or 0))


def of_manifests(wanted: TagFilter) -> list[ColumnElement[bool]]:
    """The same of manifests without a tag: they have neither name nor push, and were first seen some time."""
    given: list[ColumnElement[bool]] = []
    if wanted.bigger_than_bytes is not None:
        given.append(Manifest.image_size_bytes > wanted.bigger_than_bytes)
    if wanted.platform:
        given.append(_has_platform(Manifest.platforms, wanted.platform))
    if wanted.text:
        given.append(begins_with(Manifest.digest, begins_digest(wanted.text)))
    if wanted.pushed_before is not None:
        given.append(Manifest.first_seen_at < wanted.pushed_before)
    return given


def begins_with(column: Any, beginnings: Sequence[str]) -> ColumnElement[bool]:
    """The condition for texts that begin in one of these ways, which an index of the column answers."""
    return or_(False, *(and_(column >= each, column < each + _BEYOND) for each in beginnings))


def _with_the_newest(
    repository: Repository, wanted: TagFilter, walked: ColumnElement[Any] | None = None
) -> list[ColumnElement[bool]]:
    """The conditions but for one: the newest are among what they find."""

    def column(of_tag: InstrumentedAttribute[Any]) -> Any:
        return of_tag if walked is None or walked is of_tag.expression else unindexed(of_tag)

    given = [Tag.repository_id == repository.id]
    if wanted.bigger_than_bytes is not None:
        given.append(column(Tag.size_bytes) > wanted.bigger_than_bytes)
    if wanted.platform:
        given.append(column(Tag.platforms).in_(_platforms(repository, wanted.platform)))
    if wanted.text:
        given.append(_has_text(wanted.text, repository, column(Tag.digest)))
    if wanted.pushed_before is not None:
        given.append(column(Tag.pushed_at) < wanted.pushed_before)
    if wanted.but_newest is not None:
        given.append(NOT_NAMED_AFTER_DIGEST)
    return given


def _has_text(text: str, repository: Repository, digest: Any) -> ColumnElement[bool]:
    if "*" in text or "?" in text:
        return Tag.name.like(text.translate(WILDCARDS), escape="/")
    contains = Tag.name.contains(text, autoescape=True)  # the same LIKE
    digests = begins_digest(text)
    if not digests:
        return contains
    if not _IN_NAMES.fullmatch(text):  # 'sha256:4ab3' is in no name
        return begins_with(digest, digests)
    of_it = select(Tag.id).where(Tag.repository_id == repository.id)
    return Tag.id.in_(of_it.where(contains).union_all(of_it.where(begins_with(Tag.digest, digests))))


def _platforms(repository: Repository, wanted: str) -> Select[str]:
    """Of all that stands in `platforms` of a repository's tags, which is little, what has the wanted one in it.

    Each value is sought from the one before: the index has very many tags for every value.
    """
    lowest = select(func.min(Tag.platforms).label("found")).where(Tag.repository_id == repository.id)
    found = lowest.cte(recursive=True)
    following = lowest.where(Tag.platforms > found.c.found).correlate(found).scalar_subquery()
    found = found.union_all(select(following).where(found.c.found.is_not(None)))
    return select(found.c.found).where(_has_platform(found.c.found, wanted))


def _has_platform(column: Any, wanted: str) -> ColumnElement[bool]:
    # each platform between commas, each of its parts between a comma or slash and the next: ',linux/arm64,'
    parts = func.replace(func.concat(",", column, ","), ",", "/,/")
    return parts.icontains(f"/{wanted.strip('/')}/", autoescape=True)
