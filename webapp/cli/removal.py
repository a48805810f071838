"""`remove REFERENCE…`: the same removals as the pages', with the plan printed before."""

from __future__ import annotations

import getpass
import sys
import uuid
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.catalogue.sync import sync_repository
from webapp.cli.answers import ExitCode, fail, parts, print_json
from webapp.registry.errors import RegistryError
from webapp.registry.names import BadName, Reference, split_reference
from webapp.removal.execute import PlanChanged, Preview, RemovalUnderWay, preview, recover
from webapp.removal.execute import remove as remove_agreed
from webapp.removal.journal import Agreement
from webapp.removal.looks import IndexTooDeep
from webapp.removal.models import Removal, RemovalState


@click.command("remove")
@click.argument("references", nargs=-1, required=True)
@click.option(
    "--siblings",
    type=click.Choice(["keep", "remove"]),
    default="keep",
    help="What happens to other tags of the same digest. The registry deletes by digest: with 'keep' a tag that has"
    " siblings is refused.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def remove(references: tuple[str, ...], siblings: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove tags (`repository:tag`) and whole images (`repository`)."""
    if not parts().settings.DELETE_ENABLED and not dry_run:
        fail("Deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED).", as_json)
    if as_json and not (dry_run or yes):
        raise click.UsageError("--json cannot ask: give --yes or --dry-run.")
    if not dry_run:
        recover(parts().remover)
    answers = []
    for repository, tags in _by_repository(references, as_json):
        answers.append(_remove_in(repository, tags, siblings, dry_run, yes, as_json))
    if as_json:
        print_json(_together(answers))
    codes = {answer["exit"] for answer in answers}
    sys.exit(codes.pop() if len(codes) == 1 else ExitCode.PARTLY)


def _by_repository(references: tuple[str, ...], as_json: bool) -> list[tuple[str, tuple[str, ...]]]:
    """The tags to remove of each repository; none for a whole image."""
    wanted: dict[str, list[Reference]] = {}
    for text in references:
        try:
            reference = split_reference(text)
        except BadName as problem:
            raise click.UsageError(str(problem)) from None
        if reference.digest:
            fail("Removing a manifest by its digest is not possible yet.", as_json)
        wanted.setdefault(reference.repository, []).append(reference)
    return [
        (
            repository,
            () if any(each.tag is None for each in asked) else tuple(sorted({each.tag or "" for each in asked})),
        )
        for repository, asked in wanted.items()
    ]


def _remove_in(
    repository: str, tags: tuple[str, ...], siblings: str, dry_run: bool, yes: bool, as_json: bool
) -> dict[str, Any]:
    try:
        shown = preview(parts().remover, repository, tags)
        refusal = shown.plan.refusal or _siblings_in_the_way(shown, siblings)
        if refusal:
            return _answer(shown, ExitCode.FAILED, refusal, as_json)
        if not as_json:
            _print_plan(shown)
        if dry_run or not (yes or click.confirm("Delete these?")):
            return _answer(shown, ExitCode.DONE, "Nothing was deleted.", as_json)
        agreement = Agreement(shown.plan.fingerprint, uuid.uuid4().hex, getpass.getuser(), "command")
        removal_id = remove_agreed(parts().remover, repository, tags, agreement)
    except (RegistryError, IndexTooDeep, RemovalUnderWay) as error:
        return _failed(error.sentence, as_json)
    except PlanChanged as changed:
        return _answer(changed.preview, ExitCode.FAILED, "This changed since the plan was printed.", as_json)
    _sync(repository)
    return _outcome(shown, removal_id, as_json)


def _sync(repository: str) -> None:
    """Bring the catalogue's rows of the repository up to date, as the pages do after a removal."""
    try:
        sync_repository(parts().catalogue, repository)
    except RegistryError as error:
        click.echo(f"The catalogue was not brought up to date: {error.sentence}", err=True)


def _siblings_in_the_way(shown: Preview, siblings: str) -> str:
    if siblings == "remove" or not shown.plan.siblings:
        return ""
    return f"{', '.join(shown.plan.siblings)} would go along: the same digest. Allow it with --siblings remove."


def _print_plan(shown: Preview) -> None:
    plan = shown.plan
    for tag, digest in sorted(plan.tags.items()):
        click.echo(f"goes   {plan.repository}:{tag}  {digest}")
    for step in plan.steps:
        click.echo(f"goes   {plan.repository}@{step.digest}  {step.kind}")
    for kept in plan.kept:
        click.echo(f"stays  {kept.name}  {kept.reason}")
    for tag in plan.gone:
        click.echo(f"gone   {plan.repository}:{tag}  already")
    up_to = "" if shown.space.is_exact else "up to "
    click.echo(f"space  {up_to}{shown.space.bytes_freed} bytes at the next collection")


def _answer(shown: Preview, code: ExitCode, sentence: str, as_json: bool) -> dict[str, Any]:
    if not as_json:
        click.echo(sentence, err=code != ExitCode.DONE)
    plan = shown.plan
    return {
        "exit": code,
        "reason": sentence,
        "tags": [
            {"repository": plan.repository, "tag": tag, "digest": plan.tags.get(tag)}
            for tag in sorted({*plan.tags, *plan.gone})
        ],
        "manifests": [{"repository": plan.repository, "digest": step.digest} for step in plan.steps],
        "kept": [{"repository": plan.repository, "name": each.name, "reason": each.reason} for each in plan.kept],
        "bytes_freed": shown.space.bytes_freed,
        "bytes_freed_is_exact": shown.space.is_exact,
    }


def _failed(sentence: str, as_json: bool) -> dict[str, Any]:
    if not as_json:
        click.echo(sentence, err=True)
    empty: dict[str, Any] = {"tags": [], "manifests": [], "kept": [], "bytes_freed": 0, "bytes_freed_is_exact": True}
    return {"exit": ExitCode.FAILED, "reason": sentence, **empty}


def _outcome(shown: Preview, removal_id: int, as_json: bool) -> dict[str, Any]:
    """What became of each tag and manifest, from the records."""
    with parts().reading() as session:
        removal = session.get_one(Removal, removal_id)
        state = removal.state
        tags = {tag.name: (tag.state.value, tag.reason) for tag in removal.tags}
        steps = {step.digest: (step.state.value, step.reason) for step in removal.steps}
        notice = removal.notice
    code = {RemovalState.DONE: ExitCode.DONE, RemovalState.PARTLY: ExitCode.PARTLY}.get(state, ExitCode.FAILED)
    answer = _answer(shown, code, notice or f"The removal is {state.value}.", as_json)
    for item in answer["tags"]:
        item["outcome"], item["reason"] = tags.get(item["tag"], ("unknown", ""))
    for item in answer["manifests"]:
        item["outcome"], item["reason"] = steps.get(item["digest"], ("unknown", ""))
    if not as_json:
        for tag, (outcome, reason) in sorted(tags.items()):
            click.echo(f"{outcome:<12} {shown.plan.repository}:{tag}  {reason}".rstrip())
    return answer


def _together(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """One document for all repositories."""
    return {
        "tags": [each for answer in answers for each in answer["tags"]],
        "manifests": [each for answer in answers for each in answer["manifests"]],
        "kept": [each for answer in answers for each in answer["kept"]],
        "bytes_freed": sum(answer["bytes_freed"] for answer in answers),
        "bytes_freed_is_exact": all(answer["bytes_freed_is_exact"] for answer in answers),
        "reasons": [answer["reason"] for answer in answers if answer["reason"]],
    }
