"""What Holystone asks of a registry, noun by noun: catalogue, tags, manifests, blobs.

Every name is checked by the grammar before it becomes part of a URL, every digest compared with the bytes that came.
Functions raise the errors of `webapp.registry.errors`, and `BadName` for a name that is none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from webapp.registry.errors import Nonsense, Refused, error_for
from webapp.registry.manifests import (
    ACCEPTED,
    MANIFEST_CAP_BYTES,
    SCHEMA1_SIGNED,
    ManifestBytes,
    digest_of,
    plain_media_type,
    signed_payload,
)
from webapp.registry.names import (
    check_digest,
    check_reference,
    check_repository_name,
    check_tag,
    is_digest,
    is_repository_name,
)
from webapp.registry.names import is_tag as is_tag_name
from webapp.registry.paging import entries, names, next_query, query_after
from webapp.registry.transport import Answer, Transport

log = logging.getLogger(__name__)

LIST_CAP_BYTES = 16 * 1024 * 1024
SMALL_CAP_BYTES = 64 * 1024
MOST_PAGES = 10_000
ACCEPT = {"Accept": ", ".join(ACCEPTED)}


@dataclass(frozen=True, slots=True)
class Greeting:
    """How the registry answers on `/v2/`: its Content-Type and API version, as sent."""

    content_type: str
    api_version: str


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """What a tag or digest means at this moment."""

    digest: str
    media_type: str
    size_bytes: int


class RegistryClient:
    """One registry. Holds no state of its own, and may be used from as many threads as its transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def url(self) -> str:
        """The registry's address."""
        return self._transport.url

    @property
    def uses_proxy(self) -> bool:
        """Whether it is reached through a proxy that the environment names: an error may then be the proxy's own."""
        return self._transport.uses_proxy

    def ping(self) -> Greeting:
        """Ask whether a registry answers, and whether it lets us in."""
        answer = self._ask("GET", "/v2/", cap_bytes=SMALL_CAP_BYTES)
        headers = answer.headers
        return Greeting(headers.get("Content-Type", ""), headers.get("Docker-Distribution-Api-Version", ""))

    def catalogue(self, page_size: int = 1000) -> Iterator[str]:
        """All repositories that the registry lists, page by page; one that is left out may still exist.

        An error can come after some names: only a catalogue read to its end says anything about what is not in it.
        A registry that allows smaller pages only (`catalog.maxentries`) is asked for its own size.
        """
        try:
            first = self._ask("GET", f"/v2/_catalog?n={page_size}", cap_bytes=LIST_CAP_BYTES)
        except Refused as refusal:
            if refusal.code != "PAGINATION_NUMBER_INVALID":
                raise
            first = self._ask("GET", "/v2/_catalog", cap_bytes=LIST_CAP_BYTES)
        for name in self._pages("/v2/_catalog", first, "repositories"):
            if is_repository_name(name):
                yield name
            else:
                log.warning("the registry lists a repository whose name is none: %s", ascii(name[:80]))

    def tags(self, repository: str) -> list[str]:
        """All tags that the registry lists for a repository; a tag can be listed and have no manifest.

        Raises:
            NotFound: the registry does not know the repository, or it has never had a tag (distribution.md 5.2).
        """
        path = f"/v2/{check_repository_name(repository)}/tags/list"
        first = self._ask("GET", path, cap_bytes=LIST_CAP_BYTES)
        return [name for name in self._pages(path, first, "tags") if is_tag_name(name)]

    def head_manifest(self, repository: str, reference: str) -> HeadAnswer:
        """What `reference`, a tag or digest, means now. Where HEAD does not tell, the manifest is read."""
        answer = self._ask("HEAD", _manifest_path(repository, reference), headers=ACCEPT, cap_bytes=0)
        digest = answer.headers.get("Docker-Content-Digest", "")
        length = answer.headers.get("Content-Length", "")
        if not digest or not length.isdecimal():
            whole = self.get_manifest(repository, reference)
            return HeadAnswer(whole.digest, whole.media_type, len(whole.raw))
        _compare(digest, reference)
        meant = reference if is_digest(reference) else digest
        return HeadAnswer(meant, plain_media_type(answer.headers.get("Content-Type", "")), int(length))

    def get_manifest(self, repository: str, reference: str) -> ManifestBytes:
        """A manifest's bytes, with the digest that they have.

        Raises:
            Nonsense: the bytes have another digest than was asked for or than the registry says.
        """
        path = _manifest_path(repository, reference)
        answer = self._ask("GET", path, headers=ACCEPT, cap_bytes=MANIFEST_CAP_BYTES)
        media_type = plain_media_type(answer.headers.get("Content-Type", ""))
        content = signed_payload(answer.body) if media_type == SCHEMA1_SIGNED else answer.body
        stated = answer.headers.get("Docker-Content-Digest", "")
        expected = reference if is_digest(reference) else stated or digest_of(content)
        if stated:
            _compare(stated, reference)
        elif "json" not in media_type and media_type != SCHEMA1_SIGNED:
            raise Nonsense("a page where a manifest should be: does something in front of it ask for a sign-in?")
        _compare(digest_of(content, like=expected), expected)
        return ManifestBytes(media_type, answer.body, expected)

    def head_blob(self, repository: str, digest: str) -> int:
        """The size in bytes of a blob that the repository has."""
        answer = self._ask("HEAD", _blob_path(repository, digest), cap_bytes=0, follow=True)
        length = answer.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Nonsense("a blob without a length")
        return int(length)

    def get_blob(self, repository: str, digest: str, cap_bytes: int) -> bytes:
        """A blob of at most `cap_bytes`.

        Raises:
            Nonsense: it is larger, or its bytes have another digest.
        """
        answer = self._ask("GET", _blob_path(repository, digest), cap_bytes=cap_bytes, follow=True)
        _compare(digest_of(answer.body, like=digest), digest)
        return answer.body

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        """Put a manifest under a tag or its digest, the bytes unchanged. Returns the digest that it now has.

        Raises:
            Refused: with the code MANIFEST_BLOB_UNKNOWN where something that it names is not there.
        """
        path = _manifest_path(repository, reference)
        answer = self._ask("PUT", path, {"Content-Type": media_type}, raw, cap_bytes=SMALL_CAP_BYTES)
        content = signed_payload(raw) if media_type == SCHEMA1_SIGNED else raw
        stated = answer.headers.get("Docker-Content-Digest", "")
        if stated:
            _compare(stated, digest_of(content))
        return reference if is_digest(reference) else digest_of(content)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Delete a manifest by digest, and with it every tag that means it. Look again afterwards (law 3).

        Raises:
            NotFound: it was gone already.
            ReadOnly, DeletesDisabled: nothing was deleted.
        """
        path = _manifest_path(repository, check_digest(digest))
        self._ask("DELETE", path, cap_bytes=SMALL_CAP_BYTES)

    def delete_tag(self, repository: str, tag: str) -> None:
        """Delete a tag alone, as 3.x can. Look again afterwards (law 3).

        Raises:
            NotFound: it was gone already.
            Refused: with the code DIGEST_INVALID where the registry deletes by digest only, as 2.8 does.
        """
        self._ask("DELETE", _manifest_path(repository, check_tag(tag)), cap_bytes=SMALL_CAP_BYTES)

    def referrers(self, repository: str, digest: str) -> tuple[str, ...] | None:
        """The digests of manifests that refer to one by `subject`; None where the registry has no such list.

        Source: OCI distribution specification 1.1, "Listing Referrers". Distribution has none (distribution.md 3.5).
        """
        path = f"/v2/{check_repository_name(repository)}/referrers/{check_digest(digest)}"
        answer = self._ask("GET", path, cap_bytes=LIST_CAP_BYTES, accept=(404, 405))
        if answer.status >= 400:
            return None
        found = (each.get("digest") for each in entries(answer.body, "manifests") if isinstance(each, dict))
        return tuple(each for each in found if isinstance(each, str) and is_digest(each))

    def allowed_methods(self, repository: str, reference: str) -> frozenset[str]:
        """The methods that the registry takes on a manifest; empty where a proxy swallows the question.

        PUT and DELETE are among them exactly when the registry is read-write (distribution.md 1.4).
        """
        return self._allowed(_manifest_path(repository, reference))

    def allowed_methods_on_blobs(self, repository: str, digest: str) -> frozenset[str]:
        """The methods that the registry takes on a blob, and on uploads of a repository."""
        uploads = f"/v2/{check_repository_name(repository)}/blobs/uploads/"
        return self._allowed(_blob_path(repository, digest)) | self._allowed(uploads)

    def _allowed(self, path: str) -> frozenset[str]:
        answer = self._ask("OPTIONS", path, cap_bytes=SMALL_CAP_BYTES, accept=(405, 501))
        if answer.status >= 400:
            return frozenset()
        return frozenset(each.strip().upper() for each in answer.headers.get("Allow", "").split(",") if each.strip())

    def delete_blob(self, repository: str, digest: str) -> None:
        """Delete a blob's link. For the proof that this is refused: a registry in use breaks by it (distribution.md 1.3)."""
        self._ask("DELETE", _blob_path(repository, digest), cap_bytes=SMALL_CAP_BYTES)

    def put_blob(self, repository: str, raw: bytes) -> str:
        """Upload a small blob in one piece; returns its digest.

        Source: OCI distribution specification, "Pushing a blob monolithically".
        """
        start = self._ask("POST", f"/v2/{check_repository_name(repository)}/blobs/uploads/", cap_bytes=SMALL_CAP_BYTES)
        where = urlsplit(urljoin(start.url, start.headers.get("Location", "")))
        path = where.path.removeprefix(urlsplit(self.url).path)  # whatever host it names, we stay with ours
        digest = digest_of(raw)
        query = "&".join(each for each in (where.query, f"digest={digest}") if each)
        content = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", f"{path}?{query}", content, raw, cap_bytes=SMALL_CAP_BYTES)
        return digest

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        *,
        cap_bytes: int,
        follow: bool = False,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        answer = self._transport.request(method, path, headers=headers, body=body, cap_bytes=cap_bytes, follow=follow)
        if 200 <= answer.status < 300 or answer.status in accept:
            return answer
        raise error_for(method, answer.status, answer.headers, answer.body)

    def _pages(self, path: str, first: Answer, key: str) -> Iterator[str]:
        """The names on all pages, each once. The way to the next page never leaves the registry."""
        answer, asked, given = first, {""}, set[str]()
        for _page in range(MOST_PAGES):
            page = names(answer.body, key)
            fresh = [name for name in dict.fromkeys(page) if name not in given]
            given.update(fresh)
            yield from fresh
            linked = next_query(answer)
            query = linked if linked is not None else query_after(answer, page) if fresh else None
            if query is None:
                return
            if query in asked:
                break
            asked.add(query)
            answer = self._ask("GET", f"{path}?{query}", cap_bytes=LIST_CAP_BYTES)
        raise Nonsense("a list whose pages never end")


def open_registry(
    url: str,
    username: str = "",
    password: str = "",
    ca_file: Path | None = None,
    connect_timeout_s: float = 5.0,
    read_timeout_s: float = 60.0,
    token_realms: tuple[str, ...] = (),
) -> RegistryClient:
    """A client for the registry at `url`, signed in where there is a user name."""
    authentication = (username, password) if username else None
    return RegistryClient(
        Transport(url, authentication, ca_file, connect_timeout_s, read_timeout_s, token_realms=token_realms)
    )


def _manifest_path(repository: str, reference: str) -> str:
    return f"/v2/{check_repository_name(repository)}/manifests/{check_reference(reference)}"


def _blob_path(repository: str, digest: str) -> str:
    return f"/v2/{check_repository_name(repository)}/blobs/{check_digest(digest)}"


def _compare(digest: str, expected: str) -> None:
    """Refuse a digest that is none, or is not the expected one. A tag as `expected` expects nothing."""
    if not is_digest(digest):
        raise Nonsense("a digest that is none")
    same_algorithm = digest.partition(":")[0] == expected.partition(":")[0]
    if is_digest(expected) and same_algorithm and digest != expected:
        raise Nonsense("the bytes have another digest than they should")
