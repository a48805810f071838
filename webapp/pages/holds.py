"""The dialog that holds the registry read-only for a while, and the button that ends a hold."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from flask import Response, request, url_for

from webapp.maintenance.hold_records import ask_to_end
from webapp.maintenance.holds import HOW_LONG, LONGEST_PURPOSE, HoldFailed, why_refused
from webapp.maintenance.holds import hold as hold_read_only
from webapp.maintenance.models import Hold, RunOutcome, Strategy
from webapp.maintenance.reconcile import end_hold_now
from webapp.maintenance.run import NoKeeper, RunUnderWay
from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, parts, person, place
from webapp.pages.filters import moment
from webapp.pages.maintenance import bp
from webapp.pages.run_words import strategy_choices

__all__ = ["bp"]

MOST_MINUTES = 24 * 60
USUAL_MINUTES = "60"
IN_A_MOMENT = "The keeper was asked to hold the registry read-only. This takes longer than 5 seconds; look again."


@bp.route("/hold", methods=["GET", "POST"])
def hold() -> Response:
    """Say what a hold does, and begin it when the button is pressed."""
    typed, purpose = request.form.get("minutes", USUAL_MINUTES).strip(), request.form.get("purpose", "").strip()
    if request.method == "GET":
        return _dialog(typed, purpose)
    minutes = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 4 else 0
    if not 1 <= minutes <= MOST_MINUTES:
        return _dialog(typed, purpose, field_error=f"Write a number of minutes. {HOW_LONG}", status=422)
    asked = request.form.get("strategy", "")
    strategy = Strategy(asked) if asked in list(Strategy) else None
    maintainer, user, where = parts().maintainer, person(), place()
    until = parts().now() + timedelta(minutes=minutes)
    actor = user.name if user else ""
    try:
        background().ask(lambda: hold_read_only(maintainer, until, actor, where, purpose[:LONGEST_PURPOSE], strategy))
    except StillLooking:
        return go_to(url_for(".index"), IN_A_MOMENT)
    except (HoldFailed, RunUnderWay, NoKeeper) as error:
        return _dialog(typed, purpose, problem=why_refused(maintainer, error), status=409)
    return go_to(url_for(".index"), f"The registry is held read-only until {moment(until)}.")


@bp.post("/holds/<row:hold_id>/end")
def end_hold(hold_id: int) -> Response:
    """Ask the keeper to end a hold, and write down how it ended."""
    here, user = parts(), person()
    with here.writing() as session:
        is_under_way = ask_to_end(session, hold_id, user.name if user else "Somebody")
        row = session.get(Hold, hold_id)
    if row is None or not is_under_way or here.settings.KEEPER_FOLDER is None:
        return go_to(url_for(".index"), trouble="This hold has ended already.")
    folder, token = here.settings.KEEPER_FOLDER, row.token
    with suppress(StillLooking):  # it goes on
        background().ask(lambda: end_hold_now(here.maintainer, folder, token))
    with here.reading() as session:
        ended = session.get_one(Hold, hold_id)
    if ended.outcome == RunOutcome.FAILED:
        return go_to(url_for(".index"), trouble=ended.reason)
    return go_to(url_for(".index"), "The hold has ended." if ended.outcome else "The keeper was asked to end the hold.")


def _dialog(minutes: str, purpose: str, problem: str = "", field_error: str = "", status: int = 200) -> Response:
    has_reader = parts().maintainer.reads is not None
    return page_or_fragment(
        "maintenance/hold_dialog.html",
        "maintenance/_hold_dialog.html",
        status,
        action=url_for(".hold"),
        back=url_for(".index"),
        choices=strategy_choices(has_reader, None, "for as long as it is held"),
        minutes=minutes,
        most_minutes=MOST_MINUTES,
        purpose=purpose,
        problem=problem,
        field_error=field_error,
    )
