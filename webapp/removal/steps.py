"""One step of a removal: look once more, delete one manifest, look again."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.registry.errors import (
    DeletesDisabled,
    Denied,
    Nonsense,
    NotFound,
    ReadOnly,
    RegistryError,
    RegistryTimeout,
    RegistryUnreachable,
    Unauthorised,
)
from webapp.removal.ground import Ground, reached_from
from webapp.removal.looks import IndexTooDeep, head_digest, list_tags, look_at
from webapp.removal.models import GONE, StepState

ENDS_ALL = (ReadOnly, DeletesDisabled, Denied, Unauthorised, RegistryUnreachable)
"""Errors after which the next step would fail as well."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What was found; `ends_all` where there is no use in taking the next step."""

    state: StepState
    reason: str = ""
    ends_all: bool = False


def delete_manifest(ground: Ground, digest: str) -> StepResult:
    """Delete one manifest, unless something that stays needs it by now. Raises nothing of the registry's."""
    ground.tried.add(digest)
    try:
        why_kept = _why_it_must_stay(ground, digest)
    except RegistryError as error:
        return StepResult(StepState.FAILED, f"Nothing was deleted: {error.sentence}", isinstance(error, ENDS_ALL))
    if why_kept:
        return StepResult(StepState.KEPT, why_kept)
    result = _delete(ground, digest)
    if result.state in GONE:
        ground.deleted.add(digest)
    return result


def _delete(ground: Ground, digest: str) -> StepResult:
    try:
        ground.client.delete_manifest(ground.repository, digest)
    except NotFound:
        return StepResult(StepState.ALREADY_GONE)
    except RegistryError as error:
        if not error.outcome_is_unknown:
            return StepResult(StepState.FAILED, error.sentence, isinstance(error, ENDS_ALL))
        found = look_again(ground, digest, error.sentence)
        if found.state == StepState.FAILED and isinstance(error, RegistryTimeout):
            return _unknown(error)  # the registry may be at it still: what is there now may be gone in a moment
        return found
    return look_again(ground, digest, "The registry accepted the deletion, but the manifest is still there.")


def look_again(ground: Ground, digest: str, if_still_there: str) -> StepResult:
    """Find out by asking the registry how a deletion ended (law 3)."""
    try:
        found = head_digest(ground.client, ground.repository, digest)
    except RegistryError as error:
        return _unknown(error)
    return StepResult(StepState.FAILED, if_still_there) if found else StepResult(StepState.DELETED)


def _unknown(error: RegistryError) -> StepResult:
    reason = f"It is not known whether this was deleted: {error.sentence}"
    return StepResult(StepState.UNKNOWN, reason, ends_all=True)


def _why_it_must_stay(ground: Ground, digest: str) -> str:
    """Look at every tag that is to remain, and say which of them needs this manifest; '' where none does.

    Only tags whose own turn is yet to come are not looked at: they are to go. One whose turn has come and that is
    there all the same remains: it was kept, or somebody has pushed it anew.
    """
    if ground.holders.get(digest, frozenset()) - ground.deleted:
        return "It is part of an index that was not deleted."
    own = {tag for tag, on in ground.going.items() if on == digest}
    waiting = {tag for tag, on in ground.going.items() if on not in ground.tried}
    listed = ground.executor.submit(list_tags, ground.client, ground.repository)
    now_on = look_at(ground.client, ground.executor, ground.repository, sorted(own))
    others = (listed.result() | ground.staying) - waiting - own
    now_on |= look_at(ground.client, ground.executor, ground.repository, sorted(others))
    moved = sorted(tag for tag in own if now_on.get(tag) not in (digest, None))
    if moved and not any(now_on.get(tag) == digest for tag in own):
        return f"Changed since you looked: {', '.join(moved)} was pushed anew."
    for tag, on in now_on.items():
        if on == digest and tag not in own:
            return f"{tag} is on it since you looked."
        if on and on != digest and (why := _why_it_holds(ground, tag, on, digest)):
            return why
    return ""


def _why_it_holds(ground: Ground, tag: str, on: str, digest: str) -> str:
    try:
        return f"{tag} holds it." if digest in reached_from(ground, on) else ""
    except (Nonsense, IndexTooDeep) as error:
        return f"{tag} may hold it. {error.sentence}"
