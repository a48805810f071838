"""Proofs over HTTP: that the registry refuses writes, and that it accepts them again (law 3).

Every request is harmless on a registry that would carry it out: a digest that no manifest has, a body that is none
(distribution.md 1.4). No upload is ever started, since that creates a repository's folder.
"""

from __future__ import annotations

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
from webapp.registry.errors import ReadOnly, RegistryError, RegistryUnreachable
from webapp.registry.manifests import OCI_INDEX

POLL_S = 0.1
WRITES = frozenset({"PUT", "DELETE"})


class ProofFailed(Exception):
    """The registry does not do what the step needs; `sentence` says what it did instead."""

    def __init__(self, sentence: str, *, is_unreachable: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.is_unreachable = is_unreachable


def prove_writes_refused(clients: Sequence[RegistryClient]) -> str:
    """Prove that every registry on the store refuses writes; returns the proof as a sentence.

    Raises:
        ProofFailed: one of them takes writes, or did not answer.
    """
    for client in clients:
        _prove_refused(client)
    where = f" at {len(clients)} addresses" if len(clients) > 1 else ""
    return f"PUT and DELETE of manifests were refused as read-only{where}."


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
