"""A hold: read-only until a stated time, and read-write afterwards, whatever ends it."""

from __future__ import annotations

import fcntl
import os
import signal

import pytest

from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.registry.presence import refuses_connections
from webapp.runtime import orders
from webapp.runtime.orders import Ended, Kind, Order, Phase, Reads


def hold(keeper: KeeperProcess, for_s: float, reads: Reads = Reads.SAME, deadline_s: float = 60.0) -> str:
    token = orders.new_token()
    until = orders.boottime_s() + for_s
    orders.send_order(keeper.folder, Order(token, Kind.HOLD, deadline_s, reads, until_boottime_s=until))
    keeper.wait_for_phase(Phase.HOLDING)
    return token


def assert_it_serves_again(keeper: KeeperProcess) -> None:
    keeper.wait_for_phase(Phase.SERVING)
    wait_for(lambda: accepts_writes(keeper.url), "the registry takes writes")
    assert keeper.started("collect") == 0


def is_locked(keeper: KeeperProcess) -> bool:
    """Whether nobody else may write to the store."""
    store = os.open(keeper.store, os.O_RDONLY)
    try:
        fcntl.flock(store, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(store)
    return False


@pytest.mark.parametrize("reads", list(Reads))
def test_a_hold_ends_by_itself(keeper: KeeperProcess, reads: Reads) -> None:
    token = hold(keeper, 1.0, reads)
    assert not accepts_writes(keeper.url)
    assert refuses_connections(keeper.url) is (reads is not Reads.SAME)
    assert is_locked(keeper)
    result = keeper.result(token)
    assert (result.kind, result.ended) == (Kind.HOLD, Ended.DONE)
    assert result.began[Phase.RETURNING] - result.began[Phase.HOLDING] >= 0.5
    assert_it_serves_again(keeper)


def test_a_hold_is_ended_early(keeper: KeeperProcess) -> None:
    token = hold(keeper, 600.0)
    orders.send_cancel(keeper.folder, token)
    assert keeper.result(token).ended == Ended.CANCELLED
    assert_it_serves_again(keeper)


def test_a_go_does_not_make_a_hold_collect(keeper: KeeperProcess) -> None:
    token = hold(keeper, 1.0)
    keeper.go(token)
    assert keeper.result(token).ended == Ended.DONE
    assert_it_serves_again(keeper)


def test_the_deadline_ends_a_hold(keeper: KeeperProcess) -> None:
    assert keeper.result(hold(keeper, 600.0, deadline_s=1.0)).ended == Ended.DEADLINE
    assert_it_serves_again(keeper)


def test_a_reader_that_dies_ends_a_hold(keeper: KeeperProcess) -> None:
    token = hold(keeper, 600.0)
    os.kill(keeper.pid_of("reader"), signal.SIGKILL)
    assert keeper.result(token).ended == Ended.FAILED
    assert_it_serves_again(keeper)


def test_a_restart_of_the_keeper_ends_a_hold(keeper: KeeperProcess) -> None:
    token = hold(keeper, 600.0)
    keeper.kill()
    keeper.start()
    assert keeper.result(token).ended == Ended.INTERRUPTED
    assert_it_serves_again(keeper)


@pytest.mark.parametrize("until", [-1.0, 8 * 86400.0], ids=["past", "too far"])
def test_a_hold_until_no_such_time_is_refused(keeper: KeeperProcess, until: float) -> None:
    token = orders.new_token()
    at = orders.boottime_s() + until
    orders.send_order(keeper.folder, Order(token, Kind.HOLD, 60.0, Reads.SAME, until_boottime_s=at))
    result = keeper.result(token)
    assert (result.ended, "until is not a time" in result.reason) == (Ended.REFUSED, True)
    assert_it_serves_again(keeper)
