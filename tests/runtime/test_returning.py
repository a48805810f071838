"""Whatever ends a collection, wherever it stands: the registry is read-write again, and never beside a collector."""

from __future__ import annotations

import os
import signal

import pytest

from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import Ended, Kind, Phase, Reads, Result


def collecting(keeper: KeeperProcess, reads: Reads = Reads.SAME, deadline_s: float = 60.0) -> str:
    """An order whose collector runs, and does not end by itself."""
    keeper.tell("hold", "garbage-collect")
    token = keeper.order(reads=reads, deadline_s=deadline_s)
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)
    wait_for(lambda: bool(keeper.processes("collector")), "the collector runs")
    return token


def assert_returned(keeper: KeeperProcess, result: Result, ended: Ended) -> None:
    assert result.ended is ended
    assert keeper.processes("collector") == []
    assert accepts_writes(keeper.url)
    wait_for(lambda: [each.role for each in keeper.processes()] == ["writer"], "only the writer is left")


@pytest.mark.parametrize("reads", list(Reads))
def test_a_cancel_in_holding_ends_it(keeper: KeeperProcess, reads: Reads) -> None:
    token = keeper.order(reads=reads)
    keeper.wait_for_phase(Phase.HOLDING)
    orders.send_cancel(keeper.folder, token)
    result = keeper.result(token)
    assert_returned(keeper, result, Ended.CANCELLED)
    assert Phase.COLLECTING not in result.began


@pytest.mark.parametrize("reads", list(Reads))
def test_a_cancel_in_collecting_ends_the_collector_first(keeper: KeeperProcess, reads: Reads) -> None:
    token = collecting(keeper, reads)
    assert keeper.processes("writer") == []
    orders.send_cancel(keeper.folder, token)
    assert_returned(keeper, keeper.result(token), Ended.CANCELLED)


def test_a_collector_that_does_not_listen_is_killed(keeper: KeeperProcess) -> None:
    token = collecting(keeper)
    os.kill(keeper.pid_of("collector"), signal.SIGSTOP)
    orders.send_cancel(keeper.folder, token)
    assert_returned(keeper, keeper.result(token), Ended.CANCELLED)


def test_the_deadline_ends_a_collector(keeper: KeeperProcess) -> None:
    token = collecting(keeper, deadline_s=1.0)
    assert_returned(keeper, keeper.result(token), Ended.DEADLINE)


def test_the_deadline_ends_holding(keeper: KeeperProcess) -> None:
    token = keeper.order(deadline_s=0.5, go_s=60)
    assert_returned(keeper, keeper.result(token), Ended.DEADLINE)


def test_the_deadline_ends_a_dry_run_and_the_writer_stays(keeper: KeeperProcess) -> None:
    writer = keeper.pid_of("writer")
    keeper.tell("hold", "garbage-collect")
    token = keeper.order(Kind.DRY_RUN, deadline_s=0.3)
    assert keeper.result(token).ended is Ended.DEADLINE
    wait_for(lambda: [each.role for each in keeper.processes()] == ["writer"], "only the writer is left")
    assert keeper.pid_of("writer") == writer


def test_a_collector_that_fails_is_a_failure(keeper: KeeperProcess) -> None:
    keeper.tell("fail", "garbage-collect")
    result = keeper.collect()
    assert_returned(keeper, result, Ended.FAILED)
    assert result.exit_code == 3
    assert orders.tail_output(keeper.folder, 1) == ["failed as told"]


def test_a_collector_that_is_killed_is_a_failure(keeper: KeeperProcess) -> None:
    token = collecting(keeper)
    os.kill(keeper.pid_of("collector"), signal.SIGKILL)
    result = keeper.result(token)
    assert_returned(keeper, result, Ended.FAILED)
    assert result.exit_code == -signal.SIGKILL


def test_a_reader_that_dies_ends_the_collection(keeper: KeeperProcess) -> None:
    token = collecting(keeper)
    os.kill(keeper.pid_of("reader"), signal.SIGKILL)
    assert_returned(keeper, keeper.result(token), Ended.FAILED)


@pytest.mark.parametrize("reads", [Reads.SAME, Reads.OWN])
def test_a_reader_that_cannot_be_started_ends_the_collection(keeper: KeeperProcess, reads: Reads) -> None:
    failing = '[ -n "$REGISTRY_STORAGE_MAINTENANCE_READONLY" ] && exit 4\n'
    keeper.binary.write_text(keeper.binary.read_text().replace("exec", f"{failing}exec", 1))
    result = keeper.result(keeper.order(reads=reads))
    assert_returned(keeper, result, Ended.FAILED)
    assert "read-only registry ended with code 4" in result.reason


def test_with_own_the_writer_goes_on_when_the_reader_cannot_be_started(keeper: KeeperProcess) -> None:
    writer = keeper.pid_of("writer")
    keeper.tell("fail", "serve")
    result = keeper.result(keeper.order(reads=Reads.OWN))
    assert (result.ended, keeper.pid_of("writer")) == (Ended.FAILED, writer)


def test_a_keeper_stopped_in_holding_looks_at_the_clock_after_it_has_read_the_go(keeper: KeeperProcess) -> None:
    token = keeper.order(go_s=0.4)
    keeper.wait_for_phase(Phase.HOLDING)
    os.kill(keeper.pid, signal.SIGSTOP)
    keeper.go(token, for_s=0.4)
    until = orders.boottime_s() + 0.5
    wait_for(lambda: orders.boottime_s() > until, "the go has run out")
    os.kill(keeper.pid, signal.SIGCONT)
    result = keeper.result(token)
    assert_returned(keeper, result, Ended.EXPIRED)
    assert Phase.COLLECTING not in result.began
