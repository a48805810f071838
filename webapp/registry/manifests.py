"""Manifests and image configurations, read from bytes that anybody who can push has written.

Nothing in them is trusted: what has the wrong type or shape is `Nonsense`, what is merely unknown is kept as unknown,
texts are bounded. Sources: OCI image specification (manifest.md, image-index.md, config.md), Docker's schema 1 and 2.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from webapp.registry.documents import json_object
from webapp.registry.errors import Nonsense
from webapp.registry.names import is_digest
from webapp.registry.text import plain_text

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
STAND_IN = "io.holystone.standin"
"""The annotation of the empty index that takes a manifest's place under a tag that goes alone."""

ACCEPTED = (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX)
MANIFEST_CAP_BYTES = 4 * 1024 * 1024  # the registry takes no larger one (distribution.md 3.1)

IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)

MOST_PAIRS = 100
LONGEST_KEY = 256
LONGEST_VALUE = 4096
LONGEST_TEXT = 255
LARGEST_SIZE_BYTES = 2**63 - 1


class ManifestKind(StrEnum):
    """What a manifest is."""

    IMAGE = "image"
    INDEX = "index"
    ARTIFACT = "artifact"
    SCHEMA1 = "schema1"
    STAND_IN = "stand-in"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ManifestBytes:
    """A manifest as the registry has it: the bytes are those that the digest is of."""

    media_type: str
    raw: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a manifest says of something it refers to. The size is a claim: registries accept a wrong one."""

    media_type: str
    digest: str
    size_bytes: int
    platform: str | None
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's content. `children` are the manifests of an index, `layers` the blobs of anything else."""

    media_type: str
    kind: ManifestKind
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str
    annotations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image's configuration says of it. `platform` is empty and `created` None where it does not."""

    created: datetime | None
    platform: str
    labels: tuple[tuple[str, str], ...]


def parse_manifest(media_type: str, raw: bytes) -> Manifest:
    """Read a manifest.

    Args:
        media_type: the answer's Content-Type.

    Raises:
        Nonsense: the bytes are not what the media type says, or could be read in two ways (CVE-2021-41190).
    """
    media_type = plain_media_type(media_type)
    if media_type in (OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT):
        return _image(media_type, _document(media_type, raw))
    if media_type in (OCI_INDEX, DOCKER_LIST):
        return _index(media_type, _document(media_type, raw))
    if media_type in (SCHEMA1, SCHEMA1_SIGNED):
        return _schema1(media_type, json_object(raw))
    return _unknown(media_type, raw)


def parse_config(raw: bytes) -> ImageConfig:
    """Read an image's configuration.

    Raises:
        Nonsense: it is not a JSON object. A part of the wrong type counts as missing.
    """
    document = json_object(raw)
    inner = document.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return ImageConfig(_time(document.get("created")), _platform(document) or "", _pairs(labels))


def signed_payload(raw: bytes) -> bytes:
    """The part of a signed schema 1 manifest that its digest is of (JSON Web Signature, as libtrust wrote it).

    Raises:
        Nonsense: it carries no signature that can be read.
    """
    try:
        protected = json.loads(_unpadded(json_object(raw)["signatures"][0]["protected"]))
        return raw[: int(protected["formatLength"])] + _unpadded(protected["formatTail"])
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        raise Nonsense("a signed manifest without a signature") from None


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def digest_of(raw: bytes, like: str = "sha256:") -> str:
    """The digest of `raw`, by the algorithm of the digest `like`."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def plain_media_type(content_type: str) -> str:
    """A Content-Type's media type: in small letters, without parameters, bounded."""
    return plain_text(content_type.partition(";")[0].strip().lower(), LONGEST_TEXT)


def _image(media_type: str, document: dict[str, Any]) -> Manifest:
    if "manifests" in document:
        raise Nonsense("a manifest that is an index as well")
    config = _descriptor(document["config"]) if document.get("config") is not None else None
    artifact_type = _text(document.get("artifactType"))
    is_image = config is not None and config.media_type in IMAGE_CONFIGS and not artifact_type
    return Manifest(
        media_type=media_type,
        kind=ManifestKind.IMAGE if is_image else ManifestKind.ARTIFACT,
        config=config,
        layers=_descriptors(document, "blobs" if media_type == OCI_ARTIFACT else "layers"),
        children=(),
        subject=_subject(document),
        artifact_type=artifact_type or ("" if is_image or config is None else config.media_type),
        annotations=_pairs(document.get("annotations")),
    )


