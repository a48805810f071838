"""Take a deletion back: put what was kept under its tag again, byte for byte, what it names first.

What goes along with something comes back with it. The intent is written before (law 2), the outcome is what was found
by looking again (law 3), and it holds the lease of removals: nothing is deleted in the repository meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import make_activity
from webapp.catalogue.refresh import Catalogue, check_tags
from webapp.catalogue.revisions import REPOSITORIES
from webapp.leases import Lease, LeaseHeld, LeaseLost, held, still_ours
from webapp.registry.errors import DeletesDisabled, Denied, ReadOnly, Refused, RegistryError, Unauthorised
from webapp.removal.journal import UNDER_WAY
from webapp.removal.looks import REQUESTS_AT_A_TIME, head_digest
from webapp.removal.pushes import give_back, pushed_since, pushes_of
from webapp.removal.recovery import look_up_older
from webapp.removal.remover import RemovalUnderWay, Remover, lease_name, refuse_while_held
from webapp.removal.restorable import KeptManifest, below, kept_with_descendants, look_for, missing
from webapp.removal.restore_looks import Look, gone_words, look_at_items, rows_of
from webapp.removal.restores_in_doubt import Restored, settle_restores
from webapp.removal.trash_models import TrashItem, TrashState

ENDS_ALL = (ReadOnly, DeletesDisabled, Denied, Unauthorised)
LEARNED_AT_ONCE = 100
"""So many tags are looked at anew for the pages; where a store can be read, any number."""

NOT_UNDER_IT = "The registry accepted it, but the tag is on something else now."


def restore(remover: Remover, ids: Collection[int], actor: str, place: str, name: str = "") -> list[Restored]:
    """Restore items of the trash, and with them what went along; says of each what became of it. Raises nothing of the registry's.

    Args:
        name: the tag for the only item, instead of the one that it had.
    """
    with remover.reading() as session:
        wanted = rows_of(session, ids)
    done: list[Restored] = []
    for repository in sorted({item.repository for item in wanted}):
        items = [item for item in wanted if item.repository == repository]
        try:
            with held(remover.writing, lease_name(repository)) as lease:
                refuse_while_held(remover)
                look_up_older(remover, lease, repository)
                done += _restore_in(remover, lease, items, actor, place, name)
        except (LeaseHeld, LeaseLost):
            done += [_failed(item, RemovalUnderWay.sentence) for item in items]
        except RegistryError as error:
            done += [_failed(item, error.sentence) for item in items]
    return done


def _failed(item: TrashItem, reason: str) -> Restored:
    return Restored(item.id, item.repository, item.tag, item.digest, Outcome.FAILED, reason)


def _restore_in(
    remover: Remover, lease: Lease, items: Sequence[TrashItem], actor: str, place: str, name: str
) -> list[Restored]:
    """Those of one repository: look, write the intent down, put, look again, write down what was found."""
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        looks, kept = look_at_items(remover, executor, items, name, thoroughly=False)
        refused = [_failed(each.item, each.refusal) for each in looks if each.refusal]
        going = [each for each in looks if not each.refusal]
        if not going:
            return refused
        _intend(remover, lease, going, actor, place)
        done = _put_all(remover, executor, going, kept)
    settle_restores(remover, lease, done)
    _learn(remover, items[0].repository, [each.tag for each in done if each.outcome == Outcome.DONE and each.tag])
    return refused + done


def _intend(remover: Remover, lease: Lease, looks: Sequence[Look], actor: str, place: str) -> None:
    now = remover.now()
    with remover.writing() as session:
        still_ours(session, lease)
        items = {item.id: item for item in rows_of(session, [look.item.id for look in looks])}
        activities = [
            make_activity(
                at=now, actor=actor, kind=ActivityKind.TAG_RESTORED, outcome=Outcome.UNKNOWN, reason=UNDER_WAY,
                repository=look.item.repository, tag=look.tag or None, digest=look.item.digest, place=place,
            )
            for look in looks
        ]  # fmt: skip
        session.add_all(activities)
        session.flush()
        for look, activity in zip(looks, activities, strict=True):
            item = items[look.item.id]
            item.state, item.restored_as, item.activity_id = TrashState.RESTORING, look.tag, activity.id


def _put_all(
    remover: Remover, executor: Executor, looks: Sequence[Look], kept: Mapping[str, KeptManifest]
) -> list[Restored]:
    """What is gone of the manifests below, then each under its tag; what others refer to before what refers to it."""
    errors: dict[str, RegistryError] = {}
    for digest in dict.fromkeys(each for look in looks for each in _gone_below(look, kept)):
        try:
            remover.client.put_manifest(looks[0].item.repository, digest, *_bytes(kept, digest))
        except RegistryError as error:
            errors[digest] = error
    ends = next((error for error in errors.values() if isinstance(error, ENDS_ALL)), None)
    first = [look for look in looks if not look.item.refers_to]
    then = [look for look in looks if look.item.refers_to]

    def put(look: Look) -> Restored:
        problem = ends or next((errors[each] for each in _gone_below(look, kept) if each in errors), None)
        return _failed(look.item, problem.sentence) if problem else _put(remover, look, kept)

    return [*executor.map(put, first), *executor.map(put, then)]


def _gone_below(look: Look, kept: Mapping[str, KeptManifest]) -> list[str]:
    """Manifests to be put by their digests: all that an item names and, where it has no tag, itself."""
    wanted = [each for each in below(kept, look.item.digest) if each not in look.there]
    return [each for each in wanted if each != look.item.digest or not look.tag]


def _bytes(kept: Mapping[str, KeptManifest], digest: str) -> tuple[str, bytes]:
    return kept[digest].kept.media_type, kept[digest].kept.raw


def _put(remover: Remover, look: Look, kept: Mapping[str, KeptManifest]) -> Restored:
    item = look.item
    found = Restored(item.id, item.repository, look.tag, item.digest, Outcome.DONE)
    try:
        if not look.tag:
            is_there = head_digest(remover.client, item.repository, item.digest) == item.digest
            return found if is_there else replace(found, outcome=Outcome.FAILED, reason="It is not there afterwards.")
        return _put_under_tag(remover, look, found, kept)
    except Refused as error:
        return replace(found, outcome=Outcome.FAILED, reason=_why_refused(remover, item, error))
    except RegistryError as error:
        outcome = _outcome_after(remover, found) if error.outcome_is_unknown else Outcome.FAILED
        return replace(found, outcome=outcome, reason="" if outcome == Outcome.DONE else error.sentence)


def _outcome_after(remover: Remover, found: Restored) -> Outcome:
    """What an error that does not tell has left behind: look again (law 3)."""
    try:
        on = head_digest(remover.client, found.repository, found.tag or found.digest)
    except RegistryError:
        return Outcome.UNKNOWN
    return Outcome.DONE if on == found.digest else Outcome.FAILED


def _why_refused(remover: Remover, item: TrashItem, error: Refused) -> str:
    """A registry refuses a manifest of which a part is gone: look which."""
    with remover.reading() as session, ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        kept = kept_with_descendants(session, {item.digest})
        presence = look_for(remover, executor, item.repository, kept, {item.digest})
    return gone_words(missing(kept, presence, item.digest)) or error.sentence


def _put_under_tag(remover: Remover, look: Look, found: Restored, kept: Mapping[str, KeptManifest]) -> Restored:
    client, repository, tag, digest = remover.client, found.repository, found.tag, found.digest
    before = pushes_of(remover.store, repository, tag)
    on = head_digest(client, repository, tag)
    if on is None:
        client.put_manifest(repository, tag, *_bytes(kept, digest))
        pushed = pushed_since(before or {}, pushes_of(remover.store, repository, tag), digest)
        if pushed is not None:
            give_back(client, repository, tag, pushed)
        on = _on_afterwards(remover, repository, tag)
    if on == digest:
        return found
    reason = look.obstacle_words if on else NOT_UNDER_IT
    return replace(found, outcome=Outcome.FAILED, reason=reason)


def _on_afterwards(remover: Remover, repository: str, tag: str) -> str | None:
    """The digest that a tag is on after our PUT: the store's own link tells, where it can be read."""
    if remover.store is None:
        return head_digest(remover.client, repository, tag)
    try:
        return (
            (remover.store / REPOSITORIES / repository / "_manifests/tags" / tag / "current/link").read_text().strip()
        )
    except FileNotFoundError:
        return None


def _learn(remover: Remover, repository: str, tags: Collection[str]) -> None:
    """Let the catalogue see what is back, so that pages show it at once."""
    if not tags or (remover.store is None and len(tags) > LEARNED_AT_ONCE):
        return  # who opens the repository has it looked at, and the next sync sees it
    catalogue = Catalogue(
        remover.client, remover.reading, remover.writing, remover.now, remover.store, remover.revisions
    )
    try:
        check_tags(catalogue, repository, tags)
    except RegistryError:
        return  # the next sync sees it
