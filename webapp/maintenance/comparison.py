"""The dry run has to agree with the catalogue: nothing that is in use may be about to be deleted.

The collector believes the folders that it finds, and takes what it does not understand for garbage. The catalogue has
looked over HTTP, as a pull does. Where they differ, the registry is asked once more, and then a person.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import (
    DescriptorRole,
    Manifest,
    ManifestDescriptor,
    RegistryState,
    Repository,
    RepositoryManifest,
    Tag,
)
from webapp.catalogue.refresh import REQUESTS_AT_A_TIME
from webapp.catalogue.sync import sync
from webapp.leases import LeaseHeld
from webapp.maintenance.losses import count_tags, lost_tags
from webapp.maintenance.models import Question, Run
from webapp.maintenance.other_digests import WHY, named_otherwise
from webapp.maintenance.running import DryRun, Maintainer, Running, StepFailed, stop_if_asked, writing_as_holder
from webapp.registry.errors import NotFound, RegistryError

USES = (DescriptorRole.CONFIG, DescriptorRole.LAYER, DescriptorRole.CHILD)
"""What a manifest needs. Its subject it only speaks of."""

NAMED = 5
SYNC_WITHIN_S = 600.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A manifest that the catalogue holds, and what the collector would do to it."""

    repository: str
    digest: str
    problem: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest} {self.problem}"


def compare(running: Running) -> str:
    """Look at the whole registry anew and compare it with the dry run.

    Raises:
        StepFailed: the catalogue could not be read completely, or holds something that would be deleted.
    """
    dry_run = running.found.dry_run
    if dry_run is None:
        raise StepFailed("There is no dry run to compare with.")
    sync_now(running)
    _ask_about_losses(running)
    maintainer = running.maintainer
    with maintainer.reading() as session:
        held = list(_held(session, dry_run.began_at))
        suspects = [*_would_be_deleted(session, held, dry_run), *_not_marked(session, dry_run)]
        unseen = needs_otherwise(session)  # the dry run's list does not tell of them
    otherwise = still_there(maintainer, unseen)
    if otherwise:
        raise StepFailed(f"{_some(otherwise)}. {WHY}")
    found = still_there(maintainer, suspects)
    if found:
        raise StepFailed(_sentence(found))
    return f"Nothing that would be deleted is needed by any of the {len(held)} manifests in the catalogue."


def sync_now(running: Running) -> None:
    """Read the whole registry, waiting for a look that is under way: that began too early.

    Raises:
        StepFailed: it could not be read completely.
    """
    maintainer = running.maintainer
    until = maintainer.monotonic() + SYNC_WITHIN_S
    while True:
        stop_if_asked(running)
        try:
            report = sync(maintainer.catalogue)
            break
        except LeaseHeld:
            if maintainer.monotonic() > until:
                raise StepFailed("Another look at the registry has been under way for ten minutes.") from None
        time.sleep(POLL_S)
    if not report.is_complete:
        names = ", ".join(report.unread[:NAMED])
        raise StepFailed(f"The registry could not be read completely. {report.problem or names}".strip())
    if report.doubt:
        raise StepFailed(f"{report.doubt} A collection would delete it all. Status says what to do.")


def _ask_about_losses(running: Running) -> None:
    with writing_as_holder(running) as session:
        lost = lost_tags(session)
        session.get_one(Run, running.run_id).tags_seen = count_tags(session)
    if lost and Question.LOST_TAGS not in running.agreed:
        raise StepFailed(lost, Question.LOST_TAGS)


def needs_first_look(maintainer: Maintainer) -> bool:
    """Whether the catalogue has never been complete: what it has not seen it cannot defend."""
    with maintainer.reading() as session:
        state = session.get(RegistryState, 1)
        return state is None or state.sync_complete_at is None


def _held(session: Session, before: datetime) -> Iterable[tuple[str, int, str]]:
    """Repository, row and digest of each manifest that was there before the dry run."""
    query = (
        select(Repository.name, Manifest.id, Manifest.digest)
        .join(RepositoryManifest, RepositoryManifest.repository_id == Repository.id)
        .join(Manifest, Manifest.id == RepositoryManifest.manifest_id)
        .where(Manifest.first_seen_at.is_(None) | (Manifest.first_seen_at <= before))
    )
    return session.execute(query)


def _would_be_deleted(
    session: Session, held: Sequence[tuple[str, int, str]], dry_run: DryRun
) -> Iterable[Disagreement]:
    needs = select(ManifestDescriptor.manifest_id, ManifestDescriptor.digest).where(ManifestDescriptor.role.in_(USES))
    loses = {row: digest for row, digest in session.execute(needs) if digest in dry_run.deletes}
    for repository, row, digest in held:
        if digest in dry_run.deletes:
            yield Disagreement(repository, digest, "would be deleted")
        elif row in loses:
            yield Disagreement(repository, digest, f"would lose {loses[row]}")


def _not_marked(session: Session, dry_run: DryRun) -> Iterable[Disagreement]:
    """Tagged manifests that the collector has not found: it looks at another registry, or does not see them."""
    query = (
        select(Repository.name, Manifest.digest)
        .join(Tag, Tag.repository_id == Repository.id)
        .join(Manifest, Manifest.id == Tag.manifest_id)
        .where(Manifest.first_seen_at.is_(None) | (Manifest.first_seen_at <= dry_run.began_at))
        .distinct()
    )
    for repository, digest in session.execute(query):
        if (repository, digest) not in dry_run.marked:
            yield Disagreement(repository, digest, "was not found by the collector")


def needs_otherwise(session: Session) -> list[Disagreement]:
    """Manifests of the catalogue that would lose a blob, although no list says so (`other_digests.py`)."""
    return [Disagreement(name, digest, f"names {blob}") for name, digest, blob in named_otherwise(session)]


def still_there(maintainer: Maintainer, suspects: Sequence[Disagreement]) -> list[Disagreement]:
    """Those that answer at this moment: a manifest that was deleted meanwhile is no disagreement."""

    def answers(each: Disagreement) -> bool:
        try:
            maintainer.client.head_manifest(each.repository, each.digest)
        except NotFound:
            return False
        return True

    try:
        with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
            there = list(executor.map(answers, suspects))
    except RegistryError as error:
        raise StepFailed(f"{len(suspects)} manifests could not be looked up: {error.sentence}") from error
    return [each for each, is_there in zip(suspects, there, strict=True) if is_there]


def _sentence(found: Sequence[Disagreement]) -> str:
    return f"The collector and the registry disagree, so nothing is collected: {_some(found)}."


def _some(found: Sequence[Disagreement]) -> str:
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(map(str, found[:NAMED])) + more
