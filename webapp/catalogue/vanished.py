"""Repositories that lost all their tags: gone, or too many at once to be believed."""

from __future__ import annotations

from sqlalchemy import select

from webapp.catalogue.doubt import end_doubt, fingerprint, is_doubtful, raise_doubt
from webapp.catalogue.models import Repository
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.rows import doubt_revisions, update_repository
from webapp.catalogue.seen import SeenRepository
from webapp.catalogue.state import registry_state
from webapp.database import among


def judge_vanished(catalogue: Catalogue, vanished: dict[str, int], could_be_read: set[str], listed: int) -> str:
    """Mark repositories gone that lost all their tags, unless it is too much at once to be believed.

    `vanished` has each repository's version at the time of the look; what a removal of ours emptied since then is
    neither gone nor in doubt.
    """
    now = catalogue.now()
    with catalogue.writing() as session:
        state = registry_state(session)
        rows = session.execute(
            select(Repository.name, Repository.version).where(
                among(Repository.name, vanished), Repository.tag_count > 0
            )
        )
        gone = {name for name, version in rows if vanished[name] == version}
        had_tags = len(could_be_read - vanished.keys()) + len(gone)
        doubtful = is_doubtful(len(gone), had_tags, listed)
        if doubtful and state.doubt_accepted != fingerprint(gone):
            raise_doubt(state, gone, had_tags, now)
            return state.doubt
        doubt_revisions(session, gone, state.sync_started_at)
        for name in sorted(gone):
            update_repository(session, SeenRepository(name, (), frozenset(), ""), vanished[name], now)
        end_doubt(state)
        if gone or not doubtful:
            state.doubt_accepted = ""
    return ""
