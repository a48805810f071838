"""Fleets of every shape, written into a registry's store as pushes would leave them.

Writing files is a hundred times faster than pushing; a test shows that both give the same store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from demo.build import Built, attestation, digest_of, image, index, layer

REPOSITORIES = ("team/api", "team/web", "base")
TAGS = ("1.0", "1.1", "2.0", "latest", "stable")
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
LAYERS = [layer(f"layer {number}", 40 + 10 * number) for number in range(6)]
V2 = Path("docker/registry/v2")


@dataclass
class Repository:
    """What one repository holds."""

    manifests: dict[str, Built] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def put(self, built: Built, tags: tuple[str, ...] = ()) -> Built:
        """Push a manifest with its blobs under each of the tags, or by its digest."""
        self.manifests[built.digest] = built
        self.blobs.update({blob.digest: blob.raw for blob in built.blobs})
        self.tags.update(dict.fromkeys(tags, built.digest))
        return built

    def delete(self, digest: str) -> None:
        """Delete a manifest by its digest, and with it its tags."""
        self.manifests.pop(digest, None)
        self.tags = {tag: on for tag, on in self.tags.items() if on != digest}


Fleet = dict[str, Repository]


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """One to three repositories, each made by some pushes."""
    names = REPOSITORIES[: draw(st.integers(1, 3))]
    fleet = {name: Repository() for name in names}
    for name in names:
        for _push in range(draw(st.integers(1, 9))):
            _push_something(draw, fleet, name)
    for name in names:
        if draw(st.integers(0, 4)) == 0:
            blob = layer(f"unfinished {draw(st.integers(0, 2))}", 70)
            fleet[name].blobs[blob.digest] = blob.raw
        if fleet[name].manifests and draw(st.integers(0, 5)) == 0:
            fleet[name].delete(draw(st.sampled_from(sorted(fleet[name].manifests))))
    return {name: each for name, each in fleet.items() if each.blobs}


def _push_something(draw: st.DrawFn, fleet: Fleet, name: str) -> None:
    here = fleet[name]
    there = sorted(here.manifests)
    kinds = ["image"] if not there else ["image", "image", "index", "index", "referrer", "signature", "list", "copy"]
    kind = draw(st.sampled_from(kinds))
    tags = tuple(draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2)))
    if kind == "image":
        here.put(_image(draw), tags)
    elif kind == "index":
        children = draw(st.lists(st.sampled_from(there), unique=True, min_size=1, max_size=3))
        here.put(index([here.manifests[each] for each in children], docker=draw(st.booleans())), tags)
    elif kind == "referrer":
        subject = here.manifests[draw(st.sampled_from(there))]
        here.put(attestation(subject, statement=f"statement {draw(st.integers(0, 2))}"), tags[:1] * draw(st.booleans()))
    elif kind == "signature":
        _sign(draw, here, here.manifests[draw(st.sampled_from(there))])
    elif kind == "list":
        _list_referrers(here, draw(st.sampled_from(there)))
    else:
        _copy(draw, fleet, here, tags)


def _image(draw: st.DrawFn) -> Built:
    layers = draw(st.lists(st.sampled_from(LAYERS), max_size=3))
    built = image(
        layers,
        platform=draw(st.sampled_from(["linux/amd64", "linux/arm64"])),
        labels={"build": str(draw(st.integers(0, 3)))},
        docker=draw(st.booleans()),
    )
    odd = draw(st.sampled_from(["no", "no", "no", "foreign", "lies"]))
    return built if odd == "no" else _with_odd_layers(built, odd)


def _with_odd_layers(built: Built, odd: str) -> Built:
    """With a layer that is not in the registry, or with sizes that are not true."""
    document = json.loads(built.raw)
    if odd == "foreign":
        elsewhere = {"mediaType": FOREIGN, "digest": digest_of(b"elsewhere"), "size": 1000}
        document["layers"].append({**elsewhere, "urls": ["https://elsewhere.example/layer"]})
    else:
        for each in (document["config"], *document["layers"]):
            each["size"] += 12_345
    return replace(built, raw=json.dumps(document).encode())


def _sign(draw: st.DrawFn, here: Repository, subject: Built) -> None:
    kind = draw(st.sampled_from([".sig", ".att", ".sbom"]))
    signed = image([layer(f"signature of {subject.digest}", 30)], labels={"kind": kind})
    here.put(signed, (subject.digest.replace(":", "-") + kind,))


def _list_referrers(here: Repository, subject: str) -> None:
    """Write the list of referrers of a manifest, as a client does that pushes one."""
    referrers = [each for each in here.manifests.values() if subject_of(each.raw) == subject]
    if referrers:
        here.put(index(referrers), (subject.replace(":", "-"),))


def _copy(draw: st.DrawFn, fleet: Fleet, here: Repository, tags: tuple[str, ...]) -> None:
    """The same digest in another repository, with all that it needs; or another tag here."""
    source = fleet[draw(st.sampled_from(sorted(fleet)))]
    if not source.manifests:
        return
    built = source.manifests[draw(st.sampled_from(sorted(source.manifests)))]
    if all(child in source.manifests for child in _descendants(source, built)):
        for child in _descendants(source, built):
            here.put(source.manifests[child])
        here.put(built, tags)


def _descendants(repository: Repository, built: Built) -> Iterator[str]:
    for child in children_of(built.raw):
        if child in repository.manifests:
            yield from _descendants(repository, repository.manifests[child])
        yield child


def children_of(raw: bytes) -> list[str]:
    """The manifests that an index names."""
    return [each["digest"] for each in json.loads(raw).get("manifests", [])]


def blobs_of(raw: bytes) -> list[str]:
    """The configuration and layers that a manifest names."""
    document: dict[str, Any] = json.loads(raw)
    return [
        each["digest"]
        for each in (*([document["config"]] if "config" in document else []), *document.get("layers", []))
    ]


def subject_of(raw: bytes) -> str | None:
    """What a manifest refers to."""
    subject = json.loads(raw).get("subject")
    return subject["digest"] if subject else None


def write_fleet(store: Path, fleet: Fleet) -> None:
    """Write a fleet as the registry would have."""
    for name, repository in fleet.items():
        folder = store / V2 / "repositories" / name
        for digest, raw in repository.blobs.items():
            _write(_blob(store, digest), raw)
            _link(folder / "_layers", digest)
        for digest, built in repository.manifests.items():
            _write(_blob(store, digest), built.raw)
            _link(folder / "_manifests/revisions", digest)
        for tag, digest in repository.tags.items():
            _write(folder / "_manifests/tags" / tag / "current/link", digest.encode())
            _link(folder / "_manifests/tags" / tag / "index", digest)


def _blob(store: Path, digest: str) -> Path:
    algorithm, _, name = digest.partition(":")
    return store / V2 / "blobs" / algorithm / name[:2] / name / "data"


def _link(folder: Path, digest: str) -> None:
    _write(folder / digest.replace(":", "/") / "link", digest.encode())


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
