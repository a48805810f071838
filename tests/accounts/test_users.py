"""Users: created, changed, disabled; every change is remembered and ends what it should end."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.accounts.conftest import PASSWORDS, House
from webapp.accounts import users
from webapp.accounts.errors import (
    LastAdministrator,
    NameRefused,
    NoSuchUser,
    PasswordRefused,
    SignInRefused,
    UserExists,
)
from webapp.accounts.models import Role, User
from webapp.activities.models import Activity, ActivityKind

BY_ALICE = {"actor": "alice", "place": "192.0.2.1"}


def create(house: House, name: str, password: str = "a decent password", role: Role = Role.USER) -> User:
    with house.records.writing() as session:
        return users.create_user(session, name, password, role, house.clock, **BY_ALICE)


def set_password(house: House, name: str, password: str, keep_sign_in: int | None = None) -> None:
    with house.records.writing() as session:
        users.set_password(session, name, password, house.clock, keep_sign_in=keep_sign_in, **BY_ALICE)


def last_activity(house: House) -> tuple[ActivityKind, str, str, str]:
    with house.records.reading() as session:
        last = session.scalars(select(Activity).order_by(Activity.id.desc())).first()
        assert last
        return last.kind, last.actor, last.reason, last.place


def test_a_created_user_can_sign_in_and_the_creation_is_remembered(house: House) -> None:
    create(house, "carol")
    assert last_activity(house) == (ActivityKind.USER_CREATED, "alice", "User carol, role user.", "192.0.2.1")
    found = house.who(house.sign_in("carol", "a decent password"))
    assert found
    assert (found[0].name, found[0].role) == ("carol", Role.USER)


@pytest.mark.parametrize("name", ["alice", "Alice", "ALICE"])
def test_names_differ_by_more_than_upper_and_lower_case(house: House, name: str) -> None:
    with pytest.raises(UserExists):
        create(house, name)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "zoë", "x" * 65, "a\n", "(unknown)", "a\udc80"])
def test_a_name_outside_of_the_grammar_is_refused(house: House, name: str) -> None:
    with pytest.raises(NameRefused):
        create(house, name)


@pytest.mark.parametrize("name", ["z", "x" * 64, "Zoe.O-Neil_2@example.org"])
def test_letters_digits_and_four_marks_make_a_name(house: House, name: str) -> None:
    assert create(house, name).name == name


def test_a_refused_password_creates_nobody(house: House) -> None:
    with pytest.raises(PasswordRefused):
        create(house, "carol", "password")
    with house.records.reading() as session:
        assert [user.name for user in users.list_users(session)] == ["alice", "bob", "dave"]


def test_a_changed_password_ends_all_sessions_of_that_user_only(house: House) -> None:
    first, second, other = house.sign_in("bob"), house.sign_in("bob"), house.sign_in("dave")
    set_password(house, "BOB", "another password")
    assert (house.who(first), house.who(second)) == (None, None)
    assert house.who(other)
    assert last_activity(house) == (ActivityKind.PASSWORD_CHANGED, "alice", "Password of bob.", "192.0.2.1")
    with pytest.raises(SignInRefused):
        house.sign_in("bob")
    assert house.sign_in("bob", "another password")


def test_the_session_that_changes_its_own_password_can_stay(house: House) -> None:
    here, elsewhere = house.sign_in("bob"), house.sign_in("bob")
    found = house.who(here)
    assert found
    set_password(house, "bob", "another password", keep_sign_in=found[1].id)
    assert house.who(here)
    assert house.who(elsewhere) is None


def test_a_refused_new_password_changes_nothing(house: House) -> None:
    token = house.sign_in("bob")
    with pytest.raises(PasswordRefused):
        set_password(house, "bob", "bob")
    assert house.who(token)
    assert house.sign_in("bob")


def test_a_disabled_user_is_out_at_once_and_an_enabled_one_signs_in_anew(house: House) -> None:
    token = house.sign_in("bob")
    with house.records.writing() as session:
        users.disable_user(session, "bob", house.clock, **BY_ALICE)
    assert house.who(token) is None
    with pytest.raises(SignInRefused):
        house.sign_in("bob")
    with house.records.writing() as session:
        users.enable_user(session, "bob", house.clock, **BY_ALICE)
    assert last_activity(house)[0] is ActivityKind.USER_ENABLED
    assert house.who(token) is None
    assert house.who(house.sign_in("bob"))


def test_disabling_twice_is_remembered_once(house: House) -> None:
    for _ in range(2):
        with house.records.writing() as session:
            users.disable_user(session, "bob", house.clock, **BY_ALICE)
    with house.records.reading() as session:
        disabled = select(Activity).where(Activity.kind == ActivityKind.USER_DISABLED)
        assert len(session.scalars(disabled).all()) == 1


def test_the_last_administrator_stays(house: House) -> None:
    with pytest.raises(LastAdministrator), house.records.writing() as session:
        users.disable_user(session, "alice", house.clock, **BY_ALICE)
    create(house, "carol", role=Role.ADMIN)
    with house.records.writing() as session:
        users.disable_user(session, "alice", house.clock, **BY_ALICE)
    with pytest.raises(LastAdministrator), house.records.writing() as session:
        users.disable_user(session, "carol", house.clock, **BY_ALICE)


@pytest.mark.parametrize("change", [users.disable_user, users.enable_user])
def test_nobody_cannot_be_changed(house: House, change: object) -> None:
    with pytest.raises(NoSuchUser), house.records.writing() as session:
        change(session, "nobody", house.clock, **BY_ALICE)  # type: ignore[operator]
    with pytest.raises(NoSuchUser):
        set_password(house, "nobody", "another password")


def test_the_record_holds_no_password(house: House) -> None:
    create(house, "carol", "a decent password")
    house.sign_in("carol", "a decent password")
    house.records.engine.dispose()
    kept = house.records.path.read_bytes()
    assert b"carol" in kept
    assert b"a decent password" not in kept
    assert all(password.encode() not in kept for password in PASSWORDS.values())
