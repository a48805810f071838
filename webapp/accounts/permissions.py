"""What a person may do. `None` is somebody who has not signed in.

Today's roles are two, for the whole registry: administrators delete and free space, other users look.
"""

from __future__ import annotations

from dataclasses import dataclass

from webapp.accounts.models import Role, User
from webapp.activities.models import ACCOUNT_KINDS, ActivityKind


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which repositories somebody may see; the catalogue's queries take it. Today: all of them or none."""

    sees_everything: bool


def visibility(user: User | None, anonymous_view: bool) -> Visibility:
    """Return which repositories `user` may see."""
    return Visibility(sees_everything=may_view(user, anonymous_view))


def may_view(user: User | None, anonymous_view: bool) -> bool:
    """Whether `user` may look at the pages. `anonymous_view` is the setting that lets anybody."""
    return anonymous_view or _is_somebody(user)


def may_delete(user: User | None, delete_enabled: bool) -> bool:
    """Whether `user` may delete tags and images. `delete_enabled` is the setting that forbids it to all."""
    return delete_enabled and _is_administrator(user)


def may_maintain(user: User | None) -> bool:
    """Whether `user` may free space, run checks and sync."""
    return _is_administrator(user)


def kinds_shown(user: User | None) -> frozenset[ActivityKind]:
    """Return the kinds of activities that `user` may see, once allowed to look at all.

    Sign-ins and accounts, with the addresses they came from, are for administrators.
    """
    every = frozenset(ActivityKind)
    return every if _is_administrator(user) else every - ACCOUNT_KINDS


def _is_somebody(user: User | None) -> bool:
    return user is not None and user.is_active


def _is_administrator(user: User | None) -> bool:
    return user is not None and user.is_active and user.role is Role.ADMIN
