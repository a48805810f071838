"""Failed attempts: guessing becomes slow, and nobody is locked out."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import select

from tests.accounts.conftest import House
from webapp.accounts.attempts import (
    FREE_PER_ACCOUNT,
    FREE_PER_ADDRESS,
    LONGEST_WAIT_PER_ACCOUNT_S,
    LONGEST_WAIT_PER_ADDRESS_S,
    begin_attempt,
)
from webapp.accounts.errors import SignInRefused, TooManyAttempts
from webapp.accounts.models import FailedAttempts
from webapp.activities.models import Activity


def fail(house: House, name: str = "bob", address: str = "198.51.100.1") -> None:
    with pytest.raises(SignInRefused):
        house.sign_in(name, "wrong", address)


def wait_of(house: House, name: str = "bob", address: str = "198.51.100.1", password: str = "wrong") -> float:
    """Try and return for how long that is refused; 0 if the password was looked at."""
    try:
        house.sign_in(name, password, address)
    except TooManyAttempts as refusal:
        return refusal.wait_s
    except SignInRefused:
        pass
    return 0.0


def fail_after_waiting(house: House, times: int, name: str = "bob", address: str = "198.51.100.1") -> list[float]:
    waits = []
    for _ in range(times):
        fail(house, name, address)
        waits.append(wait_of(house, name, address))
        house.clock.advance(seconds=waits[-1])
    return waits


def test_a_few_typing_mistakes_cost_nothing(house: House) -> None:
    for _ in range(FREE_PER_ACCOUNT):
        fail(house)
    assert house.sign_in("bob", address="198.51.100.1")


def test_further_failures_double_the_wait_up_to_a_minute(house: House) -> None:
    for _ in range(FREE_PER_ACCOUNT):
        fail(house)
    assert fail_after_waiting(house, 8) == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_wait_refuses_the_right_password_too_with_a_sentence(house: House) -> None:
    for _ in range(FREE_PER_ACCOUNT + 1):
        fail(house)
    with pytest.raises(TooManyAttempts) as refusal:
        house.sign_in("bob", address="198.51.100.1")
    assert refusal.value.sentence == "Too many attempts failed. Try again in 2 seconds."
    house.clock.advance(seconds=2)
    assert house.sign_in("bob", address="198.51.100.1")


def test_trying_during_a_wait_does_not_prolong_it(house: House) -> None:
    for _ in range(FREE_PER_ACCOUNT + 1):
        fail(house)
    waits = []
    for _ in range(4):
        waits.append(wait_of(house))
        house.clock.advance(seconds=0.5)
    assert waits == [2, 1.5, 1, 0.5]
    assert wait_of(house) == 0


def test_a_guesser_with_many_addresses_is_slowed_down_at_one_account(house: House) -> None:
    let_through = sum(wait_of(house, address=f"198.51.100.{number}") == 0 for number in range(100))
    assert let_through == FREE_PER_ACCOUNT + 1


def test_the_owner_who_waits_as_told_gets_in_however_many_strangers_go_on(house: House) -> None:
    for number in range(20):
        wait_of(house, address=f"198.51.100.{number}")
    wait_s = wait_of(house, "bob", "192.0.2.1")
    assert 0 < wait_s <= LONGEST_WAIT_PER_ACCOUNT_S
    for _ in range(math.ceil(wait_s)):  # strangers take every moment at which the account is free
        house.clock.advance(seconds=1)
        for number in range(20):
            wait_of(house, address=f"198.51.100.{number}")
    assert house.sign_in("bob", address="192.0.2.1")


def test_one_address_that_tries_many_names_is_slowed_down(house: House) -> None:
    for number in range(FREE_PER_ADDRESS):
        fail(house, f"user{number}")
    waits = [fail_after_waiting(house, 1, f"another{number}")[0] for number in range(7)]
    assert waits == [2, 4, 8, 16, 30, 30, 30]
    assert max(waits) == LONGEST_WAIT_PER_ADDRESS_S


def test_signing_in_as_oneself_in_between_does_not_help_to_guess_others(house: House) -> None:
    for _ in range(FREE_PER_ADDRESS):
        fail(house, "nobody")
        house.clock.advance(seconds=LONGEST_WAIT_PER_ACCOUNT_S)
        assert house.sign_in("dave", address="198.51.100.1")
    fail(house, "somebody")
    assert wait_of(house, "somebody") == 2


def test_other_accounts_and_other_addresses_are_not_slowed_down(house: House) -> None:
    for _ in range(FREE_PER_ACCOUNT + 1):
        fail(house)
    assert house.sign_in("dave", address="198.51.100.1")
    assert house.sign_in("alice", address="192.0.2.1")


def test_an_account_that_does_not_exist_answers_like_one_that_does(house: House) -> None:
    known = [wait_of(house, "bob", "198.51.100.1") for _ in range(10)]
    unknown = [wait_of(house, "nobody", "198.51.100.2") for _ in range(10)]
    assert known == unknown
    assert known[-1] > 0


def test_upper_and_lower_case_are_one_account(house: House) -> None:
    for name in ("bob", "Bob", "BOB", "bOb", "boB", "BOb"):
        fail(house, name)
    assert wait_of(house, "BoB") == 2


@pytest.mark.parametrize("addresses", [("2001:db8::1", "2001:db8:0:0:ffff::2"), ("fe80::1%eth0", "fe80::2%eth1")])
def test_a_network_of_ipv6_is_one_address(house: House, addresses: tuple[str, str]) -> None:
    for number in range(FREE_PER_ADDRESS + 1):
        fail(house, f"user{number}", addresses[0])
    assert wait_of(house, "somebody", addresses[1]) == 2
    assert wait_of(house, "somebody", "2001:db8:0:1::1") == 0


def test_success_forgets_the_accounts_failures(house: House) -> None:
    for _ in range(FREE_PER_ACCOUNT):
        fail(house)
    house.sign_in("bob", address="198.51.100.1")
    for _ in range(FREE_PER_ACCOUNT):
        fail(house)
    assert house.sign_in("bob", address="198.51.100.1")


def test_failures_are_forgotten_after_a_quiet_hour_and_leave_no_rows(house: House) -> None:
    for number in range(30):
        wait_of(house, f"user{number}")
    house.clock.advance(hours=1, seconds=1)
    fail(house)
    with house.records.reading() as session:
        keys = set(session.scalars(select(FailedAttempts.key)))
    assert keys == {"account:bob", "address:198.51.100.1", "account:bob address:198.51.100.1"}


def test_attempts_at_once_are_counted_before_their_passwords_are_looked_at(house: House) -> None:
    let_through = 0
    for _ in range(50):
        with house.records.writing() as session:
            let_through += begin_attempt(session, "bob", "198.51.100.1", house.clock) == 0
    assert let_through == FREE_PER_ACCOUNT + 1


def test_what_has_to_wait_is_not_remembered_for_ever(house: House) -> None:
    for _ in range(50):
        wait_of(house)
    with house.records.reading() as session:
        failed = session.scalars(select(Activity).where(Activity.place == "198.51.100.1")).all()
    assert len(failed) == FREE_PER_ACCOUNT + 1
