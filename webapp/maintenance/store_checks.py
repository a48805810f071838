"""What a collector would stumble over in the registry's store: links and manifests that are broken.

Tried on 2.8.2 with `garbage-collect --dry-run` (tests/maintenance/test_store_checks.py keeps it): an empty or cut link of
a revision, and a manifest that is empty, cut or no manifest, end it while it marks; nothing is freed. Worse, a revision
whose manifest is missing, or whose link names another digest, is passed over without a word, and its layers are swept.
An empty link of a tag or a layer is passed over by 2.8 without harm; 3.x reads layers' links and ends (distribution.md 3.9).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from webapp.checks import Check, CheckState
from webapp.maintenance.store_tree import LAYOUT, folders_in, repositories, shown, start_of

LINKS = "Links in the store"
MANIFESTS = "Manifests in the store"
TAGS = "Tags in the store"
MOST_NAMED = 10
SECOND_LOOK_S = 1.0
LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024  # more the registry does not read, and ends
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LARGEST_LINK_BYTES = 256
_LAYER_LINK_BYTES = len("sha256:") + 64


class Kind(StrEnum):
    """What is broken; each is one check."""

    LINK = LINKS
    MANIFEST = MANIFESTS
    TAG = TAGS


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is broken. `seen` is what the file was like: it is the same where nobody is writing it."""

    kind: Kind
    where: str
    what: str
    seen: tuple[int, int, int] | None

    def __str__(self) -> str:
        return f"{shown(self.where)}: {self.what}"


def store_faults(store: Path | None, pause: Callable[[float], object] = time.sleep) -> list[Check]:
    """Look through all links and manifests. What seems broken is looked at twice, since the registry may be writing it.

    Args:
        store: HOLYSTONE_REGISTRY_STORE; None where it is not named.
        pause: waits between the two looks.
    """
    if store is None:
        return _all_unknown("HOLYSTONE_REGISTRY_STORE is not set.")
    try:
        found = set(_faults(store))
        if found:
            pause(SECOND_LOOK_S)
            found &= set(_faults(store))
    except OSError as error:
        what = shown(str(error.filename or store))
        return _all_unknown(f"{what} cannot be read: {error.strerror}.")
    return [_check(kind, sorted(str(fault) for fault in found if fault.kind is kind)) for kind in Kind]


def _faults(store: Path) -> Iterator[Fault]:
    for name, folder, own in repositories(store):
        if "_layers" in own:
            yield from _layer_links(name, f"{folder}/_layers")
        if "_manifests" in own:
            good: set[str] = set()
            yield from _revisions(store, name, f"{folder}/_manifests/revisions", good)
            yield from _tags(name, folder, good)


def _layer_links(name: str, layers: str) -> Iterator[Fault]:
    """By their size alone: there are many, and the registry writes them in one piece. All say a sha256: a blob that was
    pushed by another digest has a link under each, and both lead to its bytes (`other_digests.py`)."""
    for algorithm in folders_in(layers):
        for hexadecimal in folders_in(f"{layers}/{algorithm}"):
            link = f"{layers}/{algorithm}/{hexadecimal}/link"
            seen = _seen(link)
            if seen is not None and seen[0] != _LAYER_LINK_BYTES:
                what = "its link is empty" if seen[0] == 0 else "its link is cut off"
                yield Fault(Kind.LINK, f"{name}, layer {algorithm}:{hexadecimal}", what, seen)