def _index(media_type: str, document: dict[str, Any]) -> Manifest:
    if any(key in document for key in ("config", "layers", "fsLayers")):
        raise Nonsense("an index that is a manifest as well")
    children, annotations = _descriptors(document, "manifests"), _pairs(document.get("annotations"))
    is_stand_in = not children and any(key == STAND_IN for key, _value in annotations)
    return Manifest(
        media_type=media_type,
        kind=ManifestKind.STAND_IN if is_stand_in else ManifestKind.INDEX,
        config=None,
        layers=(),
        children=children,
        subject=_subject(document),
        artifact_type=_text(document.get("artifactType")),
        annotations=annotations,
    )


def _schema1(media_type: str, document: dict[str, Any]) -> Manifest:
    sums = [_digest(each.get("blobSum") if isinstance(each, dict) else None) for each in _list(document, "fsLayers")]
    layers = tuple(Descriptor("", each, 0, None, ()) for each in dict.fromkeys(sums))
    return Manifest(media_type, ManifestKind.SCHEMA1, None, layers, (), None, "", ())


def _unknown(media_type: str, raw: bytes) -> Manifest:
    """A manifest of a type that nobody told us of. What it names in the usual places counts: it takes space, and what
    an unknown index holds is not to be taken for left over. What is otherwise is not refused, but names nothing."""
    nothing = Manifest(media_type, ManifestKind.UNKNOWN, None, (), (), None, "", ())
    try:
        document = json_object(raw)
        config = _descriptor(document["config"]) if isinstance(document.get("config"), dict) else None
        return replace(
            nothing,
            config=config,
            layers=_descriptors(document, "layers") + _descriptors(document, "blobs"),
            children=_descriptors(document, "manifests"),
            subject=_subject(document),
            artifact_type=_text(document.get("artifactType")),
            annotations=_pairs(document.get("annotations")),
        )
    except Nonsense:
        return nothing


def _document(media_type: str, raw: bytes) -> dict[str, Any]:
    document = json_object(raw)
    stated = document.get("mediaType")
    if stated is not None and (not isinstance(stated, str) or plain_media_type(stated) != media_type):
        raise Nonsense(f"a manifest that calls itself otherwise than {media_type}")
    return document


def _list(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Nonsense(f"{key} is not a list")
    return value


def _descriptors(document: dict[str, Any], key: str) -> tuple[Descriptor, ...]:
    return tuple(_descriptor(each) for each in _list(document, key))


def _subject(document: dict[str, Any]) -> Descriptor | None:
    return None if document.get("subject") is None else _descriptor(document["subject"])


def _descriptor(value: Any) -> Descriptor:
    if not isinstance(value, dict):
        raise Nonsense("a descriptor is not an object")
    size = value.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= LARGEST_SIZE_BYTES:
        raise Nonsense("a descriptor without a size")
    platform = value.get("platform")
    return Descriptor(
        media_type=plain_media_type(_text(value.get("mediaType"))),
        digest=_digest(value.get("digest")),
        size_bytes=size,
        platform=_platform(platform) if isinstance(platform, dict) else None,
        urls=tuple(_text(each) for each in _list(value, "urls")[:MOST_PAIRS]),
    )


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not is_digest(value):
        raise Nonsense("a descriptor without a digest")
    return value


def _platform(parts: dict[str, Any]) -> str | None:
    """`os/architecture` or `os/architecture/variant`, as people write it; None where there is none."""
    named = [_text(parts.get(key)) for key in ("os", "architecture", "variant")]
    return "/".join(each for each in named if each) or None


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    """The first hundred pairs of texts of an annotations or labels object, each bounded."""
    if not isinstance(value, dict):
        return ()
    texts = [(key, each) for key, each in value.items() if isinstance(each, str)]
    return tuple((plain_text(key, LONGEST_KEY), plain_text(each, LONGEST_VALUE)) for key, each in texts[:MOST_PAIRS])


def _text(value: Any) -> str:
    return plain_text(value, LONGEST_TEXT) if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    """An RFC 3339 time in UTC; None for Go's zero time and whatever is not a time."""
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None
