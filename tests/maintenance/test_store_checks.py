"""What the real collector makes of a store that is broken, and whether we say so before it is asked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from demo.build import Built, image, layer
from demo.push import Pusher
from tests.registry_process import BINARY, RegistryProcess
from webapp.checks import Check, CheckState
from webapp.maintenance.store_checks import LINKS, MANIFESTS, MOST_NAMED, TAGS, store_faults
from webapp.maintenance.uploads import wait_for_quiet

LAYOUT = "docker/registry/v2"
GOOD, WARNING, BAD, UNKNOWN = CheckState.GOOD, CheckState.WARNING, CheckState.BAD, CheckState.UNKNOWN
REPOSITORY = "team/api"


@dataclass(frozen=True)
class Stored:
    """A registry's store that holds team/api:kept and zoo:1, with nothing to collect, and where things are in it."""

    store: Path
    config: Path
    kept: Built

    @property
    def repository(self) -> Path:
        return self.store / LAYOUT / "repositories" / REPOSITORY

    @property
    def tag_link(self) -> Path:
        return self.repository / "_manifests/tags/kept/current/link"

    @property
    def revision_link(self) -> Path:
        return self.repository / "_manifests/revisions" / self.kept.digest.replace(":", "/") / "link"

    @property
    def layer_link(self) -> Path:
        return min((self.repository / "_layers").rglob("link"))

    @property
    def manifest(self) -> Path:
        hexadecimal = self.kept.digest.partition(":")[2]
        return self.store / LAYOUT / "blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"

    def dry_run(self) -> tuple[int, str]:
        """What the real collector would do: its exit code, and all it prints."""
        command = [BINARY, "garbage-collect", "--dry-run", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> tuple[RegistryProcess, Built]:
    """A store, made once; copy it, never change it."""
    registry = RegistryProcess(tmp_path_factory.mktemp("pushed"))
    with registry:
        kept = Pusher(registry.url).push(REPOSITORY, image([layer("kept")]), ["kept"])
        Pusher(registry.url).push("zoo", image([layer("zoo")]), ["1"])
    return registry, kept


@pytest.fixture
def stored(pushed: tuple[RegistryProcess, Built], tmp_path: Path) -> Stored:
    registry, kept = pushed
    shutil.copytree(registry.store, tmp_path / "store")
    config = tmp_path / "registry.json"
    config.write_text(registry.config.read_text().replace(str(registry.store), str(tmp_path / "store")))
    return Stored(tmp_path / "store", config, kept)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryProcess]:
    with RegistryProcess(tmp_path) as process:
        yield process


def at_once(_seconds: float) -> None:
    """No pause between two looks at what nobody writes."""


def found_in(store: Path) -> dict[str, Check]:
    return {check.name: check for check in store_faults(store, at_once)}


def cut(path: Path, to_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:to_bytes])


def fewer_layers(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "layers": []}))


ENDS, SWEEPS_WHAT_IS_USED, GOES_ON = "ends", "sweeps what is used", "goes on"

BREAKS: dict[str, tuple[Callable[[Stored], object], str, str, str]] = {
    "an empty link of a revision": (lambda it: cut(it.revision_link, 0), ENDS, LINKS, "its link is empty"),
    "a cut link of a revision": (lambda it: cut(it.revision_link, 30), ENDS, LINKS, "its link does not name it"),
    "a link with a line's end": (
        lambda it: it.revision_link.write_text(f"{it.kept.digest}\n"),
        *(ENDS, LINKS, "its link does not name it"),
    ),
    "a link to what is not there": (
        lambda it: it.revision_link.write_text(f"sha256:{'0' * 64}"),
        *(SWEEPS_WHAT_IS_USED, LINKS, "its link does not name it"),
    ),
    "a manifest that is missing": (
        lambda it: it.manifest.unlink(),
        *(SWEEPS_WHAT_IS_USED, MANIFESTS, "its bytes are missing"),
    ),
    "an empty manifest": (lambda it: cut(it.manifest, 0), ENDS, MANIFESTS, "it is empty"),
    "a cut manifest": (lambda it: cut(it.manifest, 100), ENDS, MANIFESTS, "not those of its digest"),
    "a manifest that is no JSON": (
        lambda it: it.manifest.write_bytes(b"x" * 500),
        *(ENDS, MANIFESTS, "not those of its digest"),
    ),
    "a manifest with other layers": (
        lambda it: fewer_layers(it.manifest),
        *(SWEEPS_WHAT_IS_USED, MANIFESTS, "not those of its digest"),
    ),
    "a manifest that is too large": (
        lambda it: it.manifest.write_bytes(b" " * (4 * 1024 * 1024 + 1)),
        *(ENDS, MANIFESTS, "it is too large"),
    ),
    "tags without a folder of manifests": (
        lambda it: shutil.rmtree(it.repository / "_manifests/revisions"),
        *(SWEEPS_WHAT_IS_USED, MANIFESTS, "the folder of its manifests is missing"),
    ),
    "a revision without its link": (
        lambda it: it.revision_link.unlink(),
        *(SWEEPS_WHAT_IS_USED, TAGS, "its manifest is not there"),
    ),
    "an empty link of a tag": (lambda it: cut(it.tag_link, 0), GOES_ON, LINKS, "its link is empty"),
    "a cut link of a tag": (lambda it: cut(it.tag_link, 30), GOES_ON, TAGS, "its manifest is not there"),
    "an empty link of a layer": (lambda it: cut(it.layer_link, 0), GOES_ON, LINKS, "its link is empty"),
    "a cut link of a layer": (lambda it: cut(it.layer_link, 30), GOES_ON, LINKS, "its link is cut off"),
}


