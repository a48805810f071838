"""'Only one process does this': taking, keeping and losing a lease, and real processes that race for one."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.records import Records, open_records, records, records_template
from webapp import leases
from webapp.leases import (
    Lease,
    LeaseHeld,
    LeaseLost,
    LeaseRow,
    fenced,
    held,
    is_held,
    release,
    renew,
    still_ours,
    take,
)

__all__ = ["records", "records_template"]

RACERS = 3
BOUND_S = 60


def _take(records: Records, owner: str = "us", length_s: float = 30) -> Lease:
    with records.writing() as session:
        return take(session, "sync", owner, length_s)


def _let_it_run_out(records: Records) -> None:
    with records.writing() as session:
        session.get_one(LeaseRow, "sync").ends_boottime_s = leases.boottime() - 0.001


def test_a_lease_that_is_held_says_by_whom(records: Records) -> None:
    _take(records, "the dashboard")
    with pytest.raises(LeaseHeld, match="sync is held by the dashboard") as refusal:
        _take(records, "a command")
    assert refusal.value.owner == "the dashboard"
    with records.reading() as session:
        assert is_held(session, "sync")
        assert not is_held(session, "another")


def test_one_lease_does_not_hold_another(records: Records) -> None:
    _take(records)
    with records.writing() as session:
        assert take(session, "removal:team/api", "us").name == "removal:team/api"


def test_a_lease_that_was_released_can_be_taken_at_once(records: Records) -> None:
    lease = _take(records)
    with records.writing() as session:
        release(session, lease)
    with records.reading() as session:
        assert not is_held(session, "sync")
    assert _take(records, "others").token == lease.token + 1


def test_the_token_rises_with_every_taking_however_the_one_before_ended(records: Records) -> None:
    tokens = []
    for ending in (_let_it_run_out, lambda records: None):
        tokens.append(_take(records).token)
        ending(records)
    _let_it_run_out(records)
    tokens.append(_take(records).token)
    assert tokens == sorted(set(tokens))


def test_a_lease_that_ran_out_can_be_taken_and_its_holder_notices(records: Records) -> None:
    old = _take(records)
    _let_it_run_out(records)
    new = _take(records, "others")
    for act in (renew, release, still_ours):
        with pytest.raises(LeaseLost), records.writing() as session:
            act(session, old)
    with records.writing() as session:
        still_ours(session, new)


def test_a_lease_that_ran_out_is_lost_although_nobody_took_it(records: Records) -> None:
    lease = _take(records)
    _let_it_run_out(records)
    for act in (renew, still_ours):
        with pytest.raises(LeaseLost), records.writing() as session:
            act(session, lease)


def test_a_renewal_prolongs_it(records: Records) -> None:
    lease = _take(records, length_s=5)
    with records.writing() as session:
        renew(session, lease, 500)
    with records.reading() as session:
        assert session.get_one(LeaseRow, "sync").ends_boottime_s > leases.boottime() + 400


def test_every_lease_has_ended_after_a_restart_of_the_machine(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = _take(records, length_s=10_000)
    monkeypatch.setattr(leases, "boot_id", lambda: "another start")
    with records.reading() as session:
        assert not is_held(session, "sync")
    with pytest.raises(LeaseLost), records.writing() as session:
        still_ours(session, lease)
    with pytest.raises(LeaseLost), records.writing() as session:
        renew(session, lease)
    assert _take(records, "others").token == lease.token + 1


def test_a_fenced_transaction_writes_only_while_the_lease_is_ours(records: Records) -> None:
    lease = _take(records)
    writing = fenced(records.writing, lease)
    with writing() as session:
        session.add(LeaseRow(name="kept", owner="", token=0, boot_id="", ends_boottime_s=0))
    _let_it_run_out(records)
    _take(records, "others")
    with pytest.raises(LeaseLost), writing() as session:
        session.add(LeaseRow(name="lost", owner="", token=0, boot_id="", ends_boottime_s=0))
    with records.reading() as session:
        assert session.get(LeaseRow, "kept") is not None
        assert session.get(LeaseRow, "lost") is None


def test_holding_a_lease_renews_it_for_as_long_as_it_takes(records: Records) -> None:
    length_s = 0.3
    with held(records.writing, "sync", length_s) as lease:
        with records.reading() as session:
            first_end = session.get_one(LeaseRow, "sync").ends_boottime_s
        assert _until(lambda: leases.boottime() > first_end + length_s)
        with records.writing() as session:
            still_ours(session, lease)
    with records.reading() as session:
        assert not is_held(session, "sync")


def test_a_renewal_that_fails_once_is_tried_again(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([OperationalError("UPDATE", {}, OSError("disk I/O error"))])
    renewed = threading.Event()

    def renew_at_the_second_try(*arguments: object) -> None:
        for failure in failures:
            raise failure
        renewed.set()

    monkeypatch.setattr(leases, "renew", renew_at_the_second_try)
    with held(records.writing, "sync", 0.3):
        assert renewed.wait(BOUND_S)


def test_the_lease_is_given_back_when_the_work_fails(records: Records) -> None:
    with pytest.raises(ZeroDivisionError), held(records.writing, "sync"):
        1 / 0  # noqa: B018
    assert _take(records).token == 2


def test_work_that_lost_its_lease_ends_without_taking_it_from_its_new_holder(records: Records) -> None:
    with held(records.writing, "sync"):
        _let_it_run_out(records)
        new = _take(records, "others")
    with records.writing() as session:
        still_ours(session, new)


def test_of_processes_that_race_exactly_one_takes_the_lease(records: Records) -> None:
    """And over many rounds, some of which begin with a lease that ran out, every taking has a token of its own."""
    rounds = 10
    records.engine.dispose()
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(RACERS), context.Queue()
    racers = [
        context.Process(target=_race, args=(records.path, barrier, answers, rounds, each)) for each in range(RACERS)
    ]
    for racer in racers:
        racer.start()
    try:
        taken = [answers.get(timeout=BOUND_S) for _ in range(RACERS * rounds)]
    finally:
        for racer in racers:
            racer.join(BOUND_S)
            racer.kill()
    for number in range(rounds):
        tokens = [token for of_round, token in taken if of_round == number and token]
        assert tokens == [number + 1]
    assert [racer.exitcode for racer in racers] == [0] * RACERS


def _race(path: Path, barrier: Barrier, answers: multiprocessing.Queue[tuple[int, int]], rounds: int, me: int) -> None:
    records = open_records(path)
    for number in range(rounds):
        barrier.wait(BOUND_S)
        try:
            answers.put((number, _take(records, f"racer {me}").token))
        except LeaseHeld:
            answers.put((number, 0))
        barrier.wait(BOUND_S)
        if me == 0:
            with records.writing() as session:
                session.execute(text("UPDATE leases SET ends_boottime_s = 0"))


def _until(condition: object, tries: int = 6_000) -> bool:
    """Whether the condition comes true within a minute."""
    waiting = threading.Event()
    return any(condition() or waiting.wait(0.01) for _ in range(tries))  # type: ignore[operator]
