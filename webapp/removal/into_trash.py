"""What a removal puts into the trash, written down before it begins, and what has got there when it ends.

A tag that goes takes nothing with it at first: what it was on stays in the registry, untagged, and a collection keeps
that. Only what the removal would have deleted for good, and no tag that went leads to, is an item without a tag.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.activities.models import Activity
from webapp.database import among
from webapp.removal.material import Facts, children_first
from webapp.removal.models import GONE, UNFINISHED, Removal, RemovalStep, RemovedTag, StepKind, StepState
from webapp.removal.plan import Plan
from webapp.removal.trash import day_words
from webapp.removal.trash_models import TrashItem, TrashState

NOT_THERE = "It is not in the registry any more."
ITS_TAG_STAYS = "What it belongs to did not go."


def with_descendants(facts: Facts, roots: Iterable[str]) -> list[str]:
    """Some manifests and all that they name, as far as that is there, each after what it names."""
    there = facts.manifests
    return children_first(
        (root for root in roots if root in there),
        lambda digest: (child for child in there[digest].children if child in there),
    )


def note_items(session: Session, removal: Removal, plan: Plan, facts: Facts) -> None:
    """Write down what can be restored of a removal that is about to begin. What leaves the trash is there already."""
    known = set(plan.wanted.digests) if plan.wanted.leaving else set()
    tagged = [(tag, digest) for tag, digest in sorted(plan.tags.items()) if digest]
    led_to = set(with_descendants(facts, (digest for _tag, digest in tagged)))
    alone = [("", digest) for digest in moved(plan) if digest not in led_to]
    roots = [digest for _tag, digest in alone]
    below = {child for digest in roots for child in facts.manifests[digest].children}
    items = [*tagged, *(each for each in alone if each[1] not in below or each[1] in plan.wanted.digests)]
    session.add_all(
        TrashItem(
            removal_id=removal.id,
            repository=removal.repository,
            tag=tag,
            digest=digest,
            actor=removal.actor,
            deleted_at=removal.started_at,
            until=removal.until,
            refers_to=_refers_to(plan, facts, tag, digest),
        )
        for tag, digest in items
        if digest not in known
    )


def moved(plan: Plan) -> list[str]:
    """The manifests that go, or would without the trash. A list of referrers is written anew only in earnest."""
    if plan.until is None:
        return [each.digest for each in plan.steps]
    lists = {each.old for each in plan.rewrites}
    return [each.digest for each in plan.steps if each.digest not in lists]


def _refers_to(plan: Plan, facts: Facts, tag: str, digest: str) -> str:
    """What an item went along with; '' where it was asked for."""
    if tag:
        return facts.named_after.get(tag, "") if tag in plan.referrers else ""
    return (facts.manifests[digest].subject or "") if digest in plan.referrers else ""


def note_what_stays(session: Session, plan: Plan, now: datetime) -> None:
    """Let go of items whose date has come and which the plan leaves where they are, or does not find."""
    going = {each.digest for each in plan.steps}
    reasons = {each.name: each.reason for each in plan.kept}
    for item in session.scalars(select(TrashItem).where(TrashItem.id.in_(plan.wanted.leaving))):
        if item.digest in going:
            continue
        item.state = TrashState.LOST if item.digest in plan.gone else TrashState.STAYS
        item.note = NOT_THERE if item.digest in plan.gone else reasons.get(item.digest, "")
        item.ended_at = now


def settle_items(
    session: Session, removal: Removal, named_by: Mapping[str, Collection[str]], leaving: Collection[int], now: datetime
) -> None:
    """Note what has become of a removal's items, and of the manifests that it moved.

    Args:
        named_by: of each kept manifest, what it names.
        leaving: the items that it was to delete for good.
    """
    tags = {tag.name: tag for tag in removal.tags}
    steps = {step.digest: step for step in removal.steps if step.kind != StepKind.REWRITE}
    items = session.scalars(
        select(TrashItem).where(TrashItem.removal_id == removal.id, TrashItem.state == TrashState.ENTERING)
    ).all()
    for item in items:
        item.state = _became(removal, tags.get(item.tag), steps.get(item.digest))
        item.ended_at = now if item.state == TrashState.NOT_TAKEN else None
    _settle_leaving(session, steps, leaving, now)
    if removal.until is None:
        return
    in_trash = [item for item in items if item.state == TrashState.IN_TRASH]
    _settle_moved(steps.values(), in_trash, items, named_by)
    _tell(session, tags, in_trash, removal.until)


def _became(removal: Removal, tag: RemovedTag | None, step: RemovalStep | None) -> TrashState:
    if removal.until is None:
        gone = step is not None and step.state in GONE
        if step is not None and step.state in UNFINISHED:
            return TrashState.ENTERING
        return TrashState.DELETED if gone and (tag is None or tag.state in GONE) else TrashState.NOT_TAKEN
    if tag is None:
        return TrashState.IN_TRASH
    if tag.state in UNFINISHED:
        return TrashState.ENTERING
    return TrashState.IN_TRASH if tag.state == StepState.DELETED else TrashState.NOT_TAKEN


def _settle_leaving(
    session: Session, steps: Mapping[str, RemovalStep], leaving: Collection[int], now: datetime
) -> None:
    for item in session.scalars(select(TrashItem).where(TrashItem.id.in_(leaving))):
        step = steps.get(item.digest)
        if step is not None and step.state in GONE:
            item.state, item.until, item.ended_at = TrashState.DELETED, None, now


def _settle_moved(
    steps: Iterable[RemovalStep],
    in_trash: Iterable[TrashItem],
    items: Iterable[TrashItem],
    named_by: Mapping[str, Collection[str]],
) -> None:
    """A manifest is in the trash when an item is on it or leads to it."""
    held = _closure((item.digest for item in in_trash), named_by)
    open_ones = _closure((item.digest for item in items if item.state == TrashState.ENTERING), named_by)
    for step in steps:
        if step.digest in held:
            step.state, step.reason = StepState.IN_TRASH, ""
        elif step.digest not in open_ones:
            step.state, step.reason = StepState.KEPT, ITS_TAG_STAYS


def _closure(digests: Iterable[str], named_by: Mapping[str, Collection[str]]) -> set[str]:
    return set(children_first(digests, lambda digest: named_by.get(digest, ())))


def _tell(session: Session, tags: Mapping[str, RemovedTag], in_trash: Iterable[TrashItem], until: datetime) -> None:
    """Let the activity of each tag say until when it can be restored."""
    activities = [tags[item.tag].activity_id for item in in_trash if item.tag]
    told = update(Activity).where(among(Activity.id, activities))
    session.execute(told.values(reason=f"It can be restored until {day_words(until)}."))
