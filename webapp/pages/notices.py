"""/notices: what is wrong now, what was and is solved, where it was told, and 'Send a test'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, request, url_for
from sqlalchemy.orm import Session

from webapp.notices import listing
from webapp.notices.channels import Shown, shown
from webapp.notices.deliver import send_test
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice
from webapp.notices.words import SUCCEEDED, TEST, path_of, solved, title_of
from webapp.pages.answers import go_to, page_answer
from webapp.pages.background import StillLooking
from webapp.pages.banner import Link
from webapp.pages.current import background, parts
from webapp.pages.filters import counted

bp = Blueprint("notices", __name__)

TEST_S = 20.0
NO_ANSWER = "The other server has not answered within 20 seconds. Load this page again to see what came of it."
NAMES = {Channel.WEBHOOK: "webhook", Channel.MAIL: "e-mail", Channel.DEAD_MANS_SWITCH: "dead man's switch"}
STATES = {DeliveryState.WAITING: "not taken yet", DeliveryState.SENT: "sent", DeliveryState.GIVEN_UP: "given up"}
EVENTS = {"began": "its begin", "ended": "its end"}


@dataclass(frozen=True, slots=True)
class SentLine:
    """One message: what it told and by what, a word for what came of it, and what was answered."""

    words: str
    state: str
    kind: str
    answer: str
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice: what is or was wrong, where more is said, and what was sent about it."""

    title: str
    sentence: str
    began_at: datetime
    solved: str
    link: Link | None
    sent: Sequence[SentLine] = ()


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A channel with its latest test, and for the dead man's switch its latest report."""

    shown: Shown
    latest: Sequence[tuple[str, datetime, SentLine]]


@bp.get("/notices")
def index() -> Response:
    """List notices, the open ones first."""
    cursor = request.args.get("before", "")
    with parts().reading() as session:
        now_open = [] if cursor else list(listing.open_notices(session))
        ended = listing.ended_notices(session, cursor)
        sent = listing.deliveries_of(session, [*now_open, *ended.notices])
        channels = [] if cursor else [_channel(each, session) for each in shown(parts().channels)]
    return page_answer(
        "notices/index.html",
        open=[notice_line(each, sent[each.id]) for each in now_open],
        ended=[notice_line(each, sent[each.id]) for each in ended.notices],
        channels=channels,
        next_page=url_for(".index", before=ended.cursor) if ended.cursor else "",
        first_page=url_for(".index") if cursor else "",
    )


@bp.post("/notices/test")
def test() -> Response:
    """Send a test by one channel, and say what the other server answered."""
    asked, messenger = request.form.get("channel", ""), parts().messenger
    if asked not in messenger.channels.all:
        abort(404, "This channel is not set.")
    channel = Channel(asked)
    try:
        answer = background().ask(lambda: send_test(messenger, channel), TEST_S)
    except StillLooking:
        return go_to(url_for(".index"), trouble=NO_ANSWER)
    if answer.is_taken:
        return go_to(url_for(".index"), f"The test was taken: {answer.sentence}")
    return go_to(url_for(".index"), trouble=f"The test was not taken. {answer.sentence}")


def notice_line(notice: Notice, sent: Sequence[Delivery] = ()) -> NoticeLine:
    """A notice as pages show it."""
    title = title_of(notice.kind, parts().settings.public_name)
    path = path_of(notice.kind, notice.subject)
    link = Link("See what happened", path) if path != url_for("status.index") else None
    return NoticeLine(
        title=title[0].upper() + title[1:] if title.startswith(("a ", "the ")) else title,
        sentence=notice.sentence,
        began_at=notice.began_at,
        solved=solved(notice),
        link=link,
        sent=[_sent(each) for each in sent],
    )


def _channel(of: Shown, session: Session) -> ChannelLine:
    test_row = listing.last_test(session, of.channel)
    call = listing.last_call(session) if of.channel == Channel.DEAD_MANS_SWITCH else None
    latest = [("Called", call), ("Tested", test_row)]
    return ChannelLine(of, [(word, row.made_at, _sent(row)) for word, row in latest if row is not None])


def _sent(row: Delivery) -> SentLine:
    word = "not taken" if row.event == TEST and row.state == DeliveryState.GIVEN_UP else STATES[row.state]
    if row.state == DeliveryState.WAITING and not row.tries:
        word = "about to be sent"
    kind = {DeliveryState.SENT: "ok", DeliveryState.GIVEN_UP: "danger"}.get(row.state, "warn")
    if row.state == DeliveryState.GIVEN_UP and row.event != TEST:
        word += f" after {counted(row.tries, 'try', 'tries')}"
    elif row.state == DeliveryState.WAITING and row.tries:
        word += f" in {counted(row.tries, 'try', 'tries')}"
    what = EVENTS.get(row.event, "" if row.event in (TEST, SUCCEEDED) else row.event)
    waits = row.next_try_at if row.state == DeliveryState.WAITING and row.tries else None
    return SentLine(f"{what} by {NAMES[row.channel]}".strip().capitalize(), word, kind, row.answer, waits)
