"""A registry's store of many manifests and blobs, written as files: pushing it would take a hundred times as long."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from demo.build import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST

V2 = Path("docker/registry/v2")
MANIFESTS = 2_000
BLOBS_EACH = 10
REPOSITORIES = 10
BLOB_BYTES = 400
GARBAGE = 0.2


@dataclass(frozen=True, slots=True)
class Shape:
    """How many manifests there are, in how many repositories, and how many blobs and tags each has."""

    manifests: int = MANIFESTS
    repositories: int = REPOSITORIES
    blobs_each: int = BLOBS_EACH
    tags_each: int = 1  # up to three


BIG = Shape()


def write_store(store: Path, garbage: float = GARBAGE, shape: Shape = BIG) -> None:
    """Write the store; equal arguments give equal files.

    Args:
        garbage: the share of the manifests that were deleted. Their bytes are there, with those of their blobs, but
            no link and no tag, as a DELETE leaves them.
    """
    deleted_of_100 = round(garbage * 100)
    for number in range(shape.manifests):
        blobs = [_blob(number, position) for position in range(shape.blobs_each)]
        manifest = _manifest(blobs)
        for raw in (*blobs, manifest):
            _write(store / V2 / "blobs/sha256" / _name(raw)[:2] / _name(raw) / "data", raw)
        repository = store / V2 / "repositories" / "team" / str(number % shape.repositories)
        for raw in blobs:
            _link(repository / "_layers", raw)
        if number * 37 % 100 >= deleted_of_100:  # 37 has no divisor in common with 100: spread over all repositories
            _link(repository / "_manifests/revisions", manifest)
            for name in ("build", "release", "also")[: shape.tags_each]:
                _tag(repository / "_manifests/tags" / f"{name}-{number}", manifest)


def repository_of(number: int) -> str:
    """Where the manifest of that number is."""
    return f"team/{number % REPOSITORIES}"


def _blob(number: int, position: int) -> bytes:
    """Of about BLOB_BYTES, not all the same; the one at position 0 is the configuration."""
    if position == 0:
        config = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"build": str(number)}}}
        return json.dumps(config).encode()
    name = f"build {number}, layer {position} ".encode()
    return (name * BLOB_BYTES)[: BLOB_BYTES + (number + position) % 100]


def _manifest(blobs: list[bytes]) -> bytes:
    config, *layers = (
        {"mediaType": OCI_LAYER if position else OCI_CONFIG, "digest": f"sha256:{_name(raw)}", "size": len(raw)}
        for position, raw in enumerate(blobs)
    )
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    return json.dumps(document).encode()


def _name(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _tag(folder: Path, manifest: bytes) -> None:
    _write(folder / "current/link", f"sha256:{_name(manifest)}".encode())
    _link(folder / "index", manifest)


def _link(folder: Path, raw: bytes) -> None:
    _write(folder / "sha256" / _name(raw) / "link", f"sha256:{_name(raw)}".encode())


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
