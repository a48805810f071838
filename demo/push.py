"""Push made-up images to a registry over HTTP, as any client would."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter

from demo.build import Blob, Built, attestation, index, signature

TIMEOUT_S = 30


class Pusher:
    """Pushes to one registry. Raises `requests.HTTPError` when the registry refuses.

    Args:
        url: `http(s)://host[:port]`.
        username: for basic authentication; None for none.
    """

    def __init__(self, url: str, username: str | None = None, password: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_maxsize=16))
        self._session.auth = (username, password or "") if username else None
        self._pushed: set[tuple[str, str]] = set()

    def push(self, repository: str, built: Built, tags: Iterable[str] = ()) -> Built:
        """Push a manifest with its blobs under each of the tags; without a tag, by its digest. Returns `built`."""
        for blob in built.blobs:
            self.push_blob(repository, blob)
        for reference in list(tags) or [built.digest]:
            self.put_manifest(repository, reference, built)
        return built

    def push_index(
        self, repository: str, children: Iterable[Built], tags: Iterable[str] = (), *, docker: bool = False
    ) -> Built:
        """Push the children by digest, then an index of them."""
        pushed = [self.push(repository, child) for child in children]
        return self.push(repository, index(pushed, docker=docker), tags)

    def sign(self, repository: str, built: Built) -> Built:
        """Sign as cosign does: a manifest under the tag `sha256-<hex>.sig`."""
        return self.push(repository, signature(built, repository), [f"{_fallback_tag(built)}.sig"])

    def attest(self, repository: str, built: Built) -> Built:
        """Push an attestation by `subject`, and the index of referrers under the fallback tag `sha256-<hex>`."""
        pushed = self.push(repository, attestation(built))
        self.push(repository, index([pushed]), [_fallback_tag(built)])
        return pushed

    def put_manifest(self, repository: str, reference: str, built: Built) -> None:
        """Put the manifest alone."""
        self._session.put(
            f"{self._url}/v2/{repository}/manifests/{reference}",
            data=built.raw,
            headers={"Content-Type": built.media_type},
            timeout=TIMEOUT_S,
        ).raise_for_status()

    def push_blob(self, repository: str, blob: Blob) -> None:
        """Push a blob alone."""
        if (repository, blob.digest) in self._pushed:
            return
        start = self._session.post(f"{self._url}/v2/{repository}/blobs/uploads/", timeout=TIMEOUT_S)
        start.raise_for_status()
        self._session.put(
            urljoin(start.url, start.headers["Location"]),
            params={"digest": blob.digest},
            data=blob.raw,
            headers={"Content-Type": "application/octet-stream"},
            timeout=TIMEOUT_S,
        ).raise_for_status()
        self._pushed.add((repository, blob.digest))


def _fallback_tag(built: Built) -> str:
    return built.digest.replace(":", "-")
