"""A registry that deletes tags by name: the way is found by asking, and no stand-in of ours is ever put."""

from __future__ import annotations

import pytest

from tests.removal.registry3 import registry3
from tests.removal.stage import Stage, reasons, stand_ins, states
from tests.removal.watching import Watcher, all_pull
from webapp.registry.capabilities import deletes_tags
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.errors import DeletesDisabled
from webapp.removal import batches
from webapp.removal.recovery import recover

TAGS = tuple(f"1.{number}" for number in range(12))


def test_the_way_is_found_by_asking_and_asking_changes_nothing(stage: Stage) -> None:
    stage.push("one", "1.0", "latest")

    with registry3(stage.registry) as proxy:
        assert deletes_tags(open_registry(proxy.url))
        assert not deletes_tags(stage.client)

    assert proxy.tags_deleted == []
    assert stage.tags() == {"1.0", "latest"}
    assert set((stage.registry.store / "docker/registry/v2/repositories").iterdir()) == {stage.links.parent.parent}


def test_one_tag_goes_by_its_name(stage: Stage) -> None:
    stage.push("one", "1.0", "latest")
    stage.sync()
    looked = stage.look("1.0")

    with registry3(stage.registry) as proxy:
        watcher = Watcher(open_registry(proxy.url))
        removal = stage.press(looked, watcher)

    assert states(removal) == {"1.0": "deleted"}
    assert watcher.changes == [("DELETE", "1.0")]
    assert (proxy.tags_deleted, [each for each in proxy.changes if each[0] == "PUT"]) == (["1.0"], [])
    assert stage.tags() == stage.catalogued() == {"latest"}
    assert stage.pulls("latest")


def test_many_at_once_go_by_their_names_and_then_their_manifests(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "UNTAG_FIRST_FROM", 10)
    for number, tag in enumerate(TAGS):
        stage.push(f"build {number}", tag)
    stage.sync()
    looked = stage.look()

    with registry3(stage.registry) as proxy:
        removal = stage.press(looked, open_registry(proxy.url))

    assert states(removal) == dict.fromkeys(TAGS, "deleted")
    assert set(proxy.tags_deleted) == set(TAGS)
    assert [method for method, _ in proxy.changes if method == "PUT"] == []
    assert {step.state.value for step in removal.steps} == {"deleted"}
    assert stage.tags() == set()


@pytest.mark.parametrize("heeds", [True, False], ids=["3.1.1", "3.0 and 3.1.0"])
def test_with_deletes_disabled_nothing_is_deleted_although_some_registries_would(stage: Stage, heeds: bool) -> None:
    """CVE-2026-41888: these delete a tag all the same."""
    stage.push("one", "1.0", "latest")
    stage.sync()
    stage.registry.restart(deletes=False)
    looked = stage.look("1.0")

    with registry3(stage.registry, heeds_disabled=heeds) as proxy:
        with pytest.raises(DeletesDisabled):
            deletes_tags(open_registry(proxy.url))
        removal = stage.press(looked, Watcher(open_registry(proxy.url)))

    assert states(removal) == {"1.0": "failed"}
    assert "storage.delete.enabled" in reasons(removal)["1.0"]
    assert proxy.tags_deleted == []
    assert stand_ins(stage) == []
    assert all_pull(stage, ["1.0", "latest"])


def test_a_tag_pushed_anew_since_the_button_stays(stage: Stage) -> None:
    stage.push("one", "1.0", "latest")
    stage.sync()
    looked = stage.look("1.0")

    with registry3(stage.registry) as proxy:
        removal = stage.press(looked, open_registry(proxy.url), started=lambda _: stage.push("two", "1.0"))

    assert states(removal) == {"1.0": "kept"}
    assert proxy.tags_deleted == []
    assert stage.pulls("1.0")


def test_a_deletion_by_name_whose_process_is_gone_is_looked_up(stage: Stage) -> None:
    stage.push("one", "1.0", "latest")
    stage.sync()
    looked = stage.look("1.0")

    class Killed(BaseException):
        pass

    class DiesAfterwards(RegistryClient):
        def delete_tag(self, repository: str, tag: str) -> None:
            super().delete_tag(repository, tag)
            if not repository.startswith("holystone-"):
                raise Killed

    with registry3(stage.registry) as proxy, pytest.raises(Killed):
        stage.press(looked, DiesAfterwards(open_registry(proxy.url)._transport))
    recover(stage.remover)

    (removal,) = stage.removals()
    assert (removal.state, states(removal)) == ("done", {"1.0": "deleted"})
    assert stage.activities() == [("1.0", "done", "")]
    assert stage.pulls("latest")


def test_a_tag_without_a_manifest_goes_by_its_name(stage: Stage) -> None:
    built = stage.push("one", "1.0", "latest")
    stage.untag_on_disk(built.digest)
    stage.sync()
    looked = stage.look("1.0")

    with registry3(stage.registry) as proxy:
        removal = stage.press(looked, open_registry(proxy.url))

    assert states(removal) == {"1.0": "deleted"}
    assert (proxy.tags_deleted, stage.tags()) == (["1.0"], {"latest"})