@pytest.mark.parametrize(("broken", "then", "name", "what"), BREAKS.values(), ids=BREAKS.keys())
def test_what_the_collector_stumbles_over_is_found_and_named(
    broken: Callable[[Stored], object], then: str, name: str, what: str, stored: Stored
) -> None:
    broken(stored)
    code, printed = stored.dry_run()
    seen = ENDS if code else GOES_ON if ", 0 blobs and" in printed else SWEEPS_WHAT_IS_USED
    assert seen == then, printed
    check = found_in(stored.store)[name]
    assert check.state is (WARNING if name == TAGS else BAD)
    assert check.lines.startswith(REPOSITORY)
    assert what in check.lines
    assert check.remedy


def test_a_whole_store_is_good_and_the_collector_finds_nothing_to_delete(stored: Stored) -> None:
    assert stored.dry_run()[0] == 0
    assert {check.state for check in found_in(stored.store).values()} == {GOOD}


def test_what_a_delete_leaves_behind_is_no_fault(registry: RegistryProcess) -> None:
    pusher = Pusher(registry.url)
    gone = pusher.push(REPOSITORY, image([layer("gone")]), ["gone"])
    pusher.push(REPOSITORY, image([layer("kept")]), ["kept"])
    requests.delete(f"{registry.url}/v2/{REPOSITORY}/manifests/{gone.digest}", timeout=5).raise_for_status()
    assert {check.state for check in found_in(registry.store).values()} == {GOOD}
    registry.collect()
    assert {check.state for check in found_in(registry.store).values()} == {GOOD}


def test_at_most_ten_are_named_and_the_rest_is_counted(stored: Stored) -> None:
    for number in range(MOST_NAMED + 3):
        link = stored.repository / f"_layers/sha256/{number:064x}/link"
        link.parent.mkdir()
        link.touch()
    check = found_in(stored.store)[LINKS]
    assert check.sentence.startswith("13 are broken.")
    assert len(check.lines.splitlines()) == MOST_NAMED + 1
    assert check.lines.endswith("and 3 more")


def test_names_that_are_no_text_are_shown_all_the_same(stored: Stored) -> None:
    odd = Path(os.fsdecode(bytes(stored.repository.parent) + b"/\xff"))
    stored.repository.rename(odd)
    cut(odd / "_manifests/tags/kept/current/link", 0)
    found_in(stored.store)[LINKS].lines.encode()


def test_a_store_that_cannot_be_looked_into_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for store in (None, tmp_path, tmp_path / "absent", tmp_path / "file"):
        checks = store_faults(store, at_once)
        assert [check.state for check in checks] == [UNKNOWN] * 3
        assert all(check.sentence.endswith(".") for check in checks)


def test_a_folder_that_leads_round_in_a_circle_is_unknown(stored: Stored) -> None:
    (stored.store / LAYOUT / "repositories/round").symlink_to(".")
    assert {check.state for check in found_in(stored.store).values()} == {UNKNOWN}


def test_a_link_that_is_being_written_is_looked_at_again(stored: Stored) -> None:
    whole = stored.revision_link.read_bytes()
    cut(stored.revision_link, 0)
    checks = store_faults(stored.store, lambda _seconds: stored.revision_link.write_bytes(whole))
    assert {check.state for check in checks} == {GOOD}


def test_a_link_that_is_empty_twice_but_written_in_between_is_no_fault(stored: Stored) -> None:
    cut(stored.tag_link, 0)
    checks = store_faults(stored.store, lambda _seconds: os.utime(stored.tag_link))
    assert {check.state for check in checks} == {GOOD}


