"""Whether the keeper is the one of this registry, and can do what a run needs. Facts: machine.md, distribution.md 7."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from webapp.checks import Check, CheckState
from webapp.maintenance.kernel_locks import PROC, is_of, locks_on, name_of
from webapp.maintenance.store_tree import REPOSITORIES
from webapp.runtime.orders import KeeperState

LOCK = "Foreign lock"
PROGRAM = "Registry program"
ROOM = "Room for the output"
GENERATION = "Generation"
SAME_REGISTRY = "Same registry"
SAME_FILE = "Same configuration"

BYTES_PER_OBJECT = 200  # the collector prints a line for each manifest, and for each blob as often as it is referred to
LEAST_ROOM_BYTES = 16 * 1024 * 1024
_LARGEST_CONFIG_BYTES = 1024 * 1024
_LARGEST_LINK_BYTES = 256
_VERSION = re.compile(r"v?(\d+)\.\d+")


def keeper_checks(
    state: KeeperState,
    store: Path | None,
    folder: Path,
    *,
    url: str = "",
    generation: str = "",
    samples: Sequence[tuple[str, str, str]] = (),
    objects: int | None = None,
    config: Path | None = None,
) -> list[Check]:
    """All checks of the keeper. BAD refuses a run.

    Args:
        state: what the keeper says.
        store: HOLYSTONE_REGISTRY_STORE; None where it is not named.
        folder: the keeper's.
        url: the registry's address, for the sentence.
        generation: the registry's, '2' or '3', as the catalogue has it; another word where it is not known.
        samples: some tags as (repository, tag, digest), seen lately; that one of them is in the store is enough.
        objects: how many blobs and manifests the registry holds; None where that is not known.
        config: HOLYSTONE_REGISTRY_CONFIG; None where it is not named.
    """
    pid = _keeper_pid(folder)
    return [
        _foreign_lock(state, store, folder, pid),
        _program(_as_the_keeper_sees(pid, state.binary)),
        _room(folder, objects),
        _generation(state.registry_version, generation),
        _same_registry(state, store, pid, samples, url),
        *([_same_file(_as_the_keeper_sees(pid, state.config), config)] if config is not None else []),
    ]


def _keeper_pid(folder: Path) -> int | None:
    """The process that holds `keeper.lock`; None where it cannot be seen."""
    try:
        holders = [lock.pid for lock in locks_on(folder / "keeper.lock") if lock.mode == "WRITE" and lock.pid]
    except OSError:
        return None
    return holders[0] if len(holders) == 1 else None


def _as_the_keeper_sees(pid: int | None, path: str) -> Path:
    """A path of the keeper's: in its own container or folder, where we may look there, otherwise as it stands."""
    if pid is not None and path:
        place = PROC / str(pid) / ("root" if path.startswith("/") else "cwd")
        if os.access(place, os.X_OK):
            return place / path.lstrip("/")
    return Path(path)


def _foreign_lock(state: KeeperState, store: Path | None, folder: Path, pid: int | None) -> Check:
    path = _as_the_keeper_sees(pid, state.store) if state.store else folder / "store.lock"
    try:
        locks = locks_on(path if path.exists() or store is None else store)
    except OSError as error:
        return Check(LOCK, CheckState.UNKNOWN, f"Who holds the store's lock cannot be seen here: {error.strerror}.")
    if pid is None or not locks:
        return Check(LOCK, CheckState.UNKNOWN, "Who holds the store's lock cannot be seen here.")
    foreign = [lock.pid for lock in locks if not is_of(lock.pid, pid)]
    if foreign:
        names = ", ".join(f"{name_of(each) or 'a process that has ended'} (process {each})" for each in foreign)
        sentence = f"Beside the keeper the store is locked by {names}, so that no collection can begin."
        return Check(LOCK, CheckState.BAD, sentence, "End that process, or let it end: a backup may be under way.")
    return Check(LOCK, CheckState.GOOD, "Only the keeper and its registry have the store.")


def _program(binary: Path) -> Check:
    try:
        special = binary.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)
        has_capabilities = "security.capability" in _attributes(binary)
    except OSError as error:
        return Check(PROGRAM, CheckState.UNKNOWN, f"The registry's program cannot be seen here: {error.strerror}.")
    if special or has_capabilities:
        what = "is setuid or setgid" if special else "has file capabilities"
        sentence = f"The registry's program {what}, so that it would outlive a keeper that is killed."
        remedy = "Let the keeper start a program without them, and let it listen on a port above 1023."
        return Check(PROGRAM, CheckState.BAD, sentence, remedy)
    return Check(PROGRAM, CheckState.GOOD, "The registry's program ends with the keeper.")


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []  # this file system has no room for any
        raise


