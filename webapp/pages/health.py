"""For whoever watches the process: does it answer, and can it do its work. A word each, nothing else."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from webapp.backups.schema import newest_version
from webapp.catalogue.checks import SCHEDULER_SILENT_AFTER
from webapp.catalogue.models import RegistryState
from webapp.database import version_of
from webapp.pages.current import parts

bp = Blueprint("health", __name__)

READY = "ready"


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def readyz() -> Response:
    """The records can be read and written and are of this version, and the scheduler lives; else the first that is not so."""
    try:
        word = _what_is_missing() or READY
    except SQLAlchemyError:
        word = "records"
    return Response(f"{word}\n", 200 if word == READY else 503, mimetype="text/plain")


def _what_is_missing() -> str:
    """The scheduler writes every few seconds that it lives: a fresh word of it proves that the records take writes."""
    here = parts()
    with here.reading() as session:
        if version_of(session) != newest_version():
            return "migrations"
        state = session.get(RegistryState, 1)
    seen_at = state.scheduler_seen_at if state else None
    if seen_at is None or here.now() - seen_at > SCHEDULER_SILENT_AFTER:
        return "scheduler"
    return ""
