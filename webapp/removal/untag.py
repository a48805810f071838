"""Take tags away and leave what they are on: by name where the registry can do that, else by a stand-in.

Whatever comes in between, each tag ends in one of two states: gone, or on what it was on. A tag that somebody pushes
meanwhile stays as they pushed it. What cannot be closed over HTTP stands in docs/removal.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from contextlib import suppress

from webapp.registry.errors import DeletesDisabled, Denied, NotFound, RegistryError, Unauthorised
from webapp.registry.manifests import ManifestBytes
from webapp.removal.ground import Ground, StepResult
from webapp.removal.half_written import on_what_or_half_written
from webapp.removal.looks import REQUESTS_AT_A_TIME, head_digest, list_tags, look_at
from webapp.removal.models import StepState
from webapp.removal.pushes import Pushes, give_back, pushed_since, pushes_of, pushes_until

CHANGED = "Changed since you looked: it was pushed anew."
STILL_THERE = "The registry accepted the deletion, but the tag is still there."
PUT_BACK = "It was put back on what it was on"
OWED = "It was pushed anew, and could not be given back yet"
HALF_DELETED = "It is half deleted, and could not be put back"

Journal = Callable[[Collection[str]], Iterable[ManifestBytes]]
"""The kept bytes of some digests."""

Look = Callable[[Ground, str], str | None]
"""The digest that a tag is on; None for nothing."""


def untag_by_name(ground: Ground, tags: Collection[str]) -> dict[str, StepResult]:
    """Delete some tags by their names, as 3.x can. Raises nothing of the registry's."""
    try:
        listed = list_tags(ground.client, ground.repository)
    except RegistryError as error:
        return _nothing_deleted(tags, error)
    found = ground.executor.map(lambda tag: _delete_tag(ground, tag, tag in listed), tags)
    done = dict(zip(tags, found, strict=True))
    return done | _found_afterwards(ground, [tag for tag in tags if done[tag].state == StepState.DELETED], None)


def untag_by_stand_in(
    ground: Ground, tags: Collection[str], stand_in: ManifestBytes, journal: Journal, *, again: bool = False
) -> dict[str, StepResult]:
    """Put some tags on a stand-in and delete that. Raises nothing of the registry's.

    It may be called again for the same tags and stand-in after it was interrupted, and goes on where it was.

    Args:
        again: it was interrupted, so that a tag which cannot be read may be half written, by us.
    """
    if not tags:
        return {}
    try:
        listed = list_tags(ground.client, ground.repository)
    except RegistryError as error:
        return _nothing_deleted(tags, error)
    look = on_what_or_half_written if again else _on_what
    found = ground.executor.map(lambda tag: _put(ground, tag, tag in listed, stand_in, look), tags)
    put = dict(zip(tags, found, strict=True))
    on_it = [tag for tag, result in put.items() if result is None]
    others = {tag: result for tag, result in put.items() if result is not None}
    owed = next((each for each in others.values() if each.reason.startswith(OWED)), None)
    if owed:  # it is on the stand-in: deleting that would lose the push
        return others | dict.fromkeys(on_it, StepResult(StepState.UNKNOWN, HALF_DELETED, owed.error))
    return others | _delete_stand_in(ground, on_it, stand_in, journal)


def _delete_stand_in(
    ground: Ground, tags: Collection[str], stand_in: ManifestBytes, journal: Journal
) -> dict[str, StepResult]:
    """Delete a stand-in that some tags are on; where the registry refuses that, put them back on what they were on."""
    try:
        ground.client.delete_manifest(ground.repository, stand_in.digest)
    except NotFound:
        pass  # nothing is on it any more
    except (DeletesDisabled, Denied, Unauthorised) as error:
        return put_back(ground, tags, stand_in, journal, error)
    except RegistryError as error:
        if not error.outcome_is_unknown:
            return dict.fromkeys(tags, StepResult(StepState.UNKNOWN, error.sentence, error))
        _delete_once_more(ground, stand_in)
    return _found_afterwards(ground, tags, stand_in)


def _delete_once_more(ground: Ground, stand_in: ManifestBytes) -> None:
    """2.8 answers 500 where it reads a tag's link that is being written anew. What is left is found afterwards."""
    with suppress(RegistryError):
        if head_digest(ground.client, ground.repository, stand_in.digest):
            ground.client.delete_manifest(ground.repository, stand_in.digest)


def _otherwise(ground: Ground, tag: str, on: str | None, is_listed: bool) -> StepResult | None:
    """What became of a tag that is not on what it was on any more; None for one that is, or that dangles."""
    if on is None:
        return None if is_listed else StepResult(StepState.ALREADY_GONE)
    return None if on == ground.going[tag] else StepResult(StepState.KEPT, CHANGED)


def _nothing_deleted(tags: Collection[str], error: RegistryError) -> dict[str, StepResult]:
    return dict.fromkeys(tags, StepResult(StepState.FAILED, f"Nothing was deleted: {error.sentence}", error))


