"""A hold from Holystone's side: proved, told, ended by the keeper, and written down by whoever comes next."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from demo.build import Built
from tests.maintenance.house import House, assert_read_write, open_records, utc_now
from tests.runtime.keeper_process import accepts_writes, wait_for
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.catalogue.models import RegistryMode
from webapp.database import writing_to
from webapp.leases import KEEPER_LEASE, take
from webapp.maintenance import holds
from webapp.maintenance.hold_records import ask_to_end, open_holds, until_words, why_not_deleted
from webapp.maintenance.holds import HOW_LONG, REMOVAL_BEGAN, HoldFailed, hold, why_refused
from webapp.maintenance.models import Hold, RunKind, RunOutcome, Strategy
from webapp.maintenance.reconcile import end_hold_now, end_interrupted_runs
from webapp.maintenance.run import RunUnderWay, cancel, run
from webapp.maintenance.waiting import has_order
from webapp.notices.conditions import Around, conditions
from webapp.notices.models import NoticeKind
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal, RemovalState
from webapp.removal.remover import HeldReadOnly, Remover
from webapp.removal.wanted import Wanted
from webapp.runtime.orders import Ended, Phase


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


def open_removal() -> Removal:
    return Removal(request_key="open", started_at=utc_now(), actor="bob", place="192.0.2.2", repository="team/api",
                   fingerprint="", fencing_token=1)  # fmt: skip


def remover_of(house: House) -> Remover:
    """Removals as the application makes them."""
    maintainer = house.maintainer
    return Remover(
        maintainer.client,
        maintainer.reading,
        maintainer.writing,
        maintainer.now,
        why_held=lambda session: why_not_deleted(session, utc_now()),
    )


def command_process(house: House, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """`maintenance …` in a process of its own, on the records of the house."""
    given = {
        "SECRET_KEY": "k" * 64,
        "DATA_DIR": str(home / "data"),
        "DATABASE_URL": f"sqlite:///{house.records}",
        "REGISTRY_URL": house.keeper.url,
        "KEEPER_FOLDER": str(house.keeper.folder),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "maintenance", *arguments],
        env={**os.environ, **{f"HOLYSTONE_{name}": value for name, value in given.items()}},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 the tests have no threads here
    )


def _listen_to_ctrl_c() -> None:
    """As in a terminal: a shell that starts tests in the background has SIGINT ignored, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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


@pytest.mark.parametrize("strategy", list(Strategy))
def test_each_strategy_holds_where_there_is_an_address_for_reads(house: House, strategy: Strategy) -> None:
    house.reads_url, house.strategy = house.keeper.reads_url, strategy
    assert "write methods were refused" in begin(house).reason or strategy == Strategy.STOP
    assert not accepts_writes(house.keeper.url)
    assert end(house).outcome == RunOutcome.STOPPED
    assert_read_write(house)


def test_each_event_of_a_hold_is_a_line_of_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "webapp.maintenance.hold_records"):
        begin(house)
        end(house)
        house.keeper.tell("writable", "reader")
        with pytest.raises(HoldFailed):
            hold(house.maintainer, utc_now() + timedelta(minutes=5), "bob", "192.0.2.2")
    events = [(each.message, each.levelname, vars(each)["hold_id"]) for each in caplog.records]
    assert events == [
        ("A hold was asked for", "INFO", 1),
        ("The registry is held", "INFO", 1),
        ("A hold has ended", "INFO", 1),
        ("A hold was asked for", "INFO", 2),
        ("A hold has not begun", "ERROR", 2),
    ]
    asked, ended, failed = (vars(caplog.records[at]) for at in (0, 2, 4))
    assert (asked["actor"], asked["purpose"], asked["place"]) == ("alice", "backup", "192.0.2.1")
    assert (ended["outcome"], ended["reason"]) == (RunOutcome.STOPPED, "bob ended it early.")
    assert "still takes writes" in failed["reason"]


def test_what_is_typed_as_purpose_cannot_forge_a_line_of_a_terminal(house: House) -> None:
    hold(house.maintainer, utc_now() + timedelta(minutes=5), "alice", "192.0.2.1", "a\n\x1b[2Jb\u202ec")
    assert the_hold(house).purpose == "a \ufffd[2Jb\ufffdc"


def test_no_hold_begins_while_a_removal_is_open(house: House) -> None:
    house.add(open_removal())
    with pytest.raises(HoldFailed, match="A removal is under way"):
        begin(house)
    assert told(house) == []
    assert_read_write(house)


