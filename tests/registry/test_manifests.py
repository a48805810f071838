"""Manifests and configurations from strangers: read exactly, or refused as nonsense; never anything else."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.build import attestation, image, index, layer, signature
from webapp.registry.errors import Nonsense
from webapp.registry.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    STAND_IN,
    ImageConfig,
    Manifest,
    ManifestKind,
    digest_of,
    parse_config,
    parse_manifest,
    signed_payload,
)

DIGEST = "sha256:" + "a" * 64
MEDIA_TYPES = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, OCI_ARTIFACT, SCHEMA1, SCHEMA1_SIGNED]


def packed(document: Any) -> bytes:
    return json.dumps(document).encode()


def descriptor(**changed: Any) -> dict[str, Any]:
    return {"mediaType": "x/y", "digest": DIGEST, "size": 5, **changed}


@pytest.mark.parametrize("docker", [False, True])
def test_an_image_tells_its_configuration_and_layers(docker: bool) -> None:
    layers = [layer("one"), layer("two", 5_000)]
    built = image(layers, docker=docker, annotations={"a": "b"})
    manifest = parse_manifest(built.media_type, built.raw)
    assert manifest.kind == ManifestKind.IMAGE
    assert manifest.config is not None
    assert manifest.config.digest == built.blobs[0].digest
    assert [(each.digest, each.size_bytes) for each in manifest.layers] == [(x.digest, len(x.raw)) for x in layers]
    assert manifest.annotations == (("a", "b"),)


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_tells_its_children_and_their_platforms(docker: bool) -> None:
    children = [image([layer("x")], platform=each) for each in ("linux/amd64", "linux/arm/v7")]
    built = index(children, docker=docker)
    manifest = parse_manifest(f"{built.media_type}; charset=utf-8", built.raw)
    assert manifest.kind == ManifestKind.INDEX
    assert [(each.digest, each.platform) for each in manifest.children] == [
        (children[0].digest, "linux/amd64"),
        (children[1].digest, "linux/arm/v7"),
    ]


def test_an_empty_index_with_its_annotation_is_a_stand_in_and_nothing_else_is() -> None:
    child = index([image([layer("one")])])
    marked = {STAND_IN: "any"}

    assert parse_manifest(OCI_INDEX, index([], annotations=marked).raw).kind == ManifestKind.STAND_IN
    assert parse_manifest(OCI_INDEX, index([]).raw).kind == ManifestKind.INDEX
    assert parse_manifest(OCI_INDEX, index([child], annotations=marked).raw).kind == ManifestKind.INDEX


def test_an_attestation_tells_its_subject_and_type() -> None:
    subject = image([layer("x")])
    manifest = parse_manifest(OCI_MANIFEST, attestation(subject).raw)
    assert manifest.kind == ManifestKind.ARTIFACT
    assert manifest.subject is not None
    assert manifest.subject.digest == subject.digest
    assert manifest.artifact_type == "application/vnd.in-toto+json"


def test_an_artifact_without_a_type_is_named_after_its_configuration() -> None:
    chart = {"schemaVersion": 2, "config": descriptor(mediaType="application/vnd.cncf.helm.config.v1+json")}
    manifest = parse_manifest(OCI_MANIFEST, packed(chart))
    assert (manifest.kind, manifest.artifact_type) == (
        ManifestKind.ARTIFACT,
        "application/vnd.cncf.helm.config.v1+json",
    )


def test_the_retired_artifact_manifest_lists_blobs() -> None:
    manifest = parse_manifest(OCI_ARTIFACT, packed({"artifactType": "x/y", "blobs": [descriptor()]}))
    assert (manifest.kind, [each.digest for each in manifest.layers]) == (ManifestKind.ARTIFACT, [DIGEST])


def test_a_signature_by_tag_is_an_image_in_form() -> None:
    assert parse_manifest(OCI_MANIFEST, signature(image([layer("x")]), "team/api").raw).kind == ManifestKind.IMAGE


def test_schema_1_is_recognised_with_each_layer_once() -> None:
    document = {"schemaVersion": 1, "fsLayers": [{"blobSum": DIGEST}, {"blobSum": DIGEST}]}
    manifest = parse_manifest(SCHEMA1, packed(document))
    assert (manifest.kind, [each.digest for each in manifest.layers]) == (ManifestKind.SCHEMA1, [DIGEST])


def test_the_digest_of_a_signed_manifest_is_that_of_its_payload() -> None:
    """The form that libtrust wrote: the signature stands before the payload's last brace."""
    payload = b'{\n   "name": "old"\n}'
    head, tail = payload[:-2], payload[-2:]
    protected = json.dumps({"formatLength": len(head), "formatTail": encoded(tail)}).encode()
    signed = head + b',\n   "signatures": [{"protected": "' + encoded(protected).encode() + b'"}]\n}'
    assert signed_payload(signed) == payload


@pytest.mark.parametrize("length", ["Infinity", "NaN", '"x"', "[]"])
def test_a_signature_that_tells_no_length_is_nonsense(length: str) -> None:
    protected = encoded(b'{"formatLength": %s, "formatTail": "fQ"}' % length.encode())
    with pytest.raises(Nonsense):
        signed_payload(packed({"signatures": [{"protected": protected}]}))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("media_type", ["", "application/json", "text/html", "application/vnd.example"])
def test_an_unknown_media_type_is_an_unknown_manifest(media_type: str) -> None:
    assert parse_manifest(media_type, b"\x00 anything").kind == ManifestKind.UNKNOWN


