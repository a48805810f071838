"""What belongs to the request in hand: the parts of the application, and who asks."""

from __future__ import annotations

import secrets
from typing import cast

from flask import Request, current_app, g, request
from flask_login import current_user

from webapp.accounts.models import User
from webapp.accounts.permissions import Visibility, may_maintain
from webapp.accounts.permissions import may_delete as may_delete_tags
from webapp.accounts.permissions import visibility as visibility_of
from webapp.accounts.sessions import session_of, touch
from webapp.metrics.figures import Figures
from webapp.pages.background import Background
from webapp.parts import Parts


def parts() -> Parts:
    """The parts of the application that answers."""
    return cast("Parts", current_app.extensions["holystone"])


def background() -> Background:
    """The threads of the application that answers."""
    return cast("Background", current_app.extensions["holystone-background"])


def figures() -> Figures:
    """The figures of the application that answers."""
    return cast("Figures", current_app.extensions["holystone-figures"])


def request_id() -> str:
    """Names the request in hand, in the log and to whoever gets an error."""
    return cast("str", g.setdefault("request_id", secrets.token_hex(6)))


def person() -> User | None:
    """Who asks; None for somebody who has not signed in."""
    user = current_user._get_current_object()
    return user if isinstance(user, User) else None


def visibility() -> Visibility:
    """Which repositories whoever asks may see."""
    return visibility_of(person(), parts().settings.ANONYMOUS_VIEW)


def may_delete() -> bool:
    """Whether whoever asks may delete, as far as Holystone is concerned."""
    return may_delete_tags(person(), parts().settings.DELETE_ENABLED)


def is_administrator() -> bool:
    """Whether whoever asks administers."""
    return may_maintain(person())


def place() -> str:
    """Where the request comes from, for the records."""
    return request.remote_addr or ""


def cookie_name() -> str:
    """The name of the cookie with a session's token.

    Browsers take `__Host-` and `__Secure-` only over TLS, and guard such cookies better. `__Host-` is for a whole host,
    so below a sub-path, beside other applications, it is `__Secure-` with that path.
    """
    if not request.is_secure:
        return "holystone"
    return "__Secure-holystone" if request.root_path else "__Host-holystone"


def load_person(of: Request) -> User | None:
    """Find out whose session the request's cookie names, for Flask-Login."""
    token = of.cookies.get(cookie_name())
    if not token:
        return None
    here, settings = parts(), parts().settings
    with here.reading() as session:
        found = session_of(session, token, here.now, settings.SESSION_IDLE, settings.SESSION_MAX)
        session.expunge_all()  # the user is looked at until the request ends
    if found is None:
        return None
    user, sign_in = found
    touch(here.writing, sign_in, here.now)
    return user