def test_a_removal_that_begins_before_the_proof_ends_the_hold(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    proving = holds.prove_aside

    def a_removal_begins(*asked: Any) -> list[str]:
        house.add(open_removal())
        return proving(*asked)

    monkeypatch.setattr(holds, "prove_aside", a_removal_begins)
    with pytest.raises(HoldFailed, match=REMOVAL_BEGAN):
        begin(house)
    assert the_hold(house).outcome == RunOutcome.FAILED
    assert_read_write(house)


def test_a_removal_asked_for_meanwhile_is_told_who_holds_the_registry(house: House, kept: Built) -> None:
    remover, wanted = remover_of(house), Wanted("team/api", ("kept",))
    agreed = Agreement(preview(remover, wanted).plan.fingerprint, "key", "bob", "192.0.2.2")
    row = begin(house)
    with pytest.raises(HeldReadOnly) as refused:
        remove(remover, wanted, agreed)
    until = until_words(row.until, utc_now())
    assert refused.value.sentence == (
        f"The registry is held read-only until {until} by alice: backup. Delete again after that."
    )
    with house.reading() as session:
        assert not session.scalars(select(Removal)).all(), "no intent was written"
    end(house)
    remove(remover, wanted, agreed)


def test_a_hold_that_is_over_keeps_nobody_from_deleting_although_nobody_wrote_that_down(
    house: House, kept: Built
) -> None:
    row = begin(house)
    cancel(house.keeper.folder, row.token)
    house.keeper.result(row.token)
    remover, wanted = remover_of(house), Wanted("team/api", ("kept",))
    remove(remover, wanted, Agreement(preview(remover, wanted).plan.fingerprint, "key", "bob", "192.0.2.2"))
    with house.reading() as session:
        assert session.scalars(select(Removal)).one().state == RemovalState.DONE


def test_ctrl_c_before_it_is_held_leaves_neither_an_order_nor_a_registry_that_is_read_only(
    house: House, tmp_path: Path
) -> None:
    held_back = house.keeper.tell("hold", "reader")
    with command_process(house, tmp_path, "hold", "--for", "30m") as process:
        house.keeper.wait_for_phase(Phase.DRAINING)
        process.send_signal(signal.SIGINT)
        house.keeper.result(the_hold(house).token)
        held_back.unlink()
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert "broke it off before anything was held." in process.stderr.read()
    row = the_hold(house)
    assert row.outcome == RunOutcome.STOPPED
    assert house.keeper.result(row.token).ended == Ended.CANCELLED
    assert not has_order(house.keeper.folder)
    assert house.registry_state().mode == RegistryMode.READ_WRITE
    assert_read_write(house)


def test_nothing_begins_while_the_registry_is_held(house: House, gone: Built) -> None:
    begin(house)
    with pytest.raises(RunUnderWay):
        run(house.maintainer, RunKind.COLLECT, "bob", "192.0.2.2")
    with pytest.raises(RunUnderWay) as refused:
        hold(house.maintainer, utc_now() + timedelta(hours=1), "bob", "192.0.2.2")
    why = why_refused(house.maintainer, refused.value)
    assert why.startswith("The registry is held read-only until ")
    assert why.endswith(" by alice: backup. Runs and other holds can begin after that.")
    end(house)
    assert house.run().outcome == RunOutcome.SUCCEEDED


def test_a_hold_that_is_ended_while_somebody_looks_is_written_down_as_soon_as_that_is_over(house: House) -> None:
    row = begin(house)
    with writing_to(house.engine)() as session:
        assert ask_to_end(session, row.id, "bob")
        take(session, KEEPER_LEASE, "another process")
    looks = iter(range(1000))

    def monotonic() -> float:
        if next(looks) == 5:
            house.forget_lease()
        return time.monotonic()

    end_hold_now(replace(house.maintainer, monotonic=monotonic), house.keeper.folder, row.token)
    assert (the_hold(house).outcome, the_hold(house).reason) == (RunOutcome.STOPPED, "bob ended it early.")
    assert_read_write(house)


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
    with house.reading() as session:
        around = Around(utc_now(), utc_now(), has_keeper=True, sync_interval_s=300)
        (notice,) = (each for each in conditions(session, around) if each.begins)
    assert (notice.kind, notice.subject) == (NoticeKind.HOLD_BROKEN, str(row.id))
    assert "it had ended by " in notice.sentence and "The keeper, or its machine, was restarted." in notice.sentence


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
