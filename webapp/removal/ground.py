"""Where the steps of a removal are taken: what was agreed on, what is to remain, what is gone by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from webapp.database import Reading
from webapp.registry.client import RegistryClient
from webapp.removal.journal import journalled
from webapp.removal.looks import reach, recorded_tags, stored
from webapp.removal.models import GONE, UNFINISHED, Removal
from webapp.removal.plan import ManifestFact


@dataclass(slots=True)
class Ground:
    """What the steps of one removal know, and what they have learned so far.

    Attributes:
        going: the tags that were agreed on, each with its digest.
        holders: of the manifests that go, the indexes that go, too, and name them.
        staying: tags that the catalogue knows and that are to remain: lists leave tags out.
        dangling: tags that were listed without a manifest before the removal.
        tried: manifests whose turn has come.
        deleted: those of them that are gone by now.
        reached: of the manifests of tags, all that they name.
    """

    client: RegistryClient
    reading: Reading
    executor: Executor
    repository: str
    going: Mapping[str, str]
    holders: Mapping[str, frozenset[str]]
    staying: frozenset[str]
    dangling: frozenset[str]
    tried: set[str]
    deleted: set[str]
    reached: dict[str, frozenset[str]] = field(default_factory=dict)


def ground_of(
    session: Session, client: RegistryClient, reading: Reading, executor: Executor, removal_id: int
) -> Ground:
    """The ground of a removal whose intent is written, as far as it has come."""
    removal = session.get_one(Removal, removal_id)
    recorded = recorded_tags(session, removal.repository)
    going = {tag.name: tag.digest for tag in removal.tags if tag.digest}
    without_manifest = {tag.name for tag in removal.tags if not tag.digest}
    without_manifest |= {tag for tag, digest in recorded.items() if not digest}
    return Ground(
        client=client,
        reading=reading,
        executor=executor,
        repository=removal.repository,
        going=going,
        holders=_holders(journalled(session, removal_id, [step.digest for step in removal.steps])),
        staying=frozenset(recorded.keys() - going.keys()),
        dangling=frozenset(without_manifest),
        tried={step.digest for step in removal.steps if step.state not in UNFINISHED},
        deleted={step.digest for step in removal.steps if step.state in GONE},
    )


def _holders(facts: Iterable[ManifestFact]) -> dict[str, frozenset[str]]:
    holders: dict[str, set[str]] = {}
    for each in facts:
        for child in each.children:
            holders.setdefault(child, set()).add(each.digest)
    return {child: frozenset(parents) for child, parents in holders.items()}


def reached_from(ground: Ground, digest: str) -> frozenset[str]:
    """All that a tag's manifest names, directly or through other indexes.

    Raises:
        RegistryError: it cannot be read; IndexTooDeep: there is no end to it.
    """
    if digest not in ground.reached:
        found = reach(ground.client, ground.executor, ground.repository, [digest], stored(ground.reading))
        ground.reached[digest] = named_by(found.values())
    return ground.reached[digest]


def named_by(facts: Iterable[ManifestFact]) -> frozenset[str]:
    """Digests that some manifests name as their children."""
    return frozenset(child for each in facts for child in each.children)
