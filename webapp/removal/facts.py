"""What is read for a plan, at the moment in which somebody looks or agrees.

Fresh from the registry: the tag list, the asked tags, tags that are new since the last sync; from its store, or from
a dry run, all manifests of the repository. From the catalogue: which digests the other tags are on, and which
manifest names what, which never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.edges import digests_in
from webapp.catalogue.models import Repository
from webapp.catalogue.revisions import tags_in_store
from webapp.catalogue.rows import known_digests
from webapp.registry.errors import Nonsense
from webapp.removal.graph import Graph, holders_of, read_graph
from webapp.removal.looks import REQUESTS_AT_A_TIME, list_tags, look_at, read_fact, recorded_tags
from webapp.removal.material import Facts, ManifestFact
from webapp.removal.remover import Remover, is_protected
from webapp.removal.trash import held_in_trash
from webapp.removal.wanted import Wanted

LOOKED_AT_UP_TO = 100
"""Of an image with so many tags each is looked at for the dialog; of a larger one, as of every image, before its deletion."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the catalogue says of a repository: its tags' digests, and every manifest seen in it, tagged or not."""

    digests: Mapping[str, str | None]
    manifests: frozenset[str]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class _Tags:
    """The tags of a repository. `fresh` are the digests that were looked at just now."""

    digests: Mapping[str, str]
    asked: tuple[str, ...]
    gone: tuple[str, ...]
    dangling: tuple[str, ...]
    fresh: frozenset[str]


def read_facts(remover: Remover, wanted: Wanted) -> Facts:
    """Read the facts for a removal.

    Raises:
        RegistryError: the registry cannot be asked, or there is no end to the indexes (IndexTooDeep).
    """
    with remover.reading() as session:
        recorded = _recorded(session, wanted.repository)
        in_trash = held_in_trash(session, wanted.repository, remover.now(), wanted.leaving)
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        tags = _read_tags(remover, executor, wanted, recorded)
        revisions = _revisions(remover, wanted, tags)
        there = revisions if revisions is not None else recorded.manifests | set(tags.digests.values()) | tags.fresh
        unrecorded, all_readable = _read_unrecorded(remover, executor, wanted.repository, there, tags.fresh)
        tags = _without_dangling(tags, revisions)
        graph = Graph(
            remover=remover,
            executor=executor,
            repository=wanted.repository,
            revisions=revisions,
            seen=recorded.manifests,
            unrecorded=unrecorded,
            digests=dict(tags.digests),
            fresh=tags.fresh,
            trusts_records=wanted.whole_image and len(tags.digests) > LOOKED_AT_UP_TO,
        )
        roots = {tags.digests[tag] for tag in tags.asked if tag in tags.digests} | tags.fresh.intersection(
            wanted.digests
        )
        found = read_graph(graph, roots | (there if wanted.whole_image else frozenset()))
        holders = holders_of(graph, found.manifests.keys())
    return Facts(
        wanted=wanted,
        asked_tags=tags.asked,
        digests=graph.digests,
        manifests=found.manifests,
        holders=holders,
        gone=(*tags.gone, *(each for each in wanted.digests if each not in found.manifests)),
        dangling=tags.dangling,
        protected=frozenset(tag for tag in tags.digests if is_protected(remover.protected, tag)),
        named_after=found.named_after,
        fallbacks=found.fallbacks,
        seen_before=recorded.manifests,
        revisions_known=revisions is not None and all_readable,
        revisions=there,
        unrecorded={digest: fact for digest, fact in unrecorded.items() if fact},
        in_trash=in_trash,
        as_of=recorded.as_of,
    )


def _recorded(session: Session, name: str) -> _Recorded:
    as_of = session.scalar(select(Repository.synced_at).where(Repository.name == name))
    return _Recorded(recorded_tags(session, name), frozenset(digests_in(session, name)), as_of)


def _read_tags(remover: Remover, executor: Executor, wanted: Wanted, recorded: _Recorded) -> _Tags:
    """Every tag's digest: asked and new ones as they are now, the others as the catalogue saw them.

    Of a whole image every tag is taken as the store has it, or looked at where there are few: the removal itself
    looks at each. Lists leave tags out (distribution.md, fact 10), so one that the catalogue has and the list has not
    is looked at.
    """
    listed = list_tags(remover.client, wanted.repository)
    trusted = {tag: digest for tag, digest in recorded.digests.items() if digest and tag in listed}
    if wanted.whole_image and remover.store is not None:
        trusted = {tag: on for tag, on in tags_in_store(remover.store, wanted.repository).items() if tag in listed}
    elif wanted.whole_image and len(trusted) <= LOOKED_AT_UP_TO:
        trusted = {}
    fresh = (listed | recorded.digests.keys()) - trusted.keys() | set(wanted.tags)
    looked = look_at(remover.client, executor, wanted.repository, sorted(fresh | set(wanted.digests)))
    found: dict[str, str | None] = {**trusted, **{tag: looked[tag] for tag in fresh}}
    asked = tuple(sorted(tag for tag in found if found[tag] or tag in listed)) if wanted.whole_image else wanted.tags
    return _Tags(
        digests={tag: digest for tag, digest in found.items() if digest},
        asked=asked,
        gone=tuple(tag for tag in asked if not found[tag] and tag not in listed),
        dangling=tuple(tag for tag in asked if not found[tag] and tag in listed),
        fresh=frozenset(digest for digest in looked.values() if digest),
    )


def _revisions(remover: Remover, wanted: Wanted, tags: _Tags) -> frozenset[str] | None:
    """All manifests of the repository. What was there just now is among them, or they are another registry's."""
    found = remover.revisions()(wanted.repository)
    return found if found is not None and found >= tags.fresh else None


def _read_unrecorded(
    remover: Remover, executor: Executor, repository: str, there: Set[str], needed: Set[str]
) -> tuple[dict[str, ManifestFact | None], bool]:
    """Manifests that the catalogue does not have, None for one that is not there; and whether all could be read.

    Raises:
        RegistryError: one that is needed cannot be read.
    """
    with remover.reading() as session:
        new = sorted(there - known_digests(session, there))

    def read(digest: str) -> tuple[ManifestFact | None, bool]:
        try:
            return read_fact(remover.client, repository, digest), True
        except Nonsense:
            if digest in needed:
                raise
            return None, False

    found = list(executor.map(read, new))
    facts = {digest: fact for digest, (fact, _is_readable) in zip(new, found, strict=True)}
    return facts, all(is_readable for _fact, is_readable in found)


def _without_dangling(tags: _Tags, revisions: frozenset[str] | None) -> _Tags:
    """An asked tag whose link in the store names a manifest that is not there dangles."""
    if revisions is None:
        return tags
    dangling = {tag for tag in tags.asked if tags.digests.get(tag, "") not in revisions} & tags.digests.keys()
    if not dangling:
        return tags
    return _Tags(
        digests=_but(tags.digests, dangling),
        asked=tags.asked,
        gone=tags.gone,
        dangling=tuple(sorted({*tags.dangling, *dangling})),
        fresh=tags.fresh,
    )


def _but(digests: Mapping[str, str], without: Iterable[str]) -> dict[str, str]:
    left = dict(digests)
    for tag in without:
        left.pop(tag, None)
    return left
