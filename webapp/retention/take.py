"""Take from one repository what a rule takes: looked at anew, planned, and removed as any removal is.

What was foreseen is the most that goes. Whatever is otherwise by now stays, and is named with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.referrers import NAMED_AFTER
from webapp.catalogue.refresh import Catalogue, sync_repository
from webapp.registry.errors import RegistryError
from webapp.registry.names import is_digest
from webapp.removal.execute import PlanChanged, Preview, preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import GOOD, Removal, StepState
from webapp.removal.remover import RemovalUnderWay, Remover
from webapp.removal.trash_models import HOLDING, TrashItem
from webapp.removal.wanted import Wanted
from webapp.retention.intended import Intended
from webapp.retention.listing import all_rules, in_order
from webapp.retention.models import PartState
from webapp.retention.preview import Foreseen, Means, foresee
from webapp.retention.words import ACTOR, why

log = logging.getLogger(__name__)

MOST_LOOKS = 3
"""So often a plan is made anew where something was pushed between two looks."""

PUSHED_AGAIN = "It was pushed again meanwhile."
NOT_THERE = "It is not there any more."
NEW_SIBLING = "A tag that stays is on the same digest by now."
LAST = "Nothing else would be left of the repository by now."
STILL_CHANGING = "It changed again and again while it was looked at."
OTHER_RULE = "Its rule was changed or switched off meanwhile."
CHANGED_MEANWHILE = (
    "It changed in the moment in which it was to be deleted. Nothing was deleted; the next run looks again."
)


@dataclass(frozen=True, slots=True)
class Retainer:
    """What runs of the rules work with.

    Attributes:
        may_delete: whether anybody may delete through Holystone.
    """

    remover: Remover
    catalogue: Catalogue
    means: Means
    may_delete: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a repository; `kept` are the foreseen tags and digests that stayed, each with the reason."""

    state: PartState
    sentence: str = ""
    tags: int = 0
    untagged: int = 0
    kept: Mapping[str, str] = field(default_factory=dict)
    removal_id: int | None = None
    stopped_by: str = ""


def take(
    retainer: Retainer,
    wanted: Intended,
    key: str,
    place: str,
    is_agreed: bool = False,
    started: Callable[[int], None] = lambda _removal_id: None,
) -> Taken:
    """Take what is still to go by facts of this moment.

    Args:
        key: names this removal, so that it is made once.
        is_agreed: whether a person let it take more than a run takes without asking.
        started: called with the removal's id as soon as its intent is written.

    Raises:
        RegistryError: the registry cannot be asked, or takes no deletes; nothing was deleted.
    """
    sync_repository(retainer.catalogue, wanted.repository)
    fresh = _foreseen_now(retainer, wanted)
    if fresh is None:
        return Taken(PartState.DONE, OTHER_RULE, kept=dict.fromkeys([*wanted.tags, *wanted.untagged], OTHER_RULE))
    kept = _otherwise_by_now(wanted, fresh)
    tags = [each for each in wanted.tags if each not in kept]
    if fresh.why_it_waits and not is_agreed:
        return Taken(PartState.WAITING, fresh.why_it_waits)
    looked, more = _plan(retainer.remover, wanted, tags, [each for each in wanted.untagged if each not in kept])
    kept |= more
    if looked is None or looked.plan.is_empty:
        return Taken(PartState.DONE, kept=kept)
    agreement = Agreement(looked.plan.fingerprint, key, f"{ACTOR}{wanted.rule.name}", place)
    try:
        removal_id = remove(retainer.remover, looked.plan.wanted, agreement, started)
    except PlanChanged:
        return Taken(PartState.FAILED, CHANGED_MEANWHILE, kept=kept)
    except RemovalUnderWay as other:
        return Taken(PartState.FAILED, other.sentence, kept=kept)
    _sync_after(retainer, wanted.repository)
    with retainer.remover.reading() as session:
        return _outcome(session, removal_id, looked, kept)


def _sync_after(retainer: Retainer, repository: str) -> None:
    """Bring the catalogue up to date, as after every removal. What was deleted is written down whether it can be or not."""
    try:
        sync_repository(retainer.catalogue, repository)
    except RegistryError as error:
        log.warning("The sync of %s after a removal did not work: %s", repository, error.sentence)


