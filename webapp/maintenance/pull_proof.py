"""The proof that pulls work: one image, asked for as a pull does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.catalogue.models import Repository, Tag
from webapp.maintenance.proofs import ProofFailed
from webapp.registry.client import RegistryClient
from webapp.registry.errors import NotFound, RegistryError
from webapp.registry.manifests import Manifest, parse_manifest

TAGS_TRIED = 5
LARGEST_READ_BYTES = 1024 * 1024


def newest_tags(session: Session) -> list[tuple[str, str, str | None]]:
    """Repository, tag and digest of the newest images: of those that people pull."""
    newest = (
        select(Repository.name, Tag.name, Tag.digest)
        .join(Tag, Tag.repository_id == Repository.id)
        .where(Tag.manifest_id.is_not(None))
        .order_by(Tag.pushed_at.desc(), Tag.id.desc())
        .limit(TAGS_TRIED)
    )
    return list(session.execute(newest))


def pulling_now(client: RegistryClient, tags: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those that pull at this moment: an image that is broken already proves nothing later."""
    found = []
    for repository, tag in tags:
        with suppress(RegistryError):
            _ask_for(client, repository, tag)
            found.append((repository, tag))
    return tuple(found)


def prove_pull(client: RegistryClient, tags: Sequence[tuple[str, str]]) -> str:
    """Prove that an image pulls: its manifest is read, every blob is there, the smallest is read whole if it is small.

    Args:
        tags: that did pull before; tried one after the other, since one may have been deleted since.

    Raises:
        ProofFailed: it does not pull.
    """
    for repository, tag in tags:
        try:
            blobs = _ask_for(client, repository, tag)
        except NotFound as error:
            if _is_gone(client, repository, tag):
                continue
            raise ProofFailed(f"{repository}:{tag} does not pull whole from {client.url}: {error.sentence}") from error
        except RegistryError as error:
            raise ProofFailed(f"{repository}:{tag} does not pull from {client.url}: {error.sentence}") from error
        return f"{repository}:{tag} pulls, with its {blobs} blobs."
    return "No image was there to be pulled."


def _ask_for(client: RegistryClient, repository: str, tag: str) -> int:
    manifest = _image(client, repository, tag)
    digests = {each.digest for each in (manifest.config, *manifest.layers) if each and not each.urls}
    sizes = {digest: client.head_blob(repository, digest) for digest in sorted(digests)}
    smallest = min(sizes, key=lambda digest: sizes[digest], default=None)
    if smallest is not None and sizes[smallest] <= LARGEST_READ_BYTES:
        client.get_blob(repository, smallest, LARGEST_READ_BYTES)
    return len(sizes)


def _image(client: RegistryClient, repository: str, reference: str) -> Manifest:
    """The manifest of a tag; of an index the first platform's."""
    answer = client.get_manifest(repository, reference)
    manifest = parse_manifest(answer.media_type, answer.raw)
    return _image(client, repository, manifest.children[0].digest) if manifest.children else manifest


def _is_gone(client: RegistryClient, repository: str, tag: str) -> bool:
    try:
        client.head_manifest(repository, tag)
    except NotFound:
        return True
    except RegistryError:
        return False
    return False
