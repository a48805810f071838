"""A hold from Holystone's side: proved, told, ended by the keeper, and written down by whoever comes next."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from sqlalchemy import select

from demo.build import Built
from tests.maintenance.house import House, assert_read_write, open_records, utc_now
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.catalogue.models import RegistryMode
from webapp.database import writing_to
from webapp.maintenance.holds import HOW_LONG, HoldFailed, ask_to_end, hold, open_holds
from webapp.maintenance.models import Hold, RunKind, RunOutcome
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import RunUnderWay, cancel, run
from webapp.runtime.orders import Phase


def begin(house: House, minutes: float = 30) -> Hold:
    hold(house.maintainer, utc_now() + timedelta(minutes=minutes), "alice", "192.0.2.1", "backup", house.strategy)
    return the_hold(house)


def the_hold(house: House) -> Hold:
    with house.reading() as session:
        return session.scalars(select(Hold)).one()


def end(house: House) -> Hold:
    """What the button does."""
    row = the_hold(house)
    with writing_to(house.engine)() as session:
        assert ask_to_end(session, row.id, "bob")
    cancel(house.keeper.folder, row.token)
    house.keeper.result(row.token)
    end_interrupted_runs(house.maintainer)
    return the_hold(house)


def told(house: House) -> list[tuple[ActivityKind, str, Outcome]]:
    with house.reading() as session:
        rows = session.scalars(select(Activity).order_by(Activity.id)).all()
    return [(each.kind, each.actor, each.outcome) for each in rows]


def test_a_hold_is_proved_and_told_and_lives_without_us(house: House) -> None:
    row = begin(house)
    assert row.outcome is None
    assert "write methods were refused" in row.reason
    state = house.registry_state()
    assert (state.mode, state.mode_sentence) == (RegistryMode.READ_ONLY, "It is held read-only by alice: backup.")
    assert state.mode_until == row.until
    assert not accepts_writes(house.keeper.url)
    end_interrupted_runs(house.maintainer)
    assert the_hold(house).outcome is None, "the keeper ends it, nobody else"
    row = end(house)
    assert (row.outcome, row.reason) == (RunOutcome.STOPPED, "bob ended it early.")
    assert house.registry_state().mode == RegistryMode.READ_WRITE
    assert told(house) == [
        (ActivityKind.HOLD_STARTED, "alice", Outcome.DONE),
        (ActivityKind.HOLD_ENDED, "bob", Outcome.DONE),
    ]
    assert_read_write(house)


def test_nothing_begins_while_the_registry_is_held(house: House, gone: Built) -> None:
    begin(house)
    with pytest.raises(RunUnderWay):
        run(house.maintainer, RunKind.COLLECT, "bob", "192.0.2.2")
    with pytest.raises(RunUnderWay):
        hold(house.maintainer, utc_now() + timedelta(hours=1), "bob", "192.0.2.2")
    end(house)
    assert house.run().outcome == RunOutcome.SUCCEEDED


@pytest.mark.parametrize("minutes", [-5, 0.5, 24 * 60 + 1])
def test_a_hold_of_no_sensible_length_is_refused(house: House, minutes: float) -> None:
    with pytest.raises(HoldFailed, match=HOW_LONG):
        begin(house, minutes)
    assert accepts_writes(house.keeper.url)


def test_a_registry_that_goes_on_taking_writes_is_not_held(house: House) -> None:
    house.keeper.tell("writable", "reader")
    with pytest.raises(HoldFailed, match="still takes writes"):
        begin(house)
    row = the_hold(house)
    assert (row.outcome, "still takes writes" in row.reason) == (RunOutcome.FAILED, True)
    assert told(house) == [(ActivityKind.HOLD_STARTED, "alice", Outcome.FAILED)]
    assert_read_write(house)


def test_a_keeper_that_was_restarted_has_ended_the_hold(house: House) -> None:
    begin(house)
    house.keeper.kill()
    house.keeper.start()
    end_interrupted_runs(house.maintainer)
    row = the_hold(house)
    assert (row.outcome, row.reason) == (RunOutcome.INTERRUPTED, "The keeper, or its machine, was restarted.")
    assert told(house)[-1] == (ActivityKind.HOLD_ENDED, "alice", Outcome.FAILED)
    assert_read_write(house)


def test_a_hold_whose_process_was_killed_before_its_proof_is_proved_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.engine.dispose()
    child = os.fork()
    if child == 0:
        try:
            house.engine = open_records(house.records)
            monkeypatch.setattr("webapp.maintenance.holds._prove", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            begin(house)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    house.forget_lease()
    house.keeper.wait_for_phase(Phase.HOLDING)
    assert the_hold(house).reason == ""
    end_interrupted_runs(house.maintainer)
    row = the_hold(house)
    assert (row.outcome, "write methods were refused" in row.reason) == (None, True)
    end(house)
    assert_read_write(house)


def test_a_hold_that_the_keeper_knows_nothing_of_has_ended(house: House) -> None:
    """Also after a backup of the records was restored, in which it was under way."""
    begin(house)
    end(house)
    house.execute("UPDATE holds SET outcome = NULL, token = 'older'")
    end_interrupted_runs(house.maintainer)
    row = the_hold(house)
    assert (row.outcome, row.reason) == (RunOutcome.INTERRUPTED, "The keeper knows nothing of this hold any more.")
    with house.reading() as session:
        assert open_holds(session) == []
    wait_for(lambda: accepts_writes(house.keeper.url), "the registry takes writes")
