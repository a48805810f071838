"""A real registry, records, and the acts that the tests of removals repeat; and a client through which others meddle."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from demo.build import Built, image, index, layer
from demo.push import Pusher
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from webapp.activities.models import Activity
from webapp.catalogue.models import Repository, Tag
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.revisions import read_in_store, revisions_in
from webapp.catalogue.sync import SyncReport, sync
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound
from webapp.registry.manifests import STAND_IN, parse_manifest
from webapp.registry.names import is_digest
from webapp.removal.execute import Preview, preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import JournalManifest, Removal
from webapp.removal.remover import Remover
from webapp.removal.restore import restore
from webapp.removal.restore_looks import RESTORABLE_STATES
from webapp.removal.restores_in_doubt import Restored
from webapp.removal.space import Space
from webapp.removal.trash_models import TrashItem
from webapp.removal.wanted import Wanted

API = "team/api"
TAGS = tuple(f"{number}.0" for number in range(24))


def build(name: str, platform: str = "linux/amd64") -> Built:
    """A small image; `name` decides its content."""
    return image([layer(f"{name} {platform}")], platform=platform)


def platforms(name: str) -> list[Built]:
    """The children of an index: two images."""
    return [build(name, "linux/amd64"), build(name, "linux/arm64")]


class Meddler(RegistryClient):
    """A client during whose requests something else happens."""

    def __init__(self, client: RegistryClient) -> None:
        super().__init__(client._transport)
        self.before_list: Callable[[], None] = nothing
        self.before_delete: Callable[[str], None] = nothing
        self.after_delete: Callable[[str], None] = nothing
        self.deleted: list[str] = []
        self.put: list[str] = []

    def tags(self, repository: str) -> list[str]:
        self.before_list()
        return super().tags(repository)

    def delete_manifest(self, repository: str, digest: str) -> None:
        self.before_delete(digest)
        self.deleted.append(digest)
        super().delete_manifest(repository, digest)
        self.after_delete(digest)


def nothing(*_: object) -> None:
    """What happens by default."""


def once(act: Callable[[], object]) -> Callable[..., None]:
    """Do something the first time, whatever it is called with."""
    left = [act]

    def done(*_: object) -> None:
        if left:
            left.pop()()

    return done


@dataclass(frozen=True)
class Stage:
    """Where removals are tried."""

    registry: RegistryProcess
    client: RegistryClient
    pusher: Pusher
    records: Records
    clock: Clock
    store: Path | None = None
    folder: Path | None = None
    protected: tuple[str, ...] = ()
    retention: timedelta = timedelta(0)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(
            self.client, self.records.reading, self.records.writing, self.clock, self.store, self.remover.revisions
        )

    @property
    def remover(self) -> Remover:
        return self.remover_with(self.client)

    def remover_with(self, client: RegistryClient) -> Remover:
        return Remover(
            client,
            self.records.reading,
            self.records.writing,
            self.clock,
            store=self.store,
            revisions=revisions_in(self.store, self.folder, self.records.writing),
            protected=self.protected,
            pause_s=0.01,
            retention=self.retention,
        )

    def sync(self) -> SyncReport:
        return sync(self.catalogue)

    def push(self, name: str, *tags: str) -> Built:
        """Push a small image to API."""
        return self.pusher.push(API, build(name), tags)

    def push_index(self, name: str, *tags: str) -> tuple[Built, list[Built]]:
        """Push an index of two platforms to API; returns it and its children."""
        children = platforms(name)
        return self.pusher.push_index(API, children, tags), children

    def retag(self, tag: str, built: Built) -> None:
        """Put a manifest that is there under another tag of API."""
        self.pusher.put_manifest(API, tag, built)

    def look(self, *references: str, repository: str = API, **choices: Any) -> Preview:
        """Open the dialog for some tags and digests, or, without any, for the whole image."""
        return preview(self.remover, wanted(*references, repository=repository, **choices))

    def press(
        self,
        looked: Preview,
        client: RegistryClient | None = None,
        key: str = "",
        started: Callable[[int], None] = nothing,
    ) -> Removal:
        """Press the button of a dialog, and return what is written down of the removal."""
        removal_id = remove(
            self.remover_with(client or self.client), looked.plan.wanted, agreed_to(looked, key), started
        )
        return self.removal(removal_id)

    def remove(
        self, *references: str, client: RegistryClient | None = None, repository: str = API, **choices: Any
    ) -> Removal:
        """Open the dialog and press its button."""
        return self.press(self.look(*references, repository=repository, **choices), client)

    def removal(self, removal_id: int) -> Removal:
        with self.records.reading() as session:
            whole = [selectinload(Removal.steps), selectinload(Removal.tags)]
            return session.get_one(Removal, removal_id, options=whole)

    def removals(self) -> list[Removal]:
        with self.records.reading() as session:
            ids = list(session.scalars(select(Removal.id).order_by(Removal.id)))
        return [self.removal(each) for each in ids]

    def journal(self, removal_id: int) -> list[tuple[str, str, bytes]]:
        """What is kept of a removal, in order: digest, media type, bytes."""
        with self.records.reading() as session:
            rows = session.scalars(
                select(JournalManifest)
                .where(JournalManifest.removal_id == removal_id)
                .order_by(JournalManifest.position)
            )
            return [(row.digest, row.media_type, row.raw) for row in rows]

    def items(self) -> list[TrashItem]:
        """The items of the trash, oldest first, whatever became of them."""
        with self.records.reading() as session:
            return list(session.scalars(select(TrashItem).order_by(TrashItem.id)))

    def restore(self, *ids: int, name: str = "") -> list[Restored]:
        """Restore some items; without any, all that can be."""
        wanted = ids or [item.id for item in self.items() if item.state in RESTORABLE_STATES]
        return restore(self.remover, wanted, "alice", "192.0.2.1", name)

    def activities(self) -> list[tuple[str | None, str, str]]:
        """Tag, outcome and reason of each activity, in the order in which they were recorded."""
        with self.records.reading() as session:
            rows = session.scalars(select(Activity).order_by(Activity.id))
            return [(row.tag, row.outcome.value, row.reason) for row in rows]

    def tags(self, repository: str = API) -> set[str]:
        """The tags that the registry lists."""
        try:
            return set(self.client.tags(repository))
        except NotFound:
            return set()

    def catalogued(self, repository: str = API) -> set[str]:
        """The tags that the catalogue has."""
        with self.records.reading() as session:
            names = select(Tag.name).join(Repository).where(Repository.name == repository)
            return set(session.scalars(names))

    def has(self, reference: str, repository: str = API) -> bool:
        """Whether a tag or digest answers."""
        try:
            self.client.head_manifest(repository, reference)
        except NotFound:
            return False
        return True

    def pulls(self, reference: str, repository: str = API) -> bool:
        """Whether a tag or digest is there with all that it names, children and blobs."""
        try:
            answer = self.client.get_manifest(repository, reference)
            manifest = parse_manifest(answer.media_type, answer.raw)
            for blob in (*manifest.layers, *([manifest.config] if manifest.config else [])):
                self.client.head_blob(repository, blob.digest)
        except NotFound:
            return False
        return all(self.pulls(child.digest, repository) for child in manifest.children)

    def untag_on_disk(self, digest: str) -> None:
        """Take away a manifest's link and leave its tags: what a registry leaves that ends inside a DELETE."""
        (self.links / "revisions" / digest.replace(":", "/") / "link").unlink()

    def tag_on_disk(self, tag: str, digest: str) -> None:
        """Write a tag's link alone: what a push leaves whose manifest is deleted in the same moment."""
        folder = self.links / "tags" / tag / "current"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "link").write_text(digest)

    @property
    def links(self) -> Path:
        return self.registry.store / "docker/registry/v2/repositories" / API / "_manifests"


