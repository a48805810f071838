"""Permissions: what each role may, as a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webapp.accounts.models import Role, User
from webapp.accounts.permissions import kinds_shown, may_delete, may_maintain, may_view, visibility
from webapp.activities.models import ActivityKind

NOW = datetime(2026, 3, 12, tzinfo=UTC)
PEOPLE = {
    "nobody": None,
    "dave": User(name="dave", role=Role.USER),
    "alice": User(name="alice", role=Role.ADMIN),
    "dave, disabled": User(name="dave", role=Role.USER, disabled_at=NOW),
    "alice, disabled": User(name="alice", role=Role.ADMIN, disabled_at=NOW),
}


@pytest.mark.parametrize(
    ("who", "view", "view_where_anybody_may", "delete", "maintain", "sees_sign_ins"),
    [
        ("nobody", False, True, False, False, False),
        ("dave", True, True, False, False, False),
        ("alice", True, True, True, True, True),
        ("dave, disabled", False, True, False, False, False),
        ("alice, disabled", False, True, False, False, False),
    ],
)
def test_each_role_may_what_the_table_says(
    who: str, view: bool, view_where_anybody_may: bool, delete: bool, maintain: bool, sees_sign_ins: bool
) -> None:
    user = PEOPLE[who]
    assert may_view(user, anonymous_view=False) is view
    assert may_view(user, anonymous_view=True) is view_where_anybody_may
    assert visibility(user, anonymous_view=False).sees_everything is view
    assert may_delete(user, delete_enabled=True) is delete
    assert may_maintain(user) is maintain
    assert (ActivityKind.SIGN_IN_FAILED in kinds_shown(user)) is sees_sign_ins
    assert ActivityKind.TAG_DELETED in kinds_shown(user)


@pytest.mark.parametrize("who", PEOPLE)
def test_nobody_deletes_where_deleting_is_switched_off(who: str) -> None:
    assert may_delete(PEOPLE[who], delete_enabled=False) is False
