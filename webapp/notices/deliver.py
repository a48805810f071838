"""Send what waits. Each try is written down before it is made, and its answer after it, outside any transaction.

A process that claims a message puts its next try off by at least a minute, and a try is over before that: so of two dashboards
one sends. One that dies in between leaves the message to that next try, with the same key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.database import Reading, Writing, among, once_written
from webapp.notices.answers import Answer
from webapp.notices.channels import Channels, send
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice
from webapp.notices.watch import new_delivery
from webapp.notices.words import TEST, Names, document_of_test

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)
MOST_TRIES = 30
MOST_IN_A_PASS = 50
KEPT_FOR = timedelta(days=365)
NOT_KNOWN = "It is not known what was answered."


@dataclass(frozen=True, slots=True)
class Messenger:
    """What sending works with."""

    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    channels: Channels
    names: Names


def deliver_due(messenger: Messenger) -> None:
    """Send everything that is due. A channel that did not take a message is left alone until the next pass."""
    silent: set[Channel] = set()
    for _each in range(MOST_IN_A_PASS):
        with messenger.reading() as session:
            if session.scalar(due(messenger.now(), silent)) is None:
                return
        with messenger.writing() as session:
            delivery = session.scalar(due(messenger.now(), silent))
            if delivery is None:
                return
            _claim(delivery, messenger.now())
        answer = send(messenger.channels, delivery, messenger.now())
        if not answer.is_taken:
            silent.add(delivery.channel)
            log.warning("A message was not taken", extra=_told(delivery, answer))
        with messenger.writing() as session:
            _note(session, delivery.id, answer, messenger.now())


def due(now: datetime, without: Collection[Channel] = ()) -> Select[Delivery]:
    """The next message to send: what ended is told after its begin, and a clock that was set back delays nothing."""
    before = aliased(Delivery)
    has_one_before = exists().where(
        before.notice_id == Delivery.notice_id,
        before.channel == Delivery.channel,
        before.state == DeliveryState.WAITING,
        before.id < Delivery.id,
    )
    is_due = or_(Delivery.next_try_at <= now, Delivery.next_try_at > now + 2 * LONGEST_PAUSE)
    waiting = select(Delivery).where(Delivery.state == DeliveryState.WAITING, is_due, ~has_one_before)
    return waiting.where(Delivery.channel.not_in(list(without))).order_by(Delivery.next_try_at, Delivery.id).limit(1)


def pause_after(tries: int) -> timedelta:
    """The pause before the next try: a minute, doubled each time up to an hour."""
    doubled: int = 2 ** min(tries - 1, 10)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doubled)


def send_test(messenger: Messenger, channel: Channel) -> Answer:
    """Send a test once, and write down what was answered. It is never tried again."""
    delivery = new_delivery(channel, TEST, document_of_test(messenger.now(), messenger.names), messenger.now())
    delivery.state, delivery.tries, delivery.answer = DeliveryState.GIVEN_UP, 1, NOT_KNOWN
    with messenger.writing() as session:
        session.add(delivery)
    answer = send(messenger.channels, delivery, messenger.now())
    with messenger.writing() as session:
        row = session.get_one(Delivery, delivery.id)
        row.answer = answer.sentence
        row.state = DeliveryState.SENT if answer.is_taken else DeliveryState.GIVEN_UP
    return answer


def forget_old(session: Session, now: datetime) -> None:
    """Delete notices that ended a year ago with what was sent about them, and tests and reports of that age."""
    old = list(session.scalars(select(Notice.id).where(Notice.ended_at < now - KEPT_FOR)))
    session.execute(delete(Delivery).where(among(Delivery.notice_id, old)))
    session.execute(delete(Notice).where(among(Notice.id, old)))
    session.execute(delete(Delivery).where(Delivery.notice_id.is_(None), Delivery.made_at < now - KEPT_FOR))


def _claim(delivery: Delivery, now: datetime) -> None:
    delivery.tries += 1
    delivery.next_try_at = now + pause_after(delivery.tries)
    delivery.answer = delivery.answer or NOT_KNOWN


def _note(session: Session, delivery_id: int, answer: Answer, now: datetime) -> None:
    row = session.get_one(Delivery, delivery_id)
    row.answer = answer.sentence
    if answer.is_taken:
        row.state = DeliveryState.SENT
    elif now - row.made_at >= GIVEN_UP_AFTER or row.tries >= MOST_TRIES:
        row.state = DeliveryState.GIVEN_UP
        told = _told(row, answer)
        once_written(session, lambda: log.error("A message was given up", extra=told))


def _told(delivery: Delivery, answer: Answer) -> dict[str, object]:
    return {
        "delivery_id": delivery.id,
        "notice_id": delivery.notice_id,
        "channel": delivery.channel,
        "tells": delivery.event,
        "tries": delivery.tries,
        "reason": answer.sentence,
    }
