"""A plan in words: what goes, what stays, the space, and what can be chosen (reference/look.md, 'Dialog')."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Manifest
from webapp.catalogue.referrers import kind_of_artifact, kind_of_tag
from webapp.database import among
from webapp.pages.filters import counted, in_bytes
from webapp.registry.manifests import ManifestKind
from webapp.removal.execute import Preview
from webapp.removal.plan import ITS_NEED_IS_UNKNOWN, PROTECTED, Kept, Plan
from webapp.removal.space import Space
from webapp.removal.wanted import Referrers

NAMES_SHOWN = 3
IS_PROTECTED = "protected by HOLYSTONE_PROTECTED_TAGS"
TAG, HALF_DELETED, MANIFEST, REFERRER = "tag", "half-deleted tag", "manifest", "referrer"
ORDER = (TAG, HALF_DELETED, MANIFEST)
PLURALS = {"list of referrers": "lists of referrers"}


@dataclass(frozen=True, slots=True)
class Going:
    """One thing that goes; `counts_as` is the word under which it is counted, '' for one that is not."""

    kind: str
    name: str
    digest: str
    size_bytes: int | None
    counts_as: str


@dataclass(frozen=True, slots=True)
class Staying:
    """Something that stays, and why."""

    words: str
    reason: str = ""


def what_goes(session: Session, plan: Plan) -> list[Going]:
    """Every tag and manifest that goes. A signature is one thing, not a tag and a manifest."""
    sizes, types = _known(session, [step.digest for step in plan.steps])
    carried = {digest for tag, digest in plan.tags.items() if tag in plan.referrers}
    olds = {each.old for each in plan.rewrites}
    found = [_tag_that_goes(plan, tag, sizes) for tag in sorted(plan.tags)]
    for step in plan.steps:
        size = sizes.get(step.digest)
        if step.digest in carried:
            continue
        if step.digest in olds:
            found.append(Going("list", "as it is now", step.digest, size, ""))
        elif step.digest in plan.referrers and step.subject:
            kind = _kind_of_artifact(types.get(step.digest, ("", ""))[0])
            found.append(Going(kind, "", step.digest, size, kind))
        else:
            is_index = step.kind == ManifestKind.INDEX
            platforms = types.get(step.digest, ("", ""))[1]
            name = "" if is_index or "," in platforms else platforms
            found.append(Going("index" if is_index else MANIFEST, name, step.digest, size, MANIFEST))
    return sorted(found, key=lambda each: ORDER.index(each.counts_as) if each.counts_as in ORDER else len(ORDER))


def goes_words(going: Iterable[Going]) -> str:
    """'1 tag, 3 manifests, 1 signature'."""
    return counted_kinds(each.counts_as for each in going if each.counts_as)


def counted_kinds(kinds: Iterable[str]) -> str:
    """Things of several kinds, counted: '1 signature, 2 SBOMs'."""
    return ", ".join(_of_kind(number, kind) for kind, number in Counter(kinds).items())


def tags_that_count(plan: Plan) -> int:
    """How many tags people would say that go; signatures and the like are counted by themselves."""
    return sum(1 for tag in plan.tags if tag not in plan.referrers)


def what_stays(session: Session, shown: Preview) -> list[Staying]:
    """Siblings and other tags, what they share with what goes, and what was chosen to stay or has to."""
    plan = shown.plan
    left = _referrers_left(shown)
    held = [each for each in plan.kept if ":" in each.name and each not in left]
    shared = [each for each in held if _is_shared(each)]
    lines = _tags_that_stay(shown, {each.name for each in shared})
    lines += _protected(plan)
    lines += _with_reasons([each for each in held if each not in shared])
    if left:
        lines.append(Staying(counted_kinds(kinds_of(session, [each.name for each in left])), "as chosen"))
    if plan.rewrites:
        lines.append(Staying(_of_kind(len(plan.rewrites), "list of referrers"), "written anew without what goes"))
    return lines or [Staying("Nothing else in this repository")]


def space_words(plan: Plan, space: Space) -> str:
    """Why nothing comes back; empty where something does."""
    images = len({digest for digest in plan.tags.values() if digest})
    if plan.is_empty:
        return "nothing"
    if not plan.steps and images:
        nothing = "nothing" if plan.until is None else "nothing comes back then"
        return f"{nothing}: the image stays" if images == 1 else f"{nothing}: the images stay"
    if not plan.steps:
        return "nothing: no image is left"
    if space.bytes_freed or not space.is_exact:
        return ""
    if space.bytes_added:
        return f"nothing: a list of referrers that is written anew takes {in_bytes(space.bytes_added)} more"
    return "nothing: all of it is in use elsewhere"


def siblings_words(plan: Plan, include_protected: bool) -> tuple[str, str]:
    """The choice between the asked tags alone and all tags of the same images."""
    asked = len([tag for tag in plan.wanted.tags if tag not in plan.gone])
    spared = 0 if include_protected else len([tag for tag in plan.siblings if tag in plan.protected])
    these = "this tag" if asked == 1 else f"these {counted(asked, 'tag')}"
    stay = "stays" if len(plan.siblings) == 1 else "stay"
    images = "this image" if asked == 1 else "these images"
    return (
        f"Only {these}. {listed(plan.siblings)} {stay}.",
        f"All {counted(asked + len(plan.siblings), 'tag')} of {images}{f', but for {spared} protected' if spared else ''}.",
    )


def referrers_words(session: Session, shown: Preview) -> str:
    """'Keep its signatures and attestations'; empty where there are none."""
    plan = shown.plan
    kept = plan.wanted.referrers == Referrers.KEEP
    names = [each.name for each in _referrers_left(shown)] if kept else _carried(plan)
    found = Counter(kinds_of(session, names))
    found.pop("list of referrers", None)
    found.pop(MANIFEST, None)
    its = "its" if len(plan.wanted.tags) == 1 else "their"
    if found:
        return f"Keep {its} {' and '.join(_plural(kind) if n > 1 else kind for kind, n in found.items())}"
    return f"Keep {its} signatures and attestations" if kept or names else ""


def listed(names: Collection[str]) -> str:
    """Some names, and how many more there are; those that people gave first."""
    shown = sorted(names, key=lambda name: name.startswith("sha256-"))[:NAMES_SHOWN]
    if len(names) > NAMES_SHOWN:
        return f"{', '.join(shown)} and {counted(len(names) - NAMES_SHOWN, 'more tag')}"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _carried(plan: Plan) -> list[str]:
    tags = [tag for tag in plan.tags if tag in plan.referrers]
    on = {plan.tags[tag] for tag in tags}
    return [*tags, *(each.digest for each in plan.steps if each.digest in plan.referrers - on and each.subject)]


def _tag_that_goes(plan: Plan, tag: str, sizes: dict[str, int | None]) -> Going:
    digest = plan.tags[tag]
    kind = kind_of_tag(tag)
    if tag in plan.referrers:
        return Going(kind or REFERRER, tag, digest, sizes.get(digest), kind or REFERRER)
    counts_as = HALF_DELETED if tag in plan.dangling else TAG
    return Going(kind or counts_as, tag, digest, None, counts_as)


def _known(session: Session, digests: Collection[str]) -> tuple[dict[str, int | None], dict[str, tuple[str, str]]]:
    """What the catalogue has of some manifests: sizes, and the artifact's type with the platforms."""
    rows = session.execute(
        select(Manifest.digest, Manifest.image_size_bytes, Manifest.artifact_type, Manifest.platforms).where(
            among(Manifest.digest, digests)
        )
    ).all()
    return {row[0]: row[1] for row in rows}, {row[0]: (row[2], row[3]) for row in rows}


