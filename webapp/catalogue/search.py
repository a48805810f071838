"""Finding repositories, tags and manifests in the whole registry, by an index each. From the database only (law 9)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from webapp.accounts.permissions import Visibility
from webapp.catalogue.details import MOST_SAME_DIGEST
from webapp.catalogue.keyset import Key, after, ordering, read_cursor, read_page, write_cursor
from webapp.catalogue.listing import Page, repositories
from webapp.catalogue.models import Manifest, Repository, RepositoryManifest, Tag
from webapp.catalogue.name_index import SHORTEST, name_contains, tag_names
from webapp.catalogue.needle import Needle
from webapp.catalogue.tag_filter import begins_with

MOST_COUNTED = 1_000
"""What is found beyond so many is not counted: a few letters are in half a million names."""
MOST_REPOSITORIES = 50
"""In so many repositories a tag of `part:tag` is looked for, the first by name."""


@dataclass(frozen=True, slots=True)
class FoundTag:
    """A tag that was found."""

    repository: str
    name: str
    digest: str | None
    pushed_at: datetime


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest in one of the repositories that have it, with some of its tags there."""

    repository: str
    digest: str
    kind: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Stage:
    """One of the queries that together find the tags: what comes first, and then the rest."""

    found: Select  # type: ignore[type-arg]
    keys: list[Key]
    types: list[type]


def find_repositories(session: Session, visibility: Visibility, needle: Needle, size: int) -> Page[Repository]:
    """The first repositories with a part of their name; the list of repositories has them all."""
    if not needle.name or needle.tag:
        return Page([], 0, 0, "")
    return repositories(session, visibility, needle.name, size=size)


def find_tags(
    session: Session, visibility: Visibility, needle: Needle, cursor: str = "", size: int = 50
) -> Page[FoundTag]:
    """A page of tags: those with exactly this name first, then those that have it in theirs, the newest first.

    `matching` counts to MOST_COUNTED and one more.
    """
    if not visibility.sees_everything or needle.is_empty:
        return Page([], 0, 0, "")
    stages = _stages(session, visibility, needle)
    rows: list[tuple[FoundTag, tuple[Any, ...]]] = []
    begin = read_cursor(cursor.partition(".")[0], [int]) if cursor else (0,)
    number = begin[0] if begin and 0 <= begin[0] < len(stages) else 0
    for place, stage in list(enumerate(stages))[number:]:
        query = stage.found
        values = read_cursor(cursor.partition(".")[2], stage.types) if cursor and place == number else None
        if values is not None:
            query = query.where(after(stage.keys, values))
        query = query.add_columns(*(key for key, _ in stage.keys)).order_by(*ordering(stage.keys))
        for row in session.execute(query.limit(size + 1 - len(rows))):
            rows.append((FoundTag(*row[:4]), (place, *row[4:])))
        if len(rows) > size:
            break
    last = rows[size - 1][1] if len(rows) > size else None
    following = f"{write_cursor(last[:1])}.{write_cursor(last[1:])}" if last else ""
    return Page([each for each, _ in rows[:size]], _count(session, stages), 0, following)


def find_manifests(
    session: Session, visibility: Visibility, needle: Needle, cursor: str = "", size: int = 20
) -> Page[FoundManifest]:
    """A page of the manifests whose digest begins so, once for each repository that has them."""
    if not visibility.sees_everything or not needle.digests:
        return Page([], 0, 0, "")
    keys: list[Key] = [(Manifest.digest.expression, False), (Repository.id.expression, False)]
    found = (
        select(Repository, Manifest)
        .select_from(Manifest)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .join(Repository, Repository.id == RepositoryManifest.repository_id)
        .where(begins_with(Manifest.digest, needle.digests), Repository.tag_count > 0)
    )
    rows, following = read_page(session, found, keys, [str, int], cursor, size)
    places = [(row[0].id, row[1].digest) for row in rows]
    tags = _tags_on(session, places)
    shown = [
        FoundManifest(row[0].name, row[1].digest, row[1].kind, tuple(tags.get(place, ())))
        for row, place in zip(rows, places, strict=True)
    ]
    return Page(shown, _at_most(session, found), 0, following)


