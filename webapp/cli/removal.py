"""`remove REFERENCE…`: the same removals as the pages', with the plan printed before."""

from __future__ import annotations

import sys
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.catalogue.refresh import sync_repository
from webapp.cli.answers import ExitCode, fail, parts, print_json, typed_by
from webapp.registry.errors import RegistryError
from webapp.registry.names import BadName, Reference, split_reference
from webapp.removal.execute import PlanChanged, Preview, preview, space_together
from webapp.removal.execute import remove as remove_agreed
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal, RemovalState
from webapp.removal.recovery import recover
from webapp.removal.remover import RemovalUnderWay, refuse_while_held, until_of
from webapp.removal.space import Space
from webapp.removal.trash import day_words
from webapp.removal.wanted import Referrers, Siblings, Wanted


@click.command("remove")
@click.argument("references", nargs=-1, required=True)
@click.option(
    "--siblings",
    type=click.Choice([each.value for each in Siblings]),
    default=Siblings.KEEP.value,
    help="What happens to other tags of the same digest.",
)
@click.option(
    "--referrers",
    type=click.Choice([each.value for each in Referrers]),
    default=Referrers.REMOVE.value,
    help="What happens to signatures, attestations and whatever else refers to what goes.",
)
@click.option("--include-protected", is_flag=True, help="Remove protected tags, too (HOLYSTONE_PROTECTED_TAGS).")
@click.option("--for-good", is_flag=True, help="Without the trash: it cannot be restored (HOLYSTONE_TRASH_RETENTION).")
@click.option("--dry-run", is_flag=True, help="Print the plan; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def remove(
    references: tuple[str, ...],
    siblings: str,
    referrers: str,
    include_protected: bool,
    for_good: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove tags (`repository:tag`), manifests (`repository@digest`) and whole images (`repository`)."""
    if not parts().settings.DELETE_ENABLED and not dry_run:
        fail("Deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED).", as_json)
    if as_json and not (dry_run or yes):
        raise click.UsageError("--json cannot ask: give --yes or --dry-run.")
    if not dry_run:
        recover(parts().remover)
    asked = [
        replace(
            each,
            siblings=Siblings(siblings),
            referrers=Referrers(referrers),
            include_protected=include_protected,
            for_good=for_good,
        )
        for each in _by_repository(references)
    ]
    answers, space = _remove_all(asked, dry_run, yes, as_json)
    if as_json:
        print_json(_together(answers, space, until_of(parts().remover, asked[0])))
    codes = {answer["exit"] for answer in answers}
    sys.exit(codes.pop() if len(codes) == 1 else ExitCode.PARTLY)


def _by_repository(references: tuple[str, ...]) -> list[Wanted]:
    """What to remove of each repository."""
    wanted: dict[str, list[Reference]] = {}
    for text in references:
        try:
            reference = split_reference(text)
        except BadName as problem:
            raise click.UsageError(str(problem)) from None
        wanted.setdefault(reference.repository, []).append(reference)
    return [_wanted(repository, asked) for repository, asked in wanted.items()]


def _wanted(repository: str, asked: list[Reference]) -> Wanted:
    if any(each.tag is None and each.digest is None for each in asked):
        return Wanted(repository, whole_image=True)
    tags = sorted({each.tag for each in asked if each.tag})
    return Wanted(repository, tuple(tags), tuple(sorted({each.digest for each in asked if each.digest})))


def _remove_all(
    asked: list[Wanted], dry_run: bool, yes: bool, as_json: bool
) -> tuple[list[dict[str, Any]], Space | None]:
    """The answers of all repositories, and the space that they free together; None where it is not known."""
    shown: dict[str, Preview] = {}
    answers: list[dict[str, Any]] = []
    for wanted in asked:
        try:
            if not dry_run:
                refuse_while_held(parts().remover)
            shown[wanted.repository] = preview(parts().remover, wanted)
        except RegistryError as error:
            answers.append(_failed(error.sentence, as_json))
    if not as_json:
        for each in shown.values():
            _print_plan(each)
    space = _space_together(list(shown.values()), as_json)
    refused = [each for each in shown.values() if each.plan.refusal]
    answers += [_answer(each, ExitCode.FAILED, each.plan.refusal, as_json) for each in refused]
    agreed = [each for each in shown.values() if not each.plan.refusal]
    if dry_run or not agreed or not (yes or click.confirm("Delete these?")):
        return [*answers, *(_answer(each, ExitCode.DONE, "Nothing was deleted.", as_json) for each in agreed)], space
    return [*answers, *(_remove_one(each, as_json) for each in agreed)], space


def _space_together(shown: list[Preview], as_json: bool) -> Space | None:
    try:
        space = space_together(parts().remover, shown)
    except RegistryError:
        return None
    if not as_json and shown:
        click.echo(_space_line(space, shown[0].plan.until))
    return space


def _space_line(space: Space, until: datetime | None) -> str:
    up_to = "" if space.is_exact else "up to "
    if until:
        later = f"{up_to}{space.bytes_freed} bytes come back at the first collection after that"
        return f"trash  can be restored until {day_words(until)}; {later}"
    more = f", and {space.bytes_added} bytes are added" if space.bytes_added else ""
    return f"space  {up_to}{space.bytes_freed} bytes at the next collection{more}"


def _remove_one(shown: Preview, as_json: bool) -> dict[str, Any]:
    agreement = Agreement(shown.plan.fingerprint, uuid.uuid4().hex, typed_by(), "command")
    try:
        removal_id = remove_agreed(parts().remover, shown.plan.wanted, agreement)
    except (RegistryError, RemovalUnderWay) as error:
        return _failed(error.sentence, as_json)
    except PlanChanged as changed:
        return _answer(changed.preview, ExitCode.FAILED, "This changed since the plan was printed.", as_json)
    _sync(shown.plan.repository)
    return _outcome(shown, removal_id, as_json)


def _sync(repository: str) -> None:
    """Bring the catalogue's rows of the repository up to date, as the pages do after a removal."""
    try:
        sync_repository(parts().catalogue, repository)
    except RegistryError as error:
        click.echo(f"The catalogue was not brought up to date: {error.sentence}", err=True)


def _print_plan(shown: Preview) -> None:
    plan = shown.plan
    for tag, digest in sorted(plan.tags.items()):
        click.echo(f"goes   {plan.repository}:{tag}  {digest or 'without a manifest'}")
    for step in plan.steps:
        click.echo(f"goes   {plan.repository}@{step.digest}  {step.kind}")
    for each in plan.rewrites:
        click.echo(f"anew   {plan.repository}:{each.tag}  the list of referrers, without what goes")
    for kept in plan.kept:
        click.echo(f"stays  {kept.name}  {kept.reason}")
    for name in plan.gone:
        click.echo(f"gone   {plan.repository}{'@' if ':' in name else ':'}{name}  already")


def _answer(shown: Preview, code: ExitCode, sentence: str, as_json: bool) -> dict[str, Any]:
    if not as_json:
        click.echo(sentence, err=code != ExitCode.DONE)
    plan = shown.plan
    return {
        "exit": code,
        "reason": sentence,
        "tags": [
            {"repository": plan.repository, "tag": tag, "digest": plan.tags.get(tag) or None}
            for tag in sorted({*plan.tags, *(name for name in plan.gone if ":" not in name)})
        ],
        "manifests": [
            {"repository": plan.repository, "digest": digest}
            for digest in (*(step.digest for step in plan.steps), *(name for name in plan.gone if ":" in name))
        ],
        "kept": [{"repository": plan.repository, "name": each.name, "reason": each.reason} for each in plan.kept],
    }


def _failed(sentence: str, as_json: bool) -> dict[str, Any]:
    if not as_json:
        click.echo(sentence, err=True)
    empty: dict[str, Any] = {"tags": [], "manifests": [], "kept": []}
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
        item["outcome"], item["reason"] = steps.get(item["digest"], ("already-gone", ""))
    if not as_json:
        for tag, (outcome, reason) in sorted(tags.items()):
            click.echo(f"{outcome:<12} {shown.plan.repository}:{tag}  {reason}".rstrip())
    return answer


def _together(answers: list[dict[str, Any]], space: Space | None, until: datetime | None) -> dict[str, Any]:
    """One document for all repositories. Into the trash nothing is freed or added yet."""
    space_bytes = space.bytes_freed if space else 0
    added = space.bytes_added if space else 0
    return {
        "tags": [each for answer in answers for each in answer["tags"]],
        "manifests": [each for answer in answers for each in answer["manifests"]],
        "kept": [each for answer in answers for each in answer["kept"]],
        "bytes_freed": 0 if until else space_bytes,
        "bytes_added": 0 if until else added,
        "bytes_in_trash": space_bytes if until else 0,
        "until": until.isoformat() if until else None,
        "bytes_freed_is_exact": bool(space and space.is_exact),
        "reasons": [answer["reason"] for answer in answers if answer["reason"]],
    }
