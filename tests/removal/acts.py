"""Fleets that Hypothesis makes up: what is pushed, what is pushed after the sync, and what is to be removed.

A fleet is a list of acts. Selectors are numbers that are taken modulo what is there, so that any list of acts means
something and a failing one can be made shorter. `Fleet` is both what the acts lead to and the model that a test
computes with; `write` puts it into a store as registry 2.8 would have (distribution.md 7), without asking one.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from demo.build import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    digest_of,
)
from webapp.removal.wanted import Referrers, Siblings, Wanted

REPOSITORIES = ("team/api", "team/api/deep", "web")
TAGS = ("1.0", "1.1", "latest", "edge")
LATE_TAGS = ("new", "newer")
PROTECTED = ((), (), (), ("1.*",), ("latest", "new*"), ("sha256-*",), ("*.sig",))
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
FOREIGN = {
    "mediaType": FOREIGN_LAYER,
    "digest": digest_of(b"kept by a vendor"),
    "size": 16,
    "urls": ["https://example.com/layer"],
}
HIGHEST = 4
"""Nothing is further from the ground than this; the removal follows eight levels."""


@dataclass(frozen=True, slots=True)
class Made:
    """A manifest and what it names. `blobs` are those that the store has; `height` is the way down to the ground."""

    media_type: str
    raw: bytes
    blobs: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    subject: str | None = None
    height: int = 0

    @property
    def digest(self) -> str:
        """The digest of its bytes."""
        return digest_of(self.raw)

    @property
    def is_index(self) -> bool:
        """Whether it names manifests."""
        return self.media_type in (OCI_INDEX, DOCKER_LIST)


@dataclass(slots=True)
class Contents:
    """What a repository has. `history` has every digest that a tag ever was on."""

    layers: set[str] = field(default_factory=set)
    revisions: dict[str, None] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    history: dict[str, set[str]] = field(default_factory=dict)


class Fleet:
    """What a registry holds."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.made: dict[str, Made] = {}
        self.repositories: dict[str, Contents] = {name: Contents() for name in REPOSITORIES}

    def put_blob(self, repository: str, raw: bytes) -> str:
        """Upload a blob."""
        digest = digest_of(raw)
        self.blobs[digest] = raw
        self.repositories[repository].layers.add(digest)
        return digest

    def put(self, repository: str, made: Made, tag: str | None = None) -> None:
        """Put a manifest whose parts are there."""
        contents, digest = self.repositories[repository], made.digest
        self.blobs[digest], self.made[digest] = made.raw, made
        contents.revisions[digest] = None
        if tag:
            contents.tags[tag] = digest
            contents.history.setdefault(tag, set()).add(digest)

    def copy(self, source: str, target: str, digest: str, tag: str | None) -> None:
        """Copy a manifest and all that it names; children that are missing in the source are left out, as they are."""
        made = self.made[digest]
        for child in made.children:
            if child in self.repositories[source].revisions:
                self.copy(source, target, child, None)
        self.repositories[target].layers.update(made.blobs)
        self.put(target, made, tag)

    def delete(self, repository: str, digest: str) -> None:
        """What a DELETE by digest does."""
        contents = self.repositories[repository]
        contents.revisions.pop(digest, None)
        for tag in [tag for tag, on in contents.tags.items() if on == digest]:
            self.untag(repository, tag)

    def untag(self, repository: str, tag: str) -> None:
        """Take a tag away."""
        contents = self.repositories[repository]
        contents.tags.pop(tag, None)
        contents.history.pop(tag, None)

    def is_whole(self, repository: str, digest: str) -> bool:
        """Whether a manifest can be pulled with all that it names."""
        return digest in self.repositories[repository].revisions and all(
            self.is_whole(repository, child) for child in self.made[digest].children
        )

    def write(self, store: Path) -> None:
        """Write the files that a registry would have written."""
        root = store / "docker/registry/v2"
        for digest, raw in self.blobs.items():
            name = digest.removeprefix("sha256:")
            _write(root / "blobs/sha256" / name[:2] / name / "data", raw)
        for repository, contents in self.repositories.items():
            folder = root / "repositories" / repository
            for link, digest in _links(contents):
                _write(folder / link / "link", digest.encode())