def _stages(session: Session, visibility: Visibility, needle: Needle) -> list[_Stage]:
    newest: list[Key] = [(Tag.id.expression, True)]
    by_name: list[Key] = [(Tag.name.expression, False), (Tag.id.expression, False)]
    rows = select(Repository.name, Tag.name, Tag.digest, Tag.pushed_at).join(Tag, Tag.repository_id == Repository.id)
    stages = []
    if needle.digests:  # a tag whose manifest was read is found with the manifest
        unread = rows.where(Tag.manifest_id.is_(None), begins_with(Tag.digest, needle.digests))
        stages.append(_Stage(unread, newest, [int]))
    if needle.tag is not None:
        some = repositories(session, visibility, needle.name, size=MOST_REPOSITORIES).rows
        among_them = [each.id for each in some if each.name == needle.name] or [each.id for each in some]
        exact = rows.where(Tag.repository_id.in_(among_them), Tag.name == needle.tag)
        part = (Tag.name.contains(needle.tag, autoescape=True), Tag.name != needle.tag)  # LIKE minds no case of ASCII
        others = rows.where(Tag.repository_id.in_(among_them), *part)
        by_push: list[Key] = [(Tag.pushed_at.expression, True), *newest]
        return [*stages, _Stage(exact, newest, [int]), _Stage(others, by_push, [datetime, int])]
    if not needle.name:
        return stages
    stages.append(_Stage(rows.where(Tag.name == needle.name), newest, [int]))
    if len(needle.name) < SHORTEST:
        begun = rows.where(begins_with(Tag.name, [needle.name]), Tag.name != needle.name)
        return [*stages, _Stage(begun, by_name, [str, int])]
    indexed = (
        select(Repository.name, Tag.name, Tag.digest, Tag.pushed_at)
        .select_from(tag_names)
        .join(Tag, Tag.id == tag_names.c.rowid)
        .join(Repository, Repository.id == Tag.repository_id)
        .where(name_contains(needle.name), Tag.name != needle.name)
    )
    return [*stages, _Stage(indexed, [(tag_names.c.rowid, True)], [int])]


def _count(session: Session, stages: Sequence[_Stage]) -> int:
    counted = 0
    for stage in stages:
        counted += _at_most(session, stage.found, MOST_COUNTED + 1 - counted)
        if counted > MOST_COUNTED:
            break
    return counted


def _at_most(session: Session, found: Select, most: int = MOST_COUNTED + 1) -> int:  # type: ignore[type-arg]
    some = found.with_only_columns(Repository.id, maintain_column_froms=True).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _tags_on(session: Session, places: Sequence[tuple[int, str]]) -> dict[tuple[int, str | None], list[str]]:
    """The tags of some repositories on a digest each, the newest first; a few of each."""
    of_it = (Tag.repository_id, Tag.digest)
    wanted = func.json_each(json.dumps(places)).table_valued("value")
    repository_id, digest = (func.json_extract(wanted.c.value, f"$[{place}]") for place in range(2))
    is_wanted = (Tag.repository_id == repository_id) & (Tag.digest == digest)
    number = func.row_number().over(partition_by=of_it, order_by=(Tag.pushed_at.desc(), Tag.name)).label("number")
    numbered = select(*of_it, Tag.name, number).select_from(wanted).join(Tag, is_wanted).subquery()
    newest = select(numbered).where(numbered.c.number <= MOST_SAME_DIGEST).order_by(numbered.c.number)
    found: dict[tuple[int, str | None], list[str]] = {}
    for *place, name, _number in session.execute(newest):
        found.setdefault((place[0], place[1]), []).append(name)
    return found
