"""After the last DELETE: what somebody pushed in the gap and now points at something deleted gets it back.

The registry looks up a digest's tags and removes them one after the other (distribution.md 1.1), so a push in that
moment can leave a tag without its manifest, or a new index without a child. So can a registry that ends half way
through a deletion. The journal has the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from webapp.registry.errors import Nonsense, NotFound, Refused
from webapp.registry.manifests import ManifestBytes
from webapp.removal.ground import Ground, learn_what_is_reached, needed_from
from webapp.removal.looks import IndexTooDeep, fact_of, head_digest, list_tags, look_at
from webapp.removal.steps import delete_manifests

Journal = Callable[[Collection[str]], list[ManifestBytes]]
"""The kept bytes of some digests, children first."""

MOST_CANDIDATES = 50

LASTING = (Nonsense, NotFound, Refused, IndexTooDeep)
"""Errors that asking once more would give again."""


def mend(ground: Ground, journal: Journal) -> str:
    """Put back what is needed again, and say so in a sentence; '' where nothing was.

    What was put back is not among `ground.deleted` any more.

    Raises:
        RegistryError: the registry cannot be asked; whether something needs mending is unknown.
    """
    if not ground.deleted:
        return ""
    listed = list_tags(ground.client, ground.repository)
    remaining = sorted((listed | ground.staying) - ground.dangling)
    now_on = look_at(ground.client, ground.executor, ground.repository, remaining)
    learn_what_is_reached(ground, {on for on in now_on.values() if on})
    sentences = [_mend(ground, journal, tag, on) for tag, on in now_on.items() if on or tag in listed]
    return " ".join(each for each in sentences if each)


def _mend(ground: Ground, journal: Journal, tag: str, on: str | None) -> str:
    try:
        return _mend_index(ground, journal, tag, on) if on else _mend_tag(ground, journal, tag)
    except LASTING as error:
        return f"{tag} may lack something that this removal deleted, which could not be put back: {error.sentence}"


def _mend_index(ground: Ground, journal: Journal, tag: str, digest: str) -> str:
    """A tag that answers: whether the index it is on lost a child to us."""
    lost = needed_from(ground, digest, ground.deleted)
    if not lost:
        return ""
    _put_back(ground, journal, lost)
    return f"{tag} was pushed meanwhile; {len(lost)} of its manifests, which this removal had deleted, were put back."


def _mend_tag(ground: Ground, journal: Journal, tag: str) -> str:
    """A tag that is listed and does not answer: which of the deleted manifests it is on shows only by trying."""
    likely = [ground.going[tag]] if tag in ground.going else []
    others = sorted(ground.deleted.difference(likely))
    for digest in [each for each in likely if each in ground.deleted] + others[:MOST_CANDIDATES]:
        put = _put_back(ground, journal, [digest])
        if head_digest(ground.client, ground.repository, tag):
            return f"{tag} was listed without its manifest, which this removal had deleted; it was put back."
        for each in reversed(put):
            delete_manifests(ground, [each.digest])  # or, where that fails, it stays: no tag depends on it
    return ""


def _put_back(ground: Ground, journal: Journal, digests: Collection[str]) -> list[ManifestBytes]:
    """PUT manifests and what they name by digest, children first."""
    wanted = _with_descendants(journal, digests) & ground.deleted
    put = journal(wanted)
    for each in put:
        ground.client.put_manifest(ground.repository, each.digest, each.media_type, each.raw)
        ground.deleted.discard(each.digest)
    return put


def _with_descendants(journal: Journal, digests: Collection[str]) -> set[str]:
    found: set[str] = set()
    level = set(digests)
    while level:
        found |= level
        level = {child for each in journal(level) for child in fact_of(each).children} - found
    return found
