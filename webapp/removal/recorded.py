"""What a removal would free, from the records alone: the figure that pages show without asking the registry.

The same rules decide as for the plan in the dialog (`going`), on what was last seen instead of what is there now. The
sizes are those that the manifests state; the dialog takes the data files' own, where it can.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.catalogue.edges import naming, recorded_manifests
from webapp.catalogue.models import DescriptorRole, Manifest, RegistryState, Repository, RepositoryManifest, Tag
from webapp.catalogue.referrers import subject_named_by, tags_named_after
from webapp.catalogue.totals import held_only_by
from webapp.database import among, unindexed
from webapp.registry.manifests import ManifestKind
from webapp.removal.going import Going, what_goes
from webapp.removal.looks import recorded_fact
from webapp.removal.material import Facts, ManifestFact
from webapp.removal.remover import is_protected
from webapp.removal.space import NOT_KNOWN_NOW, NOT_READ, UNSEEN, Space, space_from
from webapp.removal.trash import held_in_trash
from webapp.removal.wanted import Wanted

MOST_MANIFESTS = 500


def recorded_space(
    session: Session, repository: Repository, wanted: Wanted, now: datetime, protected: tuple[str, ...] = ()
) -> Space | None:
    """What a removal of some tags or manifests would free, as far as the records tell.

    None where they are too many, and where one does not state the sizes of its layers (schema 1).
    """
    facts = _facts(session, repository, wanted, now, protected)
    if facts is None:
        return None
    going = what_goes(facts)
    if not going.manifests:
        return Space(0, True, "")
    if any(facts.manifests[each].kind == ManifestKind.SCHEMA1 for each in going.manifests):
        return None
    bytes_less = held_only_by(session, repository, going.manifests) - _added_bytes(session, repository, going)
    return space_from(bytes_less, _why_not_exact(session, repository))


def _facts(
    session: Session, repository: Repository, wanted: Wanted, now: datetime, protected: tuple[str, ...]
) -> Facts | None:
    """The facts of a plan: all that is reached from what is wanted, and the tags on it."""
    asked = _tags(session, repository, Tag.name, wanted.tags)
    manifests: dict[str, ManifestFact] = {}
    named_after: dict[str, str] = {}
    digests = dict(asked)
    level = {*asked.values(), *wanted.digests}
    while level:
        if len(manifests) + len(level) > MOST_MANIFESTS:
            return None
        new = _here(session, repository, level)
        manifests |= new
        children = {child for fact in new.values() for child in fact.children}
        after = tags_named_after(session, repository, new)
        named_after |= {tag: subject for tag in after if (subject := subject_named_by(tag))}
        digests |= after | _tags(session, repository, Tag.digest, new)
        referring = {referrer for referrer, _subject in naming(session, new, DescriptorRole.SUBJECT)}
        listing = _lists_with(session, repository, new.values())
        digests |= listing
        named_after |= {tag: subject for tag in listing if (subject := subject_named_by(tag))}
        level = {*children, *referring, *after.values(), *listing.values()} - manifests.keys()
    return Facts(
        wanted=wanted,
        asked_tags=wanted.tags,
        digests=digests,
        manifests=manifests,
        holders=_holders(session, repository, manifests.keys()),
        protected=frozenset(tag for tag in digests if is_protected(protected, tag)),
        named_after=named_after,
        fallbacks=_fallbacks(session, manifests, {digests[tag] for tag in named_after if "." not in tag}),
        seen_before=frozenset(manifests),
        in_trash=held_in_trash(session, repository.name, now, wanted.leaving),
    )


def _here(session: Session, repository: Repository, digests: Collection[str]) -> dict[str, ManifestFact]:
    """Of some manifests, those that the repository has."""
    here = session.scalars(
        select(Manifest.digest)
        .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
        .where(unindexed(RepositoryManifest.repository_id) == repository.id, among(Manifest.digest, digests))
    )
    return {digest: recorded_fact(found) for digest, found in recorded_manifests(session, here.all()).items()}


def _tags(
    session: Session, repository: Repository, column: InstrumentedAttribute[Any], values: Collection[str]
) -> dict[str, str]:
    """The tags of a repository by their names or by their digests, as `column` says."""
    of_it = (Tag.repository_id == repository.id, among(column, values))
    return {name: digest for name, digest in session.execute(select(Tag.name, Tag.digest).where(*of_it)) if digest}


def _lists_with(session: Session, repository: Repository, facts: Iterable[ManifestFact]) -> dict[str, str]:
    """The lists of referrers in which these stand, when they refer to something."""
    subjects = {fact.subject for fact in facts if fact.subject}
    return {tag: on for tag, on in tags_named_after(session, repository, subjects).items() if "." not in tag}


def _holders(session: Session, repository: Repository, digests: Collection[str]) -> dict[str, frozenset[str]]:
    """Of each manifest, the indexes of the repository that name it."""
    pairs = naming(session, digests, DescriptorRole.CHILD)
    there = _here(session, repository, {parent for parent, _child in pairs}).keys()
    holders: dict[str, set[str]] = {digest: set() for digest in digests}
    for parent, child in pairs:
        if parent in there:
            holders[child].add(parent)
    return {child: frozenset(parents) for child, parents in holders.items()}


def _fallbacks(session: Session, manifests: Mapping[str, ManifestFact], indexes: Set[str]) -> dict[str, bytes]:
    """The bytes of lists of referrers that list something."""
    wanted = [each for each in indexes if each in manifests and manifests[each].children]
    return dict(session.execute(select(Manifest.digest, Manifest.raw).where(among(Manifest.digest, wanted))).all())


def _added_bytes(session: Session, repository: Repository, going: Going) -> int:
    """What lists that are written anew take, where the repository does not have the very same already, as far as is known."""
    if repository.revisions_read_at is None:
        return 0
    there = _here(session, repository, [each.new for each in going.rewrites])
    return sum({each.new: len(each.raw) for each in going.rewrites if each.new not in there}.values())


def _why_not_exact(session: Session, repository: Repository) -> str:
    """What is not known of manifests that may hold some of it; '' where all are known."""
    if repository.revisions_read_at is None:
        return UNSEEN
    state = session.get(RegistryState, 1)
    if state is None or state.sync_complete_at is None:
        return NOT_READ
    unread = select(Repository.id).where(Repository.revisions_read_at.is_(None), Repository.tag_count > 0).limit(1)
    return NOT_KNOWN_NOW if session.scalar(unread) is not None else ""
