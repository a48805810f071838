"""One step of a removal: look once more, delete one manifest, look again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from webapp.database import Reading
from webapp.registry.client import RegistryClient
from webapp.registry.errors import (
    DeletesDisabled,
    Denied,
    NotFound,
    ReadOnly,
    RegistryError,
    RegistryUnreachable,
    Unauthorised,
)
from webapp.removal.looks import head_digest, list_tags, look_at, reach, stored
from webapp.removal.models import StepState
from webapp.removal.plan import ManifestFact

ENDS_ALL = (ReadOnly, DeletesDisabled, Denied, Unauthorised, RegistryUnreachable)
"""Errors after which the next step would fail as well."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What was found; `ends_all` where there is no use in taking the next step."""

    state: StepState
    reason: str = ""
    ends_all: bool = False


@dataclass(slots=True)
class Ground:
    """Where the steps of one removal are taken, and what it has learned so far.

    `going` are the tags that were agreed on, each with its digest; `deleted` what is gone by now.
    """

    client: RegistryClient
    reading: Reading
    executor: Executor
    repository: str
    going: Mapping[str, str]
    deleted: set[str] = field(default_factory=set)
    reached: dict[str, frozenset[str]] = field(default_factory=dict)


def delete_manifest(ground: Ground, digest: str) -> StepResult:
    """Delete one manifest, unless something that stays needs it by now. Raises nothing of the registry's."""
    try:
        why_kept = _why_it_must_stay(ground, digest)
    except RegistryError as error:
        return StepResult(StepState.FAILED, f"Nothing was deleted: {error.sentence}", isinstance(error, ENDS_ALL))
    if why_kept:
        return StepResult(StepState.KEPT, why_kept)
    result = _delete(ground, digest)
    if result.state in (StepState.DELETED, StepState.ALREADY_GONE):
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
        return look_again(ground, digest, error.sentence)
    return look_again(ground, digest, "The registry accepted the deletion, but the manifest is still there.")


def look_again(ground: Ground, digest: str, if_still_there: str) -> StepResult:
    """Find out by asking the registry how a deletion ended (law 3)."""
    try:
        found = head_digest(ground.client, ground.repository, digest)
    except RegistryError as error:
        return StepResult(StepState.UNKNOWN, f"It is not known whether this was deleted: {error.sentence}", True)
    return StepResult(StepState.FAILED, if_still_there) if found else StepResult(StepState.DELETED)


def _why_it_must_stay(ground: Ground, digest: str) -> str:
    """Look at every tag that is to remain, and say which of them needs this manifest; '' where none does.

    Tags that were to go and are on something else by now remain too: somebody has pushed them anew.
    """
    listed = list_tags(ground.client, ground.repository)
    own = {tag for tag, on in ground.going.items() if on == digest}
    pushed_again = {tag for tag, on in ground.going.items() if on in ground.deleted and on != digest}
    looked_at = sorted(tag for tag in listed if tag not in ground.going or tag in own or tag in pushed_again)
    now_on = look_at(ground.client, ground.executor, ground.repository, looked_at)
    moved = sorted(tag for tag in own if now_on.get(tag) not in (digest, None))
    if moved and not any(now_on.get(tag) == digest for tag in own):
        return f"Changed since you looked: {', '.join(moved)} was pushed anew."
    for tag, on in now_on.items():
        if on == digest and tag not in own:
            return f"{tag} is on it since you looked."
        if on and on != digest and digest in _reached_from(ground, on):
            return f"{tag} holds it."
    return ""


def _reached_from(ground: Ground, digest: str) -> frozenset[str]:
    if digest not in ground.reached:
        found = reach(ground.client, ground.executor, ground.repository, [digest], stored(ground.reading))
        ground.reached[digest] = named_by(found.values())
    return ground.reached[digest]


def named_by(facts: Iterable[ManifestFact]) -> frozenset[str]:
    """Digests that some manifests name as their children."""
    return frozenset(child for each in facts for child in each.children)