def kinds_of(session: Session, names: Collection[str]) -> list[str]:
    """What tags and manifests are that refer to something."""
    _sizes, types = _known(session, [name for name in names if ":" in name])
    return [
        _kind_of_artifact(types.get(name, ("", ""))[0]) if ":" in name else kind_of_tag(name) or REFERRER
        for name in names
    ]


def _kind_of_artifact(artifact_type: str) -> str:
    return kind_of_artifact(artifact_type) or REFERRER


def _referrers_left(shown: Preview) -> list[Kept]:
    """What refers to something that goes, and stays as it was chosen to."""
    plan = shown.plan
    if plan.wanted.referrers == Referrers.REMOVE:
        return []
    goes = {step.digest for step in plan.steps}
    facts = shown.facts.manifests
    subjects = {**shown.facts.named_after, **{name: fact.subject or "" for name, fact in facts.items() if fact.subject}}
    return [each for each in plan.kept if each.reason != PROTECTED and subjects.get(each.name) in goes]


def _tags_that_stay(shown: Preview, shared: Collection[str]) -> list[Staying]:
    """Siblings first, with what they share with the tags that go besides the image itself; then the others."""
    plan = shown.plan
    kept = {each.name for each in plan.kept}
    siblings = [tag for tag in plan.siblings if tag not in plan.tags and tag not in kept]
    others = [tag for tag in plan.staying_tags if tag not in siblings and tag not in kept]
    images = {shown.facts.digests[tag] for tag in siblings}
    number = len([each for each in shared if each not in images])
    more = f" and {counted(number, MANIFEST)} that they share" if number else ""
    if not siblings:
        return [Staying(f"{listed(others)}{more}")] if others else []
    same = "the same image" if len(images) == 1 else "the same images"
    lines = [Staying(f"{_some(siblings)}, {same}{more}")]
    return lines + ([Staying(listed(others))] if others else [])


def _is_shared(kept: Kept) -> bool:
    return kept.reason != ITS_NEED_IS_UNKNOWN and "without a tag" not in kept.reason


def _protected(plan: Plan) -> list[Staying]:
    names = [each.name for each in plan.kept if each.reason == PROTECTED]
    return [Staying(listed(names), IS_PROTECTED)] if names else []


def _with_reasons(held: Sequence[Kept]) -> list[Staying]:
    """Manifests that stay, counted by the reason."""
    reasons = Counter(each.reason for each in held)
    return [Staying(counted(number, MANIFEST), reason) for reason, number in reasons.items()]


def _of_kind(number: int, kind: str) -> str:
    return counted(number, kind, _plural(kind))


def _plural(kind: str) -> str:
    return PLURALS.get(kind, f"{kind}s")


def _some(names: Sequence[str]) -> str:
    more = f" and {counted(len(names) - NAMES_SHOWN, 'more tag')}" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