def wanted(*references: str, repository: str = API, **choices: Any) -> Wanted:
    """Some tags and digests, or, without any, the whole image."""
    tags = tuple(each for each in references if not is_digest(each))
    digests = tuple(each for each in references if is_digest(each))
    return Wanted(repository, tags, digests, whole_image=not references, **choices)


def agreed_to(looked: Preview, key: str = "") -> Agreement:
    return Agreement(looked.plan.fingerprint, key or uuid.uuid4().hex, "alice", "192.0.2.1")


def states(removal: Removal) -> dict[str, str]:
    """What became of each tag of a removal."""
    return {tag.name: tag.state.value for tag in removal.tags}


def reasons(removal: Removal) -> dict[str, str]:
    """Why, of each tag of a removal."""
    return {tag.name: tag.reason for tag in removal.tags}


def steps(removal: Removal) -> dict[str, str]:
    """What became of each manifest of a removal."""
    return {step.digest: step.state.value for step in removal.steps}


def step_reasons(removal: Removal) -> dict[str, str]:
    return {step.digest: step.reason for step in removal.steps}


def stand_ins(stage: Stage, repository: str = API) -> list[str]:
    """Manifests of the repository that are stand-ins, as the store has them."""
    store = stage.registry.store
    found = read_in_store(store, repository) or frozenset()
    return [each for each in sorted(found) if STAND_IN.encode() in blob_file(store, each).read_bytes()]


def blob_file(store: Path, digest: str) -> Path:
    algorithm, _, name = digest.partition(":")
    return store / "docker/registry/v2/blobs" / algorithm / name[:2] / name / "data"


def digests(built: Iterable[Built]) -> set[str]:
    return {each.digest for each in built}


def fingerprint_of_files(folder: Path) -> str:
    """Changes when any file's name, bytes or time does."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path.relative_to(folder)).encode() + str(path.stat().st_mtime_ns).encode())
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def nested(children: list[Built]) -> Built:
    """An index of manifests that are pushed before it."""
    return index(children)


def bytes_less(space: Space) -> int:
    """By how much smaller the store should be."""
    assert not (space.bytes_freed and space.bytes_added)
    return space.bytes_freed - space.bytes_added
