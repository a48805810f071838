"""`/metrics`, for Prometheus: by a bearer token of its own, and never by anybody's session."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from werkzeug.exceptions import NotFound

from webapp.pages.current import figures, parts

bp = Blueprint("metrics", __name__)

SCHEME = "bearer "
CHALLENGE = 'Bearer realm="Holystone metrics"'


@bp.get("/metrics")
def metrics() -> Response:
    """All figures, for whoever knows the token; where none is set there is no such page."""
    token = parts().settings.METRICS_TOKEN
    if not token:
        raise NotFound
    if not _knows(token):
        return Response("unauthorized\n", 401, {"WWW-Authenticate": CHALLENGE}, mimetype="text/plain")
    return Response(generate_latest(figures().registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _knows(token: str) -> bool:
    given = request.headers.get("Authorization", "")
    if given[: len(SCHEME)].lower() != SCHEME:
        return False
    return hmac.compare_digest(given[len(SCHEME) :].strip().encode("utf-8", "replace"), token.encode())
