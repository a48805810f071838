"""Sessions: a token lets its owner in until it is signed out, unused, old or taken away."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from tests.accounts.conftest import IDLE_S, MAX_S, PASSWORDS, House
from webapp.accounts import passwords, sign_ins, users
from webapp.accounts.errors import SignInRefused
from webapp.accounts.models import SignIn
from webapp.accounts.sessions import touch
from webapp.accounts.sign_ins import sign_out
from webapp.activities.models import Activity, ActivityKind, Outcome


def activities(house: House) -> list[tuple[ActivityKind, str, Outcome, str]]:
    """What happened after the users were created."""
    with house.records.reading() as session:
        found = session.scalars(select(Activity).where(Activity.kind != ActivityKind.USER_CREATED)).all()
        return [(each.kind, each.actor, each.outcome, each.reason) for each in found]


def use(house: House, token: str) -> bool:
    """Do what a page does with a token; return whether it was let in."""
    found = house.who(token)
    if found is None:
        return False
    touch(house.records.writing, found[1], house.clock)
    return True


def test_who_signs_in_is_known_by_the_token(house: House) -> None:
    token = house.sign_in("BOB", PASSWORDS["bob"])
    found = house.who(token)
    assert found
    user, sign_in = found
    assert (user.name, sign_in.address, sign_in.agent) == ("bob", "192.0.2.1", "Firefox")
    assert activities(house) == [(ActivityKind.SIGNED_IN, "bob", Outcome.DONE, "")]


def test_each_sign_in_has_a_long_token_of_its_own_that_the_database_does_not_hold(house: House) -> None:
    tokens = {house.sign_in("bob") for _ in range(3)}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)
    house.records.engine.dispose()
    kept = house.records.path.read_bytes()
    assert not any(token.encode() in kept for token in tokens)


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\udc80", "'; --"])
def test_a_made_up_token_is_nobodys(house: House, token: str) -> None:
    house.sign_in("bob")
    assert house.who(token) is None


def test_every_refusal_says_the_same(house: House) -> None:
    with house.records.writing() as session:
        users.disable_user(session, "dave", house.clock, actor="alice", place="")
    sentences = set()
    for name, password in (
        ("bob", "wrong"),
        ("nobody", "wrong"),
        ("dave", PASSWORDS["dave"]),
        ("", ""),
        ("a\udc80", ""),
    ):
        with pytest.raises(SignInRefused) as refusal:
            house.sign_in(name, password)
        sentences.add(refusal.value.sentence)
    assert len(sentences) == 1


def test_a_refusal_is_remembered_with_its_reason_and_never_with_the_password(house: House) -> None:
    for name in ("Bob", "bob2"):
        with pytest.raises(SignInRefused):
            house.sign_in(name, "wrong password")
    assert activities(house) == [
        (ActivityKind.SIGN_IN_FAILED, "bob", Outcome.FAILED, "Wrong password."),
        (ActivityKind.SIGN_IN_FAILED, "(unknown)", Outcome.FAILED, "There is no user called “bob2”."),
    ]


def test_signing_out_ends_this_session_only_and_is_remembered_once(house: House) -> None:
    here, elsewhere = house.sign_in("bob"), house.sign_in("bob")
    for _ in range(2):
        with house.records.writing() as session:
            sign_out(session, here, "192.0.2.1", house.clock)
    assert house.who(here) is None
    assert house.who(elsewhere)
    assert [kind for kind, *_ in activities(house)].count(ActivityKind.SIGNED_OUT) == 1


def test_an_unused_session_ends(house: House) -> None:
    token = house.sign_in("bob")
    house.clock.advance(seconds=IDLE_S - 1)
    assert house.who(token)
    house.clock.advance(seconds=1)
    assert house.who(token) is None


def test_a_used_session_goes_on_until_it_is_too_old(house: House) -> None:
    token = house.sign_in("bob")
    for _ in range(MAX_S // (IDLE_S // 2) - 1):
        house.clock.advance(seconds=IDLE_S // 2)
        assert use(house, token)
    house.clock.advance(seconds=IDLE_S // 2)
    assert not use(house, token)


def test_a_session_is_noted_as_used_once_a_minute_at_most(house: House) -> None:
    token = house.sign_in("bob")
    opened = house.clock()
    house.clock.advance(seconds=59)
    assert use(house, token)
    with house.records.reading() as session:
        assert session.scalars(select(SignIn)).one().last_seen_at == opened
    house.clock.advance(seconds=1)
    assert use(house, token)
    with house.records.reading() as session:
        assert session.scalars(select(SignIn)).one().last_seen_at == house.clock()


def test_a_session_that_ended_meanwhile_is_not_noted_as_used(house: House) -> None:
    token = house.sign_in("bob")
    found = house.who(token)
    assert found
    with house.records.writing() as session:
        sign_out(session, token, "", house.clock)
    house.clock.advance(minutes=2)
    touch(house.records.writing, found[1], house.clock)
    with house.records.reading() as session:
        ended = session.scalars(select(SignIn)).one()
        assert ended.last_seen_at < house.clock()


def test_no_transaction_is_open_while_a_password_is_looked_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    open_transactions = []
    events = {"begin": 1, "commit": -1, "rollback": -1}
    for name, step in events.items():
        event.listen(house.records.engine, name, lambda _, step=step: open_transactions.append(step))
    seen = []
    verify = passwords.verify
    monkeypatch.setattr(sign_ins, "verify", lambda *of: (seen.append(sum(open_transactions)), verify(*of))[1])
    house.sign_in("bob")
    assert seen == [0]
    assert 1 in open_transactions


def test_a_password_that_is_changed_while_the_old_one_is_looked_at_lets_nobody_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = passwords.verify

    def slow_verify(kept: str | None, password: str) -> bool:
        with house.records.writing() as session:
            users.set_password(session, "bob", "another password", house.clock, actor="alice", place="")
        return verify(kept, password)

    monkeypatch.setattr(sign_ins, "verify", slow_verify)
    with pytest.raises(SignInRefused):
        house.sign_in("bob")
    with house.records.reading() as session:
        assert session.scalars(select(SignIn)).all() == []


def test_a_session_does_not_outlive_its_users_right_to_sign_in(house: House) -> None:
    token = house.sign_in("bob")
    with house.records.writing() as session:
        users.existing_user(session, "bob").disabled_at = house.clock()  # by whatever way
    assert house.who(token) is None


def test_an_outdated_hash_is_made_anew_by_signing_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", passwords.make_hasher(memory_kib=16, rounds=1))
    house.sign_in("bob")
    with house.records.reading() as session:
        bob = users.existing_user(session, "bob")
        assert "m=16," in bob.password_hash
    assert house.sign_in("bob")


def test_an_agent_with_an_endless_name_is_cut(house: House) -> None:
    sign_ins.sign_in(house.records.writing, "bob", PASSWORDS["bob"], "192.0.2.1", "x" * 10_000, house.clock)
    with house.records.reading() as session:
        assert len(session.scalars(select(SignIn)).one().agent) == 200
