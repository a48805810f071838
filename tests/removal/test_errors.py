"""A registry that refuses, is away or does not answer: nothing is recorded as deleted that is not, and each says why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from demo.push import Pusher
from tests.records import Clock, Records
from tests.registry.odd_registry import Asked, OddRegistry, Reply, odd_registry
from tests.registry_process import PASSWORD, USERNAME, RegistryProcess
from tests.removal.stage import API, Meddler, Stage, build, once, reasons, states, steps
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.errors import Denied, RegistryUnreachable, Unauthorised
from webapp.removal.recovery import recover

NOT_DELETED = {"1.0": "failed", "2.0": "failed"}


def two_images(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()


def test_a_read_only_registry_deletes_nothing_and_says_so(stage: Stage) -> None:
    two_images(stage)
    stage.registry.restart(read_only=True)

    removal = stage.remove()

    assert (removal.state, states(removal)) == ("failed", NOT_DELETED)
    assert sorted(reasons(removal).values()) == [
        "Not tried. The registry is read-only at present.",
        "The registry is read-only at present.",
    ]
    assert {outcome for _, outcome, _ in stage.activities()} == {"failed"}
    assert stage.tags() == stage.catalogued() == {"1.0", "2.0"}


def test_a_registry_without_deletes_says_which_setting_it_is(stage: Stage) -> None:
    two_images(stage)
    stage.registry.restart(deletes=False)

    removal = stage.remove("1.0")

    assert states(removal) == {"1.0": "failed"}
    assert "storage.delete.enabled" in reasons(removal)["1.0"]
    assert stage.catalogued() == {"1.0", "2.0"}


def test_a_registry_that_does_not_accept_the_password_is_asked_for_nothing_more(
    tmp_path: Path, records: Records, clock: Clock
) -> None:
    with RegistryProcess(tmp_path / "locked", htpasswd=True) as registry:
        Pusher(registry.url, USERNAME, PASSWORD).push(API, build("one"), ["1.0"])
        stranger = Stage(registry, open_registry(registry.url), None, records, clock)  # type: ignore[arg-type]

        with pytest.raises(Unauthorised):
            stranger.remove("1.0")

        owner = open_registry(registry.url, USERNAME, PASSWORD)
        stage = Stage(registry, owner, None, records, clock)  # type: ignore[arg-type]
        stage.sync()
        stage.press(stage.look("1.0"), stranger_from_now_on := Stranger(owner, stranger.client))

    assert stranger_from_now_on.refused == 1
    assert states(stage.removals()[0]) == {"1.0": "failed"}
    assert "user name and password" in reasons(stage.removals()[0])["1.0"]


class Stranger(RegistryClient):
    """May read; its deletes go out without a password."""

    def __init__(self, reads: RegistryClient, deletes: RegistryClient) -> None:
        super().__init__(reads._transport)
        self._deletes = deletes
        self.refused = 0

    def delete_manifest(self, repository: str, digest: str) -> None:
        self.refused += 1
        self._deletes.delete_manifest(repository, digest)


def test_a_proxy_that_denies_is_believed(stage: Stage, client: RegistryClient) -> None:
    two_images(stage)

    class Refusing(Meddler):
        def delete_manifest(self, repository: str, digest: str) -> None:
            raise Denied("only the release team deletes")

    removal = stage.remove("1.0", client=Refusing(client))

    assert reasons(removal)["1.0"] == "The registry does not allow this: only the release team deletes."
    assert stage.tags() == {"1.0", "2.0"}


def test_a_registry_that_is_away_before_the_button_leaves_no_record(stage: Stage) -> None:
    two_images(stage)
    looked = stage.look("1.0")
    stage.registry.stop()

    with pytest.raises(RegistryUnreachable):
        stage.press(looked)

    assert (stage.removals(), stage.activities()) == ([], [])


def test_a_registry_that_goes_away_before_the_delete_is_asked_again_later(stage: Stage, client: RegistryClient) -> None:
    two_images(stage)
    meddler = Meddler(client)
    meddler.before_delete = once(stage.registry.stop)

    removal = stage.remove("1.0", client=meddler)

    assert (removal.state, states(removal)) == ("unknown", {"1.0": "unknown"})
    assert stage.catalogued() == {"1.0", "2.0"}

    stage.registry.start()
    recover(stage.remover)

    assert (stage.removals()[0].state, states(stage.removals()[0])) == ("failed", {"1.0": "failed"})
    assert stage.activities()[0][1] == "failed"
    assert stage.pulls("1.0")


def test_a_registry_that_goes_away_after_the_delete_is_asked_again_later(stage: Stage, client: RegistryClient) -> None:
    two_images(stage)
    meddler = Meddler(client)
    meddler.after_delete = once(stage.registry.stop)

    removal = stage.remove("1.0", client=meddler)

    assert (removal.state, states(removal)) == ("unknown", {"1.0": "unknown"})
    assert set(steps(removal).values()) == {"unknown"}
    assert stage.activities()[0][1] == "unknown"

    stage.registry.start()
    recover(stage.remover)

    assert (stage.removals()[0].state, states(stage.removals()[0])) == ("done", {"1.0": "deleted"})
    assert stage.activities() == [("1.0", "done", "")]
    assert stage.catalogued() == {"2.0"}


@contextmanager
def swallowing(registry: RegistryProcess, *, carry_out: bool) -> Iterator[OddRegistry]:
    """A proxy that never answers a DELETE, whether it passes it on or not."""

    def reply(asked: Asked) -> Reply:
        passed_on = requests.request(
            "GET" if asked.method == "DELETE" and not carry_out else asked.method,
            registry.url + asked.path,
            headers={"Accept": asked.headers.get("Accept", "*/*")},
            timeout=10,
        )
        if asked.method == "DELETE":
            return Reply(202, b"held back", stalls=True)
        return Reply(passed_on.status_code, passed_on.content, passed_on.headers)

    with odd_registry(reply) as proxy:
        yield proxy


def test_a_deletion_whose_answer_is_lost_is_found_by_looking_again(stage: Stage) -> None:
    two_images(stage)
    looked = stage.look("1.0")

    with swallowing(stage.registry, carry_out=True) as proxy:
        removal = stage.press(looked, open_registry(proxy.url, read_timeout_s=2))

    assert proxy.methods.count("DELETE") == 1
    assert (removal.state, states(removal)) == ("done", {"1.0": "deleted"})
    assert stage.tags() == {"2.0"}


def test_deletions_that_may_still_be_under_way_are_unknown_until_looked_up_and_three_of_them_end_all(
    stage: Stage,
) -> None:
    for name in ("one", "two", "three", "four", "five"):
        stage.push(name, name)
    stage.sync()
    looked = stage.look()

    with swallowing(stage.registry, carry_out=False) as proxy:
        removal = stage.press(looked, open_registry(proxy.url, read_timeout_s=2))

    assert proxy.methods.count("DELETE") == 3
    assert sorted(states(removal).values()) == ["failed", "failed", "unknown", "unknown", "unknown"]
    assert removal.state == "unknown"

    recover(stage.remover)

    assert stage.removals()[0].state == "failed"
    assert set(states(stage.removals()[0]).values()) == {"failed"}
    assert len(stage.tags()) == 5


def test_looking_up_deletes_nothing(stage: Stage, client: RegistryClient) -> None:
    two_images(stage)
    meddler = Meddler(client)
    meddler.before_delete = once(stage.registry.stop)
    stage.remove(client=meddler)
    stage.registry.start()
    looker = Meddler(client)

    recover(stage.remover_with(looker))

    assert looker.deleted == []
    assert stage.tags() == {"1.0", "2.0"}
    assert all(steps(each)[digest] == "failed" for each in stage.removals() for digest in steps(each))


def test_a_registry_that_is_still_away_leaves_it_unknown(stage: Stage, client: RegistryClient) -> None:
    two_images(stage)
    meddler = Meddler(client)
    meddler.after_delete = once(stage.registry.stop)
    stage.remove("1.0", client=meddler)

    recover(stage.remover)

    assert stage.removals()[0].state == "unknown"


def test_a_look_that_fails_deletes_nothing(stage: Stage, client: RegistryClient) -> None:
    two_images(stage)
    meddler = Meddler(client)
    listed = threading.Event()

    def away_at_the_second_list() -> None:
        if listed.is_set():
            stage.registry.stop()
        listed.set()

    meddler.before_list = away_at_the_second_list

    stage.press(stage.look("1.0"), meddler)
    stage.registry.start()

    assert meddler.deleted == []
    assert stage.tags() == {"1.0", "2.0"}
