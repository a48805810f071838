"""Each request, once it is answered: a line of the log, and counted for `/metrics`."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request, request_finished, request_started

from webapp.accounts.models import User
from webapp.pages.current import figures, parts, request_id

log = logging.getLogger(__name__)

QUIET = frozenset({"static", "health.healthz", "health.readyz", "metrics.metrics"})
"""What browsers and watchers ask for all the time; a line of the log only where it went wrong."""


def register(app: Flask) -> None:
    """Look at the beginning and the end of all requests, also of those that are refused or fail."""

    def begin(_app: Flask, **_more: object) -> None:
        g.began_s = parts().monotonic()

    def end(_app: Flask, response: Response, **_more: object) -> None:
        ended_s = parts().monotonic()
        seconds = ended_s - g.get("began_s", ended_s)  # one that cannot be read at all has no beginning
        rule = request.url_rule
        figures().requests.count(request.method, rule.rule if rule else None, response.status_code, seconds)
        quiet = request.endpoint in QUIET and response.status_code < 400
        log.log(logging.DEBUG if quiet else logging.INFO, "Request", extra=_told(response, seconds))

    request_started.connect(begin, app, weak=False)
    request_finished.connect(end, app, weak=False)


def _told(response: Response, seconds: float) -> dict[str, object]:
    """What a line says of a request. Of its address only the path: what stands behind `?` may be anything."""
    return {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "ms": round(seconds * 1000),
        "user": _name_of_known_user(),
        "address": request.remote_addr,
        "request_id": request_id(),
    }


def _name_of_known_user() -> str | None:
    """Who asked, where a view wanted to know: looking now would read the records for a picture."""
    user = g.get("_login_user")  # where Flask-Login keeps it for the length of a request
    return user.name if isinstance(user, User) else None
