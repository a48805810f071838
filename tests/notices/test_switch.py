"""The dead man's switch is called once for each time of a window that went as it was meant, and for no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.notices.conftest import NAMES, Scene
from tests.notices.receivers import Receiver, Reply, receiver
from tests.notices.test_watch import deliveries
from webapp.maintenance.models import RunOutcome
from webapp.notices.channels import Channels
from webapp.notices.connection import Called
from webapp.notices.deliver import Messenger, deliver_due
from webapp.notices.models import DeliveryState
from webapp.windows.models import OccurrenceState

MEANT = (OccurrenceState.NOT_WORTH_IT, OccurrenceState.SKIPPED, OccurrenceState.PAUSED)


@pytest.fixture
def switch() -> Iterator[Receiver]:
    """Somebody who raises an alarm when nobody calls."""
    with receiver() as of:
        yield of


@pytest.fixture
def messenger(scene: Scene, switch: Receiver) -> Messenger:
    """Calls `switch`."""
    channels = Channels(switch=Called(switch.url, True))
    return Messenger(scene.records.reading, scene.records.writing, scene.clock, channels, NAMES)


def passes(scene: Scene, messenger: Messenger) -> None:
    for _pass in range(3):
        scene.look()
        deliver_due(messenger)
        scene.clock.advance(minutes=1)


def test_a_window_whose_run_succeeded_is_called_for_once(scene: Scene, switch: Receiver, messenger: Messenger) -> None:
    scene.occurrence(scene.window(), OccurrenceState.RUN, run=scene.run(RunOutcome.SUCCEEDED))
    passes(scene, messenger)
    assert [(each.method, each.path, each.body) for each in switch.got] == [
        ("GET", "/hooks/a-secret-path?token=another-secret", b"")
    ]


@pytest.mark.parametrize("state", MEANT)
def test_what_went_as_meant_is_called_for(
    scene: Scene, switch: Receiver, messenger: Messenger, state: OccurrenceState
) -> None:
    scene.occurrence(scene.window(), state)
    passes(scene, messenger)
    assert len(switch.got) == 1


@pytest.mark.parametrize("state", [each for each in OccurrenceState if each not in (*MEANT, OccurrenceState.RUN)])
def test_what_did_not_is_not(scene: Scene, switch: Receiver, messenger: Messenger, state: OccurrenceState) -> None:
    scene.occurrence(scene.window(), state)
    passes(scene, messenger)
    assert switch.got == []


@pytest.mark.parametrize("outcome", [each for each in RunOutcome if each != RunOutcome.SUCCEEDED] + [None])
def test_a_window_whose_run_did_not_succeed_is_not(
    scene: Scene, switch: Receiver, messenger: Messenger, outcome: RunOutcome | None
) -> None:
    scene.occurrence(scene.window(), OccurrenceState.RUN, run=scene.run(outcome))
    passes(scene, messenger)
    assert switch.got == []


def test_a_run_outside_a_window_is_not(scene: Scene, switch: Receiver, messenger: Messenger) -> None:
    scene.run(RunOutcome.SUCCEEDED)
    passes(scene, messenger)
    assert switch.got == []


def test_a_call_that_is_not_answered_is_made_again(scene: Scene, switch: Receiver, messenger: Messenger) -> None:
    switch.reply = lambda _got: Reply(502)
    scene.occurrence(scene.window(), OccurrenceState.NOT_WORTH_IT)
    passes(scene, messenger)
    switch.reply = lambda _got: Reply()
    passes(scene, messenger)
    assert deliveries(scene)[0].state == DeliveryState.SENT
    assert len({each.headers["Holystone-Delivery"] for each in switch.got}) == 1


def test_what_went_well_days_ago_is_not_called_for_now(scene: Scene, switch: Receiver, messenger: Messenger) -> None:
    scene.occurrence(scene.window(), OccurrenceState.NOT_WORTH_IT)
    scene.clock.advance(hours=25)
    passes(scene, messenger)
    assert switch.got == []


def test_without_an_address_nothing_is_written_down(scene: Scene) -> None:
    scene.watch = replace(scene.watch, calls_switch=False)
    scene.occurrence(scene.window(), OccurrenceState.NOT_WORTH_IT)
    scene.look()
    assert deliveries(scene) == []
