"""Passwords: kept as argon2id, checked when new, never told apart by the time that an answer takes."""

from __future__ import annotations

import pytest

from webapp.accounts import passwords
from webapp.accounts.errors import PasswordRefused
from webapp.accounts.passwords import check_new_password, hash_password, is_outdated, make_hasher, verify


@pytest.fixture(autouse=True)
def _cheap(cheap_passwords: None) -> None:
    """All tests here hash quickly."""


def test_a_password_is_recognised_and_another_is_not() -> None:
    kept = hash_password("correct horse")
    assert verify(kept, "correct horse")
    assert not verify(kept, "Correct horse")
    assert not verify(kept, "")


def test_a_hash_is_argon2id_and_differs_each_time() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$")
    assert first != second


def test_the_real_hasher_is_at_least_what_owasp_asks() -> None:
    real = make_hasher()
    assert real.memory_cost >= 19 * 1024
    assert real.time_cost >= 2


def test_nobody_has_a_password_not_even_an_empty_one() -> None:
    assert not verify(None, "")
    assert not verify(None, "correct horse")


def test_an_unknown_user_takes_the_same_work_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    verified = []

    class Watched(type(passwords.hasher)):  # type: ignore[misc]
        def verify(self, kept: str, password: bytes) -> bool:
            verified.append(kept.rpartition("$")[0].rpartition("$")[0])  # the parameters, without salt and hash
            return bool(super().verify(kept, password))

    monkeypatch.setattr(passwords, "hasher", Watched(time_cost=1, memory_cost=8, parallelism=1))
    known = hash_password("correct horse")
    verify(known, "wrong horse")
    verify(None, "wrong horse")
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_a_damaged_hash_lets_nobody_in() -> None:
    assert not verify("not a hash", "correct horse")


def test_the_same_letters_from_another_keyboard_are_the_same_password() -> None:
    assert verify(hash_password("gr\u00fcne Wiese"), "gru\u0308ne Wiese")


def test_a_hash_with_other_parameters_is_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = hash_password("correct horse")
    assert not is_outdated(kept)
    monkeypatch.setattr(passwords, "hasher", make_hasher(memory_kib=16, rounds=1))
    assert is_outdated(kept)


@pytest.mark.parametrize("password", ["x" * 7, "", "x" * 129, "password", "PassWord1", "12345678", "alice.of.wonder"])
def test_a_password_that_anybody_would_try_is_refused_with_a_sentence(password: str) -> None:
    with pytest.raises(PasswordRefused) as refusal:
        check_new_password(password, "Alice.of.Wonder")
    assert refusal.value.sentence.endswith(".")


@pytest.mark.parametrize("password", ["x!y?z#12", "x" * 128, "correct horse battery", "пароль из слов", "        a"])
def test_any_other_password_of_8_to_128_characters_will_do(password: str) -> None:
    check_new_password(password, "alice")


def test_every_bundled_password_is_long_enough_to_matter() -> None:
    listed = passwords.COMMON_PASSWORDS.read_text(encoding="utf-8").split("\n")[:-1]
    assert all(len(each) >= 8 and each == each.casefold().strip() for each in listed)
    assert listed == sorted(set(listed))
