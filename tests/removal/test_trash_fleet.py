"""Every shape of the demo fleet goes into the trash and comes back, with the same digest and the same bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo.push import Pusher
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from tests.removal.stage import Stage
from tests.removal.trashing import collect, in_trash
from webapp.activities.models import Outcome
from webapp.registry.client import open_registry

Answers = dict[tuple[str, str], tuple[str, bytes]]


@pytest.fixture
def fleet(fleet_registry: RegistryProcess, records: Records, clock: Clock) -> Stage:
    """The demo fleet, whose removals go into the trash."""
    client = open_registry(fleet_registry.url)
    return in_trash(Stage(fleet_registry, client, Pusher(fleet_registry.url), records, clock))


def answers(fleet: Stage, repositories: list[str]) -> Answers:
    """Every tag with its media type and bytes."""
    found: Answers = {}
    for repository in repositories:
        for tag in fleet.tags(repository):
            answer = fleet.client.get_manifest(repository, tag)
            found[repository, tag] = (answer.media_type, answer.raw)
    return found


@pytest.mark.parametrize("reads_store", [True, False])
def test_the_whole_fleet_comes_back_byte_for_byte_after_a_collection(fleet: Stage, reads_store: bool) -> None:
    fleet = fleet if reads_store else replace(fleet, store=None)
    repositories = sorted(fleet.client.catalogue())
    before = answers(fleet, repositories)
    fleet.sync()
    for repository in repositories:
        assert fleet.remove(repository=repository).state == "done"
        assert fleet.tags(repository) == set()
    collect(fleet)
    assert {each.outcome for each in fleet.restore()} == {Outcome.DONE}
    assert answers(fleet, repositories) == before
