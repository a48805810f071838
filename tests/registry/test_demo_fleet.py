"""The demo fleet shows every kind of thing, and is a fleet that other people's tools can pull."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from demo.fleet import API, BASE, BUILDER, ETL, FLEET, LONG_TAG, MARKUP_LABELS, SHOP, WEB, push_fleet
from tests.registry_process import RegistryProcess
from webapp.registry.client import RegistryClient
from webapp.registry.manifests import Manifest, ManifestKind, parse_config, parse_manifest

PULL_TIMEOUT_S = 60


def manifest(client: RegistryClient, repository: str, reference: str) -> Manifest:
    answer = client.get_manifest(repository, reference)
    return parse_manifest(answer.media_type, answer.raw)


def test_the_fleet_has_every_kind_of_thing(fleet_client: RegistryClient) -> None:
    assert sorted(fleet_client.catalogue()) == sorted(FLEET)
    digests = {tag: fleet_client.head_manifest(API, tag).digest for tag in fleet_client.tags(API)}
    assert digests["1.4"] == digests["1.4.2"] == digests["latest"] != digests["1.4.1"]
    assert digests["latest"].replace(":", "-") + ".sig" in digests
    platforms = [each.platform for each in manifest(fleet_client, WEB, "2.1").children]
    assert platforms == ["linux/amd64", "linux/arm64", "linux/arm/v7", "unknown/unknown"]
    inner = manifest(fleet_client, BASE, "3.20").children[0]
    assert manifest(fleet_client, BASE, inner.digest).kind == ManifestKind.INDEX
    assert len(fleet_client.tags(BUILDER)) > 200
    assert LONG_TAG in fleet_client.tags(ETL)


def test_the_fleet_has_an_attestation_with_its_fallback_tag(fleet_client: RegistryClient) -> None:
    digest = fleet_client.head_manifest(SHOP, "7.0.0").digest
    referrer = manifest(fleet_client, SHOP, digest.replace(":", "-")).children[0]
    subject = manifest(fleet_client, SHOP, referrer.digest).subject
    assert subject is not None
    assert subject.digest == digest


def test_the_fleet_has_labels_that_try_to_be_markup(fleet_client: RegistryClient) -> None:
    config = manifest(fleet_client, SHOP, "8.0.0-rc.1").config
    assert config is not None
    labels = dict(parse_config(fleet_client.get_blob(SHOP, config.digest, 100_000)).labels)
    assert set(labels.values()) >= {each for each in MARKUP_LABELS.values() if each.isprintable()}
    assert all(each.isprintable() for pair in labels.items() for each in pair)


@pytest.mark.parametrize(
    ("repository", "tag"),
    [(API, "latest"), (WEB, "2.1"), (WEB, "1.9"), (BASE, "3.19"), (SHOP, "7.0.0"), (ETL, LONG_TAG)],
)
def test_skopeo_pulls_the_fleet(fleet_registry: RegistryProcess, tmp_path: Path, repository: str, tag: str) -> None:
    source = f"docker://127.0.0.1:{fleet_registry.port}/{repository}:{tag}"
    command = ["skopeo", "copy", "--quiet", "--all", "--src-tls-verify=false", source, f"dir:{tmp_path / 'pulled'}"]
    subprocess.run(command, check=True, capture_output=True, timeout=PULL_TIMEOUT_S)
    assert (tmp_path / "pulled/manifest.json").exists()


def test_pushing_the_fleet_again_changes_nothing(fleet_registry: RegistryProcess, fleet_client: RegistryClient) -> None:
    before = _blobs(fleet_registry)
    push_fleet(fleet_registry.url)
    assert _blobs(fleet_registry) == before
    assert ", 0 blobs and 0 manifests eligible for deletion" in fleet_registry.collect("--dry-run")


def _blobs(registry: RegistryProcess) -> list[str]:
    return sorted(each.parent.name for each in registry.store.glob("docker/registry/v2/blobs/*/*/*/data"))
