"""`trash`, `restore` and `empty-trash`: what was deleted and can be restored, by command."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import astuple
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.accounts.permissions import Visibility
from webapp.activities.models import Outcome
from webapp.activities.record import COMMAND
from webapp.catalogue.refresh import sync_repository
from webapp.cli.answers import ExitCode, fail, parts, print_json, typed_by
from webapp.registry.errors import RegistryError
from webapp.registry.names import is_tag
from webapp.removal.empty import MOST_AT_ONCE, Emptied, due, empty
from webapp.removal.recovery import recover
from webapp.removal.restore import restore as restore_items
from webapp.removal.restore_looks import rows_of
from webapp.removal.restores_in_doubt import Restored
from webapp.removal.trash import day_words
from webapp.removal.trash_listing import LISTED, TrashFilter, TrashRow, every_item, ids_in_trash
from webapp.removal.trash_models import Restorable, TrashState

ALL = Visibility(sees_everything=True)
OFF = "Deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED)."


@click.command("trash")
@click.option("--repository", metavar="R", default="", help="Only what was in this repository.")
@click.option(
    "--state",
    type=click.Choice([each.value for each in LISTED]),
    default=TrashState.IN_TRASH.value,
    help="What is in the trash, or what became of it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def trash(repository: str, state: str, as_json: bool) -> None:
    """Print what is in the trash, what was deleted last first."""
    wanted = TrashFilter(TrashState(state), repository)
    with parts().reading() as session:
        if as_json:
            print_json({"items": [_document(row) for row in every_item(session, ALL, wanted)]})
            return
        for row in every_item(session, ALL, wanted):
            click.echo(_line(row))


@click.command("restore")
@click.argument("ids", metavar="ID…", nargs=-1, required=True, type=click.IntRange(1, 2**63 - 1))
@click.option("--as", "name", metavar="NAME", default="", help="Another tag for the only item.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def restore(ids: tuple[int, ...], name: str, as_json: bool) -> None:
    """Restore items of the trash, each under the tag that it had; what went along comes with them."""
    if name and len(set(ids)) > 1:
        raise click.UsageError("--as is for one item.")
    if name and not is_tag(name):
        raise click.UsageError(f"{name!a} is not a tag.")
    _begin(as_json)
    done = restore_items(parts().remover, set(ids), typed_by(), COMMAND, name)
    _sync({each.repository for each in done})
    unknown = sorted(set(ids) - {each.item_id for each in done})
    found = [_restored(each) for each in done]
    found += [{"id": each, "outcome": Outcome.FAILED.value, "reason": "There is no such item."} for each in unknown]
    if as_json:
        print_json({"items": found})
    else:
        for each in found:
            click.echo(_restored_line(each), err=each["outcome"] != Outcome.DONE.value)
    sys.exit(_code([each["outcome"] == Outcome.DONE.value for each in found]))


@click.command("empty-trash")
@click.argument("ids", metavar="[ID…]", nargs=-1, type=click.IntRange(1, 2**63 - 1))
@click.option("--expired", is_flag=True, help="Only what is past its date.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def empty_trash(ids: tuple[int, ...], expired: bool, yes: bool, as_json: bool) -> None:
    """Delete items of the trash for good; without an ID, all of them."""
    if ids and expired:
        raise click.UsageError("Give IDs or --expired, not both.")
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: give --yes.")
    _begin(as_json)
    chosen = _chosen(ids, expired)
    if not yes and not click.confirm(f"Delete {len(chosen)} items for good?"):
        click.echo("Nothing was deleted.")
        return
    done = _empty_all(chosen, ids, expired)
    if as_json:
        print_json(_emptied(done))
    else:
        click.echo(_emptied_line(done), err=bool(done.left))
    sys.exit(ExitCode.DONE if not (done.left or done.sentences) else _code([bool(done.deleted or done.kept), False]))


def _begin(as_json: bool) -> None:
    """Refuse where nothing may be changed; look up what a dead process has left."""
    if not parts().settings.DELETE_ENABLED:
        fail(OFF, as_json)
    recover(parts().remover)


def _chosen(ids: Sequence[int], expired: bool) -> list[int]:
    """A portion of what is to go."""
    with parts().reading() as session:
        if ids:
            return [item.id for item in rows_of(session, ids)]
        return due(session, parts().now()) if expired else ids_in_trash(session, ALL, MOST_AT_ONCE)


def _empty_all(chosen: list[int], ids: Sequence[int], expired: bool) -> Emptied:
    """Portion after portion, for as long as each takes something away."""
    total = Emptied()
    while chosen:
        done = empty(parts().remover, chosen, typed_by(), COMMAND)
        total = Emptied(
            total.deleted + done.deleted,
            total.kept + done.kept,
            done.left,
            total.bytes_freed + done.bytes_freed,
            (*total.sentences, *done.sentences),
        )
        if ids or done.left or not (done.deleted or done.kept):
            break
        chosen = _chosen((), expired)
    return total


def _sync(repositories: Collection[str]) -> None:
    """Bring the catalogue's rows up to date, as the pages do."""
    for repository in sorted(repositories):
        try:
            sync_repository(parts().catalogue, repository)
        except RegistryError as error:
            click.echo(f"The catalogue was not brought up to date: {error.sentence}", err=True)


def _code(done: Sequence[bool]) -> ExitCode:
    return ExitCode.DONE if all(done) else ExitCode.PARTLY if any(done) else ExitCode.FAILED


def _document(row: TrashRow) -> dict[str, Any]:
    """`restorable` is null where nobody has looked yet."""
    return {
        "id": row.id,
        "repository": row.repository,
        "tag": row.tag or None,
        "digest": row.digest,
        "until": row.until.isoformat() if row.until else None,
        "restorable": row.restorable != Restorable.NO if row.restorable else None,
        "missing": list(row.missing),
        "state": row.state.value,
        "deleted_at": row.deleted_at.isoformat(),
        "actor": row.actor,
        "bytes": row.size_bytes,
    }


def _line(row: TrashRow) -> str:
    until = f"until {day_words(row.until)}" if row.until else row.state.value
    words = {"": "not looked at yet", Restorable.NO: "cannot be restored"}.get(row.restorable, "can be restored")
    return f"{row.id:>6}  {_name(row.repository, row.tag, row.digest)}  {row.actor}  {until}  {words}"


def _name(repository: str, tag: str, digest: str) -> str:
    return f"{repository}:{tag}" if tag else f"{repository}@{digest}"


def _restored(each: Restored) -> dict[str, Any]:
    return {
        "id": each.item_id,
        "repository": each.repository,
        "tag": each.tag or None,
        "digest": each.digest,
        "outcome": each.outcome.value,
        "reason": each.reason,
    }


def _restored_line(each: dict[str, Any]) -> str:
    name = _name(each["repository"], each["tag"] or "", each["digest"]) if "repository" in each else ""
    return f"{each['outcome']:<12} {each['id']}  {name}  {each['reason']}".rstrip()


def _emptied(done: Emptied) -> dict[str, Any]:
    names = ("deleted", "kept", "left", "bytes_freed", "reasons")
    return dict(zip(names, astuple(done), strict=True))


def _emptied_line(done: Emptied) -> str:
    kept = f" {done.kept} stay, since something else needs them or they are gone." if done.kept else ""
    left = f" {done.left} could not be deleted." if done.left else ""
    words = f"Deleted {done.deleted} items for good; {done.bytes_freed} bytes at the next collection."
    return " ".join([f"{words}{kept}{left}", *done.sentences])
