"""Sessions: what a signed-in browser's token stands for, and when that ends."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.accounts.models import EndReason, SignIn, User
from webapp.database import Writing
from webapp.registry.text import plain_text

TOKEN_BYTES = 32
LONGEST_AGENT = 200
LONGEST_ADDRESS = 64
TOUCHED_EVERY = timedelta(minutes=1)


def open_session(session: Session, user: User, address: str, agent: str, now: Callable[[], datetime]) -> str:
    """Add a sign-in of `user` and return its token, which is kept nowhere else than in the browser's cookie."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        SignIn(
            user=user,
            token_hash=_hash(token),
            created_at=now(),
            last_seen_at=now(),
            address=plain_text(address, LONGEST_ADDRESS),
            agent=plain_text(agent, LONGEST_AGENT),
        )
    )
    return token


def session_of(
    session: Session, token: str, now: Callable[[], datetime], idle_s: float, max_s: float
) -> tuple[User, SignIn] | None:
    """Return whose token this is, or None where its session has ended.

    Args:
        idle_s: a session ends this many seconds after it was last seen.
        max_s: a session ends this many seconds after it was opened.
    """
    sign_in = session.scalar(select(SignIn).where(SignIn.token_hash == _hash(token), SignIn.ended_at.is_(None)))
    if sign_in is None or not sign_in.user.is_active:
        return None
    unseen, age = now() - sign_in.last_seen_at, now() - sign_in.created_at
    if unseen >= timedelta(seconds=idle_s) or age >= timedelta(seconds=max_s):
        return None
    return sign_in.user, sign_in


def touch(writing: Writing, sign_in: SignIn, now: Callable[[], datetime]) -> None:
    """Note that a session was used, at most once a minute: not every page shall cost a write."""
    if now() - sign_in.last_seen_at < TOUCHED_EVERY:
        return
    with writing() as session:
        session.execute(
            update(SignIn).where(SignIn.id == sign_in.id, SignIn.ended_at.is_(None)).values(last_seen_at=now())
        )


def close_session(session: Session, token: str, now: Callable[[], datetime]) -> User | None:
    """End the session of this token as signed out and return whose it was; None where it had ended already."""
    sign_in = session.scalar(select(SignIn).where(SignIn.token_hash == _hash(token), SignIn.ended_at.is_(None)))
    if sign_in is None:
        return None
    sign_in.ended_at, sign_in.end_reason = now(), EndReason.SIGNED_OUT
    return sign_in.user


def end_all(
    session: Session, user_id: int, reason: EndReason, now: Callable[[], datetime], keep_sign_in: int | None = None
) -> None:
    """End all sessions of a user, except the sign-in `keep_sign_in`."""
    session.execute(
        update(SignIn)
        .where(SignIn.user_id == user_id, SignIn.ended_at.is_(None), SignIn.id != (keep_sign_in or 0))
        .values(ended_at=now(), end_reason=reason)
    )


def _hash(token: str) -> str:
    """SHA-256 is enough for 256 random bits; a slow hash is for what people choose."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
