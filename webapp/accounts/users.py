"""Users: create, find, change the password of, disable. Each change is recorded as an activity with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.accounts.errors import LastAdministrator, NameRefused, NoSuchUser, UserExists
from webapp.accounts.models import EndReason, Role, User
from webapp.accounts.passwords import check_new_password, hash_password
from webapp.accounts.sessions import end_all
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record

NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)


def find_user(session: Session, name: str) -> User | None:
    """Return the user of that name, in upper or lower case, or None."""
    return session.scalar(select(User).where(User.name == name)) if NAME.fullmatch(name) else None


def existing_user(session: Session, name: str) -> User:
    """Return the user of that name, or raise NoSuchUser."""
    user = find_user(session, name)
    if user is None:
        raise NoSuchUser(f"There is no user called {name}.")
    return user


def list_users(session: Session) -> list[User]:
    """Return all users by name, the disabled ones too."""
    return list(session.scalars(select(User).order_by(User.name)))


def create_user(
    session: Session,
    name: str,
    password: str,
    role: Role,
    now: Callable[[], datetime],
    *,
    actor: str,
    place: str,
) -> User:
    """Create a user. `actor` and `place` are for the activity: who does it, and from where.

    Raises:
        NameRefused: the name is empty, too long or has other characters than letters, digits and `. _ - @`.
        PasswordRefused: see `check_new_password`.
        UserExists: somebody has that name, in upper or lower case.
    """
    if not NAME.fullmatch(name):
        raise NameRefused("A user's name has 1 to 64 letters, digits, dots, underscores, hyphens and @, no others.")
    check_new_password(password, name)
    if find_user(session, name):
        raise UserExists(f"There is a user called {name} already.")
    at = now()
    user = User(name=name, password_hash=hash_password(password), role=role, created_at=at, password_changed_at=at)
    session.add(user)
    session.flush()
    _record(session, now, actor, place, ActivityKind.USER_CREATED, f"User {name}, role {role}.")
    return user


def set_password(
    session: Session,
    name: str,
    password: str,
    now: Callable[[], datetime],
    *,
    actor: str,
    place: str,
    keep_sign_in: int | None = None,
) -> User:
    """Change a user's password and end all sessions of that user, except the sign-in `keep_sign_in`.

    Raises:
        NoSuchUser: nobody has that name.
        PasswordRefused: see `check_new_password`.
    """
    user = existing_user(session, name)
    check_new_password(password, user.name)
    user.password_hash, user.password_changed_at = hash_password(password), now()
    end_all(session, user.id, EndReason.PASSWORD_CHANGED, now, keep_sign_in)
    _record(session, now, actor, place, ActivityKind.PASSWORD_CHANGED, f"Password of {user.name}.")
    return user


def disable_user(session: Session, name: str, now: Callable[[], datetime], *, actor: str, place: str) -> User:
    """Keep a user from signing in and end all sessions of that user. The name stays taken.

    Raises:
        NoSuchUser: nobody has that name.
        LastAdministrator: nobody would be left who can administer.
    """
    user = existing_user(session, name)
    if not user.is_active:
        return user
    if user.role is Role.ADMIN and _active_administrators(session) == 1:
        raise LastAdministrator(f"{user.name} is the last administrator and cannot be disabled. Create another first.")
    user.disabled_at = now()
    end_all(session, user.id, EndReason.DISABLED, now)
    _record(session, now, actor, place, ActivityKind.USER_DISABLED, f"User {user.name}.")
    return user


def enable_user(session: Session, name: str, now: Callable[[], datetime], *, actor: str, place: str) -> User:
    """Let a disabled user sign in again.

    Raises:
        NoSuchUser: nobody has that name.
    """
    user = existing_user(session, name)
    if user.is_active:
        return user
    user.disabled_at = None
    _record(session, now, actor, place, ActivityKind.USER_ENABLED, f"User {user.name}.")
    return user


def _active_administrators(session: Session) -> int:
    active = select(func.count()).select_from(User).where(User.role == Role.ADMIN, User.disabled_at.is_(None))
    return session.scalar(active) or 0


def _record(
    session: Session, now: Callable[[], datetime], actor: str, place: str, kind: ActivityKind, reason: str
) -> None:
    record(session, at=now(), actor=actor, kind=kind, outcome=Outcome.DONE, reason=reason, place=place)
