"""The jobs of the scheduler, one after the other, in front of a registry that goes away and comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config import read_settings
from tests.notices.receivers import Receiver, receiver
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from webapp import scheduler
from webapp.catalogue.sync import sync
from webapp.parts import Parts
from webapp.registry.client import open_registry

JOBS = (scheduler.ask_the_registry, scheduler.look_for_trouble, scheduler.send_notices)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A server that takes everything."""
    with receiver() as of:
        yield of


@pytest.fixture
def parts(records: Records, clock: Clock, registry: RegistryProcess, hooks: Receiver, tmp_path: Path) -> Parts:
    """The parts of an application in front of `registry`, which tells `hooks`."""
    given = {
        "SECRET_KEY": "k" * 64,
        "DATA_DIR": str(tmp_path),
        "REGISTRY_URL": registry.url,
        "REGISTRY_PUBLIC_NAME": "registry.example",
        "WEBHOOK_URL": hooks.url,
        "PRIVATE_WEBHOOKS": "true",
    }
    return Parts(
        settings=read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}),
        registry=open_registry(registry.url, connect_timeout_s=2, read_timeout_s=10),
        reading=records.reading,
        writing=records.writing,
        now=clock,
        monotonic=lambda: 0.0,
    )


def go_on(parts: Parts, clock: Clock, minutes: int) -> None:
    for _minute in range(minutes):
        clock.advance(minutes=1)
        for job in JOBS:
            job(parts)


def test_a_registry_that_goes_away_for_six_minutes_is_told_twice(
    parts: Parts, clock: Clock, registry: RegistryProcess, hooks: Receiver
) -> None:
    sync(parts.catalogue)
    go_on(parts, clock, 1)
    registry.stop()
    go_on(parts, clock, 8)
    registry.start()
    go_on(replace(parts), clock, 3)
    told = [json.loads(each.body) for each in hooks.got]
    assert [(each["event"], each["kind"]) for each in told] == [
        ("began", "registry_unreachable"),
        ("ended", "registry_unreachable"),
    ]
    assert told[1]["sentence"].startswith("Solved after 8 minutes: The registry cannot be reached")


def test_a_registry_that_was_asked_a_moment_ago_is_not_asked_again(
    parts: Parts, clock: Clock, registry: RegistryProcess
) -> None:
    sync(parts.catalogue)
    registry.stop()
    clock.advance(seconds=30)
    scheduler.ask_the_registry(parts)
    with parts.reading() as session:
        assert scheduler.registry_state(session).mode == "read-write"


def test_all_jobs_are_started(parts: Parts) -> None:
    of = scheduler.start(parts)
    try:
        names = {job.id for job in of.get_jobs()}
    finally:
        of.shutdown()
    assert {each.__name__ for each in JOBS} | {"forget_old_notices"} <= names
