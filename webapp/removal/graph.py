"""From the tags and digests that are asked for to all that they reach: children, referrers, and what holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from concurrent.futures import Executor
from dataclasses import dataclass, field

from webapp.catalogue.edges import naming, recorded_manifests
from webapp.catalogue.models import DescriptorRole
from webapp.catalogue.referrers import subject_named_by
from webapp.removal.looks import DEEPEST_INDEX, IndexTooDeep, bytes_of, look_at, read_fact, recorded_fact
from webapp.removal.material import ManifestFact
from webapp.removal.remover import Remover


@dataclass(frozen=True, slots=True)
class Graph:
    """Where a walk takes place.

    Attributes:
        revisions: all manifests of the repository; None where they are not known.
        seen: manifests that the catalogue saw in the repository.
        unrecorded: manifests that the catalogue does not have, read just now; None for one that is not there.
        digests: the repository's tags; those that are named after what is reached are looked at, too.
        fresh: manifests that were there just now.
        trusts_records: whether what was seen before counts as there; else it is looked at.
    """

    remover: Remover
    executor: Executor
    repository: str
    revisions: frozenset[str] | None
    seen: frozenset[str]
    unrecorded: dict[str, ManifestFact | None]
    digests: dict[str, str]
    fresh: frozenset[str]
    trusts_records: bool


@dataclass(slots=True)
class Reached:
    """What was found.

    Attributes:
        manifests: what is named by, or refers to, what was asked for.
        named_after: tags that are named after these.
        fallbacks: those of them that are lists of referrers, with their bytes.
        listed: these lists and what stands in them, reached or not.
    """

    manifests: dict[str, ManifestFact] = field(default_factory=dict)
    named_after: dict[str, str] = field(default_factory=dict)
    fallbacks: dict[str, bytes] = field(default_factory=dict)
    listed: dict[str, ManifestFact] = field(default_factory=dict)


def read_graph(graph: Graph, roots: Collection[str]) -> Reached:
    """Find all that some manifests name, all that refers to it, and what that names in turn.

    Raises:
        IndexTooDeep: there is no end to it.
    """
    found = Reached()
    subjects = {tag: subject for tag in graph.digests if (subject := subject_named_by(tag))}
    lists_referrers = True
    level = set(roots)
    for _depth in range(DEEPEST_INDEX):
        new = _with_descendants(graph, level - found.manifests.keys(), found.manifests.keys())
        if not new:
            found.manifests = found.listed | found.manifests
            return found
        found.manifests |= new
        level = _referring(graph, new.keys())
        if lists_referrers:
            listed = _listed_by_the_registry(graph, new.keys())
            lists_referrers = listed is not None
            level |= listed or set()
        named = _named_after(graph, found, subjects)
        found.named_after |= named
        level |= {graph.digests[tag] for tag in named}  # also a list that may be emptied: something may refer to it
        _read_fallbacks(graph, found)
    raise IndexTooDeep


def holders_of(graph: Graph, digests: Collection[str]) -> dict[str, frozenset[str]]:
    """Of each manifest, the indexes of the repository that name it."""
    wanted = set(digests)
    with graph.remover.reading() as session:
        pairs = naming(session, wanted, DescriptorRole.CHILD)
    pairs += [
        (fact.digest, child) for fact in graph.unrecorded.values() if fact for child in fact.children if child in wanted
    ]
    parents = {parent for parent, _child in pairs}
    there = _there(graph, parents - wanted) | (parents & wanted)
    holders: dict[str, set[str]] = {digest: set() for digest in wanted}
    for parent, child in pairs:
        if parent in there:
            holders[child].add(parent)
    return {child: frozenset(parents) for child, parents in holders.items()}


def _with_descendants(graph: Graph, digests: Set[str], known: Set[str]) -> dict[str, ManifestFact]:
    found: dict[str, ManifestFact] = {}
    level = set(digests)
    for _depth in range(DEEPEST_INDEX):
        if not level:
            return found
        found |= _facts(graph, _there(graph, level))
        level = {child for each in level if each in found for child in found[each].children} - found.keys() - known
    raise IndexTooDeep


def _there(graph: Graph, digests: Set[str]) -> set[str]:
    """Of some manifests, those that the repository has."""
    if graph.revisions is not None:
        return set(digests & graph.revisions)
    certain = digests & (graph.fresh | (graph.seen if graph.trusts_records else set()))
    looked = look_at(graph.remover.client, graph.executor, graph.repository, sorted(digests - certain))
    return {*certain, *(digest for digest, answer in looked.items() if answer)}


def _facts(graph: Graph, digests: Set[str]) -> dict[str, ManifestFact]:
    """What some manifests name: of those in the catalogue from there, of the others from the registry."""
    with graph.remover.reading() as session:
        recorded = recorded_manifests(session, digests)
    facts = {digest: recorded_fact(each) for digest, each in recorded.items()}
    new = sorted(digests - facts.keys() - graph.unrecorded.keys())
    read = graph.executor.map(lambda digest: read_fact(graph.remover.client, graph.repository, digest), new)
    graph.unrecorded.update(zip(new, read, strict=True))
    facts.update({digest: fact for digest in digests - facts.keys() if (fact := graph.unrecorded[digest])})
    return facts


def _referring(graph: Graph, digests: Set[str]) -> set[str]:
    """Manifests that name one of these as their `subject`."""
    with graph.remover.reading() as session:
        found = {referrer for referrer, _subject in naming(session, digests, DescriptorRole.SUBJECT)}
    found |= {fact.digest for fact in graph.unrecorded.values() if fact and fact.subject in digests}
    if graph.revisions is not None:
        return found
    return found & {*graph.seen, *graph.unrecorded}


def _listed_by_the_registry(graph: Graph, digests: Iterable[str]) -> set[str] | None:
    """What the registry itself lists as referrers; None where it has no such list, which is asked once."""
    first, *others = sorted(digests)
    client, repository = graph.remover.client, graph.repository
    found = client.referrers(repository, first)
    if found is None:
        return None
    more = graph.executor.map(lambda digest: client.referrers(repository, digest) or (), others)
    return {*found, *(each for some in more for each in some)}


def _named_after(graph: Graph, found: Reached, subjects: Mapping[str, str]) -> dict[str, str]:
    """Tags that are named after what was reached; and lists of referrers in which what was reached stands."""
    listing = {fact.subject for fact in found.manifests.values() if fact.subject}
    named = {
        tag: subject
        for tag, subject in subjects.items()
        if tag not in found.named_after and (subject in found.manifests or (subject in listing and _is_list(tag)))
    }
    if not graph.trusts_records:
        looked = look_at(graph.remover.client, graph.executor, graph.repository, sorted(named))
        graph.digests.update({tag: digest for tag, digest in looked.items() if digest})
    return named


def _is_list(tag: str) -> bool:
    """Whether a tag that is named after a digest is the fallback for its list of referrers."""
    return "." not in tag


def _read_fallbacks(graph: Graph, found: Reached) -> None:
    """Read the bytes of lists of referrers, and what stands in them."""
    indexes = {graph.digests[tag] for tag in found.named_after if _is_list(tag)} - found.fallbacks.keys()
    if not indexes:
        return
    found.listed |= _with_descendants(graph, indexes, set())
    wanted = {each for each in indexes if each in found.listed and found.listed[each].children}
    found.fallbacks |= {
        digest: each.raw
        for digest, each in bytes_of(
            graph.remover.client, graph.executor, graph.remover.reading, graph.repository, wanted
        ).items()
    }
