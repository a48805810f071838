"""What the catalogue knows of repositories, as the rules need it. Reads rows only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Manifest, Repository, RepositoryManifest, Tag
from webapp.catalogue.referrers import NAMED_AFTER
from webapp.catalogue.untagged import named_by_an_index
from webapp.database import among
from webapp.registry.manifests import ManifestKind
from webapp.removal.trash import held_in_trash
from webapp.retention.rules import Facts, TagFact, UntaggedFact

TAGS_AT_ONCE = 5_000
"""So many tags at least are read with one query."""


@dataclass(frozen=True, slots=True)
class Named:
    """A repository: its number, its name, and about how many tags it has."""

    id: int
    name: str
    tag_count: int


def repositories(session: Session, name: str = "") -> list[Named]:
    """All repositories by their names, or the one of a name."""
    found = select(Repository.id, Repository.name, Repository.tag_count).order_by(Repository.name)
    if name:
        found = found.where(Repository.name == name)
    return [Named(*row) for row in session.execute(found)]


def facts_of(session: Session, wanted: Sequence[Named], now: datetime) -> Iterator[tuple[Named, Facts]]:
    """The facts of some repositories, in their order, some at a time."""
    for some in _some_at_a_time(wanted):
        tags, untagged = _tags(session, some), _untagged(session, some)
        for each in some:
            without = untagged.get(each.id, ())
            in_trash = held_in_trash(session, each.name, now) if without else ()
            yield each, Facts(tags.get(each.id, ()), without, in_trash)


def _some_at_a_time(wanted: Sequence[Named]) -> Iterator[list[Named]]:
    some: list[Named] = []
    for each in wanted:
        some.append(each)
        if sum(one.tag_count for one in some) >= TAGS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _tags(session: Session, some: Sequence[Named]) -> dict[int, list[TagFact]]:
    """The tags that are subject to rules. What is not known of one in full, as of a tag on a stand-in, has no digest."""
    rows = session.execute(
        select(Tag.repository_id, Tag.name, Tag.digest, Tag.manifest_id, Tag.problem, Tag.pushed_at)
        .where(among(Tag.repository_id, [each.id for each in some]))
        .order_by(Tag.repository_id, Tag.sort_key, Tag.id)
    )
    found: dict[int, list[TagFact]] = {}
    for repository_id, name, digest, manifest_id, problem, pushed_at in rows:
        if name.startswith("sha") and NAMED_AFTER.fullmatch(name):
            continue
        is_known = manifest_id is not None and not problem
        fact = TagFact(name, (digest or "") if is_known else "", pushed_at)
        found.setdefault(repository_id, []).append(fact)
    return found


def _untagged(session: Session, some: Sequence[Named]) -> dict[int, list[UntaggedFact]]:
    rows = session.execute(
        select(RepositoryManifest.repository_id, Manifest.digest, Manifest.first_seen_at)
        .join(Manifest, Manifest.id == RepositoryManifest.manifest_id)
        .where(
            among(RepositoryManifest.repository_id, [each.id for each in some]),
            RepositoryManifest.is_untagged.is_(True),
            Manifest.kind != ManifestKind.STAND_IN,
            ~named_by_an_index(),  # it goes with the index
        )
        .order_by(RepositoryManifest.repository_id, RepositoryManifest.manifest_id)
    )
    found: dict[int, list[UntaggedFact]] = {}
    for repository_id, digest, first_seen_at in rows:
        found.setdefault(repository_id, []).append(UntaggedFact(digest, first_seen_at))
    return found
