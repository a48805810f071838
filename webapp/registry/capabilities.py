"""What a registry lets Holystone do, found by probes that change nothing (distribution.md 1.4).

Never by a setting, and never by an upload, which would create the repository's folder.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from webapp.registry.client import Greeting, RegistryClient
from webapp.registry.errors import DeletesDisabled, NotFound, ReadOnly, Refused, RegistryError
from webapp.registry.manifests import OCI_INDEX

PROBED_REPOSITORY = "holystone-probe"
PROBED_TAG = "x"
NO_SUCH_DIGEST = "sha256:" + "0" * 64
NOT_A_MANIFEST = b"x"


class Mode(StrEnum):
    """Whether the registry takes writes."""

    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found. `may_delete` is None where it cannot be known; `sentences` say what stands in the way."""

    reachable: bool
    may_list: bool
    may_delete: bool | None
    mode: Mode
    generation: str
    sentences: tuple[str, ...]


def probe(client: RegistryClient) -> Capabilities:
    """Find out what the registry lets us do. Raises nothing: what is in the way is in `sentences`."""
    try:
        greeting = client.ping()
    except RegistryError as error:
        return Capabilities(False, False, None, Mode.UNKNOWN, "unknown", (error.sentence,))
    listing = _listing_problem(client)
    deleting = _delete_answer(client)
    mode = _mode(client, deleting)
    may_delete = {NotFound: True, DeletesDisabled: False}.get(type(deleting)) if deleting else None
    problems = [listing, None if may_delete else deleting, ReadOnly() if mode == Mode.READ_ONLY else None]
    return Capabilities(
        reachable=True,
        may_list=listing is None,
        may_delete=may_delete,
        mode=mode,
        generation=_generation(greeting),
        sentences=tuple(dict.fromkeys(problem.sentence for problem in problems if problem)),
    )


def _listing_problem(client: RegistryClient) -> RegistryError | None:
    try:
        list(islice(client.catalogue(page_size=1), 1))
    except RegistryError as error:
        return error
    return None


def _delete_answer(client: RegistryClient) -> RegistryError | None:
    """What a DELETE of a digest that cannot exist is answered; None for a yes, which makes no sense."""
    try:
        client.delete_manifest(PROBED_REPOSITORY, NO_SUCH_DIGEST)
    except RegistryError as error:
        return error
    return None


def deletes_tags(client: RegistryClient) -> bool:
    """Whether the registry deletes a tag by its name: 3.x does, 2.8 wants a digest (distribution.md 1.2).

    Asked of a tag that nobody has: its name is a random one.

    Raises:
        DeletesDisabled: it deletes nothing; 3.0 and 3.1.0 would all the same delete a tag (CVE-2026-41888).
        RegistryError: it does not say.
    """
    deleting = _delete_answer(client)
    if deleting is not None and not isinstance(deleting, NotFound):
        raise deleting
    try:
        client.delete_tag(PROBED_REPOSITORY, f"holystone-{secrets.token_hex(16)}")
    except NotFound:
        return True
    except (Refused, DeletesDisabled):
        return False
    return True


def read_mode(client: RegistryClient) -> Mode:
    """Whether the registry takes writes at this moment.

    Raises:
        RegistryError: it does not say.
    """
    methods = client.allowed_methods(PROBED_REPOSITORY, PROBED_TAG)
    if methods:
        return Mode.READ_WRITE if "PUT" in methods else Mode.READ_ONLY
    return _mode_by_put(client)


def takes_writes(client: RegistryClient) -> bool:
    """Whether the registry is known to take writes at this moment; False also where it does not say."""
    try:
        return read_mode(client) == Mode.READ_WRITE
    except RegistryError:
        return False


def _mode(client: RegistryClient, deleting: RegistryError | None) -> Mode:
    if isinstance(deleting, ReadOnly):
        return Mode.READ_ONLY
    try:
        return read_mode(client)
    except RegistryError:
        return Mode.UNKNOWN


def _mode_by_put(client: RegistryClient) -> Mode:
    """Where a proxy swallows OPTIONS: a body that cannot be a manifest is refused as such only by a writable one."""
    try:
        client.put_manifest(PROBED_REPOSITORY, PROBED_TAG, OCI_INDEX, NOT_A_MANIFEST)
    except ReadOnly:
        return Mode.READ_ONLY
    except (Refused, NotFound) as refusal:
        return (
            Mode.READ_WRITE
            if refusal.code in ("MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_UNKNOWN")
            else Mode.UNKNOWN
        )
    return Mode.UNKNOWN


def _generation(greeting: Greeting) -> str:
    """'2' or '3' by the Content-Type of `/v2/`, the only hint there is; behind a proxy it may be neither."""
    if not greeting.api_version:
        return "unknown"
    known = {"application/json; charset=utf-8": "2", "application/json": "3"}
    return known.get(greeting.content_type.lower(), "unknown")
