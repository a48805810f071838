"""What every page shows around its content: who is signed in, what the registry allows, one banner, toasts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, g, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.maintenance.hold_records import (
    broken_hold,
    broken_words,
    hold_under_way,
    may_be_away,
    not_back_after_hold,
    sentence_of,
)
from webapp.maintenance.listing import keeper_seen, last_foretold, last_run, outcome_kind
from webapp.maintenance.models import KeeperReadiness, Strategy
from webapp.maintenance.records import past_runs
from webapp.notices.listing import count_open
from webapp.pages.answers import toasts_left, troubles_left
from webapp.pages.current import may_delete, parts, person
from webapp.pages.filters import moment
from webapp.pages.keys import are_keys_on
from webapp.pages.theme import chosen_theme
from webapp.windows.models import Window
from webapp.windows.upcoming import times_of, within_a_day
from webapp.windows.words import length_words, soon_words

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chip:
    """The registry's mode, as a state for its colour and in words."""

    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where a banner or a line leads."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Banner:
    """One sentence across the page, with at most one thing to do."""

    kind: str
    sentence: str
    action: Link | None


def register(app: Flask) -> None:
    """Give the frame of a page what it shows."""
    app.context_processor(frame)


def frame() -> dict[str, Any]:
    """The variables of templates/layout.html, and the registry's name. Fragments have no frame, and leave the toasts to the next page."""
    everywhere = {"public_name": parts().settings.public_name}
    if g.get("is_fragment"):
        return {**everywhere, "person": person()}
    common = {
        **everywhere,
        "theme": chosen_theme(),
        "are_keys_on": are_keys_on(),
        "toasts": toasts_left(),
        "troubles": troubles_left(),
    }
    try:
        with parts().reading() as session:
            state = session.get(RegistryState, 1)
            wrong = count_open(session)
            shown = {"mode": chip(state), "banner": banner(session, state), "open_notices": wrong}
            return {**common, "person": person(), **shown}
    except SQLAlchemyError:
        log.exception("The records cannot be read")
        return {**common, "person": None, "mode": Chip("unknown", "Not known"), "banner": None, "open_notices": 0}


def chip(state: RegistryState | None) -> Chip:
    """What the registry allows, as it was last asked."""
    mode = state.mode if state else RegistryMode.UNKNOWN
    words = {RegistryMode.READ_WRITE: "Read-write", RegistryMode.UNKNOWN: "Not known yet"}.get(mode)
    if words is None:
        words = f"{mode.value.capitalize()}{_until(state) or _since(state.mode_since if state else None)}"
    return Chip(mode.value, words)


def banner(session: Session, state: RegistryState | None) -> Banner | None:
    """The first that is true: a hold or run that failed, then unreachable, read-only, a window ahead, no deletes."""
    ended_badly = _of_hold_that_ended(session)
    if ended_badly is not None:
        return ended_badly
    run = last_run(session)
    if run and outcome_kind(run) == "danger":
        link = Link("See what happened", url_for("maintenance.run", run_id=run.id))
        return Banner("danger", f"The last run {run.outcome}. {run.reason}".strip(), link)
    if state is None:
        return None
    return _of_hold(session, state) or _of_mode(state) or _window_ahead(session) or _of_deletes(state)


def _of_hold_that_ended(session: Session) -> Banner | None:
    """That the latest hold broke, or that the registry has not come back since; for who has signed in."""
    if person() is None:
        return None
    now = parts().now()
    broken = broken_hold(session, now)
    words = broken_words(broken, now) if broken else not_back_after_hold(session, now)
    return Banner("danger", words, _maintenance()) if words else None


def _of_hold(session: Session, state: RegistryState) -> Banner | None:
    """Until when the registry is held, by whom and what for; None where no hold is what keeps it from taking pushes."""
    if person() is None:
        return None  # names and purposes are for who has signed in
    row, now = hold_under_way(session), parts().now()
    is_away = state.mode == RegistryMode.UNREACHABLE and may_be_away(session, now)
    if row is None or not (state.mode == RegistryMode.READ_ONLY or is_away):
        return None
    refused = "pulled, pushed or deleted" if row.strategy == Strategy.STOP else "pushed or deleted"
    return Banner("warn", f"{sentence_of(row, now)} Nothing can be {refused} meanwhile.", _maintenance())


def _of_mode(state: RegistryState) -> Banner | None:
    if state.mode == RegistryMode.UNREACHABLE:
        return Banner("danger", state.mode_sentence, _status())
    if state.mode == RegistryMode.READ_ONLY:
        return Banner("warn", f"The registry is read-only{_until(state)}: nothing can be pushed or deleted.", _status())
    return None


def _of_deletes(state: RegistryState) -> Banner | None:
    if state.may_delete is False and may_delete():
        return Banner("warn", "The registry refuses deletes, so nothing can be deleted.", _status())
    return None


def _status() -> Link | None:
    return Link("Status", url_for("status.index")) if request.endpoint != "status.index" else None


def _maintenance() -> Link | None:
    return Link("Maintenance", url_for("maintenance.index")) if request.endpoint != "maintenance.index" else None


def _window_ahead(session: Session) -> Banner | None:
    """What a window of the next day means for those who push; None where none will begin."""
    if person() is None:
        return None
    seen, now = keeper_seen(session), parts().now()
    found = within_a_day(session, now)
    if found is None or seen is None or seen.readiness not in (KeeperReadiness.READY, KeeperReadiness.BUSY):
        return None
    window, begins = found
    zone = times_of(window).zone
    local = begins.astimezone(zone)
    where = f" ({window.zone})" if local.utcoffset() else ""
    pause = "may pause" if window.least_bytes else "pause"
    sentence = f"Pushes {pause} {soon_words(begins, zone, now)} at about {local:%H:%M}{where} {_for(session, window)}."
    address = url_for("windows.show", window_id=window.id)
    return Banner("info", sentence, Link("The window", address) if request.path != address else None)


def _for(session: Session, window: Window) -> str:
    """For how long: as the last collection took, or as a dry run has foretold."""
    foretold = last_foretold(session)
    lengths = [each.seconds_without_push for each in past_runs(session, 1)]
    lengths += [foretold.estimated_s] if foretold and foretold.estimated_s is not None else []
    if not lengths:
        return f"for at most {length_words(window.longest_s)}"
    return f"for about {length_words(min(lengths[0], window.longest_s))}"


def _until(state: RegistryState | None) -> str:
    """While a run is under way that foretold its end; a time that has gone by says nothing."""
    until = state.mode_until if state and state.mode == RegistryMode.READ_ONLY else None
    if until is None or until < parts().now():
        return ""
    return f" until about {until:%H:%M}"


def _since(at: datetime | None) -> str:
    if at is None:
        return ""
    return f" since {at:%H:%M}" if at.date() == parts().now().date() else f" since {moment(at)}"
