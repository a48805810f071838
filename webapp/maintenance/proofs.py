"""Proofs over HTTP: that registries refuse writes, that pulls work, that writes are accepted again (law 3).

Every request is harmless on a registry that would carry it out: a digest that nothing has, a body that is no manifest
(distribution.md 1.4). No upload is ever started to see whether it is refused, since that creates a repository's
folder: uploads are proved by what OPTIONS offers, which comes from the table by which the registry itself refuses.

A proxy that the environment names (HTTP_PROXY) speaks for itself and of its own way: whoever does not go through it may
still push. Its errors prove nothing, and what is asked past it neither; only the registry's own OPTIONS does.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence

from webapp.registry.capabilities import (
    NO_SUCH_DIGEST,
    NOT_A_MANIFEST,
    PROBED_REPOSITORY,
    PROBED_TAG,
    Mode,
    read_mode,
)
from webapp.registry.client import RegistryClient
from webapp.registry.errors import Denied, ProxyFailed, ReadOnly, RegistryError, RegistryTimeout, RegistryUnreachable
from webapp.registry.manifests import OCI_INDEX, OCI_MANIFEST
from webapp.registry.presence import refuses_connections

POLL_S = 0.05
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS_PROVED = 7
"""PUT and DELETE of manifests, DELETE of blobs, POST, PATCH, PUT and DELETE of uploads."""

BEHIND_A_PROXY = (
    "It is reached through a proxy that the environment names, whose refusals say nothing of the registry. "
    "Name its host in NO_PROXY."
)

PROBE_TAG = "probe"
PROBE_TYPE = "application/vnd.holystone.probe.v1+json"


class ProofFailed(Exception):
    """The registry does not do what the step needs; `sentence` says what it did instead."""

    def __init__(self, sentence: str, *, is_unreachable: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.is_unreachable = is_unreachable


def prove_writes_refused(clients: Sequence[RegistryClient], may_be_away: Sequence[RegistryClient] = ()) -> str:
    """Prove that every registry on the store refuses writes; returns the proof as a sentence.

    Args:
        may_be_away: at these addresses nobody may listen either; all others have to answer.

    Raises:
        ProofFailed: one of them takes writes, or did not answer.
    """
    away = [client for client in may_be_away if _is_away(client)]
    asked = [client for client in [*clients, *may_be_away] if client not in away]
    for client in asked:
        _prove_refused(client)
    sentences = []
    if asked:
        where = f" at {len(asked)} addresses" if len(asked) > 1 else ""
        sentences.append(f"{METHODS_PROVED} write methods were refused{where}.")
    if away:
        sentences.append(f"Nobody listens at {', '.join(client.url for client in away)}.")
    return " ".join(sentences)


def prove_writes_accepted(client: RegistryClient) -> str:
    """Prove that the registry takes writes; returns the proof as a sentence.

    Raises:
        ProofFailed: it does not, or did not answer.
    """
    try:
        mode = read_mode(client)
    except RegistryError as error:
        raise ProofFailed(error.sentence, is_unreachable=isinstance(error, RegistryUnreachable)) from error
    if mode == Mode.READ_WRITE:
        return "The registry takes writes."
    if mode == Mode.READ_ONLY:
        raise ProofFailed(ReadOnly().sentence)
    raise ProofFailed("The registry does not say whether it takes writes.")


def wait_until_accepted(client: RegistryClient, monotonic: Callable[[], float], within_s: float) -> str:
    """Prove that the registry takes writes, trying again until then; returns the proof as a sentence.

    Raises:
        ProofFailed: it did not within `within_s` seconds.
    """
    until = monotonic() + within_s
    while True:
        try:
            return prove_writes_accepted(client)
        except ProofFailed:
            if monotonic() > until:
                raise
        time.sleep(POLL_S)


def prove_push(client: RegistryClient, repository: str) -> str:
    """Push a small image to a repository that is there for this, pull it, delete it; returns the proof as a sentence.

    Raises:
        ProofFailed: one of them did not work.
    """
    name = f"{repository}:{PROBE_TAG}"
    try:
        blob = json.dumps({"holystone.probe": secrets.token_hex(8)}).encode()  # that no push before has brought
        config = {"mediaType": PROBE_TYPE, "digest": client.put_blob(repository, blob), "size": len(blob)}
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [config]}
        pushed = client.put_manifest(repository, PROBE_TAG, OCI_MANIFEST, json.dumps(document).encode())
        pulled = client.get_manifest(repository, PROBE_TAG)
        client.get_blob(repository, str(config["digest"]), len(blob))
        if pulled.digest != pushed:
            raise ProofFailed(f"{name} was pushed, and something else was pulled.")
        client.delete_manifest(repository, pushed)
    except RegistryError as error:
        raise ProofFailed(f"{name} could not be pushed, pulled and deleted: {error.sentence}") from error
    return f"{name} was pushed, pulled and deleted."


def _is_away(client: RegistryClient) -> bool:
    if client.uses_proxy:
        return False
    if refuses_connections(client.url):
        return True
    try:
        client.ping()
    except RegistryTimeout:
        return False
    except RegistryUnreachable:  # a reverse proxy says that nobody is behind it
        return True
    except RegistryError:
        return False
    return False


def _prove_refused(client: RegistryClient) -> None:
    try:
        offered = client.allowed_methods(PROBED_REPOSITORY, PROBED_TAG)
        offered |= client.allowed_methods_on_blobs(PROBED_REPOSITORY, NO_SUCH_DIGEST)
        if offered & WRITES:
            raise ProofFailed(f"{client.url} still takes writes: OPTIONS offers {', '.join(sorted(offered))}.")
        if client.uses_proxy and not offered:
            raise ProofFailed(f"{client.url} does not answer OPTIONS. {BEHIND_A_PROXY}")
        answers = {
            "DELETE": _answer_to(lambda: client.delete_manifest(PROBED_REPOSITORY, NO_SUCH_DIGEST)),
            "DELETE of a blob": _answer_to(lambda: client.delete_blob(PROBED_REPOSITORY, NO_SUCH_DIGEST)),
            "PUT": _answer_to(lambda: client.put_manifest(PROBED_REPOSITORY, PROBED_TAG, OCI_INDEX, NOT_A_MANIFEST)),
        }
    except RegistryError as error:
        why = f" {BEHIND_A_PROXY}" if client.uses_proxy and not isinstance(error, ProxyFailed) else ""
        raise ProofFailed(f"{client.url}: {error.sentence}{why}") from error
    # nginx says 403 for a writer that is away (deploy/nginx). A user without rights is told so, too: what OPTIONS
    # offers is the same for every user, so there has to be an answer to it.
    refusals = ReadOnly | Denied if offered else ReadOnly
    for method, answer in answers.items():
        if not isinstance(answer, refusals):
            said = answer.sentence if answer else "it carried the request out"
            raise ProofFailed(f"{client.url} does not refuse {method} as read-only: {said}")


def _answer_to(request: Callable[[], object]) -> RegistryError | None:
    try:
        request()
    except RegistryError as error:
        return error
    return None
