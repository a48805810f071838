"""The stand-in: how a tag goes alone from a registry that deletes by digest only.

A DELETE by digest takes every tag that is on the digest. So the tags that are to go are put on an empty index of
their own, and that is deleted (distribution.md 6.3, machine.md): their siblings never stop pulling. Deleting reads
the link of every tag of the repository, so one stand-in serves for many tags.
"""

from __future__ import annotations

import json
import secrets

from webapp.registry.manifests import OCI_INDEX, STAND_IN, ManifestBytes, digest_of

TAGS_ON_ONE = 100
"""Tags that are put on one stand-in, and deleted with it."""

STAND_INS_AT_A_TIME = 4
"""While the registry reads all tags to delete one, the next ones are put."""

UNTAG_FIRST_FROM = 300
"""From so many tags on, a removal takes the tags away first, by stand-ins, and deletes their manifests afterwards:
each DELETE reads the link of every tag that is left, and so a loop over an image is quadratic (`make bench`)."""


def new_token() -> str:
    """What makes a stand-in unique, so that nothing else is ever on it."""
    return secrets.token_hex(16)


def stand_in_of(token: str) -> ManifestBytes:
    """The stand-in that a token names."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {STAND_IN: token}}
    raw = json.dumps(document, separators=(",", ":")).encode()
    return ManifestBytes(OCI_INDEX, raw, digest_of(raw))
