"""What a repository's page says where the last look at it was not complete: why, and of when that is which it shows."""

from __future__ import annotations

from flask import Flask

from webapp.catalogue.unread import unread_of
from webapp.pages.current import parts
from webapp.pages.filters import counted, moment


def register(app: Flask) -> None:
    """Give templates `unread_note`."""
    app.add_template_global(unread_note)


def unread_note(repository: str) -> str:
    """A sentence for the head of a repository's page; empty where all of it was read."""
    with parts().reading() as session:
        unread = unread_of(session, repository)
    if unread is None:
        return ""
    if unread.tags is not None:
        were = "they are shown as they were before" if unread.tags > 1 else "it is shown as it was before"
        return (
            f"Since {moment(unread.since)} {counted(unread.tags, 'tag')} could not be read; {were}. {unread.sentence}"
        )
    if unread.read_at is None:
        return f"It could not be read yet. {unread.sentence}"
    return f"This is what it held on {moment(unread.read_at)}; it could not be read since. {unread.sentence}"