def _links(contents: Contents) -> Iterator[tuple[str, str]]:
    for digest in contents.layers:
        yield f"_layers/{digest.replace(':', '/')}", digest
    for digest in contents.revisions:
        yield f"_manifests/revisions/{digest.replace(':', '/')}", digest
    for tag, digest in contents.tags.items():
        yield f"_manifests/tags/{tag}/current", digest
    for tag, digests in contents.history.items():
        for digest in digests:
            yield f"_manifests/tags/{tag}/index/{digest.replace(':', '/')}", digest


def _write(path: Path, raw: bytes) -> None:
    if not path.exists() or path.read_bytes() != raw:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


@dataclass(frozen=True, slots=True)
class Image:
    """Push an image; with a `subject` it is a referrer without a fallback tag."""

    at: int
    tag: str | None
    layers: tuple[int, ...] = ()
    config: int = 0
    docker: bool = False
    foreign: bool = False
    lie: int = 0
    subject: int | None = None

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        subject = None if self.docker else _subject(fleet, repository, self.subject)
        docker = self.docker
        config = fleet.put_blob(repository, _json({"config": {"Labels": {"of": str(self.config)}}}))
        layers = [fleet.put_blob(repository, layer_bytes(each)) for each in self.layers]
        described = [_described(fleet, DOCKER_LAYER if docker else OCI_LAYER, each, self.lie) for each in layers]
        media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        raw = _json(
            {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": _described(fleet, DOCKER_CONFIG if docker else OCI_CONFIG, config, 0),
                "layers": described + ([FOREIGN] if self.foreign else []),
                **({"subject": _described(fleet, subject.media_type, subject.digest, 0)} if subject else {}),
            }
        )
        height = subject.height + 1 if subject else 0
        digest = subject.digest if subject else None
        fleet.put(repository, Made(media_type, raw, (config, *layers), (), digest, height), self.tag)


@dataclass(frozen=True, slots=True)
class Index:
    """Push an index of manifests that are there, maybe of none, maybe one of them twice."""

    at: int
    tag: str | None
    of: tuple[int, ...] = ()
    docker: bool = False
    lie: int = 0
    subject: int | None = None

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        children = [each for number in self.of if (each := pick(fleet, repository, number)) and each.height < HIGHEST]
        subject = None if self.docker else _subject(fleet, repository, self.subject)
        fleet.put(repository, index_of(fleet, children, self.docker, self.lie, subject), self.tag)


@dataclass(frozen=True, slots=True)
class Sign:
    """Push what cosign pushes: an image under a tag that is named after another's digest."""

    at: int
    what: int
    suffix: str
    layer: int = 0
    tag: str | None = None

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        subject = _subject(fleet, repository, self.what)
        if subject:
            named = f"{subject.digest.replace(':', '-')}.{self.suffix}"
            config = fleet.put_blob(repository, _json({"of": "a signature"}))
            layer = fleet.put_blob(repository, layer_bytes(self.layer))
            described = [_described(fleet, "application/vnd.dev.cosign.simplesigning.v1+json", layer, 0)]
            document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": described}
            raw = _json({**document, "config": _described(fleet, OCI_CONFIG, config, 0), "annotations": {"is": named}})
            fleet.put(repository, Made(OCI_MANIFEST, raw, (config, layer), height=subject.height + 1), named)


@dataclass(frozen=True, slots=True)
class Attest:
    """Push referrers by `subject`, and a list of them under the fallback tag. `cleans`: the old list is deleted."""

    at: int
    what: int
    statements: tuple[int, ...] = (0,)
    cleans: bool = True
    tag: str | None = None

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        subject, contents = _subject(fleet, repository, self.what), fleet.repositories[repository]
        if not subject:
            return
        referrers = [_attestation(fleet, repository, subject, each) for each in self.statements]
        for each in referrers:
            fleet.put(repository, each)
        fallback = subject.digest.replace(":", "-")
        old = contents.tags.get(fallback)
        listed = [each for each in (fleet.made[old].children if old else ()) if each in contents.revisions]
        children = [fleet.made[each] for each in dict.fromkeys([*listed, *(each.digest for each in referrers)])]
        new = index_of(fleet, children)
        fleet.put(repository, new, fallback)
        if old and old != new.digest and self.cleans:
            fleet.delete(repository, old)


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy a manifest from another repository, with all that it names."""

    at: int
    tag: str | None
    source: int
    what: int

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        source = REPOSITORIES[self.source % len(REPOSITORIES)]
        made = pick(fleet, source, self.what)
        if made:
            fleet.copy(source, repository, made.digest, self.tag)


@dataclass(frozen=True, slots=True)
class Retag:
    """Put a manifest that is there under a tag."""

    at: int
    tag: str | None
    what: int

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        made = pick(fleet, repository, self.what)
        if made:
            fleet.put(repository, made, self.tag)


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a manifest by its digest, mostly from under its index."""

    at: int
    what: int
    tag: str | None = None

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        there = list(fleet.repositories[repository].revisions)
        children = [each for each in there if any(each in fleet.made[parent].children for parent in there)]
        wanted = children if children and self.what % 4 else there
        if wanted:
            fleet.delete(repository, wanted[self.what % len(wanted)])


