"""For whoever watches the process: does it answer, and can it read its records. A word each, nothing else."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from webapp.accounts.models import User
from webapp.pages.current import parts

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def readyz() -> Response:
    """The records can be read."""
    try:
        with parts().reading() as session:
            session.execute(select(User.id).limit(1))
    except SQLAlchemyError:
        return Response("records\n", 503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")
