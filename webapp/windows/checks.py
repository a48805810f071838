"""Whether each window knows its time zone: one that does not never begins. From the records and this machine's zones."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from webapp.checks import Check, CheckState
from webapp.windows.calendar import UnknownZone, zone_named
from webapp.windows.models import Window
from webapp.windows.upcoming import live_windows

NAME = "The time zones of the windows"
REMEDY = "Install or update the package tzdata on the machine of Holystone, or choose another zone for the window."


def window_checks(session: Session) -> list[Check]:
    """One check for each window that cannot begin, else one for all; none where there is no window."""
    without = [_without(each) for each in windows_without_zone(session)]
    if without or not live_windows(session):
        return without
    return [Check(NAME, CheckState.GOOD, "This machine knows them all.")]


def windows_without_zone(session: Session) -> Iterator[Window]:
    """The windows whose time zone this machine does not know (any more)."""
    for window in live_windows(session):
        try:
            zone_named(window.zone)
        except UnknownZone:
            yield window


def without_zone_words(window: Window) -> str:
    """'Window “Nights”: the time zone Europe/Xyz is not known on this machine, so it does not begin.'."""
    return f"Window “{window.name}”: the time zone {window.zone} is not known on this machine, so it does not begin."


def _without(window: Window) -> Check:
    return Check(NAME, CheckState.BAD, without_zone_words(window), REMEDY)
