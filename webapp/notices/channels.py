"""Where notices go, as the settings say: each channel, how it is shown to an administrator, and one try at sending."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config import Settings
from webapp.notices import mail, webhook
from webapp.notices.answers import Answer
from webapp.notices.connection import Called, call
from webapp.notices.mail import Mailbox
from webapp.notices.models import Channel, Delivery
from webapp.notices.webhook import Webhook

NOT_ENCRYPTED = "What is sent there is not encrypted: an https address is safer."
NOT_SIGNED = "It is not signed: HOLYSTONE_WEBHOOK_SECRET lets the receiver know that it is ours."
PASSWORD_IN_THE_CLEAR = "The password is sent unencrypted: HOLYSTONE_MAIL_SECURITY can be starttls or tls."  # noqa: S105
NOT_SET_ANY_MORE = "It is not set any more."


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels; None where a setting is empty."""

    webhook: Webhook | None = None
    mailbox: Mailbox | None = None
    switch: Called | None = None

    @property
    def for_notices(self) -> Sequence[Channel]:
        """The channels that notices are sent to."""
        found = ((Channel.WEBHOOK, self.webhook), (Channel.MAIL, self.mailbox))
        return [channel for channel, place in found if place is not None]

    @property
    def all(self) -> Sequence[Channel]:
        """All channels that are set."""
        return [*self.for_notices, *([Channel.DEAD_MANS_SWITCH] if self.switch else [])]


@dataclass(frozen=True, slots=True)
class Shown:
    """A channel for an administrator: `place` never has more than a host's name; '' where it is not set."""

    channel: Channel
    name: str
    place: str
    setting: str
    warning: str = ""


def channels_of(settings: Settings) -> Channels:
    """The channels that are set."""
    may_be_private = settings.PRIVATE_WEBHOOKS
    return Channels(
        webhook=Webhook(Called(settings.WEBHOOK_URL, may_be_private), settings.WEBHOOK_SECRET)
        if settings.WEBHOOK_URL
        else None,
        mailbox=Mailbox(
            settings.MAIL_SERVER,
            settings.MAIL_SECURITY,
            settings.MAIL_USERNAME,
            settings.MAIL_PASSWORD,
            settings.MAIL_FROM,
            settings.MAIL_TO,
        )
        if settings.MAIL_SERVER
        else None,
        switch=Called(settings.DEAD_MANS_SWITCH_URL, may_be_private) if settings.DEAD_MANS_SWITCH_URL else None,
    )


def shown(channels: Channels) -> list[Shown]:
    """All channels, also those that are not set, with the setting that sets them."""
    hook, box, switch = channels.webhook, channels.mailbox, channels.switch
    hook_warnings = [NOT_ENCRYPTED] if hook and not hook.called.is_encrypted else []
    hook_warnings += [NOT_SIGNED] if hook and not hook.secret else []
    is_clear = box is not None and box.security == "none" and bool(box.username)
    return [
        Shown(
            Channel.WEBHOOK,
            "Webhook",
            hook.called.host if hook else "",
            "HOLYSTONE_WEBHOOK_URL",
            " ".join(hook_warnings),
        ),
        Shown(
            Channel.MAIL,
            "E-mail",
            f"{', '.join(box.recipients)} by {box.host}" if box else "",
            "HOLYSTONE_MAIL_SERVER",
            PASSWORD_IN_THE_CLEAR if is_clear else "",
        ),
        Shown(
            Channel.DEAD_MANS_SWITCH,
            "Dead man's switch",
            switch.host if switch else "",
            "HOLYSTONE_DEAD_MANS_SWITCH_URL",
            NOT_ENCRYPTED if switch and not switch.is_encrypted else "",
        ),
    ]


def send(channels: Channels, delivery: Delivery, now: datetime) -> Answer:
    """Try once. Raises nothing that another server could cause."""
    if delivery.channel == Channel.WEBHOOK and channels.webhook:
        return webhook.post(channels.webhook, delivery.key, delivery.body, now)
    if delivery.channel == Channel.MAIL and channels.mailbox:
        return mail.send(channels.mailbox, delivery.key, json.loads(delivery.body), delivery.made_at)
    if delivery.channel == Channel.DEAD_MANS_SWITCH and channels.switch:
        return call(channels.switch, "GET", {"Holystone-Delivery": delivery.key})
    return Answer(False, NOT_SET_ANY_MORE)
