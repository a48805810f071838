"""Layers, configurations and manifests, made up and always the same: equal arguments give equal bytes."""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, no system


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with their media type. `plain_digest` is a layer's digest before it was packed."""

    media_type: str
    raw: bytes
    plain_digest: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return digest_of(self.raw)


@dataclass(frozen=True, slots=True)
class Built:
    """A manifest with the blobs that must be there before it."""

    media_type: str
    raw: bytes
    blobs: tuple[Blob, ...] = ()
    platform: str = ""
    artifact_type: str = ""

    @property
    def digest(self) -> str:
        """The digest of the manifest's bytes."""
        return digest_of(self.raw)


def digest_of(raw: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def layer(name: str, size_bytes: int = 200) -> Blob:
    """A packed layer with one file of about `size_bytes` that cannot be made smaller; `name` decides its content."""
    content = random.Random(name).randbytes(size_bytes)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(f"opt/{digest_of(name.encode())[7:19]}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    plain = archive.getvalue()
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(plain) + packer.flush()
    raw = GZIP_HEADER + packed + struct.pack("<LL", zlib.crc32(plain), len(plain))
    return Blob(OCI_LAYER, raw, digest_of(plain))


def image(
    layers: Sequence[Blob],
    *,
    platform: str = "linux/amd64",
    created: str = "2026-03-02T09:30:00Z",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    docker: bool = False,
    runs: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, Any]] | None = None,
) -> Built:
    """An image of one platform.

    Args:
        layers: from the lowest to the topmost.
        runs: what the configuration says of how it is run, beside its labels.
        history: the steps that made it; one for each layer where none are given.
        platform: `os/architecture[/variant]`.
        created: RFC 3339.
        docker: whether to write Docker's media types instead of OCI's.
    """
    os, architecture, *variant = platform.split("/")
    document: dict[str, Any] = {
        "architecture": architecture,
        "os": os,
        **({"variant": variant[0]} if variant else {}),
        "created": created,
        "config": {"Labels": dict(labels or {}), "Cmd": ["/bin/true"], **(runs or {})},
        "rootfs": {"type": "layers", "diff_ids": [each.plain_digest for each in layers]},
        "history": list(history or [{"created": created, "created_by": "demo"} for _ in layers]),
    }
    config = Blob(DOCKER_CONFIG if docker else OCI_CONFIG, _json(document))
    if docker:
        layers = [replace(each, media_type=DOCKER_LAYER) for each in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": _descriptor(config),
        "layers": [_descriptor(each) for each in layers],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Built(str(manifest["mediaType"]), _json(manifest), (config, *layers), platform)


def index(children: Sequence[Built], *, docker: bool = False, annotations: Mapping[str, str] | None = None) -> Built:
    """An index of manifests that are pushed before it, or of other indexes."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_LIST if docker else OCI_INDEX,
        "manifests": [_child(each) for each in children],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Built(str(manifest["mediaType"]), _json(manifest))


def signature(of: Built, name: str) -> Built:
    """What cosign pushes under `sha256-<hex>.sig`: an image whose layer is the signed statement."""
    statement = {"critical": {"image": {"docker-manifest-digest": of.digest}, "identity": {"docker-reference": name}}}
    signed = (("dev.cosignproject.cosign/signature", "bm90IGEgcmVhbCBzaWduYXR1cmU="),)
    payload = Blob("application/vnd.dev.cosign.simplesigning.v1+json", _json(statement), annotations=signed)
    return image([replace(payload, plain_digest=payload.digest)], created="1970-01-01T00:00:00Z")


def attestation(of: Built, kind: str = "application/vnd.in-toto+json", statement: str = "built") -> Built:
    """An artifact that refers to another manifest by `subject` (OCI image specification 1.1)."""
    empty = Blob(EMPTY, b"{}")
    payload = Blob(kind, _json({"_type": "https://in-toto.io/Statement/v1", "predicate": statement}))
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": _descriptor(empty),
        "layers": [_descriptor(payload)],
        "subject": {"mediaType": of.media_type, "digest": of.digest, "size": len(of.raw)},
    }
    return Built(OCI_MANIFEST, _json(manifest), (empty, payload), artifact_type=kind)


def _descriptor(blob: Blob) -> dict[str, Any]:
    annotations = {"annotations": dict(blob.annotations)} if blob.annotations else {}
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": len(blob.raw), **annotations}


def _child(built: Built) -> dict[str, Any]:
    entry: dict[str, Any] = {"mediaType": built.media_type, "digest": built.digest, "size": len(built.raw)}
    if built.artifact_type:
        entry["artifactType"] = built.artifact_type
    if built.platform:
        os, architecture, *variant = built.platform.split("/")
        entry["platform"] = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
    return entry


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
