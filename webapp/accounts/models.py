"""Tables of the accounts: users, their sign-ins, and the attempts that failed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base


class Role(StrEnum):
    """What a user may do everywhere. Roles by namespace come later."""

    ADMIN = "admin"
    USER = "user"


class EndReason(StrEnum):
    """Why a sign-in ended before its time."""

    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, no password
    DISABLED = "disabled"
    RECORDS_RESTORED = "records_restored"


class User(Base):
    """Somebody who may sign in. Names differ by more than upper and lower case.

    The four properties are what Flask-Login asks a user for.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64, collation="NOCASE"), unique=True)
    password_hash: Mapped[str]
    role: Mapped[Role]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime]

    @property
    def is_authenticated(self) -> bool:
        """True: a row of this table is somebody."""
        return True

    @property
    def is_active(self) -> bool:
        """Whether this user may sign in at all."""
        return self.disabled_at is None

    @property
    def is_anonymous(self) -> bool:
        """False: a row of this table is somebody."""
        return False

    def get_id(self) -> str:
        """Return the id as text, as Flask-Login wants it."""
        return str(self.id)


class SignIn(Base):
    """One session of one user. Its token is in the user's cookie only; here is the token's SHA-256."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    address: Mapped[str]
    agent: Mapped[str]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[EndReason | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class FailedAttempts(Base):
    """How often a sign-in failed for one key (`attempts.py` makes them), and until when the next has to wait."""

    __tablename__ = "failed_attempts"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    wait_until: Mapped[datetime]
