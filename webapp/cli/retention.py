"""`retention preview` and `retention run`: what the rules would take, and taking it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.cli.answers import ExitCode, fail, parts, print_json, typed_by
from webapp.retention.listing import RuleInOrder, all_rules, in_order
from webapp.retention.models import PartState, RetentionOutcome, RetentionPart, RetentionRun
from webapp.retention.preview import Foreseen, Sum, Totals, foresee
from webapp.retention.records import ChangedSince
from webapp.retention.run import NO_RULE_IS_ON, RulesUnderWay, run_rules
from webapp.retention.words import counted, lines_of, why

PLACE = "command"
EXITS = {
    RetentionOutcome.DONE: ExitCode.DONE,
    RetentionOutcome.PARTLY: ExitCode.PARTLY,
    RetentionOutcome.INTERRUPTED: ExitCode.PARTLY,
}


@click.group("retention")
def retention() -> None:
    """What the rules of retention would take, and runs of them. Rules are made on the page Retention."""


@retention.command("preview")
@click.option("--rule", "name", default="", help="This rule alone, as if it were on. Without it: all that are on.")
@click.option("--all", "with_staying", is_flag=True, help="Print what stays, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def preview(name: str, with_staying: bool, as_json: bool) -> None:
    """Print which tags would go, and by which line of which rule. Changes nothing."""
    with parts().reading() as session:
        rules = in_order(all_rules(session))
        only = _named(rules, name, as_json) if name else None
        totals = Totals()
        found = totals.watch(_foresee(session, rules, only))
        if as_json:
            repositories = [_document(each) for each in found]
            print_json(_sum_document(totals.end(session), rules, repositories))
            return
        for each in found:
            _print(each, with_staying)
        total = totals.end(session)
    click.echo(_sum_words(total))


@retention.command("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def run(yes: bool, as_json: bool) -> None:
    """Let the rules that are on take what they show. What would take too much of a repository waits for a decision."""
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: give --yes.")
    with parts().reading() as session:
        rules = in_order(all_rules(session))
    if not any(each.is_on for each in rules):
        fail(NO_RULE_IS_ON, as_json)
    if not yes and not _agrees():
        click.echo("Nothing was deleted.")
        return
    try:
        run_id = run_rules(parts().retainer, typed_by(), PLACE)
    except (RulesUnderWay, ChangedSince) as error:
        fail(error.sentence, as_json)
    with parts().reading() as session:
        row = session.get_one(RetentionRun, run_id)
        document, code = _run_document(row), _exit(row)
    if as_json:
        print_json(document)
    else:
        for each in document["repositories"]:
            _print_part(each)
        click.echo(row.sentence, err=code not in (ExitCode.DONE, ExitCode.PARTLY))
    sys.exit(code)


def _agrees() -> bool:
    """Show what would go, and ask."""
    with parts().reading() as session:
        rules = in_order(all_rules(session))
        is_anything = False
        for each in _foresee(session, rules, None):
            if each.why_it_waits:
                click.echo(_waits(each))
                continue
            is_anything = is_anything or bool(each.tags or each.untagged)
            _print(each, with_staying=False)
    return is_anything and click.confirm("Delete these?")


def _sum_words(total: Sum) -> str:
    going = counted(total.tags_going, "tag")
    if total.untagged_going:
        going += f" and {counted(total.untagged_going, 'untagged manifest')}"
    words = f"{going} of {counted(total.repositories, 'repository')} would go, up to {total.freed.together} bytes."
    waiting = f" Of {counted(total.waiting, 'repository')} a run would ask first." if total.waiting else ""
    return f"{words} {counted(total.tags_staying, 'tag')} would stay.{waiting}"


def _foresee(session: Session, rules: list[RuleInOrder], only: int | None) -> Iterator[Foreseen]:
    return foresee(session, rules, parts().retainer.means, parts().now(), only_rule=only)


def _named(rules: list[RuleInOrder], name: str, as_json: bool) -> int:
    found = [each.id for each in rules if each.name == name]
    if len(found) != 1:
        fail(f"{'No rule' if not found else 'More than one rule'} is called {name}.", as_json)
    return found[0]


def _print(foreseen: Foreseen, with_staying: bool) -> None:
    for each in foreseen.decisions:
        if each.goes or with_staying:
            name = f"{foreseen.repository.name}{':' if each.name else '@'}{each.name or each.digest}"
            click.echo(
                f"{'goes' if each.goes else 'stays':<6} {name}  {why(each, foreseen.rule)} ({foreseen.rule.name})"
            )
    if foreseen.why_it_waits:
        click.echo(_waits(foreseen))


def _waits(foreseen: Foreseen) -> str:
    return f"waits  {foreseen.repository.name}  {foreseen.why_it_waits}"


def _document(foreseen: Foreseen) -> dict[str, Any]:
    """A repository, with everything that goes and stays in it."""
    return {
        "id": foreseen.repository.id,
        "repository": foreseen.repository.name,
        "rule": foreseen.rule.name,
        "rule_id": foreseen.rule.id,
        "waits": foreseen.why_it_waits,
        "tags": [
            {
                "tag": each.name,
                "digest": each.digest or None,
                "pushed_at": each.at,
                "goes": each.goes,
                "line": each.line,
                "reason": why(each, foreseen.rule),
            }
            for each in foreseen.decisions
            if each.name
        ],
        "untagged": [
            {
                "digest": each.digest,
                "first_seen_at": each.at,
                "goes": each.goes,
                "line": each.line,
                "reason": why(each, foreseen.rule),
            }
            for each in foreseen.decisions
            if not each.name
        ],
    }


def _sum_document(total: Sum, rules: list[RuleInOrder], repositories: list[dict[str, Any]]) -> dict[str, Any]:
    for each in repositories:
        each["bytes"] = total.freed.of_each.get(each.pop("id"), 0)
    return {
        "rules": [
            {
                "id": each.id,
                "name": each.name,
                "repositories": each.patterns,
                "is_on": each.is_on,
                "says": lines_of(each.terms),
            }
            for each in rules
        ],
        "repositories": repositories,
        "tags_going": total.tags_going,
        "tags_staying": total.tags_staying,
        "untagged_going": total.untagged_going,
        "repositories_waiting": total.waiting,
        "bytes": total.freed.together,
        "bytes_is_exact": False,
    }


def _run_document(run: RetentionRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "outcome": run.outcome,
        "reason": run.sentence,
        "tags_foreseen": run.tags_foreseen,
        "tags_deleted": run.tags_taken,
        "untagged_foreseen": run.untagged_foreseen,
        "untagged_deleted": run.untagged_taken,
        "bytes_foreseen": run.bytes_foreseen,
        "repositories": [_part_document(each) for each in run.parts],
    }


def _part_document(part: RetentionPart) -> dict[str, Any]:
    return {
        "repository": part.repository,
        "rule": part.rule_name,
        "outcome": part.state,
        "reason": part.sentence,
        "tags_foreseen": part.tags_foreseen,
        "tags_deleted": part.tags_taken,
        "untagged_foreseen": part.untagged_foreseen,
        "untagged_deleted": part.untagged_taken,
        "kept": [
            {"name": name, "reason": reason}
            for name, _tab, reason in (line.partition("\t") for line in part.differences.splitlines())
        ],
        "removal": part.removal_id,
    }


def _print_part(part: dict[str, Any]) -> None:
    click.echo(
        f"{part['outcome']:<12} {part['repository']}  {part['tags_deleted']} of {part['tags_foreseen']} tags  {part['reason']}".rstrip()
    )
    for each in part["kept"]:
        click.echo(f"stays        {part['repository']} {each['name']}  {each['reason']}")


def _exit(run: RetentionRun) -> ExitCode:
    """Done is done only where nobody is asked."""
    code = EXITS.get(run.outcome, ExitCode.FAILED) if run.outcome else ExitCode.FAILED
    asks = any(part.state == PartState.WAITING for part in run.parts)
    return ExitCode.PARTLY if code == ExitCode.DONE and asks else code
