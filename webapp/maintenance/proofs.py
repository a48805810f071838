"""Proofs over HTTP: that the registry refuses writes, and that it accepts them again (law 3).

Every request is harmless on a registry that would carry it out: a digest that no manifest has, a body that is none
(distribution.md 1.4). No upload is ever started, since that creates a repository's folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from webapp.registry.capabilities import NO_SUCH_DIGEST, NOT_A_MANIFEST, PROBED_REPOSITORY, PROBED_TAG
from webapp.registry.client import RegistryClient
from webapp.registry.errors import ReadOnly, RegistryError
from webapp.registry.manifests import OCI_INDEX

POLL_S = 0.1
WRITES = frozenset({"PUT", "DELETE"})


class ProofFailed(Exception):
    """The registry does not do what the step needs; `sentence` says what it did instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def prove_writes_refused(clients: Sequence[RegistryClient]) -> str:
    """Prove that every registry on the store refuses writes; returns the proof as a sentence.

    Raises:
        ProofFailed: one of them takes writes, or did not answer.
    """
    for client in clients:
        _prove_refused(client)
    where = f" at {len(clients)} addresses" if len(clients) > 1 else ""
    return f"PUT and DELETE of manifests were refused with 405{where}, and OPTIONS offers neither."


def prove_writes_accepted(client: RegistryClient) -> str:
    """Prove that the registry takes writes; returns the proof as a sentence.

    Raises:
        ProofFailed: it does not, or did not answer.
    """
    try:
        allowed = client.allowed_methods(PROBED_REPOSITORY, PROBED_TAG)
        if allowed >= WRITES:
            return "OPTIONS offers PUT and DELETE."
        if allowed:
            raise ProofFailed("The registry is read-only: OPTIONS offers neither PUT nor DELETE.")
        refusal = _answer_to(lambda: client.put_manifest(PROBED_REPOSITORY, PROBED_TAG, OCI_INDEX, NOT_A_MANIFEST))
    except RegistryError as error:
        raise ProofFailed(error.sentence) from error
    if isinstance(refusal, ReadOnly) or refusal is None:
        raise ProofFailed("The registry is read-only: it refuses PUT with 405.")
    return "PUT of something that is no manifest was refused for what it is, not for being a write."


def _prove_refused(client: RegistryClient) -> None:
    try:
        allowed = client.allowed_methods(PROBED_REPOSITORY, PROBED_TAG)
        if allowed & WRITES:
            raise ProofFailed(f"{client.url} still takes writes: OPTIONS offers {', '.join(sorted(allowed))}.")
        answers = {
            "DELETE": _answer_to(lambda: client.delete_manifest(PROBED_REPOSITORY, NO_SUCH_DIGEST)),
            "PUT": _answer_to(lambda: client.put_manifest(PROBED_REPOSITORY, PROBED_TAG, OCI_INDEX, NOT_A_MANIFEST)),
        }
    except RegistryError as error:
        raise ProofFailed(f"{client.url}: {error.sentence}") from error
    for method, answer in answers.items():
        if not isinstance(answer, ReadOnly):
            said = answer.sentence if answer else "it carried the request out"
            raise ProofFailed(f"{client.url} does not refuse {method} as read-only: {said}")


def _answer_to(request: Callable[[], object]) -> RegistryError | None:
    try:
        request()
    except RegistryError as error:
        return error
    return None


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
