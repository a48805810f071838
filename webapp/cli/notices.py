"""`notices list|test`: what went wrong, and whether it would be told."""

from __future__ import annotations

import sys
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.cli.answers import ExitCode, fail, parts, print_json
from webapp.notices.deliver import send_test
from webapp.notices.listing import deliveries_of, ended_notices, open_notices
from webapp.notices.models import Channel, Delivery, Notice
from webapp.notices.words import solved

_CHANNELS = {each.value.replace("_", "-"): each for each in Channel}
NONE_SET = "No channel is set: HOLYSTONE_WEBHOOK_URL, HOLYSTONE_MAIL_SERVER or HOLYSTONE_DEAD_MANS_SWITCH_URL sets one."


@click.group("notices")
def notices() -> None:
    """What went wrong, and where it is told."""


@notices.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def list_notices(as_json: bool) -> None:
    """Print open notices, then the latest that have ended."""
    with parts().reading() as session:
        found = [*open_notices(session), *ended_notices(session).notices]
        sent = deliveries_of(session, found)
    if as_json:
        print_json({"notices": [_document(each, sent[each.id]) for each in found]})
        return
    for each in found:
        click.echo(f"{each.began_at:%Y-%m-%d %H:%M:%SZ}  {solved(each) or 'open'}  {each.sentence}")


@notices.command("test")
@click.argument("channel", type=click.Choice(list(_CHANNELS)), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_appcontext
def test(channel: str | None, as_json: bool) -> None:
    """Send a test by CHANNEL, or by all that are set, and print what was answered."""
    messenger = parts().messenger
    are_set = messenger.channels.all
    wanted = [each for each in are_set if channel is None or each == _CHANNELS[channel]]
    if not wanted:
        fail(NONE_SET if not are_set else f"{channel} is not set.", as_json)
    answers = {each: send_test(messenger, each) for each in wanted}
    if as_json:
        print_json(
            {
                "tests": [
                    {"channel": each.value, "taken": answer.is_taken, "answer": answer.sentence}
                    for each, answer in answers.items()
                ]
            }
        )
    else:
        for each, answer in answers.items():
            click.echo(f"{each.value}  {'taken' if answer.is_taken else 'not taken'}  {answer.sentence}")
    taken = sum(answer.is_taken for answer in answers.values())
    sys.exit(ExitCode.DONE if taken == len(answers) else ExitCode.PARTLY if taken else ExitCode.FAILED)


def _document(notice: Notice, sent: list[Delivery]) -> dict[str, Any]:
    return {
        "kind": notice.kind.value,
        "subject": notice.subject,
        "sentence": notice.sentence,
        "began_at": notice.began_at.isoformat(),
        "ended_at": notice.ended_at.isoformat() if notice.ended_at else None,
        "sent": [
            {"channel": each.channel.value, "event": each.event, "state": each.state.value, "answer": each.answer}
            for each in sent
        ],
    }
