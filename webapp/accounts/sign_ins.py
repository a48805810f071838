"""Signing in and out. `sessions.py` knows who somebody is afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.accounts import attempts
from webapp.accounts.errors import SignInRefused, TooManyAttempts
from webapp.accounts.models import User
from webapp.accounts.passwords import hash_password, is_outdated, verify
from webapp.accounts.sessions import close_session, open_session
from webapp.accounts.users import find_user
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.database import Writing

STRANGER = "(unknown)"
"""The actor of a failed sign-in with a name that nobody has. No user can be called so."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    name: str
    address: str
    now: Callable[[], datetime]
    known_hash: str | None


def sign_in(
    writing: Writing, name: str, password: str, address: str, agent: str, now: Callable[[], datetime]
) -> tuple[str, User]:
    """Open a session and return its token, for the browser's cookie, and whose it is.

    The password is looked at between two transactions: that takes long on purpose.

    Args:
        address: the client's, as far as it can be believed.
        agent: what the browser calls itself.

    Raises:
        SignInRefused: name and password do not belong together, or the user is disabled.
        TooManyAttempts: too many failed before; nothing was looked at.
    """
    attempt = _begin(writing, name, address, now)
    matches = verify(attempt.known_hash, password)
    new_hash = hash_password(password) if matches and is_outdated(attempt.known_hash or "") else None
    with writing() as session:
        user = find_user(session, name)
        refusal = _refusal(attempt, user, matches)
        if user is None or refusal:
            _record_failure(session, attempt, user, refusal)
        else:
            user.password_hash = new_hash or user.password_hash
            attempts.succeeded(session, name, address, now)
            token = open_session(session, user, address, agent, now)
            _record(session, ActivityKind.SIGNED_IN, user.name, address, now)
            return token, user
    raise SignInRefused("Name and password do not belong together, or the user is disabled.")


def sign_out(session: Session, token: str, address: str, now: Callable[[], datetime]) -> None:
    """End the session of this token; nothing happens where it has ended already."""
    user = close_session(session, token, now)
    if user:
        _record(session, ActivityKind.SIGNED_OUT, user.name, address, now)


def _begin(writing: Writing, name: str, address: str, now: Callable[[], datetime]) -> _Attempt:
    with writing() as session:
        wait_s = attempts.begin_attempt(session, name, address, now)
        user = find_user(session, name)
    if wait_s:
        seconds = math.ceil(wait_s)
        unit = "second" if seconds == 1 else "seconds"
        raise TooManyAttempts(f"Too many attempts failed. Try again in {seconds} {unit}.", wait_s)
    return _Attempt(name, address, now, user.password_hash if user else None)


def _refusal(attempt: _Attempt, user: User | None, matches: bool) -> str:
    """Why the sign-in is refused, for the administrators' list; empty where it is not."""
    if user is None:
        return f"There is no user called “{attempt.name[: attempts.LONGEST_NAME]}”."
    if not matches:
        return "Wrong password."
    if not user.is_active:
        return "The user is disabled."
    if user.password_hash != attempt.known_hash:
        return "The password was changed meanwhile."
    return ""


def _record_failure(session: Session, attempt: _Attempt, user: User | None, reason: str) -> None:
    actor = user.name if user else STRANGER
    kind = ActivityKind.SIGN_IN_FAILED
    _record(session, kind, actor, attempt.address, attempt.now, Outcome.FAILED, reason)


def _record(
    session: Session,
    kind: ActivityKind,
    actor: str,
    address: str,
    now: Callable[[], datetime],
    outcome: Outcome = Outcome.DONE,
    reason: str = "",
) -> None:
    record(session, at=now(), actor=actor, kind=kind, outcome=outcome, reason=reason, place=address)
