"""What the keeper is asked: which orders it refuses, what `go` and `cancel` must say, and how the dashboard reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.runtime import orders
from webapp.runtime.orders import (
    Ended,
    KeeperAbsent,
    KeeperBusy,
    KeeperOtherBoot,
    KeeperUnreadable,
    Kind,
    Order,
    Phase,
    Reads,
)


def a_collection(**changes: Any) -> dict[str, Any]:
    """An order as it should be, but for the changes; None takes a key away."""
    order = {
        "token": "t1",
        "kind": "collect",
        "boot_id": orders.this_boot_id(),
        "deadline_s": 60,
        "reads": "same",
        "go_s": 30,
        **changes,
    }
    return {key: value for key, value in order.items() if value is not None}


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (a_collection(program="/bin/sh"), "keys"),
        (a_collection(delete_untagged=True), "keys"),
        (a_collection(go_s=None), "keys"),
        (a_collection(kind="serve"), "kind is unknown"),
        (a_collection(kind=["collect"]), "kind is unknown"),
        (a_collection(boot_id="another"), "another machine, or before this one was started"),
        (a_collection(token=""), "token"),
        (a_collection(token=17), "token"),
        (a_collection(reads="all"), "reads"),
        (a_collection(reads=["same"]), "reads"),
        (a_collection(deadline_s=0), "deadline_s"),
        (a_collection(deadline_s=True), "deadline_s"),
        (a_collection(deadline_s=float("nan")), "deadline_s"),
        (a_collection(deadline_s=float("inf")), "deadline_s"),
        (a_collection(go_s="30"), "go_s"),
        (a_collection(go_s=601), "go_s"),
        (a_collection(kind="hold", go_s=None, until=1e9), "until is not a time within a week from now"),
        ([a_collection()], "cannot be read"),
        ("no JSON", "cannot be read"),
        ("[" * 4000, "cannot be read"),
        ("9" * 5000, "cannot be read"),
    ],
)
def test_an_order_that_is_not_exactly_right_is_refused(empty: KeeperProcess, order: object, reason: str) -> None:
    writer = empty.pid_of("writer")
    empty.put("order", order)
    wait_for((empty.folder / "result").exists, "the order is answered")
    result = json.loads((empty.folder / "result").read_text())
    assert (result["ended"], result["exit_code"]) == ("refused", None)
    assert reason in result["reason"]
    assert empty.pid_of("writer") == writer


def test_own_is_refused_where_reads_have_no_address_of_their_own(unstarted: KeeperProcess) -> None:
    unstarted.has_reads_address = False
    unstarted.start()
    result = unstarted.result(unstarted.order(reads=Reads.OWN))
    assert result.ended is Ended.REFUSED
    assert "--reads-address" in result.reason


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda order: order.symlink_to("state")])
def test_an_order_that_is_no_plain_file_is_not_followed_and_stops_nothing(
    empty: KeeperProcess, make: Callable[[Path], None]
) -> None:
    make(empty.folder / "order")
    wait_for((empty.folder / "result").exists, "it is answered")
    assert json.loads((empty.folder / "result").read_text())["ended"] == "refused"
    assert accepts_writes(empty.url)
    assert empty.state().phase is Phase.SERVING


def test_what_the_keeper_writes_goes_through_no_link_that_somebody_laid(empty: KeeperProcess) -> None:
    precious = empty.home / "precious"
    precious.write_text("precious")
    for name in ("state.new", "result.new", "output"):
        (empty.folder / name).unlink(missing_ok=True)
        (empty.folder / name).symlink_to(precious)
    empty.result(empty.order(Kind.DRY_RUN))
    assert precious.read_text() == "precious"


def test_a_collection_without_go_expires_and_the_registry_returns(keeper: KeeperProcess) -> None:
    result = keeper.result(keeper.order(go_s=0.3))
    assert result.ended is Ended.EXPIRED
    assert Phase.COLLECTING not in result.began
    assert accepts_writes(keeper.url)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "another"},
        {"until": -1.0},
        {"until": "soon"},
        {"until": True},
        {"more": 1},
        {"until": None},
    ],
)
def test_a_go_that_is_not_exactly_right_starts_no_collector(keeper: KeeperProcess, changes: dict[str, Any]) -> None:
    token = keeper.order(go_s=0.5)
    keeper.wait_for_phase(Phase.HOLDING)
    go = {"token": token, "until": orders.boottime_s() + 5, **changes}
    keeper.put("go", {key: value for key, value in go.items() if value is not None})
    result = keeper.result(token)
    assert result.ended is Ended.EXPIRED
    assert Phase.COLLECTING not in result.began


def test_a_go_that_has_run_out_starts_no_collector(keeper: KeeperProcess) -> None:
    token = keeper.order(go_s=0.5)
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token, for_s=-0.001)
    assert keeper.result(token).ended is Ended.EXPIRED


def test_a_go_from_before_holding_starts_no_collector(keeper: KeeperProcess) -> None:
    token = orders.new_token()
    keeper.go(token, for_s=60)
    orders.send_order(keeper.folder, Order(token, Kind.COLLECT, 60, Reads.SAME, go_s=0.5))
    result = keeper.result(token)
    assert (result.ended, Phase.COLLECTING in result.began) == (Ended.EXPIRED, False)


def test_a_cancel_for_another_order_is_ignored(keeper: KeeperProcess) -> None:
    token = keeper.order()
    keeper.wait_for_phase(Phase.HOLDING)
    orders.send_cancel(keeper.folder, "another")
    keeper.go(token)
    assert keeper.result(token).ended is Ended.DONE


def test_a_second_order_is_not_sent_while_one_is_in_hand(keeper: KeeperProcess) -> None:
    keeper.order()
    keeper.wait_for_phase(Phase.HOLDING)
    with pytest.raises(KeeperBusy, match="holding"):
        keeper.order()


def test_an_order_that_came_meanwhile_is_carried_out_after_the_first(keeper: KeeperProcess) -> None:
    first = keeper.order()
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.put("order", a_collection(kind="dry-run", reads=None, go_s=None))
    keeper.go(first)
    assert keeper.result("t1").ended is Ended.DONE


def test_an_order_from_before_the_start_is_answered_interrupted_and_not_carried_out(unstarted: KeeperProcess) -> None:
    unstarted.put("order", a_collection())
    unstarted.start()
    result = unstarted.result("t1")
    assert (result.ended, result.began) == (Ended.INTERRUPTED, {})


def test_an_order_in_hand_when_the_keeper_was_killed_is_answered_interrupted(keeper: KeeperProcess) -> None:
    token = keeper.order()
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.kill()
    keeper.go(token)
    keeper.start()
    assert keeper.result(token).ended is Ended.INTERRUPTED
    assert accepts_writes(keeper.url)


def test_an_answer_is_not_taken_back_when_the_keeper_was_killed_after_it(keeper: KeeperProcess) -> None:
    result = keeper.collect()
    keeper.kill()
    keeper.put("order.taken", a_collection(token=result.token))
    keeper.start()
    assert keeper.result(result.token) == result


def test_without_a_keeper_a_sentence_says_so(unstarted: KeeperProcess) -> None:
    with pytest.raises(KeeperAbsent, match="No keeper is running"):
        unstarted.state()
    unstarted.start()
    unstarted.kill()
    with pytest.raises(KeeperAbsent, match="No keeper is running"):
        unstarted.order()


def test_a_state_from_another_kernel_is_not_believed(empty: KeeperProcess) -> None:
    state = json.loads((empty.folder / "state").read_text())
    empty.put("state", {**state, "boot_id": "another"})
    with pytest.raises(KeeperOtherBoot):
        empty.state()


@pytest.mark.parametrize("nonsense", ["", "[", "[]", '{"phase": "flying"}', "[" * 60000])
def test_a_state_that_is_nonsense_is_a_named_error(empty: KeeperProcess, nonsense: str) -> None:
    empty.put("state", nonsense)
    with pytest.raises(KeeperUnreadable):
        empty.state()


def test_the_tail_of_the_output_is_its_last_lines(tmp_path: Path) -> None:
    assert orders.tail_output(tmp_path, 3) == []
    (tmp_path / "output").write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert orders.tail_output(tmp_path, 2) == ["line 99998", "line 99999"]
    assert sum(1 for _ in orders.output_lines(tmp_path)) == 100_000


def test_an_endless_line_is_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("x" * 10_000)
    assert max(len(line) for line in orders.output_lines(tmp_path)) <= orders.LINE_LIMIT_BYTES


def test_what_is_asked_can_be_read_by_the_group_whatever_our_umask_is(empty: KeeperProcess) -> None:
    """The keeper is the registry's user, and the dashboard another one of the same group."""
    before = os.umask(0o077)
    try:
        orders.send_cancel(empty.folder, "t1")
    finally:
        os.umask(before)
    assert (empty.folder / "cancel").stat().st_mode & 0o777 == 0o640
