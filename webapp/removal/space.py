"""How much smaller the store will be after a removal and the next collection, to the byte.

A collection keeps every blob that a remaining manifest of any repository is or names (distribution.md 7). Counted are
the blobs' data files, as large as the store has them: a descriptor may state any size.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from webapp.catalogue.models import DescriptorRole, Manifest, ManifestDescriptor, RegistryState, Repository
from webapp.catalogue.revisions import unknown
from webapp.catalogue.store_blobs import blob_file
from webapp.database import among
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, RegistryError, RegistryUnreachable
from webapp.removal.looks import REQUESTS_AT_A_TIME
from webapp.removal.material import Facts
from webapp.removal.plan import Plan
from webapp.removal.remover import Remover

UNSEEN = (
    "Manifests without a tag that Holystone has not seen may still use some of it."
    " Set HOLYSTONE_REGISTRY_STORE or a keeper to know them."
)
NOT_READ = (
    "Other repositories have not been read yet, and may use some of it. The figure is exact after the first sync."
)
NOT_KNOWN_NOW = "Not every manifest of the registry could be read just now; what could not be may use some of it."

_NAMED_BY = """
SELECT DISTINCT d.digest
FROM json_each(:manifests) wanted
JOIN manifests m ON m.digest = wanted.value
JOIN manifest_descriptors d ON d.manifest_id = m.id AND d.role <> 'subject'
"""

# What stays in one of these repositories (`staying`), or is in another one: as itself, or by naming it.
_STILL_NEEDED = """
WITH staying(id) AS MATERIALIZED (
    SELECT m.id FROM json_each(:staying) s JOIN manifests m ON m.digest = s.value
),
here(id) AS MATERIALIZED (
    SELECT r.id FROM json_each(:repositories) wanted JOIN repositories r ON r.name = wanted.value
),
naming(digest, manifest_id) AS (
    SELECT digest, manifest_id FROM manifest_descriptors WHERE role <> 'subject'
    UNION ALL
    SELECT digest, id FROM manifests
)
SELECT wanted.value
FROM json_each(:blobs) wanted
WHERE EXISTS (
    SELECT 1 FROM naming
    WHERE naming.digest = wanted.value
      AND (
        naming.manifest_id IN (SELECT id FROM staying)
        OR EXISTS (
            SELECT 1 FROM repository_manifests rm
            WHERE rm.manifest_id = naming.manifest_id
              AND rm.repository_id NOT IN (SELECT id FROM here)
              AND NOT EXISTS (
                SELECT 1 FROM json_each(:absent) a
                WHERE a.value ->> 0 = rm.repository_id AND a.value ->> 1 = rm.manifest_id
              )
        )
      )
)
"""

# What needs one of these in another repository, and is there only as far as an index that was seen there names it.
_SAID_TO_NEED = """
SELECT DISTINCT rm.repository_id, rm.manifest_id, r.name, m.digest
FROM json_each(:blobs) wanted
JOIN (
    SELECT digest, manifest_id FROM manifest_descriptors WHERE role <> 'subject'
    UNION ALL
    SELECT digest, id FROM manifests
) naming ON naming.digest = wanted.value
JOIN repository_manifests rm ON rm.manifest_id = naming.manifest_id
JOIN repositories r ON r.id = rm.repository_id AND r.name NOT IN (SELECT value FROM json_each(:repositories))
JOIN manifests m ON m.id = rm.manifest_id
WHERE NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = r.id AND t.digest = m.digest)
"""


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that come back; not exact where something that Holystone cannot see may hold some of them.

    `bytes_added` are those that it takes more where nothing comes back: a list of referrers is written anew, and the
    old one is needed in another repository.
    """

    bytes_freed: int
    is_exact: bool
    reason: str
    bytes_added: int = 0


def space_from(bytes_less: int, reason: str) -> Space:
    """The space of a store that gets smaller by so much, or greater where it is less than 0."""
    return Space(max(0, bytes_less), not reason, reason, max(0, -bytes_less))


def space_of(remover: Remover, planned: Collection[tuple[Facts, Plan]]) -> Space:
    """The space that carrying out some plans, of one repository each, frees together.

    Raises:
        RegistryError: a blob's size cannot be asked for.
    """
    going = {plan.repository: {step.digest for step in plan.steps} for _facts, plan in planned}
    if not any(going.values()):
        return Space(0, True, "")
    freed = _freed_blobs(remover, planned, going)
    bytes_less = sum(_sizes(remover, freed, planned).values()) - _added_bytes(planned)
    return space_from(bytes_less, _why_not_exact(remover, planned))