@pytest.mark.parametrize(
    ("media_type", "raw"),
    [
        (OCI_MANIFEST, b""),
        (OCI_MANIFEST, b"\xff\xfe"),
        (OCI_MANIFEST, b"[" * 100_000),
        (OCI_MANIFEST, b"[]"),
        (OCI_MANIFEST, b'{"layers": ' + b"9" * 5_000 + b"}"),
        (OCI_MANIFEST, packed({"layers": {}})),
        (OCI_MANIFEST, packed({"layers": [[]]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(size=-1)]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(size=True)]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(size=1.5)]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(size=2**63)]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(digest="../../etc")]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(digest=3)]})),
        (OCI_MANIFEST, packed({"layers": [descriptor(urls="x")]})),
        (OCI_MANIFEST, packed({"config": "x"})),
        (OCI_MANIFEST, packed({"subject": 1})),
        (OCI_INDEX, packed({"manifests": "x"})),
        (SCHEMA1, packed({"fsLayers": [{"blobSum": []}]})),
        # CVE-2021-41190: one document that can be read as two things
        (OCI_MANIFEST, packed({"layers": [], "manifests": []})),
        (OCI_INDEX, packed({"manifests": [], "layers": []})),
        (OCI_INDEX, packed({"mediaType": OCI_MANIFEST})),
        (OCI_INDEX, packed({"mediaType": 3})),
    ],
)
def test_nonsense_is_called_nonsense(media_type: str, raw: bytes) -> None:
    with pytest.raises(Nonsense):
        parse_manifest(media_type, raw)


def test_null_lists_are_empty() -> None:
    assert parse_manifest(OCI_MANIFEST, packed({"layers": None, "config": None, "subject": None})).layers == ()
    assert parse_manifest(OCI_INDEX, packed({"manifests": None})).children == ()


def test_texts_of_strangers_are_bounded_and_plain() -> None:
    annotations = {f"key {number}": "\x00\ud800\u202e" + "x" * 10_000 for number in range(500)}
    manifest = parse_manifest(OCI_INDEX, packed({"annotations": annotations}))
    assert len(manifest.annotations) == 100
    assert all(len(value) <= 4096 and value.isprintable() for _key, value in manifest.annotations)
    manifest.annotations[0][1].encode()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-02T09:30:00.123456789Z", datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-02T11:30:00+02:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),  # Go's zero time
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (5, None),
        (None, None),
    ],
)
def test_a_configuration_tells_when_it_was_made(written: Any, expected: datetime | None) -> None:
    assert parse_config(packed({"created": written})).created == expected


def test_a_configuration_tells_platform_and_labels() -> None:
    document = {"os": "linux", "architecture": "arm", "variant": "v7", "config": {"Labels": {"a": "<b>", "c": 3}}}
    assert parse_config(packed(document)) == ImageConfig(None, "linux/arm/v7", (("a", "<b>"),))


@pytest.mark.parametrize("document", [{}, {"config": None}, {"config": []}, {"config": {"Labels": None}}])
def test_a_configuration_may_tell_nothing(document: Any) -> None:
    assert parse_config(packed(document)) == ImageConfig(None, "", ())


def test_digests_are_made_by_the_algorithm_asked_for() -> None:
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_of(b"", like="sha512:x").startswith("sha512:cf83e135")


OUTER_KEYS = ["mediaType", "config", "layers", "manifests", "fsLayers", "blobs", "subject", "annotations", "created"]
INNER_KEYS = ["platform", "os", "architecture", "digest", "size", "urls", "blobSum", "Labels", "protected"]
KEYS = st.sampled_from([*OUTER_KEYS, *INNER_KEYS, "artifactType", "signatures"])
STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=150)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([DIGEST])
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6)
)


@STEADY
@given(st.sampled_from(MEDIA_TYPES), DOCUMENTS.map(packed) | st.binary(max_size=200))
def test_whatever_is_pushed_is_a_manifest_or_nonsense(media_type: str, raw: bytes) -> None:
    try:
        manifest = parse_manifest(media_type, raw)
    except Nonsense:
        return
    assert isinstance(manifest, Manifest)
    hash(manifest)


@STEADY
@given(DOCUMENTS.map(packed) | st.binary(max_size=200))
def test_whatever_is_pushed_is_a_configuration_or_nonsense(raw: bytes) -> None:
    try:
        config = parse_config(raw)
    except Nonsense:
        return
    assert all(key.isprintable() or {*key} & {"\n", "\t"} for key, _value in config.labels)


@STEADY
@given(DOCUMENTS.map(packed) | st.binary(max_size=200))
def test_whatever_is_signed_has_a_payload_or_is_nonsense(raw: bytes) -> None:
    try:
        assert isinstance(signed_payload(raw), bytes)
    except Nonsense:
        return


def test_a_manifest_of_an_unknown_type_names_what_it_names_in_the_usual_places() -> None:
    document = {"config": descriptor(), "layers": [descriptor()], "blobs": [descriptor()], "manifests": [descriptor()]}
    manifest = parse_manifest("application/vnd.example.v7+json", packed(document))
    assert manifest.kind == ManifestKind.UNKNOWN
    assert manifest.config is not None
    assert [len(each) for each in (manifest.layers, manifest.children)] == [2, 1]


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"[" * 100_000, packed({"layers": [1]}), packed({"layers": {}})])
def test_a_manifest_of_an_unknown_type_may_be_anything(raw: bytes) -> None:
    manifest = parse_manifest("application/vnd.example.v7", raw)
    assert (manifest.kind, manifest.layers, manifest.children) == (ManifestKind.UNKNOWN, (), ())
