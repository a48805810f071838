"""`sync`, `repositories`, `tags`: bring the catalogue up to date, and print it."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import click
from flask.cli import with_appcontext

from webapp.accounts.permissions import Visibility
from webapp.catalogue import listing
from webapp.catalogue.sync import SyncReport
from webapp.catalogue.sync import sync as sync_catalogue
from webapp.catalogue.totals import Total, size_of_registry
from webapp.cli.answers import ExitCode, fail, parts, print_json
from webapp.leases import LeaseHeld

EVERYTHING = Visibility(sees_everything=True)


OTHERS_MAY_TAKE_S = 60.0
ASKED_AGAIN_AFTER_S = 0.2


@click.command("sync")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def sync(as_json: bool) -> None:
    """Look at the registry and bring the catalogue up to date; where another look is under way, after it."""
    report = _sync_after_others(as_json)
    outcome = ExitCode.DONE if report.is_complete else ExitCode.PARTLY if report.repositories else ExitCode.FAILED
    with parts().reading() as session:
        size = size_of_registry(session, EVERYTHING)
    if as_json:
        print_json(
            {
                "repositories": report.repositories,
                "problem": report.problem,
                "doubt": report.doubt,
                "unread": report.unread,
                "size_bytes": size.size_bytes,
                "manifests_left_out": size.left_out,
            }
        )
    else:
        click.echo(f"Read {report.repositories} repositories.")
        click.echo(f"They take {_in_words(size)} together.")
        for sentence in filter(None, (report.problem, report.doubt)):
            click.echo(sentence, err=True)
    sys.exit(outcome)


def _sync_after_others(as_json: bool) -> SyncReport:
    give_up = parts().monotonic() + OTHERS_MAY_TAKE_S
    while True:
        try:
            return sync_catalogue(replace(parts().catalogue, checked_at_most=None))
        except LeaseHeld:
            if parts().monotonic() > give_up:
                fail("Another sync has been under way for a minute, and goes on.", as_json)
        time.sleep(ASKED_AGAIN_AFTER_S)


@click.command("repositories")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def repositories(as_json: bool) -> None:
    """List the repositories of the catalogue."""
    with parts().reading() as session:
        rows = listing.repositories(session, EVERYTHING, size=listing.ALL_AT_ONCE).rows
        together = size_of_registry(session, EVERYTHING)
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "tags": row.tag_count,
                    "images": row.image_count,
                    "size_bytes": row.size_bytes,
                    "manifests_left_out": row.left_out,
                    "changed_at": row.changed_at,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        click.echo(f"{row.name}\t{row.tag_count} tags\t{_in_words(Total(row.size_bytes, row.left_out))}")
    click.echo(f"{_in_words(together)} together, each blob once.", err=True)


def _in_words(size: Total) -> str:
    """Bytes; not rounded, since programs read them, too."""
    if size.size_bytes is None:
        return "an unknown number of bytes"
    return f"{'at least ' if size.left_out else ''}{size.size_bytes} bytes"


@click.command("tags")
@click.argument("repository")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def tags(repository: str, as_json: bool) -> None:
    """List the tags of a repository."""
    with parts().reading() as session:
        found = listing.find_repository(session, EVERYTHING, repository)
        if found is None:
            fail(f"There is no repository {repository} in the catalogue. `sync` reads the registry again.", as_json)
        rows = listing.tags(session, found, size=listing.ALL_AT_ONCE, siblings=listing.ALL_AT_ONCE).rows
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "digest": row.digest,
                    "platforms": row.platforms,
                    "size_bytes": row.size_bytes,
                    "pushed_at": row.pushed_at,
                    "pushed_at_is_seen": row.pushed_at_is_seen,
                    "same_as": row.same_as,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        click.echo(f"{row.name}\t{row.digest or '-'}")
