"""A signed manifest of schema 1, as docker pushed them until 2016: a JSON Web Signature inside of what it signs."""

from __future__ import annotations

import json

from demo.build import Blob, Built
from tests.registry.signing_key import SigningKey, encoded
from webapp.registry.manifests import SCHEMA1_SIGNED

TIME = "2015-01-01T00:00:00Z"
REGISTRY_SETTINGS = {"compatibility": {"schema1": {"enabled": True}}}
"""What a registry 2.8 needs to take such a manifest."""


def old_image(key: SigningKey, repository: str, tag: str, layers: list[Blob]) -> Built:
    """The manifest with its layers. Its digest is that of the payload, which `demo.build` does not know of."""
    history = [
        {"v1Compatibility": json.dumps({"id": f"{number:064x}", "created": TIME})} for number in range(len(layers))
    ]
    document = {
        "schemaVersion": 1,
        "name": repository,
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": [{"blobSum": each.digest} for each in layers],
        "history": history,
    }
    payload = json.dumps(document, indent=3).encode()
    head, tail = payload[:-2], payload[-2:]
    form = {"formatLength": len(head), "formatTail": encoded(tail), "time": TIME}
    protected = encoded(json.dumps(form).encode())
    signature = key.signature(f"{protected}.{encoded(payload)}".encode())
    signed = {"header": {"alg": "ES256", "jwk": key.public()}, "signature": signature, "protected": protected}
    raw = head + b',\n   "signatures": [' + json.dumps(signed).encode() + b"]" + tail
    return Built(SCHEMA1_SIGNED, raw, tuple(layers), "linux/amd64")
