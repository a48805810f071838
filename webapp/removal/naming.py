"""Give a manifest a name: its bytes, as the registry has them, are put under a tag that is on nothing.

It is done under the lease of removals, so that none of ours deletes the manifest meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import complete, record
from webapp.leases import Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.registry.errors import NotFound, RegistryError
from webapp.registry.manifests import ManifestBytes, ManifestKind, parse_manifest
from webapp.registry.names import is_tag
from webapp.removal.journal import UNDER_WAY
from webapp.removal.looks import head_digest, list_tags
from webapp.removal.names_in_doubt import settle
from webapp.removal.pushes import Pushes, give_back, pushed_since, pushes_of
from webapp.removal.recovery import look_up_older
from webapp.removal.remover import RemovalUnderWay, Remover, lease_name, refuse_while_held

OF_REFERRERS = ("sha256-", "sha384-", "sha512-")
"""How the tags of signatures and of lists of referrers begin."""

NO_TAG = "A tag has letters, digits, “_”, “.” and “-”, 128 at most, and begins with a letter, a digit or “_”."
NAMES_A_REFERRER = "What is called so counts as a signature, or as something else that refers to an image."
DANGLES = "The registry lists this tag, and has no manifest for it."
IS_GONE = "The registry does not have this manifest any more."
TAKEN_FROM = "Somebody pushed {} to this tag in the same moment, and it could not be put back: {}"
IS_STAND_IN = "This is a stand-in of Holystone, which is about to be deleted."


@dataclass(frozen=True, slots=True)
class Naming:
    """Which manifest gets which name, from whom."""

    repository: str
    digest: str
    tag: str
    actor: str
    place: str


class NotNamed(Exception):
    """The manifest did not get the name; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NeedsAnotherName(NotNamed):
    """With another name it may work."""


def why_no_name(tag: str) -> str:
    """Why nothing can be called so, as a sentence; '' where it can."""
    if not is_tag(tag):
        return NO_TAG
    return NAMES_A_REFERRER if tag.startswith(OF_REFERRERS) else ""


def give_name(remover: Remover, naming: Naming) -> None:
    """Put a manifest under a tag. Where the tag is on it already, nothing is left to do.

    Raises:
        NeedsAnotherName: there can be no such tag, or it is taken.
        NotNamed: the manifest is gone, or how it ended is not known.
        RemovalUnderWay: a removal, or another naming, holds the repository.
        RegistryError: the registry refuses it, or cannot be asked.
    """
    why = why_no_name(naming.tag)
    if why:
        raise NeedsAnotherName(why)
    try:
        with held(remover.writing, lease_name(naming.repository)) as lease:
            _give_name(remover, lease, naming)
    except (LeaseHeld, LeaseLost):
        raise RemovalUnderWay from None


def _give_name(remover: Remover, lease: Lease, naming: Naming) -> None:
    refuse_while_held(remover)
    look_up_older(remover, lease, naming.repository)
    before = pushes_of(remover.store, naming.repository, naming.tag) or {}
    if _has_it_already(remover, naming):
        return
    content = _content_of(remover, naming)
    activity_id = _write_intent(remover, lease, naming)
    try:
        remover.client.put_manifest(naming.repository, naming.tag, content.media_type, content.raw)
    except RegistryError as error:
        if not error.outcome_is_unknown:
            _write_failure(remover, lease, activity_id, error.sentence)
            raise
    else:
        _give_back_a_push(remover, lease, activity_id, naming, before)
    found = settle(remover, lease, activity_id)
    if found.outcome != Outcome.DONE:
        raise NotNamed(found.reason)


def _has_it_already(remover: Remover, naming: Naming) -> bool:
    """Whether the tag is on this manifest.

    Raises:
        NeedsAnotherName: it is on another one, or listed without any.
    """
    on = head_digest(remover.client, naming.repository, naming.tag)
    if on is None and naming.tag in list_tags(remover.client, naming.repository):
        raise NeedsAnotherName(DANGLES)
    if on not in (naming.digest, None):
        raise NeedsAnotherName(f"{naming.tag} is taken: it is on another manifest.")
    return on is not None


def _content_of(remover: Remover, naming: Naming) -> ManifestBytes:
    """The manifest's bytes as the registry has them now.

    Raises:
        NotNamed: it is gone, or nothing that should have a name.
    """
    try:
        content = remover.client.get_manifest(naming.repository, naming.digest)
    except NotFound:
        raise NotNamed(IS_GONE) from None
    if parse_manifest(content.media_type, content.raw).kind == ManifestKind.STAND_IN:
        raise NotNamed(IS_STAND_IN)
    return content


def _write_intent(remover: Remover, lease: Lease, naming: Naming) -> int:
    with remover.writing() as session:
        still_ours(session, lease)
        activity = record(
            session,
            at=remover.now(),
            actor=naming.actor,
            kind=ActivityKind.TAG_GIVEN,
            outcome=Outcome.UNKNOWN,
            reason=UNDER_WAY,
            repository=naming.repository,
            tag=naming.tag,
            digest=naming.digest,
            place=naming.place,
        )
        return activity.id


def _give_back_a_push(remover: Remover, lease: Lease, activity_id: int, naming: Naming, before: Pushes) -> None:
    """The store, where it can be read, says what was pushed between the look and our PUT: that stays.

    Raises:
        NotNamed: it could not be put back.
    """
    repository, tag = naming.repository, naming.tag
    pushed = pushed_since(before, pushes_of(remover.store, repository, tag), naming.digest)
    if pushed is None:
        return
    try:
        give_back(remover.client, repository, tag, pushed)
    except RegistryError as error:
        reason = TAKEN_FROM.format(pushed, error.sentence)
        _write_failure(remover, lease, activity_id, reason)
        raise NotNamed(reason) from error


def _write_failure(remover: Remover, lease: Lease, activity_id: int, reason: str) -> None:
    with remover.writing() as session:
        still_ours(session, lease)
        complete(session, activity_id, Outcome.FAILED, reason)
