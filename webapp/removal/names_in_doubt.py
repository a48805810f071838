"""Names that were about to be given: whether they were is asked of the registry (law 2), right afterwards or later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.activities.record import complete
from webapp.catalogue.named_by_us import remember_tag
from webapp.leases import Lease, still_ours
from webapp.registry.errors import RegistryError
from webapp.removal.looks import head_digest
from webapp.removal.remover import Remover

NOT_GIVEN = "It was not given: the registry has no such tag."
OF_ANOTHER = "Somebody pushed this tag in the same moment. It stays as they pushed it."
NOT_KNOWN = "It is not known whether the name was given; Holystone asks again every minute. {}"


@dataclass(frozen=True, slots=True)
class Found:
    """What the registry says of a name."""

    outcome: Outcome
    reason: str


def repositories_in_doubt(session: Session) -> set[str]:
    """The repositories in which a name is about to be given, or was when its process died."""
    return set(session.scalars(_in_doubt(Activity.repository)))


def look_up_names(remover: Remover, lease: Lease, repository: str) -> None:
    """Find out of all names in doubt of one repository whether they were given."""
    with remover.reading() as session:
        ids = session.scalars(_in_doubt(Activity.id).where(Activity.repository == repository)).all()
    for activity_id in ids:
        settle(remover, lease, activity_id)


def settle(remover: Remover, lease: Lease, activity_id: int) -> Found:
    """Ask the registry what a tag is on now, and write down whether that is what it was to be put on.

    Raises:
        LeaseLost: somebody else is at it; nothing was written.
    """
    with remover.reading() as session:
        activity = session.get_one(Activity, activity_id)
    repository, tag, digest = activity.repository or "", activity.tag or "", activity.digest or ""
    found = _look(remover, repository, tag, digest)
    with remover.writing() as session:
        still_ours(session, lease)
        complete(session, activity_id, found.outcome, found.reason)
        if found.outcome == Outcome.DONE:
            remember_tag(session, repository, tag, digest, remover.now())
    return found


def _look(remover: Remover, repository: str, tag: str, digest: str) -> Found:
    try:
        on = head_digest(remover.client, repository, tag)
    except RegistryError as error:
        return Found(Outcome.UNKNOWN, NOT_KNOWN.format(error.sentence))
    if on == digest:
        return Found(Outcome.DONE, "")
    return Found(Outcome.FAILED, OF_ANOTHER if on else NOT_GIVEN)


def _in_doubt(column: Any) -> Select[Any]:
    return select(column).where(Activity.kind == ActivityKind.TAG_GIVEN, Activity.outcome == Outcome.UNKNOWN)
