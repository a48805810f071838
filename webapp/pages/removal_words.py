"""How a removal went, in words: its groups, its toast, what is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.catalogue.referrers import kind_of_tag
from webapp.pages.filters import counted, short_digest, thousands
from webapp.pages.plan_words import counted_kinds
from webapp.pages.removal_dialog import Trouble
from webapp.removal.models import GONE, GOOD, Removal, RemovalState, RemovedTag, StepKind, StepState
from webapp.removal.trash import day_words
from webapp.removal.wanted import Wanted, wanted_from_json

CAN_BE_RESTORED = "It can be restored until {}."
COMES_BACK = "The space comes back at the next collection."
IMAGE_STAYS = "No space comes back, since the image stays."
TAKEN = (*GONE, StepState.IN_TRASH)
"""What a manifest may be after it went, for good or into the trash."""

NOT_TAGGED = "untagged manifest"
LIST = "list of referrers"
OLD_LIST = "list of referrers, as it was"


@dataclass(frozen=True, slots=True)
class Item:
    """One tag or manifest, and why it ended so."""

    name: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """All that ended in one way."""

    name: str
    title: str
    items: list[Item]


def groups_of(removal: Removal) -> list[Group]:
    """What became of all tags, and of the manifests that have none; failed first."""
    wanted = (
        ("failed", (StepState.FAILED,), "failed"),
        ("failed", (StepState.UNKNOWN,), "not known"),
        ("kept", (StepState.KEPT,), "kept"),
        ("deleted", (StepState.DELETED,), "deleted"),
        ("trash", (StepState.IN_TRASH,), "in the trash"),
        ("gone", (StepState.ALREADY_GONE,), "already gone"),
        ("rewritten", (StepState.REWRITTEN,), "written anew"),
    )
    results = list(_results(removal))
    found = ((name, word, [item for state, item in results if state in states]) for name, states, word in wanted)
    return [Group(name, f"{thousands(len(items))} {word}", items) for name, word, items in found if items]


def wanted_of(removal: Removal) -> Wanted:
    """What somebody wanted; of a removal from before that was written down in full, as far as its name tells."""
    if removal.wanted:
        return wanted_from_json(removal.repository, removal.wanted)
    if removal.tag is None:
        return Wanted(removal.repository, whole_image=True)
    return Wanted(removal.repository, tuple(removal.tag.split(", ")))


def tags_wanted(removal: Removal) -> list[RemovedTag]:
    """The tags that were named and their siblings, without signatures and the like that went along."""
    wanted = wanted_of(removal)
    return [tag for tag in removal.tags if wanted.whole_image or tag.name in wanted.tags or not kind_of_tag(tag.name)]


def carried(removal: Removal) -> str:
    """'1 signature': what went along under a tag of its own."""
    wanted = tags_wanted(removal)
    went = [tag for tag in removal.tags if tag not in wanted and tag.state == StepState.DELETED]
    return counted_kinds(kind_of_tag(tag.name) for tag in went)


def gone_tags(removal: Removal) -> list[str]:
    """The tags that are not there any more."""
    return [tag.name for tag in removal.tags if tag.state in GONE]


def why_nothing_went(removal: Removal) -> Trouble | None:
    """Why no tag is gone after all; None where one is, or a manifest of an image without tags."""
    if gone_tags(removal) or any(step.state in TAKEN for step in removal.steps):
        return None
    reasons = [step.reason for step in removal.steps if step.reason]
    reasons += [tag.reason for tag in removal.tags if tag.reason]
    if removal.state == RemovalState.UNKNOWN:
        return Trouble(
            _first(reasons), "Holystone asks the registry again and writes down among the activities what it says."
        )
    return Trouble(_first(reasons) or "Nothing was deleted.", "Nothing is gone. The activities keep that it was tried.")


def toast_of(removal: Removal, is_left: bool) -> str:
    """What is true after a removal, in a sentence or two; empty where no tag is gone after all.

    Args:
        is_left: whether the repository still has tags.
    """
    tags = tags_wanted(removal)
    gone = [tag.name for tag in tags if tag.state in GONE]
    deleted = [tag.name for tag in tags if tag.state == StepState.DELETED]
    if removal.tag is None and not is_left:
        what = f"image {removal.repository}" + (f" and {counted(len(gone), 'tag')}" if gone else "")
        return f"Deleted {what}. {after_words(removal) or COMES_BACK}"
    manifests = [step.digest for step in removal.steps if step.state in TAKEN]
    if not gone and wanted_of(removal).digests and manifests:
        return f"Deleted {_of_manifests(removal, manifests)}. {after_words(removal) or COMES_BACK}"
    if not gone:
        return ""
    if not deleted:
        return f"{_named(removal, gone)} {'was' if len(gone) == 1 else 'were'} already gone."
    along = carried(removal)
    return f"Deleted {_named(removal, deleted)}{f' and {along}' if along else ''}. {_space_after(removal)}".rstrip()


def trouble_of(removal: Removal) -> str:
    """What did not go as agreed; empty where all did."""
    if removal.state == RemovalState.DONE:
        return removal.notice
    kept = [f"{item.name}: {item.reason}" for state, item in _results(removal) if state not in GOOD]
    return " ".join(filter(None, ("Not everything was deleted.", *kept[:3], removal.notice)))


def _named(removal: Removal, names: list[str]) -> str:
    if len(names) == 1:
        return f"{removal.repository}:{names[0]}"
    return f"{counted(len(names), 'tag')} of {removal.repository}"


def _of_manifests(removal: Removal, digests: list[str]) -> str:
    if len(digests) == 1:
        return f"the manifest {short_digest(digests[0])} of {removal.repository}"
    return f"{counted(len(digests), 'manifest')} of {removal.repository}"


def after_words(removal: Removal) -> str:
    """Until when it can be restored, as a sentence; '' for what was deleted for good."""
    return CAN_BE_RESTORED.format(day_words(removal.until)) if removal.until else ""


def _space_after(removal: Removal) -> str:
    if removal.until:
        return after_words(removal)
    went = any(step.kind == StepKind.DELETE and step.state == StepState.DELETED for step in removal.steps)
    had_image = any(tag.digest and tag.state == StepState.DELETED for tag in removal.tags)
    return COMES_BACK if went else IMAGE_STAYS if had_image else ""


def _results(removal: Removal) -> Iterable[tuple[StepState, Item]]:
    """Tags, and the manifests that none of them was on."""
    for tag in removal.tags:
        yield tag.state, Item(tag.name, tag.digest, tag.reason)
    tagged = {tag.digest for tag in removal.tags}
    replaced = {step.replaces for step in removal.steps if step.kind == StepKind.REWRITE}
    for step in removal.steps:
        if step.kind == StepKind.REWRITE:
            yield step.state, Item(LIST, step.digest, step.reason)
        elif step.digest not in tagged:
            yield step.state, Item(OLD_LIST if step.digest in replaced else NOT_TAGGED, step.digest, step.reason)


def _first(reasons: list[str]) -> str:
    return reasons[0] if reasons else ""
