"""Where the steps of a removal are taken: what was agreed on, what is to remain, what is gone by now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from concurrent.futures import Executor
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from webapp.catalogue.edges import recorded_manifests
from webapp.catalogue.revisions import read_in_store
from webapp.registry.client import RegistryClient
from webapp.registry.errors import RegistryError
from webapp.removal.journal_bytes import journalled
from webapp.removal.looks import fact_of, look_at, reach, recorded_tags
from webapp.removal.models import GONE, UNFINISHED, Removal, StepKind, StepState
from webapp.removal.remover import Remover


@dataclass(frozen=True, slots=True)
class StepResult:
    """What was found after a step; `error` is what the registry said where it went wrong."""

    state: StepState
    reason: str = ""
    error: RegistryError | None = None


@dataclass(slots=True)
class Ground:
    """What the steps of one removal know, and what they have learned so far.

    Attributes:
        going: the tags that were agreed on, each with its digest; '' for one that is listed without a manifest.
        tags_on: the same the other way round.
        holders: of the manifests that go, the indexes that go, too, and name them.
        staying: tags that the catalogue knows and that are to remain: lists leave tags out.
        dangling: tags that were listed without a manifest before the removal.
        settled: tags that were taken away by themselves, or could not be.
        tried: manifests whose turn has come.
        deleted: those of them that are gone by now.
        known: manifests whose links were in the store at the beginning; None where it cannot be read.
        began_ns: when the removal began, in nanoseconds as the store's files have them.
        new: manifests that came since, with what they name; nothing came as long as the store's `stamp` is the same.
        reached: of the manifests of tags, all that they name.
    """

    remover: Remover
    executor: Executor
    repository: str
    going: Mapping[str, str]
    tags_on: Mapping[str, frozenset[str]]
    holders: Mapping[str, frozenset[str]]
    staying: frozenset[str]
    dangling: frozenset[str]
    settled: dict[str, StepResult]
    tried: set[str]
    deleted: set[str]
    known: frozenset[str] | None
    began_ns: int
    stamp: tuple[int, ...] = ()
    new: dict[str, frozenset[str]] = field(default_factory=dict)
    reached: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def client(self) -> RegistryClient:
        """The registry."""
        return self.remover.client

    def is_waiting(self, tag: str) -> bool:
        """Whether a tag's own turn, or that of its manifest, is yet to come."""
        return tag in self.going and tag not in self.settled and self.going[tag] not in self.tried


def ground_of(session: Session, remover: Remover, executor: Executor, removal_id: int) -> Ground:
    """The ground of a removal whose intent is written, as far as it has come."""
    removal = session.get_one(Removal, removal_id)
    recorded = recorded_tags(session, removal.repository)
    going = {tag.name: tag.digest for tag in removal.tags if tag.digest or tag.state != StepState.ALREADY_GONE}
    deletes = [step for step in removal.steps if step.kind == StepKind.DELETE]
    facts = [fact_of(each) for each in journalled(session, removal_id, [step.digest for step in deletes])]
    return Ground(
        remover=remover,
        executor=executor,
        repository=removal.repository,
        going=going,
        tags_on=_grouped((digest, tag) for tag, digest in going.items()),
        holders=_grouped((child, each.digest) for each in facts for child in each.children),
        staying=frozenset(recorded.keys() - going.keys()),
        dangling=frozenset(tag for tag, digest in (recorded | going).items() if not digest),
        settled={
            tag.name: StepResult(tag.state, tag.reason)
            for tag in removal.tags
            if tag.started_at and tag.state not in UNFINISHED
        },
        tried={step.digest for step in deletes if step.state not in UNFINISHED},
        deleted={step.digest for step in deletes if step.state in GONE},
        known=read_in_store(remover.store, removal.repository) if remover.store else None,
        began_ns=int(removal.started_at.timestamp()) * 1_000_000_000,
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """The second of each pair, by the first."""
    found: dict[str, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in found.items()}


def learn_what_is_reached(ground: Ground, digests: Collection[str]) -> None:
    """Look many manifests up at once: nearly all are of one platform, and name nothing further."""
    new = set(digests) - ground.reached.keys()
    if not new:
        return
    with ground.remover.reading() as session:
        recorded = recorded_manifests(session, new)
    ground.reached.update({digest: frozenset() for digest, each in recorded.items() if not each.children})


def _reached_from(ground: Ground, digest: str) -> frozenset[str]:
    """All that a tag's manifest names, directly or through other indexes.

    Raises:
        RegistryError: it cannot be read; IndexTooDeep: there is no end to it.
    """
    if digest not in ground.reached:
        found = reach(ground.client, ground.executor, ground.remover.reading, ground.repository, digest)
        ground.reached[digest] = frozenset(child for each in found.values() for child in each.children)
    return ground.reached[digest]


def needed_from(ground: Ground, digest: str, some: Set[str]) -> frozenset[str]:
    """Of some manifests, those that a tag's manifest needs: it names them, directly or through indexes that are there.

    An index may have been deleted from under another: what it named is not needed any more. One that this removal has
    deleted counts as there, since it may have to be put back.

    Raises:
        RegistryError: it cannot be read; IndexTooDeep: there is no end to it.
    """
    wanted = _reached_from(ground, digest) & some
    if not wanted:
        return frozenset()

    def there(level: Set[str]) -> Set[str]:
        looked = look_at(ground.client, ground.executor, ground.repository, sorted(level - ground.deleted))
        return {each for each in level if each in ground.deleted or looked[each]}

    found = reach(ground.client, ground.executor, ground.remover.reading, ground.repository, digest, there)
    return wanted & {child for each in found.values() for child in each.children}
