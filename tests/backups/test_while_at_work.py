"""Backups that are made while syncs, removals and a window's looks write: each is whole, and nobody is kept waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import Settings
from demo.build import image, layer
from demo.push import Pusher
from tests.backups.asked import ask, is_whole
from tests.backups.conftest import settings_in
from tests.records import Clock, open_records
from tests.registry_process import RegistryProcess
from webapp import scheduler
from webapp.backups.backup import back_up
from webapp.backups.schema import bring_to_newest
from webapp.catalogue.sync import sync
from webapp.parts import Parts
from webapp.registry.client import RegistryClient
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.wanted import Wanted

REPOSITORY = "team/api"
TAGS = 12


@pytest.fixture
def at_work(tmp_path: Path, registry: RegistryProcess, client: RegistryClient, clock: Clock) -> Iterator[Parts]:
    """An application in front of a registry with as many images as there are tags."""
    for number in range(TAGS):
        Pusher(registry.url).push(REPOSITORY, image([layer(f"{number}")]), [f"1.{number}"])
    settings: Settings = settings_in(tmp_path / "data", REGISTRY_URL=registry.url)
    settings.DATA_DIR.mkdir()
    bring_to_newest(settings.DATA_DIR / "holystone.db")
    records = open_records(settings.DATA_DIR / "holystone.db")
    yield Parts(settings, client, records.reading, records.writing, clock, lambda: 0.0)
    records.engine.dispose()


def test_every_backup_is_whole_and_names_what_each_removal_had_written_down_before_it_deleted(
    at_work: Parts, tmp_path: Path
) -> None:
    is_done, troubles = threading.Event(), list[BaseException]()

    def remove_all() -> None:
        try:
            for number in range(TAGS):
                wanted = Wanted(REPOSITORY, (f"1.{number}",))
                plan = preview(at_work.remover, wanted).plan
                remove(at_work.remover, wanted, Agreement(plan.fingerprint, f"key {number}", "alice", ""))
        except BaseException as error:  # noqa: BLE001  it is told below
            troubles.append(error)
        finally:
            is_done.set()

    def sync_on() -> None:
        try:
            while not is_done.is_set():
                assert sync(at_work.catalogue).problem == ""
                for job in (scheduler.beat, scheduler.look_for_trouble):
                    job(at_work)
        except BaseException as error:  # noqa: BLE001
            troubles.append(error)

    sync(at_work.catalogue)
    threads = [threading.Thread(target=each) for each in (remove_all, sync_on)]
    for each in threads:
        each.start()
    made: list[Path] = []
    while not is_done.is_set() or not made:
        made.append(back_up(at_work.settings, tmp_path / f"{len(made)}.db", at_work.now()).file)
    for each in threads:
        each.join()
    assert troubles == []
    counts = []
    for file in made:
        assert is_whole(file)
        (removals,) = ask(file, "SELECT count(*) FROM removals")[0]
        assert ask(file, "SELECT count(*) FROM journal_manifests") == [(removals,)]
        assert ask(file, "SELECT count(*) FROM removed_tags") == [(removals,)]
        counts.append(removals)
    assert counts == sorted(counts)
    assert len(set(counts)) > 1, "no backup was made between two removals"
