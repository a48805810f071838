"""Rows of images that are made up: manifests, what they name, configurations. A number gives the same image each time."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from demo.build import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, digest_of
from webapp.catalogue.models import DescriptorRole
from webapp.registry.manifests import ManifestKind

MANIFESTS_AN_IMAGE = 3
"""So many numbers an image has for its manifests, whether it needs them or not."""

INDEXES_OF_100 = 10
ONLY_AMD64_OF_100 = 80
BASES = 100
"""So many lowest layers all images share."""

LONGEST_AGO_MINUTES = 1_000_000

_ROLES = {OCI_CONFIG: DescriptorRole.CONFIG, OCI_LAYER: DescriptorRole.LAYER, OCI_MANIFEST: DescriptorRole.CHILD}
_HISTORY = [{"created_by": f"RUN step {number}"} for number in range(8)]
_CONFIGURATION = {"os": "linux", "architecture": "amd64", "config": {"Cmd": ["serve"]}, "history": _HISTORY}
_PACKED = zlib.compress(json.dumps(_CONFIGURATION).encode())


@dataclass(slots=True)
class ImageRows:
    """Rows of some images, by the tables that they are for."""

    manifests: list[dict[str, Any]] = field(default_factory=list)
    descriptors: list[dict[str, Any]] = field(default_factory=list)
    configurations: list[dict[str, Any]] = field(default_factory=list)


def mixed(number: int, below: int) -> int:
    """A number below another that follows no order, the same each time."""
    return number * 2_654_435_761 % 2**32 % below


def add_image(rows: ImageRows, number: int, now: datetime) -> tuple[int, str]:
    """Add the rows of an image; returns the number and the digest of the manifest that a tag of it is on."""
    first_id = 1 + number * MANIFESTS_AN_IMAGE
    percent = mixed(number, 100)
    if percent >= INDEXES_OF_100:
        platform = "linux/amd64" if percent >= 100 - ONLY_AMD64_OF_100 else "linux/arm64"
        return _add_single(rows, number, first_id, platform, now)
    platforms = ("linux/amd64", "linux/arm64")
    children = [
        _add_single(rows, number, first_id + place, platform, now)[1] for place, platform in enumerate(platforms)
    ]
    is_whole = percent > 0
    if not is_whole:
        children[1] = digest_of(b"never seen %d" % number)
    named = [_named(OCI_MANIFEST, each, 900) for each in children]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": named}
    manifest = _manifest(first_id + 2, OCI_INDEX, ManifestKind.INDEX, document, now)
    manifest |= {"platforms": ",".join(platforms), "created_at": _created_at(number, now)}
    _add(rows, manifest, named, platforms)
    return first_id + 2, manifest["digest"]


def _add_single(rows: ImageRows, number: int, manifest_id: int, platform: str, now: datetime) -> tuple[int, str]:
    config, *layers = (
        _named(media_type, digest_of(name.encode()), size) for media_type, name, size in _blobs(number, platform)
    )
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    manifest = _manifest(manifest_id, OCI_MANIFEST, ManifestKind.IMAGE, document, now)
    if number % 40:
        manifest |= {"platforms": platform, "created_at": _created_at(number, now)}
    _add(rows, manifest, [config, *layers])
    rows.configurations.append({"manifest_id": manifest_id, "packed": _PACKED})
    return manifest_id, manifest["digest"]


def _blobs(number: int, platform: str) -> Iterator[tuple[str, str, int]]:
    """Media type, name and size of a configuration, a layer that many share, one of some neighbours, and its own."""
    base = number % BASES
    yield OCI_CONFIG, f"config {number} {platform}", 3_000
    yield OCI_LAYER, f"base {base} {platform}", 20_000_000 + base * 100_000
    yield OCI_LAYER, f"packages {number // 5} {platform}", 10_000_000 + mixed(number // 5, 900_000_000)
    yield OCI_LAYER, f"build {number} {platform}", 100_000 + mixed(number, 30_000_000)


def _named(media_type: str, digest: str, size_bytes: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size_bytes}


def _created_at(number: int, now: datetime) -> datetime:
    return now - timedelta(minutes=mixed(number, LONGEST_AGO_MINUTES))


def _manifest(
    manifest_id: int, media_type: str, kind: ManifestKind, document: dict[str, Any], now: datetime
) -> dict[str, Any]:
    raw = json.dumps(document).encode()
    return {
        "id": manifest_id,
        "digest": digest_of(raw),
        "media_type": media_type,
        "kind": kind.value,
        "raw": raw,
        "size_bytes": len(raw),
        "artifact_type": "",
        "platforms": "",
        "created_at": None,
        "labels": "{}",
        "first_seen_at": now,
    }


def _add(
    rows: ImageRows, manifest: dict[str, Any], named: list[dict[str, Any]], platforms: tuple[str, ...] = ()
) -> None:
    rows.manifests.append(manifest)
    rows.descriptors += [
        {
            "manifest_id": manifest["id"],
            "position": position,
            "role": _ROLES[each["mediaType"]],
            "digest": each["digest"],
            "media_type": each["mediaType"],
            "size_bytes": each["size"],
            "platform": platforms[position] if platforms else "",
        }
        for position, each in enumerate(named)
    ]