def _foreseen_now(retainer: Retainer, wanted: Intended) -> Foreseen | None:
    """What the rule takes by what the catalogue says now; None where the rule is not the same any more."""
    with retainer.remover.reading() as session:
        rules = in_order(all_rules(session))
        now = retainer.remover.now()
        found = next(foresee(session, rules, retainer.means, now, repository=wanted.repository), None)
    is_same = found is not None and (found.rule.id, found.rule.terms) == (wanted.rule.id, wanted.rule.terms)
    return found if is_same else None


def _otherwise_by_now(wanted: Intended, fresh: Foreseen) -> dict[str, str]:
    """What was foreseen and does not go any more, with the reason."""
    now_on = {each.name or each.digest: each for each in fresh.decisions}
    kept: dict[str, str] = {}
    for name, (digest, pushed_at) in wanted.tags.items():
        found = now_on.get(name)
        if found is None:
            kept[name] = NOT_THERE
        elif (found.digest, found.at) != (digest, pushed_at):
            kept[name] = PUSHED_AGAIN
        elif not found.goes:
            kept[name] = f"It stays: {why(found, fresh.rule)}."
    for digest in wanted.untagged:
        found = now_on.get(digest)
        if found is None or not found.goes:
            kept[digest] = f"It stays: {why(found, fresh.rule)}." if found else "It is not untagged any more."
    return kept


def _plan(
    remover: Remover, wanted: Intended, tags: list[str], untagged: list[str]
) -> tuple[Preview | None, dict[str, str]]:
    """The plan of what goes by a look at the registry itself, and what stays by it. None where nothing goes."""
    kept: dict[str, str] = {}
    for _ in range(MOST_LOOKS):
        if not tags and not untagged:
            return None, kept
        looked = preview(remover, Wanted(wanted.repository, tuple(tags), tuple(untagged)))
        stays = _stays_by(looked, wanted, tags)
        kept |= stays
        tags = [each for each in tags if each not in stays]
        if not stays:
            kept |= {each.name: each.reason for each in looked.plan.kept if each.name in {*tags, *untagged}}
            return looked, kept
    return None, kept | dict.fromkeys([*tags, *untagged], STILL_CHANGING)


def _stays_by(looked: Preview, wanted: Intended, tags: Collection[str]) -> dict[str, str]:
    """Of the tags in a plan, those that are not to go by what it found: pushed again, or now beside one that stays."""
    plan, now_on = looked.plan, looked.facts.digests
    stays = {tag: NOT_THERE for tag in plan.gone if not is_digest(tag)}
    stays |= {tag: PUSHED_AGAIN for tag in tags if tag not in stays and now_on.get(tag) != wanted.tags[tag][0]}
    staying = [tag for tag in plan.staying_tags if not NAMED_AFTER.fullmatch(tag)]
    on = {now_on[tag] for tag in staying if tag not in tags} | {now_on[tag] for tag in stays if tag in now_on}
    stays |= {tag: NEW_SIBLING for tag in tags if tag not in stays and now_on[tag] in on}
    if not staying and not stays and tags and not wanted.rule.terms.may_take_last_tag:
        return dict.fromkeys(tags, LAST)
    return stays


def _outcome(session: Session, removal_id: int, looked: Preview, kept: dict[str, str]) -> Taken:
    """What became of the removal, from its records."""
    removal = session.get_one(Removal, removal_id)
    wanted = looked.plan.wanted
    tags = {tag.name: tag for tag in removal.tags if tag.name in wanted.tags}
    taken = [tag for tag in tags.values() if tag.state == StepState.DELETED]
    steps = {step.digest: step for step in removal.steps}
    in_trash = set(
        session.scalars(
            select(TrashItem.digest).where(
                TrashItem.removal_id == removal_id, TrashItem.tag == "", TrashItem.state.in_(HOLDING)
            )
        )
    )
    untagged = [
        each
        for each in wanted.digests
        if each in in_trash or (each in steps and steps[each].state == StepState.DELETED)
    ]
    kept |= {tag.name: tag.reason or NOT_THERE for tag in tags.values() if tag.state != StepState.DELETED}
    kept |= {
        each: steps[each].reason
        for each in wanted.digests
        if each in steps and each not in untagged and each not in kept
    }
    outcomes = {tag.state for tag in removal.tags} | {step.state for step in removal.steps}
    is_well = outcomes <= {*GOOD, StepState.KEPT}
    state = PartState.DONE if is_well else PartState.PARTLY if taken or untagged else PartState.FAILED
    return Taken(state, removal.notice, len(taken), len(untagged), kept, removal_id, removal.stopped_by)