def test_beside_a_registry_that_is_pushed_to_and_deleted_from_there_is_no_false_alarm(
    registry: RegistryProcess,
) -> None:
    pusher, stop = Pusher(registry.url), threading.Event()
    pusher.push(REPOSITORY, image([layer("first")]), ["kept"])

    def push_and_delete() -> None:
        for number in range(10_000):
            built = pusher.push(REPOSITORY, image([layer(f"{number % 7}")], created=f"{number}"), ["latest", "kept"])
            requests.delete(f"{registry.url}/v2/{REPOSITORY}/manifests/{built.digest}", timeout=5)
            if stop.is_set():
                return

    thread = threading.Thread(target=push_and_delete)
    thread.start()
    try:
        for _ in range(100):
            checks = store_faults(registry.store, lambda _seconds: time.sleep(0.05))
            assert {check.state for check in checks} == {GOOD}
    finally:
        stop.set()
        thread.join()


def test_twenty_thousand_blobs_and_two_thousand_manifests_take_about_a_second(stored: Stored) -> None:
    layers = stored.repository / "_layers/sha256"
    for number in range(18_000):
        hexadecimal = hashlib.sha256(b"layer %d" % number).hexdigest()
        (layers / hexadecimal).mkdir()
        (layers / hexadecimal / "link").write_text(f"sha256:{hexadecimal}")
    original = stored.manifest.read_bytes()
    for number in range(2_000):
        raw = original + b" " * number
        hexadecimal = hashlib.sha256(raw).hexdigest()
        data = stored.store / LAYOUT / "blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_bytes(raw)
        link = stored.revision_link.parent.parent / hexadecimal / "link"
        link.parent.mkdir(exist_ok=True)
        link.write_text(f"sha256:{hexadecimal}")
    began = time.process_time()
    assert {check.state for check in found_in(stored.store).values()} == {GOOD}
    assert time.process_time() - began < 3


def an_upload(registry: RegistryProcess) -> str:
    """The address of an upload that has begun."""
    answer = requests.post(f"{registry.url}/v2/{REPOSITORY}/blobs/uploads/", timeout=5)
    return answer.headers["Location"]


def test_an_upload_that_lies_there_does_not_move_and_one_that_grows_does(registry: RegistryProcess) -> None:
    Pusher(registry.url).push(REPOSITORY, image([layer("kept")]), ["kept"])
    location = requests.patch(an_upload(registry), data=b"x" * 100, timeout=5).headers["Location"]
    assert wait_for_quiet(registry.store, time.monotonic, 0.0, 0.1, lambda: True)
    later = threading.Timer(0.1, lambda: requests.patch(location, data=b"y" * 100, timeout=5))
    later.start()
    assert not wait_for_quiet(registry.store, time.monotonic, 0.0, 0.5, lambda: True)
    later.join()
    assert wait_for_quiet(registry.store, time.monotonic, 0.0, 0.1, lambda: True)


def test_an_upload_that_begins_or_ends_moves(registry: RegistryProcess) -> None:
    Pusher(registry.url).push(REPOSITORY, image([layer("kept")]), ["kept"])
    begun = an_upload(registry)
    for act in (lambda: an_upload(registry), lambda: requests.delete(begun, timeout=5)):
        later = threading.Timer(0.1, act)
        later.start()
        assert not wait_for_quiet(registry.store, time.monotonic, 0.0, 0.5, lambda: True)
        later.join()


def test_an_upload_that_came_and_went_between_two_looks_has_moved(registry: RegistryProcess) -> None:
    Pusher(registry.url).push(REPOSITORY, image([layer("kept")]), ["kept"])
    later = threading.Timer(0.1, lambda: Pusher(registry.url).push(REPOSITORY, image([layer("new")]), ["new"]))
    later.start()
    assert not wait_for_quiet(registry.store, time.monotonic, 0.0, 1.0, lambda: True)
    later.join()


def test_the_wait_ends_with_the_last_byte_or_when_it_may_not_go_on_or_in_time(registry: RegistryProcess) -> None:
    pusher, stop = Pusher(registry.url), threading.Event()

    def push() -> None:
        for number in range(10_000):
            pusher.push(REPOSITORY, image([layer(f"{number}", 100_000)]), ["kept"])
            if stop.is_set():
                return

    thread = threading.Thread(target=push)
    thread.start()
    try:
        began = time.monotonic()
        assert not wait_for_quiet(registry.store, time.monotonic, 0.5, 0.2, lambda: True)
        assert time.monotonic() - began < 5
        assert not wait_for_quiet(registry.store, time.monotonic, 600, 0.2, lambda: False)
        threading.Timer(0.5, stop.set).start()
        assert wait_for_quiet(registry.store, time.monotonic, 600, 0.3, lambda: True)
        assert stop.is_set()
    finally:
        stop.set()
        thread.join()


def test_a_store_that_is_not_there_is_quiet(tmp_path: Path) -> None:
    assert wait_for_quiet(tmp_path, time.monotonic, 0.0, 0.01, lambda: True)
