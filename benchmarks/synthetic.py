"""Records of a large registry, written as rows: what a sync of it would have left. Harbor's 'small' test is 500,000 tags.

Only what a sync reads from the registry is made up. What it works out of that (sizes, orders, counts, which manifests
are untagged) the same functions work out here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from sqlalchemy import Insert, insert, select
from sqlalchemy.orm import Session

from benchmarks.synthetic_images import LONGEST_AGO_MINUTES, MANIFESTS_AN_IMAGE, ImageRows, add_image, mixed
from webapp.catalogue.models import (
    KeptConfiguration,
    Manifest,
    ManifestDescriptor,
    RegistryMode,
    Repository,
    RepositoryManifest,
    Tag,
)
from webapp.catalogue.natural_order import natural_key
from webapp.catalogue.rows import count_repository
from webapp.catalogue.sizes import compute_image_sizes
from webapp.catalogue.state import registry_state
from webapp.catalogue.tag_order import order_tags
from webapp.catalogue.totals import measure_registry
from webapp.database import Base, Reading, Writing
from webapp.maintenance.space import measure_space
from webapp.registry.names import namespace_of

TAGS_A_REPOSITORY = 50
FEWEST_REPOSITORIES = 200
"""So many there are at least, as a page of them is full then."""

LARGEST_SHARE = 5
"""One repository has a fifth of all tags; of the others each fiftieth has ten times as many as the rest."""

TAGS_AN_IMAGE = 2
NEVER_TAGGED = 20
"""One of so many images has no tag."""

TAGS_AT_ONCE = 10_000
"""So many at least are written in one transaction."""

NAMESPACES = 40


@dataclass(frozen=True, slots=True)
class Size:
    """How large a registry is made up."""

    tags: int
    activities: int

    @property
    def repositories(self) -> int:
        """How many repositories share the tags."""
        return max(FEWEST_REPOSITORIES, self.tags // TAGS_A_REPOSITORY)


def repository_name(number: int) -> str:
    """The name of a repository; some are in no namespace."""
    return f"tool-{number}" if number % 25 == 24 else f"team-{number % NAMESPACES}/service-{number}"


LARGEST = repository_name(0)
MIDDLE = repository_name(7)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A repository with so many tags, on images from a number on."""

    number: int
    tags: int
    first_image: int

    @property
    def images(self) -> range:
        return range(self.first_image, self.first_image + self.tags // TAGS_AN_IMAGE + 1)

    @property
    def row_id(self) -> int:
        return self.number + 1


def fill_catalogue(reading: Reading, writing: Writing, size: Size, now: datetime) -> None:
    """Write the rows of a catalogue into empty records; equal sizes give equal rows."""
    for pieces in _some_at_a_time(size):
        with writing() as session:
            _add_repositories(session, pieces, now)
        with writing() as session:
            _work_out(session, pieces)
    with writing() as session:
        state = registry_state(session)
        state.mode, state.may_list, state.may_delete = RegistryMode.READ_WRITE, True, True
        state.sync_started_at = state.sync_finished_at = state.sync_complete_at = state.checked_at = now
        state.repositories_total = state.repositories_done = size.repositories
    measure_registry(reading, writing)
    measure_space(reading, writing, now)


def tags_of(size: Size) -> list[int]:
    """How many tags each repository has."""
    largest = size.tags // LARGEST_SHARE
    weights = [10 if number % 50 == 7 else 1 for number in range(1, size.repositories)]
    left = size.tags - largest
    bounds = [each * left // sum(weights) for each in accumulate(weights, initial=0)]
    return [largest, *(end - begin for begin, end in pairwise(bounds))]


def _some_at_a_time(size: Size) -> Iterator[list[_Piece]]:
    some: list[_Piece] = []
    first_image = 0
    for number, tags in enumerate(tags_of(size)):
        piece = _Piece(number, tags, first_image)
        first_image = piece.images.stop
        some.append(piece)
        if sum(each.tags for each in some) >= TAGS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _add_repositories(session: Session, pieces: Sequence[_Piece], now: datetime) -> None:
    """Add repositories with all that they hold."""
    session.execute(insert_into(Repository), [_repository(each, now) for each in pieces])
    images, links, tags = ImageRows(), [], []
    for piece in pieces:
        before = len(images.manifests)
        tagged = [add_image(images, number, now) for number in piece.images]
        links += [{"repository_id": piece.row_id, "manifest_id": each["id"]} for each in images.manifests[before:]]
        tags += list(_tags(piece, tagged[len(tagged) // NEVER_TAGGED :], now))
    session.execute(insert_into(Manifest), images.manifests)
    session.execute(insert_into(ManifestDescriptor), images.descriptors)
    session.execute(insert_into(KeptConfiguration), images.configurations)
    session.execute(insert_into(RepositoryManifest), links)
    session.execute(insert_into(Tag), tags)


def _work_out(session: Session, pieces: Sequence[_Piece]) -> None:
    """What a sync works out of what it has read."""
    compute_image_sizes(
        session,
        range(1 + pieces[0].first_image * MANIFESTS_AN_IMAGE, 1 + pieces[-1].images.stop * MANIFESTS_AN_IMAGE),
    )
    for piece in pieces:
        digests = session.scalars(select(Tag.digest).where(Tag.repository_id == piece.row_id).distinct()).all()
        order_tags(session, piece.row_id, digests)
        count_repository(session, session.get_one(Repository, piece.row_id), None)


def _repository(piece: _Piece, now: datetime) -> dict[str, Any]:
    name = repository_name(piece.number)
    return {
        "id": piece.row_id,
        "name": name,
        "namespace": namespace_of(name),
        "first_seen_at": now,
        "synced_at": now,
        "revisions_read_at": now,
    }


def _tags(piece: _Piece, tagged: Sequence[tuple[int, str]], now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(piece.tags):
        manifest_id, digest = tagged[number % len(tagged)]
        name = _tag_name(number, signed=tagged[number // 16][1])
        yield {
            "repository_id": piece.row_id,
            "name": name,
            "sort_key": natural_key(name),
            "digest": digest,
            "manifest_id": manifest_id,
            "problem": "",
            "pushed_at": now - timedelta(minutes=mixed(number + piece.first_image, LONGEST_AGO_MINUTES)),
            "pushed_at_is_seen": False,
            "checked_at": now,
        }


def _tag_name(number: int, signed: str) -> str:
    """Versions, commits of a branch, now and then a signature, and one that moves."""
    if number == 0:
        return "latest"
    if number % 16 == 15:
        return f"{signed.replace(':', '-')}.sig"
    if number % 4 == 3:
        return f"main-{number * 0x9E3779B1 % 2**28:07x}"
    return f"{number // 2_500}.{number // 50 % 50}.{number % 50}"


def insert_into(model: type[Base]) -> Insert:
    """Into the table itself: objects of the model would be made of so many rows for nothing."""
    return insert(model.__table__)