@dataclass(frozen=True, slots=True)
class Upload:
    """Upload a blob, and never the manifest."""

    at: int
    layer: int
    tag: str | None = None

    def act(self, fleet: Fleet, repository: str) -> None:
        """Do it."""
        fleet.put_blob(repository, layer_bytes(self.layer))


Act = Image | Index | Sign | Attest | Copy | Retag | Delete | Upload


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be removed. `tags` and `digests` select some of those that are there; none of both: the image."""

    at: int
    tags: tuple[int, ...] = ()
    digests: tuple[int, ...] = ()
    siblings: Siblings = Siblings.KEEP
    referrers: Referrers = Referrers.REMOVE
    protected: tuple[str, ...] = ()
    include_protected: bool = False

    @property
    def repository(self) -> str:
        """Of which."""
        return REPOSITORIES[self.at]

    def wanted(self, fleet: Fleet) -> Wanted:
        """The same, of this fleet."""
        contents = fleet.repositories[self.repository]
        tags = _chosen(sorted(contents.tags), self.tags)
        referrers_first = sorted(contents.revisions, key=lambda each: fleet.made[each].subject is None)
        digests = _chosen(referrers_first, self.digests)
        return Wanted(
            self.repository,
            tags,
            digests,
            not (tags or digests),
            self.siblings,
            self.referrers,
            self.include_protected,
        )


@dataclass(frozen=True)
class Scenario:
    """A fleet, what happened in the repository after the sync, and a removal.

    Where an act takes place is counted from the repository that something is removed from.
    """

    acts: tuple[Act, ...]
    late: tuple[Act, ...]
    request: Request

    def fleet(self) -> Fleet:
        """What is there at the sync."""
        fleet = self.empty()
        for act in self.acts:
            act.act(fleet, self.place_of(act))
        return fleet

    def empty(self) -> Fleet:
        """Where it begins. Each repository has a blob: without one, registry 2.8 does not see it."""
        fleet = Fleet()
        for repository in REPOSITORIES:
            fleet.put_blob(repository, b"the first")
        return fleet

    def place_of(self, act: Act) -> str:
        """The repository that an act takes place in."""
        return REPOSITORIES[(self.request.at + act.at) % len(REPOSITORIES)]

    def go_on(self, fleet: Fleet) -> list[str]:
        """What happens after the sync, and the digests that are deleted by it. No tag is moved that was there."""
        repository, deleted = self.request.repository, []
        for act in self.late:
            before = copy.deepcopy(fleet.repositories[repository])
            act.act(fleet, repository)
            after = fleet.repositories[repository]
            if any(after.tags.get(tag, on) != on for tag, on in before.tags.items()):
                fleet.repositories[repository] = before
            else:
                deleted += [each for each in before.revisions if each not in after.revisions]
        return deleted


def layer_bytes(number: int) -> bytes:
    """A blob whose size tells which one it is."""
    return hashlib.sha256(b"layer %d" % number).digest() * (1 + number) + b"." * number


def index_of(
    fleet: Fleet, children: Sequence[Made], docker: bool = False, lie: int = 0, subject: Made | None = None
) -> Made:
    """An index."""
    media_type = DOCKER_LIST if docker else OCI_INDEX
    raw = _json(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": [_described(fleet, each.media_type, each.digest, lie) for each in children],
            **({"subject": _described(fleet, subject.media_type, subject.digest, 0)} if subject else {}),
        }
    )
    named = tuple(dict.fromkeys(each.digest for each in children))
    height = max((each.height + 1 for each in [*children, *([subject] if subject else [])]), default=0)
    return Made(media_type, raw, (), named, subject.digest if subject else None, height)


def pick(fleet: Fleet, repository: str, number: int) -> Made | None:
    """One of the manifests of a repository."""
    there = list(fleet.repositories[repository].revisions)
    return fleet.made[there[number % len(there)]] if there else None


def _subject(fleet: Fleet, repository: str, number: int | None) -> Made | None:
    made = None if number is None else pick(fleet, repository, number)
    return made if made and made.height < HIGHEST else None


def _attestation(fleet: Fleet, repository: str, subject: Made, statement: int) -> Made:
    empty, payload = fleet.put_blob(repository, b"{}"), fleet.put_blob(repository, layer_bytes(statement))
    raw = _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.in-toto+json",
            "config": _described(fleet, "application/vnd.oci.empty.v1+json", empty, 0),
            "layers": [_described(fleet, "application/vnd.in-toto+json", payload, 0)],
            "subject": _described(fleet, subject.media_type, subject.digest, 0),
        }
    )
    return Made(OCI_MANIFEST, raw, (empty, payload), (), subject.digest, subject.height + 1)


def _described(fleet: Fleet, media_type: str, digest: str, lie: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": max(0, len(fleet.blobs[digest]) + lie)}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _chosen(there: Sequence[str], numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(there[number % len(there)] for number in numbers)) if there else ()


def _acts(repositories: st.SearchStrategy[int], tag_names: Sequence[str]) -> st.SearchStrategy[Act]:
    numbers, lies = st.integers(0, 11), st.sampled_from((0, 0, 0, 0, -7, 4_000))
    tags = st.sampled_from((*tag_names, None, None))
    layers = st.lists(st.integers(0, 5), max_size=3).map(tuple)
    seldom = st.sampled_from((False, False, False, True))
    subjects = st.none() | st.none() | numbers
    images = st.builds(Image, repositories, tags, layers, st.integers(0, 3), seldom, seldom, lies, subjects)
    several = st.lists(numbers, min_size=1, max_size=3).map(tuple)
    statements = st.lists(st.integers(0, 2), min_size=1, max_size=3).map(tuple)
    return st.one_of(
        images,
        images,
        st.builds(Index, repositories, tags, several, seldom, lies, subjects),
        st.builds(Index, repositories, tags, several | st.just(()), seldom, lies),
        st.builds(Sign, repositories, numbers, st.sampled_from(("sig", "att", "sbom")), st.integers(0, 5)),
        st.builds(Attest, repositories, numbers, statements, st.booleans()),
        st.builds(Attest, repositories, numbers, statements, st.booleans()),
        st.builds(Copy, repositories, tags, st.integers(0, 2), numbers),
        st.builds(Retag, repositories, st.sampled_from(tag_names), numbers),
        st.builds(Delete, repositories, numbers),
        st.builds(Upload, repositories, st.integers(0, 5)),
    )


def _requests(at: st.SearchStrategy[int]) -> st.SearchStrategy[Request]:
    some = st.lists(st.integers(0, 11), min_size=1, max_size=3).map(tuple)
    none = st.just(())
    choices = (
        st.sampled_from((Siblings.KEEP, Siblings.KEEP, Siblings.REMOVE)),
        st.sampled_from((Referrers.REMOVE, Referrers.REMOVE, Referrers.KEEP)),
        st.sampled_from(PROTECTED),
        st.sampled_from((False, False, True)),
    )
    return st.one_of(
        st.builds(Request, at, some, none, *choices),
        st.builds(Request, at, some, none, *choices),
        st.builds(Request, at, none, some, *choices),
        st.builds(Request, at, some, some, *choices),
        st.builds(Request, at, none, none, *choices),
    )


def scenarios() -> st.SearchStrategy[Scenario]:
    """Small fleets, each with a removal from the repository that has the most."""
    places = st.sampled_from((0, 0, 0, 0, 0, 1, 2))
    first = st.builds(Image, st.just(0), st.sampled_from(TAGS), st.just((0, 1)))
    acts = st.tuples(first, st.lists(_acts(places, TAGS), min_size=5, max_size=14)).map(
        lambda each: (each[0], *each[1])
    )
    late = st.just(()) | st.lists(_acts(st.just(0), LATE_TAGS), max_size=3).map(tuple)
    return st.builds(Scenario, acts, late, _requests(st.integers(0, 2)))