def _room(folder: Path, objects: int | None) -> Check:
    needed = max(LEAST_ROOM_BYTES, BYTES_PER_OBJECT * (objects or 0))
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return Check(ROOM, CheckState.UNKNOWN, f"How much room {folder} has is not known: {error.strerror}.")
    free = disk.f_bavail * disk.f_frsize
    said = f"{free // 1_000_000} MB are free in {folder}; what the collector prints may take {needed // 1_000_000} MB."
    if free < needed:
        return Check(ROOM, CheckState.BAD, said, "Make room there.")
    if free < 2 * needed:
        return Check(ROOM, CheckState.WARNING, said, "Make room there.")
    return Check(ROOM, CheckState.GOOD, said)


def _generation(version: str, generation: str) -> Check:
    found = _VERSION.match(version.rsplit(maxsplit=1)[-1]) if version.split() else None
    if found is None:
        return Check(GENERATION, CheckState.UNKNOWN, "The collector's version is not known.")
    if not generation.isdigit():
        return Check(GENERATION, CheckState.UNKNOWN, "The registry's generation is not known.")
    if found[1] != generation:
        sentence = f"The collector is of generation {found[1]}, but the registry of generation {generation}."
        return Check(GENERATION, CheckState.BAD, sentence, "Let the keeper start the registry's own program.")
    return Check(GENERATION, CheckState.GOOD, f"Registry and collector are of generation {generation}.")


def _same_registry(
    state: KeeperState, store: Path | None, pid: int | None, samples: Sequence[tuple[str, str, str]], url: str
) -> Check:
    keepers = _directory(_as_the_keeper_sees(pid, state.store)) if state.store else None
    ours = _directory(store) if store is not None else None
    if keepers is not None and ours is not None and not keepers.samefile(ours):
        sentence = f"The keeper's --store, {state.store}, is not HOLYSTONE_REGISTRY_STORE, {store}."
        return Check(SAME_REGISTRY, CheckState.BAD, sentence, "Let both name the root directory of the registry.")
    found = keepers or ours
    if found is None:
        return Check(SAME_REGISTRY, CheckState.UNKNOWN, "The keeper's store cannot be seen here.")
    if not samples:
        return Check(SAME_REGISTRY, CheckState.UNKNOWN, "No tag is known that the store could be known by.")
    try:
        is_there = any(_has_tag(found, *sample) for sample in samples)
    except OSError as error:
        return Check(SAME_REGISTRY, CheckState.UNKNOWN, f"The keeper's store cannot be read: {error.strerror}.")
    if not is_there:
        sentence = f"The keeper's store is not the one of the registry at {url or 'HOLYSTONE_REGISTRY_URL'}."
        repository, tag, _ = samples[0]
        remedy = (
            f"It does not hold {repository}:{tag}. Compare the keeper's --store with the registry's file, then sync."
        )
        return Check(SAME_REGISTRY, CheckState.BAD, sentence, remedy)
    return Check(SAME_REGISTRY, CheckState.GOOD, "The keeper's store holds what the registry answers with.")


def _directory(path: Path) -> Path | None:
    """The store's root, or the one that its lock file lies in; None where it cannot be seen."""
    try:
        found = path.stat().st_mode
        root = path if stat.S_ISDIR(found) else path.parent
        return root if os.access(root, os.R_OK | os.X_OK) else None
    except OSError:
        return None


def _has_tag(store: Path, repository: str, tag: str, digest: str) -> bool:
    """Whether the tag means this digest there, or did: it may have been pushed again since it was seen."""
    folder = store / REPOSITORIES / repository / "_manifests/tags" / tag
    try:
        with (folder / "current/link").open("rb") as link:
            if link.read(_LARGEST_LINK_BYTES) == digest.encode():
                return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (folder / "index" / digest.replace(":", "/") / "link").exists()


def _same_file(keepers: Path, ours: Path) -> Check:
    try:
        is_same = keepers.samefile(ours) or _bytes(keepers) == _bytes(ours)
    except OSError as error:
        return Check(SAME_FILE, CheckState.UNKNOWN, f"The two cannot be compared here: {error.strerror}.")
    if not is_same:
        sentence = f"HOLYSTONE_REGISTRY_CONFIG, {ours}, says other things than the file of the keeper's registry."
        return Check(SAME_FILE, CheckState.BAD, sentence, "Let it name the file that the keeper is started with.")
    return Check(SAME_FILE, CheckState.GOOD, "HOLYSTONE_REGISTRY_CONFIG is the file of the keeper's registry.")


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_CONFIG_BYTES)
