"""Fixtures of the tests of accounts: the cast has signed up, alice administers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.records import Clock, Records, cheap_passwords, clock, records, records_template
from webapp.accounts import users
from webapp.accounts.models import Role, SignIn, User
from webapp.accounts.sessions import session_of
from webapp.accounts.sign_ins import sign_in

__all__ = ["cheap_passwords", "clock", "records", "records_template"]

PASSWORDS = {name: f"the password of {name}" for name in ("alice", "bob", "dave")}
IDLE_S, MAX_S = 12 * 3600, 14 * 86400


@dataclass(frozen=True, slots=True)
class House:
    """The database with its users, and the calls that the tests repeat."""

    records: Records
    clock: Clock

    def sign_in(self, name: str, password: str | None = None, address: str = "192.0.2.1") -> str:
        """Sign in from `address` and return the token; without a password, with the right one."""
        password = PASSWORDS[name] if password is None else password
        token, _ = sign_in(self.records.writing, name, password, address, "Firefox", self.clock)
        return token

    def who(self, token: str) -> tuple[User, SignIn] | None:
        """Return whose token this is now."""
        with self.records.reading() as session:
            found = session_of(session, token, self.clock, IDLE_S, MAX_S)
            session.expunge_all()
            return found


@pytest.fixture
def house(records: Records, clock: Clock, cheap_passwords: None) -> House:
    """alice administers; bob and dave are users."""
    with records.writing() as session:
        for name, password in PASSWORDS.items():
            role = Role.ADMIN if name == "alice" else Role.USER
            users.create_user(session, name, password, role, clock, actor="root", place="command")
    return House(records, clock)
