"""After the last DELETE: what somebody pushed in the gap and now points at something deleted gets it back.

The registry looks up a digest's tags and removes them one after the other (distribution.md 1.1), so a push in that
moment can leave a tag without its manifest, or a new index without a child. The journal has the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from webapp.registry.errors import NotFound, RegistryError
from webapp.removal.looks import list_tags, look_at, reach, stored
from webapp.removal.plan import ManifestFact
from webapp.removal.steps import Ground, named_by

Journal = Callable[[Collection[str]], list[ManifestFact]]
"""The kept bytes of some digests, children first."""

MOST_CANDIDATES = 50


def mend(ground: Ground, journal: Journal, dangling_before: Collection[str] = ()) -> str:
    """Put back what is needed again, and say so in a sentence; '' where nothing was.

    Args:
        dangling_before: tags that were listed without a manifest already when the removal was planned.

    Raises:
        RegistryError: the registry cannot be asked; whether something needs mending is unknown.
    """
    if not ground.deleted:
        return ""
    listed = list_tags(ground.client, ground.repository) - set(dangling_before)
    now_on = look_at(ground.client, ground.executor, ground.repository, sorted(listed))
    sentences = []
    for tag, digest in now_on.items():
        mended = _mend_index(ground, journal, digest) if digest else _mend_tag(ground, journal, tag)
        if mended:
            sentences.append(f"{tag} was pushed meanwhile; {mended}")
    return " ".join(sentences)


def _mend_index(ground: Ground, journal: Journal, digest: str) -> str:
    """A tag that answers: whether the index it is on lost a child to us."""
    facts = reach(ground.client, ground.executor, ground.repository, [digest], stored(ground.reading))
    lost = named_by(facts.values()) & ground.deleted
    if not lost:
        return ""
    _put_back(ground, journal, lost)
    return f"{len(lost)} of its manifests, which this removal had deleted, were put back."


def _mend_tag(ground: Ground, journal: Journal, tag: str) -> str:
    """A tag that is listed and does not answer: which of the deleted manifests it is on shows only by trying."""
    likely = [ground.going[tag]] if tag in ground.going else []
    others = [digest for digest in sorted(ground.deleted) if digest not in likely]
    for digest in (likely + others)[:MOST_CANDIDATES]:
        if digest not in ground.deleted:
            continue
        put = _put_back(ground, journal, [digest])
        if look_at(ground.client, ground.executor, ground.repository, [tag])[tag]:
            return "its manifest, which this removal had deleted, was put back."
        _take_away_again(ground, put)
    return "the registry lists it, but has no manifest for it."


def _put_back(ground: Ground, journal: Journal, digests: Collection[str]) -> list[ManifestFact]:
    """PUT manifests and what they name by digest, children first."""
    wanted = _with_descendants(journal, digests) & ground.deleted
    put = journal(wanted)
    for fact in put:
        ground.client.put_manifest(ground.repository, fact.digest, fact.media_type, fact.raw)
        ground.deleted.discard(fact.digest)
    return put


def _take_away_again(ground: Ground, put: list[ManifestFact]) -> None:
    for fact in reversed(put):
        try:
            ground.client.delete_manifest(ground.repository, fact.digest)
        except NotFound:
            continue
        except RegistryError:
            return  # it stays as a manifest without a tag: harmless, and no tag depends on it
        ground.deleted.add(fact.digest)


def _with_descendants(journal: Journal, digests: Collection[str]) -> set[str]:
    found: set[str] = set()
    level = set(digests)
    while level:
        found |= level
        level = set(named_by(journal(level))) - found
    return found