def _freed_blobs(
    remover: Remover, planned: Collection[tuple[Facts, Plan]], going: dict[str, set[str]]
) -> dict[str, str]:
    """The blobs that nothing needs any more, each with a repository that has it."""
    blobs: dict[str, str] = {}
    kept: set[str] = set()
    staying: set[str] = set()
    for facts, plan in planned:
        goes = going[plan.repository]
        with remover.reading() as session:
            named = session.execute(text(_NAMED_BY), {"manifests": _as_json(goes)}).scalars()
            blobs |= dict.fromkeys([*goes, *named], plan.repository)
        for digest, fact in facts.unrecorded.items():
            if digest in goes:
                blobs |= dict.fromkeys([*fact.blobs, *fact.children], plan.repository)
            else:
                kept.update((digest, *fact.blobs, *fact.children))
        staying |= facts.revisions - goes
        kept |= staying
    for _facts, plan in planned:
        kept.update(child for each in plan.rewrites for child in _listed_in(each.raw))
    wanted = blobs.keys() - kept
    asked = {"blobs": _as_json(wanted), "staying": _as_json(staying), "repositories": _as_json(going)}
    asked["absent"] = _as_json(_absent(remover, asked) if remover.revisions is unknown else ())
    with remover.reading() as session:
        needed = set(session.execute(text(_STILL_NEEDED), asked).scalars())
    return {digest: blobs[digest] for digest in wanted - needed}


def _absent(remover: Remover, asked: dict[str, str]) -> list[tuple[int, int]]:
    """Repository and manifest of what should need some of it elsewhere, and is not there: an index may lack a child.

    What does not tell counts as not there, since the figure is the most that may be freed.
    """
    with remover.reading() as session:
        said = [tuple(row) for row in session.execute(text(_SAID_TO_NEED), asked)]

    def is_there(_repository_id: int, _manifest_id: int, repository: str, digest: str) -> bool:
        try:
            remover.client.head_manifest(repository, digest)
        except RegistryUnreachable:
            raise
        except RegistryError:
            return False
        return True

    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        found = executor.map(lambda each: is_there(*each), said)
        return [(each[0], each[1]) for each, is_found in zip(said, found, strict=True) if not is_found]


def _listed_in(raw: bytes) -> Iterable[str]:
    return (each["digest"] for each in json.loads(raw)["manifests"])


def _sizes(remover: Remover, blobs: dict[str, str], planned: Collection[tuple[Facts, Plan]]) -> dict[str, int]:
    """The size of each blob's data file; 0 for what the store does not have, such as foreign layers."""
    if remover.store is not None:
        return {digest: _size_in(remover.store, digest) for digest in blobs}
    unrecorded = [fact for facts, _plan in planned for fact in facts.unrecorded.values()]
    stated = {digest: size for fact in unrecorded for digest, size in fact.stated if digest in blobs}
    sizes = stated | _sizes_of_manifests(remover, blobs)
    sizes |= {fact.digest: fact.size_bytes for fact in unrecorded if fact.digest in blobs}
    asked = [(repository, digest) for digest, repository in blobs.items() if digest not in sizes]
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as executor:
        found = executor.map(lambda each: _size_at(remover.client, *each), asked)
        return sizes | {digest: size for (_repository, digest), size in zip(asked, found, strict=True)}


def _sizes_of_manifests(remover: Remover, blobs: Collection[str]) -> dict[str, int]:
    """Manifests cannot be asked for as blobs. One that was deleted below its index has the size that this states."""
    named = ManifestDescriptor.role == DescriptorRole.CHILD
    stated = select(ManifestDescriptor.digest, func.max(ManifestDescriptor.size_bytes)).where(
        named, among(ManifestDescriptor.digest, blobs)
    )
    own = select(Manifest.digest, Manifest.size_bytes).where(among(Manifest.digest, blobs))
    with remover.reading() as session:
        sizes = dict(session.execute(stated.group_by(ManifestDescriptor.digest)).all())
        return sizes | dict(session.execute(own).all())


def _size_in(store: Path, digest: str) -> int:
    try:
        return blob_file(store, digest).stat().st_size
    except FileNotFoundError:
        return 0


def _size_at(client: RegistryClient, repository: str, digest: str) -> int:
    try:
        return client.head_blob(repository, digest)
    except NotFound:
        return 0


def _added_bytes(planned: Collection[tuple[Facts, Plan]]) -> int:
    """What lists of referrers that are written anew take, where the registry does not have the very same already.

    Where nobody knows what it has, it may have them: the figure is the most that may be freed.
    """
    if not all(facts.revisions_known for facts, _plan in planned):
        return 0
    there = {digest for facts, _plan in planned for digest in facts.revisions}
    new = {each.new: len(each.raw) for _facts, plan in planned for each in plan.rewrites if each.new not in there}
    return sum(new.values())


def _why_not_exact(remover: Remover, planned: Collection[tuple[Facts, Plan]]) -> str:
    """What is not known of the manifests that are there, tagged or not, as a sentence; '' where all are."""
    if remover.revisions is unknown:
        return UNSEEN
    if not all(facts.revisions_known for facts, _plan in planned):
        return NOT_KNOWN_NOW
    never = Repository.revisions_read_at.is_(None) & (Repository.tag_count > 0)
    here = sorted(plan.repository for _facts, plan in planned)
    with remover.reading() as session:
        state = session.get(RegistryState, 1)
        if state is None or state.sync_complete_at is None:
            return NOT_READ
        others = select(Repository.id).where(never, Repository.name.not_in(here)).limit(1)
        return NOT_KNOWN_NOW if session.scalar(others) is not None else ""


def _as_json(values: Iterable[object]) -> str:
    return json.dumps(list(values))
