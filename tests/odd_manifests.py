"""A repository of what a fleet has rarely, as a sync would have written it: for pages that are answered from the records.

The real registry takes neither unknown media types nor an index whose child is not there.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.orm import Session

from demo.build import Blob, Built, digest_of, image, index, layer
from webapp.catalogue.configurations import pack
from webapp.catalogue.rows import add_manifests, update_repository
from webapp.catalogue.seen import SeenManifest, SeenRepository, SeenTag
from webapp.registry.errors import Nonsense
from webapp.registry.manifests import SCHEMA1, ManifestBytes, ManifestKind, parse_config, parse_manifest

ODD = "team/odd"
HELM = "application/vnd.cncf.helm.config.v1+json"
LONGEST_TAG = "x" * 128


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document).encode()


def _artifact(layers: list[Blob], subject: Built | None = None) -> Built:
    config = Blob(HELM, b'{"name": "chart", "version": "1.2.3"}')
    manifest = json.loads(image(layers).raw)
    manifest["config"] = {"mediaType": HELM, "digest": config.digest, "size": len(config.raw)}
    if subject:
        manifest["subject"] = {"mediaType": subject.media_type, "digest": subject.digest, "size": len(subject.raw)}
    return Built(manifest["mediaType"], _json(manifest), (config, *layers))


UNTAGGED = image([layer("untagged", 4_000)], labels={"which": "untagged"})
CHART = _artifact([layer("chart", 3_000)])
BARE = _artifact([])
ALIEN = Built("application/vnd.example.thing.v7+json", _json({"anything": "<b>goes</b>"}))
OLD = Built(SCHEMA1, _json({"schemaVersion": 1, "fsLayers": [{"blobSum": layer("old").digest}]}))
GONE = image([layer("gone")], platform="linux/riscv64")
HERE = image([layer("here", 9_000)], platform="linux/amd64")
HOLED = index([HERE, GONE])
NESTED = index([HOLED, HERE])
EMPTY = index([])
LEFT_CHILD = image([layer("left child", 6_000)], platform="linux/arm64")
LEFT_INDEX = index([LEFT_CHILD, HERE])
UNREAD = image([layer("unread", 2_000)], created="2026-01-01T00:00:00Z")
NO_JSON = image([layer("no json", 2_000)], created="2026-01-02T00:00:00Z")
WITHOUT_HISTORY = image([layer("one", 1_000), layer("two", 2_000)], history=[{"created_by": "one for two"}])
MANY = image([layer("many")], labels={f"label-{number:03}": "x" for number in range(100)},
             runs={"Env": [f"V{number}=x" for number in range(90)]})  # fmt: skip

TAGS = {
    "chart": CHART, "bare": BARE, "alien": ALIEN, "old": OLD, "holed": HOLED, "nested": NESTED, "empty": EMPTY,
    "unread": UNREAD, "no-json": NO_JSON, "history": WITHOUT_HISTORY, "many": MANY, LONGEST_TAG: HERE,
}  # fmt: skip
NOT_READ = digest_of(b"nobody could read it")


def add_odd(session: Session, now: datetime) -> None:
    """Write the repository's rows."""
    manifests = [UNTAGGED, CHART, BARE, ALIEN, OLD, HERE, EMPTY, UNREAD, NO_JSON, WITHOUT_HISTORY, MANY, HOLED, NESTED]
    manifests += [LEFT_CHILD, LEFT_INDEX]
    add_manifests(session, [_seen(each) for each in manifests], now)
    tags = [SeenTag(name, built.digest, "", None) for name, built in TAGS.items()]
    tags.append(SeenTag("not-read", NOT_READ, "The registry reports an error of its own: status 500.", None))
    tags.append(SeenTag("dangling", None, "The registry lists this tag but has no manifest for it.", None))
    revisions = frozenset(each.digest for each in manifests)
    update_repository(session, SeenRepository(ODD, tuple(tags), frozenset(), "", revisions), 0, now)


def _seen(built: Built) -> SeenManifest:
    answer = ManifestBytes(built.media_type, built.raw, built.digest)
    content = parse_manifest(built.media_type, built.raw)
    if content.kind != ManifestKind.IMAGE or built is UNREAD:
        return SeenManifest(answer, content, None)
    raw = built.blobs[0].raw if built is not NO_JSON else b"no json at all"
    try:
        return SeenManifest(answer, content, parse_config(raw), pack(raw))
    except Nonsense:
        return SeenManifest(answer, content, None, pack(raw))
