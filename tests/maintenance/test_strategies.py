"""The three strategies from end to end: who answers meanwhile, what the proofs say, and what keeps the go back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import (
    House,
    assert_nothing_was_collected,
    assert_read_write,
    failed_step,
    proof_of,
    pull,
)
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import is_read_only
from webapp.maintenance.models import Run, RunOutcome, StepName, Strategy
from webapp.registry.presence import answers, refuses_connections

REFUSED = "7 write methods were refused."


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RegistryProcess]:
    """Another registry, read-write."""
    with RegistryProcess(tmp_path / "other") as process:
        yield process


def at_both(house: House) -> House:
    """The dashboard knows the address for reads, and asks both addresses as a proxy in front of them does."""
    house.reads_url = house.keeper.reads_url
    house.is_answered = lambda: answers(house.keeper.url, None) or answers(house.keeper.reads_url, None)
    return house


def at_one(house: House, strategy: Strategy) -> House:
    house.strategy = strategy
    house.is_answered = lambda: answers(house.keeper.url, None)
    return house


def run_and_look(house: House) -> tuple[Run, dict[str, bool]]:
    """A run, and who answered while it collected."""
    seen: dict[str, bool] = {}
    hold = house.keeper.tell("hold", "collect")
    keeper = house.keeper

    def look() -> None:
        seen["nobody at the registry's address"] = refuses_connections(keeper.url)
        seen["nobody at the address for reads"] = refuses_connections(keeper.reads_url)
        seen["read-only at the registry's address"] = is_read_only(keeper.url)
        seen["read-only at the address for reads"] = is_read_only(keeper.reads_url)
        hold.unlink()

    house.at[StepName.COLLECT] = look
    return house.run(), seen


def assert_it_collected(house: House, row: Run, gone: Built, folder: Path) -> None:
    """By one order; what it collected can be pushed and pulled again."""
    assert row.outcome == RunOutcome.SUCCEEDED
    assert house.keeper.log.read_text().count("(collect): done.") == 1
    assert house.keeper.started("collect") == 1
    assert not house.has(gone)
    assert_read_write(house)
    pull(house, "team/api:kept", folder / "kept")
    house.push("again", "gone")
    assert house.has(gone)
    pull(house, "team/api:again", folder / "again")


def test_with_stop_nobody_listens_meanwhile(house: House, gone: Built, tmp_path: Path) -> None:
    row, seen = run_and_look(at_one(house, Strategy.STOP))
    assert (row.strategy, {name for name, is_so in seen.items() if is_so}) == (
        Strategy.STOP,
        {"nobody at the registry's address", "nobody at the address for reads"},
    )
    assert "nobody answers in its place" in proof_of(row, StepName.ORDER)
    assert proof_of(row, StepName.PROVE_READ_ONLY) == f"Nobody listens at {house.keeper.url}."
    assert row.seconds_without_pull
    assert row.seconds_without_push
    assert_it_collected(house, row, gone, tmp_path)


def test_with_read_only_the_registrys_address_answers_reads(house: House, gone: Built, tmp_path: Path) -> None:
    row, seen = run_and_look(at_one(house, Strategy.READ_ONLY))
    assert (row.strategy, {name for name, is_so in seen.items() if is_so}) == (
        Strategy.READ_ONLY,
        {"read-only at the registry's address", "nobody at the address for reads"},
    )
    assert "a read-only one answers in its place" in proof_of(row, StepName.ORDER)
    proof = proof_of(row, StepName.PROVE_READ_ONLY)
    assert proof.startswith(f"{REFUSED} team/api:kept pulls")
    assert row.seconds_without_push
    assert row.seconds_without_pull is not None
    assert row.seconds_without_pull < row.seconds_without_push
    assert_it_collected(house, row, gone, tmp_path)


def test_overlapped_reads_are_answered_all_the_time(house: House, gone: Built, tmp_path: Path) -> None:
    row, seen = run_and_look(at_both(house))
    assert (row.strategy, {name for name, is_so in seen.items() if is_so}) == (
        Strategy.OVERLAPPED,
        {"nobody at the registry's address", "read-only at the address for reads"},
    )
    assert "answers at the address for reads" in proof_of(row, StepName.ORDER)
    proof = proof_of(row, StepName.PROVE_READ_ONLY)
    assert proof.startswith(f"{REFUSED} Nobody listens at {house.keeper.url}. team/api:kept pulls")
    assert row.seconds_without_push
    assert row.seconds_without_pull == 0
    assert_it_collected(house, row, gone, tmp_path)


def assert_the_go_was_kept_back(house: House, row: Run, gone: Built, url: str) -> None:
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.PROVE_READ_ONLY)
    assert row.reason.startswith(f"{url} still takes writes")
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


def test_a_reader_that_takes_writes_in_the_registrys_place_keeps_the_go_back(house: House, gone: Built) -> None:
    house.keeper.tell("writable", "reader")
    row = at_one(house, Strategy.READ_ONLY).run()
    assert_the_go_was_kept_back(house, row, gone, house.keeper.url)


def test_a_reader_that_takes_writes_at_the_address_for_reads_keeps_the_go_back(house: House, gone: Built) -> None:
    house.keeper.tell("writable", "reader")
    row = at_both(house).run()
    assert_the_go_was_kept_back(house, row, gone, house.keeper.reads_url)


@pytest.mark.parametrize("strategy", [Strategy.STOP, Strategy.OVERLAPPED])
def test_somebody_who_takes_writes_where_nobody_should_listen_keeps_the_go_back(
    house: House, gone: Built, other: RegistryProcess, strategy: Strategy
) -> None:
    at_both(house).strategy = strategy
    house.client_url = other.url
    assert_the_go_was_kept_back(house, house.run(), gone, other.url)


@pytest.mark.parametrize("strategy", [Strategy.READ_ONLY, Strategy.OVERLAPPED])
def test_a_reader_that_does_not_start_keeps_the_registry_as_it_is(
    house: House, gone: Built, strategy: Strategy
) -> None:
    at_both(house).strategy = strategy
    house.keeper.tell("fail", "reader")
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.FAILED, StepName.ORDER)
    assert row.reason == "The read-only registry ended with code 3."
    assert_nothing_was_collected(house, row)
    assert house.has(gone)
    assert_read_write(house)


@pytest.mark.parametrize("strategy", [Strategy.READ_ONLY, Strategy.OVERLAPPED])
def test_a_reader_that_hangs_is_not_waited_for_longer_than_the_run_may_take(
    house: House, gone: Built, strategy: Strategy
) -> None:
    at_both(house).strategy = strategy
    house.longest_s = 1.5
    house.keeper.tell("hold", "reader")
    row = house.run()
    assert (row.outcome, row.reason) == (RunOutcome.FAILED, "1.5 seconds were over.")
    assert failed_step(row) == StepName.ORDER
    assert_nothing_was_collected(house, row)
    assert_read_write(house)


def test_without_an_address_for_reads_there_is_nothing_to_overlap(house: House, gone: Built) -> None:
    house.strategy = Strategy.OVERLAPPED
    row = house.run()
    assert (row.outcome, failed_step(row)) == (RunOutcome.SKIPPED, StepName.PREFLIGHT)
    assert row.reason == "No address for reads is set. Set HOLYSTONE_REGISTRY_READS_URL, or choose read-only."
    assert_read_write(house)