def _revisions(store: Path, name: str, revisions: str, good: set[str]) -> Iterator[Fault]:
    """Faults of a repository's manifests; those that have a link are put into `good`."""
    for algorithm in folders_in(revisions):
        for hexadecimal in folders_in(f"{revisions}/{algorithm}"):
            link = f"{revisions}/{algorithm}/{hexadecimal}/link"
            says = start_of(link, _LARGEST_LINK_BYTES)
            if says is None:
                continue  # deleted: its folder stays
            digest = f"{algorithm}:{hexadecimal}"
            good.add(digest)
            where = f"{name}, manifest {digest}"
            if says != digest.encode("ascii", "replace"):
                what = "its link is empty" if not says else "its link does not name it"
                yield Fault(Kind.LINK, where, what, _seen(link))
                continue
            data = f"{store}/{LAYOUT}/blobs/{algorithm}/{hexadecimal[:2]}/{hexadecimal}/data"
            what = _fault_of_manifest(data, algorithm, hexadecimal)
            if what:
                yield Fault(Kind.MANIFEST, where, what, _seen(data))


def _fault_of_manifest(data: str, algorithm: str, hexadecimal: str) -> str:
    """Bytes that have their digest were accepted as a manifest once, so that they need not be understood here."""
    raw = start_of(data, LARGEST_MANIFEST_BYTES + 1)
    if raw is None:
        return "its bytes are missing"
    if not raw:
        return "it is empty"
    if len(hexadecimal) != _HEX_DIGITS.get(algorithm):
        return "its digest is of a kind that the registry does not know"
    if len(raw) > LARGEST_MANIFEST_BYTES:
        return "it is too large to be read"
    return "" if hashlib.new(algorithm, raw).hexdigest() == hexadecimal else "its bytes are not those of its digest"


def _tags(name: str, folder: str, good: set[str]) -> Iterator[Fault]:
    """A tag without a manifest is what a DELETE leaves that was killed; tags without any folder of manifests are damage."""
    tags = folders_in(f"{folder}/_manifests/tags")
    if tags and not os.path.isdir(f"{folder}/_manifests/revisions"):  # noqa: PTH112
        yield Fault(Kind.MANIFEST, name, "it has tags, but the folder of its manifests is missing", None)
    for tag in tags:
        link = f"{folder}/_manifests/tags/{tag}/current/link"
        says = start_of(link, _LARGEST_LINK_BYTES)
        if says is None:
            continue  # deleted while we looked, or never finished
        where = f"{name}, tag {tag}"
        if not says:
            yield Fault(Kind.LINK, where, "its link is empty", _seen(link))
        elif says.decode("ascii", "replace") not in good:
            yield Fault(Kind.TAG, where, "its manifest is not there", _seen(link))


def _seen(path: str) -> tuple[int, int, int] | None:
    """Its size, inode, and when it was written; None where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None
    return found.st_size, found.st_ino, found.st_mtime_ns


def _check(kind: Kind, faults: list[str]) -> Check:
    if not faults:
        return Check(kind.value, CheckState.GOOD, _SENTENCES[kind][0])
    named = faults[:MOST_NAMED]
    more = [f"and {len(faults) - MOST_NAMED} more"] if len(faults) > MOST_NAMED else []
    state = CheckState.WARNING if kind is Kind.TAG else CheckState.BAD
    sentence = _SENTENCES[kind][1].format(count=f"{len(faults)} {'is' if len(faults) == 1 else 'are'}")
    return Check(kind.value, state, sentence, _SENTENCES[kind][2], "\n".join([*named, *more]))


def _all_unknown(why: str) -> list[Check]:
    return [Check(kind.value, CheckState.UNKNOWN, f"Whether they are whole is not known. {why}") for kind in Kind]


_SENTENCES = {
    Kind.LINK: (
        "Every link that was read is whole.",
        "{count} broken. A collector ends at such a link, or passes over what it should keep.",
        "Push what is named again, or delete it; where that does not help, remove the folder of the link by hand.",
    ),
    Kind.MANIFEST: (
        "The bytes of every manifest are those of its digest.",
        "{count} broken. A collector ends there, or deletes the layers of the image.",
        "Bring the bytes back from a backup or push the image again; else delete the manifest.",
    ),
    Kind.TAG: (
        "Every tag has its manifest.",
        "{count} without a manifest, and cannot be pulled. A collection deletes the layers that nothing else uses.",
        "Push the images again before the run, or delete the tags.",
    ),
}
