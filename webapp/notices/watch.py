"""Compare what is wrong with the notices that are open: begin some, end some, and write down what has to be sent.

One short transaction compares and writes, so that two dashboards tell nothing twice. Nothing is sent here.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import Reading, Writing, once_written
from webapp.notices.answers import one_line
from webapp.notices.conditions import LASTS, Around, Condition, conditions
from webapp.notices.disks import look_at_disks
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice, NoticeKind
from webapp.notices.switch import times_to_report
from webapp.notices.words import BEGAN, ENDED, SUCCEEDED, Names, document_of, written

log = logging.getLogger(__name__)

LONGEST_SENTENCE = 1000
GAP = timedelta(minutes=2)
Key = tuple[NoticeKind, str]


@dataclass(slots=True)
class Watched:
    """What this process has seen, without a break: since when it looks, and since when each condition holds.

    A process that was away for a while, or whose clock was set, begins anew: what it finds then may be as short as the
    look itself, so that nothing is told of that has not lasted under somebody's eyes.
    """

    since: datetime = datetime.max.replace(tzinfo=UTC)
    _last: datetime | None = None
    _holds_since: dict[Key, datetime] = field(default_factory=dict)

    def begin_look(self, now: datetime) -> None:
        """Say that a look begins."""
        if self._last is None or not timedelta(0) <= now - self._last < GAP:
            self.since = now
            self._holds_since.clear()
        self._last = now

    def end_look(self, found: Iterable[Condition], now: datetime) -> frozenset[Key]:
        """Say what the look has found; returns what has lasted for long enough to be told."""
        beginning = [each for each in found if each.begins]
        self._holds_since = {each.key: self._holds_since.get(each.key, now) for each in beginning}
        return frozenset(
            each.key for each in beginning if now - self._holds_since[each.key] >= LASTS.get(each.kind, timedelta(0))
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """What a look works with.

    Attributes:
        channels: where notices are sent.
        calls_switch: whether a dead man's switch is called.
        folders: whose disks are looked at, by name.
        backed_up_at: tells when the newest nightly backup was made.
    """

    reading: Reading
    writing: Writing
    watched: Watched
    names: Names
    channels: Sequence[Channel]
    calls_switch: bool
    has_keeper: bool
    sync_interval_s: float
    folders: Mapping[str, Path]
    backed_up_at: Callable[[], datetime | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look leads to: notices that begin, ids of those that end, times of windows that are reported."""

    begin: tuple[Condition, ...]
    end: tuple[int, ...]
    report: tuple[int, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.begin or self.end or self.report)


def look(watch: Watch, now: datetime) -> None:
    """Look once, and write down what begins and ends, with what has to be sent about it."""
    watch.watched.begin_look(now)
    disks = look_at_disks(watch.folders)
    around = Around(now, watch.watched.since, watch.has_keeper, watch.sync_interval_s, disks, watch.backed_up_at())
    with watch.reading() as session:
        found = conditions(session, around)
        lasting = watch.watched.end_look(found, now)
        if not _changes(session, watch, found, lasting, now):
            return
    with watch.writing() as session:
        found = conditions(session, around)
        changes = _changes(session, watch, found, lasting, now)
        _write(session, watch, changes, now)


def open_notices(session: Session) -> Sequence[Notice]:
    """What is wrong now, the oldest first."""
    return session.scalars(select(Notice).where(Notice.ended_at.is_(None)).order_by(Notice.began_at)).all()


def _changes(
    session: Session, watch: Watch, found: Sequence[Condition], lasting: frozenset[Key], now: datetime
) -> Changes:
    known = {(each.kind, each.subject): each.id for each in open_notices(session)}
    still = {each.key for each in found}
    return Changes(
        begin=tuple(each for each in found if each.begins and each.key in lasting and each.key not in known),
        end=tuple(row for key, row in known.items() if key not in still),
        report=tuple(times_to_report(session, now)) if watch.calls_switch else (),
    )


def _write(session: Session, watch: Watch, changes: Changes, now: datetime) -> None:
    for each in changes.begin:
        began_at = min(each.began_at or now, now)
        if each.kind in LASTS:  # before, nobody was there to see whether it was so all the time
            began_at = max(began_at, watch.watched.since)
        sentence = one_line(each.sentence, longest=LONGEST_SENTENCE)
        notice = Notice(kind=each.kind, subject=each.subject, sentence=sentence, began_at=began_at)
        session.add(notice)
        session.flush()
        _tell(session, notice)
        for channel in watch.channels:
            _add(session, channel, BEGAN, notice, watch.names, now)
    for notice_id in changes.end:
        notice = session.get_one(Notice, notice_id)
        notice.ended_at = max(now, notice.began_at)
        _tell(session, notice)
        told = select(Delivery.channel).where(Delivery.notice_id == notice_id, Delivery.event == BEGAN)
        for channel in session.scalars(told).all():
            _add(session, channel, ENDED, notice, watch.names, now)
    for occurrence_id in changes.report:
        delivery = new_delivery(Channel.DEAD_MANS_SWITCH, SUCCEEDED, {"occurrence": occurrence_id}, now)
        delivery.occurrence_id = occurrence_id
        session.add(delivery)


def _tell(session: Session, notice: Notice) -> None:
    """Let the begin or the end of a notice be a line of the log, as soon as it is written."""
    told = {"notice_id": notice.id, "kind": notice.kind, "subject": notice.subject or None, "reason": notice.sentence}
    event, level = "A notice has begun", logging.WARNING
    if notice.ended_at is not None:
        event, level = "A notice has ended", logging.INFO
        told["seconds"] = (notice.ended_at - notice.began_at).total_seconds()
    once_written(session, lambda: log.log(level, event, extra=told))


def _add(session: Session, channel: Channel, event: str, notice: Notice, names: Names, now: datetime) -> None:
    delivery = new_delivery(channel, event, document_of(notice, event, names), now)
    delivery.notice_id = notice.id
    session.add(delivery)


def new_delivery(channel: Channel, event: str, document: Mapping[str, object], now: datetime) -> Delivery:
    """A message that waits to be sent."""
    key = secrets.token_hex(16)
    return Delivery(
        key=key,
        channel=channel,
        event=event,
        body=written(key, document),
        state=DeliveryState.WAITING,
        tries=0,
        made_at=now,
        next_try_at=now,
        answer="",
    )
