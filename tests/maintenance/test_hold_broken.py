"""A hold that holds nothing any more, whatever the keeper says of it: whoever makes a backup hears of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.maintenance.house import House, assert_read_write, utc_now
from tests.maintenance.test_holds import begin, end, the_hold, told
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import wait_for
from webapp.activities.models import ActivityKind, Outcome
from webapp.catalogue.models import RegistryMode
from webapp.maintenance import holds
from webapp.maintenance.hold_records import broken_hold, broken_words, until_words
from webapp.maintenance.holds import GONE, UNKNOWN
from webapp.maintenance.models import RunOutcome
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import cancel
from webapp.registry.client import RegistryClient
from webapp.runtime.orders import Phase

ENDED_BADLY = (ActivityKind.HOLD_ENDED, "alice", Outcome.FAILED)


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[RegistryProcess]:
    """A registry that takes writes, and that no keeper knows of."""
    with RegistryProcess(tmp_path / "by hand") as process:
        yield process


def words(house: House, later: timedelta = timedelta(0)) -> str:
    with house.reading() as session:
        row = broken_hold(session, utc_now() + later)
        return broken_words(row, utc_now() + later) if row else ""


def test_without_its_keeper_a_hold_ends_as_soon_as_the_registry_takes_writes(
    house: House, by_hand: RegistryProcess
) -> None:
    begin(house)
    house.keeper.kill()
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).outcome is None, "nobody writes to the storage, and the keeper may come back"
    house.client_url = by_hand.url
    end_interrupted_runs(house.maintainer)
    row = the_hold(house)
    assert (row.outcome, row.reason) == (RunOutcome.INTERRUPTED, GONE)
    assert told(house)[-1] == ENDED_BADLY
    assert house.registry_state().mode == RegistryMode.READ_WRITE


def test_a_registry_that_somebody_else_started_ends_the_hold_and_all_are_told(
    house: House, by_hand: RegistryProcess
) -> None:
    begin(house)
    end_interrupted_runs(house.maintainer)
    assert words(house) == ""
    house.other_urls = (by_hand.url,)
    end_interrupted_runs(house.maintainer)
    row = the_hold(house)
    assert row.outcome == RunOutcome.FAILED
    assert row.reason.startswith(f"{by_hand.url} took writes although the registry was held.")
    assert told(house)[-1] == ENDED_BADLY
    assert row.finished_at is not None
    until, ended = (until_words(each, utc_now()) for each in (row.until, row.finished_at))
    what = f"The hold by alice (backup) did not last until {until}: it had ended by {ended}. {by_hand.url} took writes"
    assert words(house).startswith(what)
    assert words(house, timedelta(days=2)) == ""
    assert_read_write(house)


def test_a_hold_that_ends_in_the_moment_of_a_look_ended_well(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    row = begin(house)

    def end_just_now(_client: RegistryClient) -> bool:
        cancel(house.keeper.folder, row.token)
        house.keeper.result(row.token)
        return True

    monkeypatch.setattr(holds, "takes_writes", end_just_now)
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).outcome is None
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).outcome == RunOutcome.STOPPED
    assert words(house) == ""


def test_a_hold_that_was_ended_on_purpose_is_not_told_as_broken_and_one_out_of_a_backup_not_for_ever(
    house: House,
) -> None:
    begin(house)
    end(house)
    assert words(house) == ""
    house.execute("UPDATE holds SET outcome = NULL, token = 'older', until = '2026-01-01 00:00:00'")
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).reason == UNKNOWN
    assert words(house) == ""


def test_a_keeper_that_hangs_leaves_the_hold_to_whoever_looks(house: House, by_hand: RegistryProcess) -> None:
    """It is not gone, so what it said last stands; only that the registry takes writes says otherwise."""
    begin(house)
    assert house.keeper.process is not None
    os.kill(house.keeper.process.pid, signal.SIGSTOP)
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).outcome is None
    house.client_url = by_hand.url
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).outcome == RunOutcome.FAILED
    os.kill(house.keeper.process.pid, signal.SIGCONT)
    wait_for(lambda: house.keeper.state().phase is Phase.SERVING, "the keeper has read that it is over")
