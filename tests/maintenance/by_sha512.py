"""Images that name a blob by its sha512, as the registry takes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from urllib.parse import urljoin

import requests

from demo.build import Built, image, layer
from demo.push import Pusher

CONFIG, LAYER = 0, 1


def sha512_of(raw: bytes) -> str:
    """The other digest of some bytes."""
    return "sha512:" + hashlib.sha512(raw).hexdigest()


def push_by_sha512(url: str, repository: str, name: str, which: int = LAYER, tag: str = "") -> Built:
    """Push an image whose configuration or layer is known by its sha512 alone; without a tag, by its digest."""
    plain = image([layer(name)])
    odd, other = plain.blobs[which], plain.blobs[1 - which]
    pusher = Pusher(url)
    pusher.push_blob(repository, other)
    start = requests.post(f"{url}/v2/{repository}/blobs/uploads/", timeout=5)
    where, given = urljoin(start.url, start.headers["Location"]), {"digest": sha512_of(odd.raw)}
    requests.put(where, params=given, data=odd.raw, timeout=5).raise_for_status()
    document = json.loads(plain.raw)
    (document["config"] if which == CONFIG else document["layers"][0])["digest"] = sha512_of(odd.raw)
    built = replace(plain, raw=json.dumps(document).encode(), blobs=(other,))
    pusher.put_manifest(repository, tag or built.digest, built)
    return replace(built, blobs=plain.blobs)