def _delete_tag(ground: Ground, tag: str, is_listed: bool) -> StepResult:
    try:
        on = head_digest(ground.client, ground.repository, tag)
        if (otherwise := _otherwise(ground, tag, on, is_listed)) is not None:
            return otherwise
        ground.client.delete_tag(ground.repository, tag)
    except NotFound:
        return StepResult(StepState.ALREADY_GONE)
    except RegistryError as error:
        state = StepState.UNKNOWN if error.outcome_is_unknown else StepState.FAILED
        return StepResult(state, error.sentence, error)
    return StepResult(StepState.DELETED)


def _on_what(ground: Ground, tag: str) -> str | None:
    return head_digest(ground.client, ground.repository, tag)


def _put(ground: Ground, tag: str, is_listed: bool, stand_in: ManifestBytes, look: Look) -> StepResult | None:
    """Put the stand-in under a tag; None where it is on it. A push that came in between is put back."""
    try:
        before = pushes_of(ground.remover.store, ground.repository, tag)
        on = look(ground, tag)
        if on == stand_in.digest:
            before = pushes_until(before, ground.going[tag], ground.began_ns)
        elif (otherwise := _otherwise(ground, tag, on, is_listed)) is not None:
            return otherwise
        else:
            ground.client.put_manifest(ground.repository, tag, stand_in.media_type, stand_in.raw)
    except RegistryError as error:
        if error.outcome_is_unknown:
            return StepResult(StepState.UNKNOWN, f"It is not known whether this was deleted: {error.sentence}", error)
        return StepResult(StepState.FAILED, error.sentence, error)
    return _give_back_a_push(ground, tag, before, stand_in)


def _give_back_a_push(ground: Ground, tag: str, before: Pushes, stand_in: ManifestBytes) -> StepResult | None:
    """The store says what was pushed between the look and the stand-in: that stays."""
    pushed = pushed_since(before, pushes_of(ground.remover.store, ground.repository, tag), stand_in.digest)
    if pushed is None:
        return None
    try:
        is_back = give_back(ground.client, ground.repository, tag, pushed)
    except RegistryError as error:
        return StepResult(StepState.UNKNOWN, f"{OWED}: {error.sentence}", error)
    return StepResult(StepState.KEPT, CHANGED) if is_back else None


def _found_afterwards(ground: Ground, tags: Collection[str], stand_in: ManifestBytes | None) -> dict[str, StepResult]:
    """Look again (law 3): a tag is gone when it is neither listed nor answers."""
    try:
        listed = list_tags(ground.client, ground.repository)
        looked_at = _doubtful(ground, tags, listed, stand_in)
        now_on = look_at(ground.client, ground.executor, ground.repository, sorted(looked_at))
    except RegistryError as error:
        reason = f"It is not known whether this was deleted: {error.sentence}"
        return dict.fromkeys(tags, StepResult(StepState.UNKNOWN, reason, error))
    return {tag: _found(ground, tag, now_on.get(tag), tag in listed, stand_in) for tag in tags}


def _doubtful(
    ground: Ground, tags: Collection[str], listed: Set[str], stand_in: ManifestBytes | None
) -> Collection[str]:
    """The tags that need a look of their own. Of many that are not listed, none can answer once their stand-in is
    gone: nothing else was under them."""
    if len(tags) <= REQUESTS_AT_A_TIME or stand_in is None:
        return tags
    if head_digest(ground.client, ground.repository, stand_in.digest):
        return tags
    return set(listed) & set(tags)


def _found(ground: Ground, tag: str, on: str | None, is_listed: bool, stand_in: ManifestBytes | None) -> StepResult:
    if on is None:
        # listed without a manifest: the registry ended inside its DELETE; a new stand-in heals that
        return StepResult(StepState.UNKNOWN, HALF_DELETED) if is_listed else StepResult(StepState.DELETED)
    if stand_in and on == stand_in.digest:
        return StepResult(StepState.UNKNOWN, STILL_THERE)
    if on == ground.going[tag] and stand_in is None:
        return StepResult(StepState.FAILED, STILL_THERE)
    return StepResult(StepState.KEPT, CHANGED)


def put_back(
    ground: Ground, tags: Collection[str], stand_in: ManifestBytes, journal: Journal, error: RegistryError
) -> dict[str, StepResult]:
    """The registry does not delete the stand-in: tags that are on it, or dangle, get back what they were on.

    Args:
        error: what it says instead.
    """
    kept = {each.digest: each for each in journal({ground.going[tag] for tag in tags})}
    found = ground.executor.map(lambda tag: _put_one_back(ground, tag, stand_in, kept, error), tags)
    return dict(zip(tags, found, strict=True))


def _put_one_back(
    ground: Ground, tag: str, stand_in: ManifestBytes, kept: Mapping[str, ManifestBytes], error: RegistryError
) -> StepResult:
    try:
        if on_what_or_half_written(ground, tag) not in (stand_in.digest, None):
            return StepResult(StepState.KEPT, CHANGED)
        old = kept.get(ground.going[tag])
        if old is None:
            return StepResult(StepState.FAILED, f"{HALF_DELETED}: it was on nothing. {error.sentence}", error)
        ground.client.put_manifest(ground.repository, tag, old.media_type, old.raw)
    except RegistryError as another:
        return StepResult(StepState.UNKNOWN, f"{HALF_DELETED}: {another.sentence}", another)
    return StepResult(StepState.FAILED, f"{error.sentence} {PUT_BACK}.", error)
