"""What dies with what: children with their keeper, the keeper with its registry and with its own parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runtime.keeper_process import KEEPER, PYTHON, KeeperProcess, accepts_writes, wait_for
from tests.runtime.slow_clients import HangingUpload
from tests.runtime.test_returning import collecting
from webapp.runtime.orders import Ended, Kind, Phase, Reads, boottime_s

MANAGER = "import subprocess, sys; keeper = subprocess.Popen(sys.argv[1:], stdout=-1); print(keeper.pid); keeper.wait()"


def start_under_a_manager(keeper: KeeperProcess) -> tuple[subprocess.Popen[bytes], int]:
    """A process manager that reads the keeper's output through a pipe, as supervisord does; and the keeper's pid."""
    command = [sys.executable, "-uc", MANAGER, *keeper.command()]
    manager = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert manager.stdout is not None
    return manager, int(manager.stdout.readline())


def end(manager: subprocess.Popen[bytes]) -> None:
    manager.kill()
    manager.wait(10)
    assert manager.stdout is not None
    manager.stdout.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_registry_that_dies_takes_the_keeper_along_with_its_exit_code(empty: KeeperProcess) -> None:
    os.kill(empty.pid_of("writer"), signal.SIGKILL)
    assert empty.wait() == 128 + signal.SIGKILL


def test_a_registry_that_cannot_start_hands_its_exit_code_on(unstarted: KeeperProcess) -> None:
    unstarted.tell("fail", "serve")
    unstarted.start(until=None)
    assert unstarted.wait() == 3


def test_a_registry_that_dies_beside_a_dry_run_ends_both(keeper: KeeperProcess) -> None:
    keeper.tell("hold", "garbage-collect")
    token = keeper.order(Kind.DRY_RUN)
    wait_for(lambda: bool(keeper.processes("dry-run")), "the dry run is started")
    os.kill(keeper.pid_of("writer"), signal.SIGKILL)
    assert keeper.wait() == 128 + signal.SIGKILL
    assert keeper.processes() == []
    assert keeper.result(token).ended is Ended.INTERRUPTED


@pytest.mark.parametrize("reads", list(Reads))
def test_a_killed_keeper_leaves_nothing_behind_and_a_new_one_serves(keeper: KeeperProcess, reads: Reads) -> None:
    collecting(keeper, reads)
    keeper.kill()
    assert keeper.processes() == []
    keeper.start()
    assert accepts_writes(keeper.url)


def test_a_keeper_that_is_told_to_stop_ends_a_collection_and_says_so(keeper: KeeperProcess) -> None:
    token = collecting(keeper, Reads.OWN)
    assert keeper.stop() == 0
    assert keeper.processes() == []
    assert keeper.result(token).ended is Ended.INTERRUPTED


def test_a_keeper_that_is_told_to_stop_lets_the_writer_drain(keeper: KeeperProcess) -> None:
    with HangingUpload(keeper) as upload:
        assert keeper.process is not None
        keeper.process.terminate()
        wait_for(lambda: not accepts_writes(keeper.url), "the writer takes no more")
        until = boottime_s() + 0.3
        wait_for(lambda: boottime_s() > until, "the writer has been draining for a while")
        upload.finish()
    assert upload.status == 202
    assert keeper.wait() == 0


def test_a_writer_that_does_not_drain_in_time_is_killed(unstarted: KeeperProcess) -> None:
    unstarted.drain_s, unstarted.drain_timeout_s = 0.3, 300
    unstarted.configure()
    unstarted.start()
    with HangingUpload(unstarted):
        assert unstarted.stop() == 0
        assert unstarted.processes() == []


def test_a_collection_waits_for_the_writer_to_drain(keeper: KeeperProcess) -> None:
    with HangingUpload(keeper) as upload:
        token = keeper.order(reads=Reads.NONE)
        keeper.wait_for_phase(Phase.DRAINING)
        wait_for(lambda: not accepts_writes(keeper.url), "the writer takes no more")
        assert keeper.state().phase is Phase.DRAINING
        assert [each.role for each in keeper.processes()] == ["writer"]
        upload.finish()
        keeper.wait_for_phase(Phase.HOLDING)
    assert upload.status == 202
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE


def test_a_keeper_ends_with_the_process_manager_that_started_it(unstarted: KeeperProcess) -> None:
    manager, keeper_pid = start_under_a_manager(unstarted)
    wait_for(lambda: accepts_writes(unstarted.url), "it serves")
    end(manager)
    wait_for(lambda: not unstarted.processes() and not is_alive(keeper_pid), "nothing is left")


@pytest.mark.parametrize("delay_ms", range(0, 120, 8))
def test_a_manager_killed_while_the_keeper_starts_leaves_no_orphan(unstarted: KeeperProcess, delay_ms: int) -> None:
    manager, keeper_pid = start_under_a_manager(unstarted)
    time.sleep(delay_ms / 1000)  # where in its start the keeper is hit is what this tries
    end(manager)
    wait_for(lambda: not unstarted.processes() and not is_alive(keeper_pid), "nothing is left")


# The keeper, but for a child that takes its time before it asks the kernel to end it with its parent.
LATE = """
import os, sys, time
sys.argv, folder, forked = ["keeper", *sys.argv[3:]], sys.argv[1], sys.argv[2]
sys.path.insert(0, folder)
import keeper
prctl, main = keeper.LIBC.prctl, os.getpid()
class Late:
    def prctl(self, *arguments):
        if os.getpid() != main:
            open(forked, "w").close()
            time.sleep(0.5)
        return prctl(*arguments)
keeper.LIBC = Late()
sys.exit(keeper.main())
"""


def test_a_keeper_killed_between_the_fork_and_the_request_to_the_kernel_leaves_no_orphan(
    unstarted: KeeperProcess,
) -> None:
    forked = unstarted.home / "forked"
    command = [PYTHON, "-c", LATE, str(KEEPER.parent), str(forked), *unstarted.command()[2:]]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        wait_for(forked.exists, "the registry's process is forked")
    finally:
        process.kill()
    process.communicate(timeout=10)  # until the child lets go of stderr, too: an orphan would keep it
    assert unstarted.processes() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="file capabilities are given by root only")
def test_a_binary_with_file_capabilities_is_refused(unstarted: KeeperProcess, tmp_path: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service=p
    os.setxattr(unstarted.binary, "security.capability", capability)
    unstarted.start(until=None)
    assert unstarted.wait() == 2
    assert "file capabilities" in unstarted.log.read_text()


def test_a_setuid_binary_is_refused(unstarted: KeeperProcess) -> None:
    unstarted.binary.chmod(0o4755)
    unstarted.start(until=None)
    assert unstarted.wait() == 2
    assert "setuid" in unstarted.log.read_text()
