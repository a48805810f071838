"""Delete manifests: look once more at everything that is to remain, delete, look again.

Some are deleted at the same time. The look is taken once for them, immediately before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from webapp.catalogue.revisions import read_in_store, stamp_in_store
from webapp.registry.errors import Nonsense, NotFound, RegistryError, RegistryTimeout
from webapp.removal.ground import Ground, StepResult, learn_what_is_reached, needed_from
from webapp.removal.looks import IndexTooDeep, head_digest, list_tags, look_at, read_fact
from webapp.removal.models import GONE, StepState

HELD_BY_A_NEW_ONE = "An index that was pushed since you looked holds it."


def delete_manifests(ground: Ground, digests: Collection[str]) -> dict[str, StepResult]:
    """Delete some manifests of which none names another, unless something that stays needs one by now.

    Raises nothing of the registry's.
    """
    ground.tried.update(digests)
    try:
        kept = _why_they_stay(ground, digests)
    except RegistryError as error:
        return dict.fromkeys(digests, StepResult(StepState.FAILED, f"Nothing was deleted: {error.sentence}", error))
    free = [digest for digest in digests if digest not in kept]
    done = dict(zip(free, ground.executor.map(lambda digest: _delete(ground, digest), free), strict=True))
    ground.deleted.update(digest for digest, result in done.items() if result.state in GONE)
    return {digest: done.get(digest) or StepResult(StepState.KEPT, kept[digest]) for digest in digests}


def _delete(ground: Ground, digest: str) -> StepResult:
    try:
        ground.client.delete_manifest(ground.repository, digest)
    except NotFound:
        return StepResult(StepState.ALREADY_GONE)
    except RegistryError as error:
        if not error.outcome_is_unknown:
            return StepResult(StepState.FAILED, error.sentence, error)
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
    return StepResult(StepState.UNKNOWN, f"It is not known whether this was deleted: {error.sentence}", error)


def _why_they_stay(ground: Ground, digests: Collection[str]) -> dict[str, str]:
    """Look at every tag that is to remain, and say of each manifest that one of them needs, which.

    Only tags whose own turn is yet to come are not looked at: they are to go. One whose turn has come and that is
    there all the same remains: it was kept, or somebody has pushed it anew.
    """
    stay = {digest: why for digest in digests if (why := _why_it_stays_with_its_own(ground, digest))}
    wanted = [digest for digest in digests if digest not in stay]
    if not wanted:
        return stay
    own = {tag for digest in digests for tag in ground.tags_on.get(digest, ()) if tag not in ground.settled}
    listed = ground.executor.submit(list_tags, ground.client, ground.repository)
    now_on = look_at(ground.client, ground.executor, ground.repository, sorted(own))
    others = {tag for tag in listed.result() | ground.staying if not ground.is_waiting(tag)} - own
    now_on |= look_at(ground.client, ground.executor, ground.repository, sorted(others))
    learn_what_is_reached(ground, {on for on in now_on.values() if on})
    pushed = _indexes_pushed_meanwhile(ground)
    for digest in wanted:
        its_own = {tag for tag in own if ground.going[tag] == digest}
        why = _moved(its_own, now_on, digest) or _needed_by_a_tag(ground, its_own, now_on, digest)
        why = why or (HELD_BY_A_NEW_ONE if digest in pushed else "")
        if why:
            stay[digest] = why
    return stay


def _why_it_stays_with_its_own(ground: Ground, digest: str) -> str:
    """An index that was not deleted keeps what it names, and a tag that was pushed anew what it was on."""
    if ground.holders.get(digest, frozenset()) - ground.deleted:
        return "It is part of an index that was not deleted."
    settled = [ground.settled[tag] for tag in ground.tags_on.get(digest, ()) if tag in ground.settled]
    if any(result.state == StepState.KEPT for result in settled) and not any(
        result.state in GONE for result in settled
    ):
        return next(result.reason for result in settled if result.state == StepState.KEPT)
    return ""


def _moved(own: Collection[str], now_on: Mapping[str, str | None], digest: str) -> str:
    moved = sorted(tag for tag in own if now_on.get(tag) not in (digest, None))
    if moved and not any(now_on.get(tag) == digest for tag in own):
        return f"Changed since you looked: {', '.join(moved)} was pushed anew."
    return ""


def _needed_by_a_tag(ground: Ground, own: Collection[str], now_on: Mapping[str, str | None], digest: str) -> str:
    for tag, on in now_on.items():
        if on == digest and tag not in own:
            return f"{tag} is still on it." if tag in ground.going else f"{tag} is on it since you looked."
        if on and on != digest and (why := _why_it_holds(ground, tag, on, digest)):
            return why
    return ""


def _why_it_holds(ground: Ground, tag: str, on: str, digest: str) -> str:
    try:
        return f"{tag} holds it." if needed_from(ground, on, {digest}) else ""
    except (Nonsense, IndexTooDeep) as error:
        return f"{tag} may hold it. {error.sentence}"


def _indexes_pushed_meanwhile(ground: Ground) -> set[str]:
    """What indexes name that are new in the store since the removal began, whether they have a tag or not."""
    store = ground.remover.store
    if ground.known is None or store is None:
        return set()
    stamp = stamp_in_store(store, ground.repository)
    if stamp == ground.stamp:
        return {child for children in ground.new.values() for child in children}
    ground.stamp = stamp
    for digest in (read_in_store(store, ground.repository) or frozenset()) - ground.known - ground.new.keys():
        fact = read_fact(ground.client, ground.repository, digest)
        ground.new[digest] = frozenset(fact.children) if fact else frozenset()
    return {child for children in ground.new.values() for child in children}
