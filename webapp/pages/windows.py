"""/maintenance/windows/<id>: when a window begins, what became of it, and what an administrator may do with it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import available_timezones

from flask import Blueprint, Response, abort, request, url_for
from sqlalchemy.orm import Session

from webapp.maintenance.holds import why_refused
from webapp.maintenance.listing import last_foretold
from webapp.maintenance.models import RunKind, Strategy
from webapp.maintenance.run import NoKeeper, RunUnderWay
from webapp.maintenance.running import Within
from webapp.pages.answers import go_to, page_answer, page_or_fragment
from webapp.pages.current import is_administrator, parts, person, place
from webapp.pages.maintenance import ENDS, START_WITHIN_S, looked, start_run
from webapp.pages.run_words import strategy_choices
from webapp.pages.window_words import FREES, is_paused, least_words, next_lines, past_line, window_facts
from webapp.windows import records
from webapp.windows.calendar import UnknownZone, zone_named
from webapp.windows.listing import find_window, overlapping, past_occurrences
from webapp.windows.models import Window
from webapp.windows.records import Change
from webapp.windows.typed import LABELS, Typed, read_pause, read_plan, typed_of
from webapp.windows.upcoming import ends_at
from webapp.windows.words import NO_SUCH, WAS_DELETED, WEEKDAYS, begins_words, length_words

bp = Blueprint("windows", __name__, url_prefix="/maintenance/windows")

UNPROCESSABLE = 422


@bp.get("/<row:window_id>")
def show(window_id: int) -> Response:
    """Show a window: what comes next, and what became of it."""
    return _page(window_id)


@bp.route("/new", methods=["GET", "POST"])
def new() -> Response:
    """Make a window."""
    if request.method == "GET":
        return _form(Typed(), {}, None)
    typed = _typed()
    plan, errors = read_plan(typed)
    if plan is None:
        return _form(typed, errors, None)
    with parts().writing() as session:
        window_id = records.make(session, plan, _change())
    return go_to(url_for(".show", window_id=window_id), f"Made the window {plan.name}.")


@bp.route("/<row:window_id>/change", methods=["GET", "POST"])
def change(window_id: int) -> Response:
    """Change a window."""
    with parts().reading() as session:
        window = _live(session, window_id)
    if request.method == "GET":
        return _form(typed_of(window), {}, window)
    typed = _typed()
    plan, errors = read_plan(typed)
    if plan is None:
        return _form(typed, errors, window)
    with parts().writing() as session:
        records.alter(session, _live(session, window_id), plan, _change())
    return go_to(url_for(".show", window_id=window_id), "Changed. What is planned from now on is shown here.")


@bp.post("/<row:window_id>/pause")
def pause(window_id: int) -> Response:
    """Let a window rest until a day."""
    typed = request.form.get("until", "").strip()
    with parts().writing() as session:
        window = _live(session, window_id)
        until, error = read_pause(typed, _zone_of(window), parts().now())
        if until is not None:
            records.pause(session, window, until, _change())
    if until is None:
        return _page(window_id, typed, error, UNPROCESSABLE)
    return go_to(url_for(".show", window_id=window_id), "Paused.")


@bp.post("/<row:window_id>/resume")
def resume(window_id: int) -> Response:
    """End a pause early."""
    with parts().writing() as session:
        records.resume(session, _live(session, window_id), _change())
    return go_to(url_for(".show", window_id=window_id), "It takes place again.")


@bp.post("/<row:window_id>/skip")
def skip(window_id: int) -> Response:
    """Take out the next time."""
    now = parts().now()
    with parts().writing() as session:
        window = _live(session, window_id)
        zone = _zone_of(window)
        begins = records.skip_next(session, window, _change())
    words = f"{begins_words(begins, zone, now)} is skipped." if begins else ""
    return go_to(url_for(".show", window_id=window_id), words)


@bp.post("/<row:window_id>/take-back")
def take_back(window_id: int) -> Response:
    """Let a time that was skipped take place after all."""
    try:
        begins = datetime.fromisoformat(request.form.get("begins", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        abort(404, "There is no such time.")
    with parts().writing() as session:
        window = _live(session, window_id)
        _zone_of(window)
        is_back = records.take_back(session, window, begins, _change())
    here = url_for(".show", window_id=window_id)
    return go_to(here, "It is not skipped any more.") if is_back else go_to(here, trouble="Its time has come already.")


@bp.route("/<row:window_id>/run", methods=["GET", "POST"])
def run(window_id: int) -> Response:
    """Say what a run with this window's settings does, and begin it when the button is pressed."""
    with parts().reading() as session:
        window = _live(session, window_id)
    if request.method == "GET":
        return _run_dialog(window, looked()[1])
    within = Within(ends_at(window, parts().now()), window.least_bytes)
    strategy = Strategy(window.strategy) if window.strategy else None
    started = start_run(parts(), RunKind.COLLECT, strategy, frozenset(), within)
    try:
        run_id = started.result(START_WITHIN_S)
    except (RunUnderWay, NoKeeper) as error:
        return _run_dialog(window, why_refused(parts().maintainer, error), 409)
    except TimeoutError:
        return go_to(url_for("maintenance.index"), "The run is about to begin.")
    return go_to(url_for("maintenance.run", run_id=run_id))


@bp.route("/<row:window_id>/delete", methods=["GET", "POST"])
def delete(window_id: int) -> Response:
    """Ask, and delete a window."""
    with parts().reading() as session:
        window = _live(session, window_id)
    if request.method == "GET":
        here, back = url_for(".delete", window_id=window_id), url_for(".show", window_id=window_id)
        return page_or_fragment(
            "windows/delete_dialog.html",
            "windows/_delete_dialog.html",
            name=window.name,
            facts=window_facts(window),
            action=here,
            back=back,
        )
    with parts().writing() as session:
        records.delete(session, _live(session, window_id), _change())
    return go_to(url_for("maintenance.index"), f"Deleted the window {window.name}.")


def _page(window_id: int, typed_until: str = "", until_error: str = "", status: int = 200) -> Response:
    now = parts().now()
    with parts().reading() as session:
        window = find_window(session, window_id) or abort(404, NO_SUCH)
        before = _before(request.args.get("before"))
        past = past_occurrences(session, window_id, min(before or now, now))
        lines, problem = _next(session, window, now)
        overlaps = [{"id": each.id, "name": each.name} for each in overlapping(session, window, now)]
    is_live = window.ended_at is None
    rests = is_paused(window, now) and is_live
    return page_answer(
        "windows/show.html",
        status,
        window={"id": window.id, "name": window.name, "zone": window.zone},
        facts=window_facts(window),
        troubles_of_it=[each for each in (problem, "" if is_live else WAS_DELETED) if each],
        paused_until=begins_words(window.paused_until, UTC if problem else zone_named(window.zone), now)
        if rests and window.paused_until
        else "",
        next_lines=lines if is_live else [],
        overlaps=overlaps if is_live else [],
        may_change=is_administrator() and is_live,
        typed_until=typed_until,
        until_error=until_error,
        past=[past_line(window, each) for each in past.items],
        next_page=url_for(".show", window_id=window_id, before=past.before.isoformat()) if past.before else "",
        first_page=url_for(".show", window_id=window_id) if before else "",
    )


def _next(session: Session, window: Window, now: datetime) -> tuple[list[dict[str, object]], str]:
    try:
        return next_lines(session, window, now), ""
    except UnknownZone as problem:
        return [], f"{problem} Until then this window does not run."


def _typed() -> Typed:
    """What the form brought."""
    fields = ("name", "starts", "zone", "longest", "least", "strategy")
    found = {each: request.form.get(each, "").strip() for each in fields}
    return Typed(weekdays=tuple(request.form.getlist("weekdays")), **found)


def _form(typed: Typed, errors: dict[str, str], window: Window | None) -> Response:
    with parts().reading() as session:
        foretold = last_foretold(session)
    choices = strategy_choices(parts().maintainer.reads is not None, foretold)
    back = url_for("maintenance.index") if window is None else url_for(".show", window_id=window.id)
    return page_answer(
        "windows/form.html",
        UNPROCESSABLE if errors else 200,
        title="New window" if window is None else f"Change {window.name}",
        action=url_for(".new") if window is None else url_for(".change", window_id=window.id),
        back=back,
        button_label="Make the window" if window is None else "Change the window",
        typed=typed,
        errors=errors,
        labels=LABELS,
        weekdays=[(str(number), name) for number, name in enumerate(WEEKDAYS)],
        zones=sorted(available_timezones()),
        best=choices[0].label.lower(),
        strategies=[(each.value, each.label, each.words) for each in choices],
        frees=FREES,
        longest=length_words(parts().settings.MAINTENANCE_MAX_DURATION),
    )


def _run_dialog(window: Window, problem: str, status: int = 200) -> Response:
    return page_or_fragment(
        "windows/run_dialog.html",
        "windows/_run_dialog.html",
        status,
        name=window.name,
        action=url_for(".run", window_id=window.id),
        back=url_for(".show", window_id=window.id),
        least=least_words(window),
        length=length_words(window.longest_s),
        strategy=window.strategy,
        ends=ENDS,
        problem=problem,
    )


def _live(session: Session, window_id: int) -> Window:
    """A window that is meant. Ends the request with 404 where it is not there, or was deleted."""
    window = find_window(session, window_id)
    if window is None or window.ended_at is not None:
        abort(404, NO_SUCH if window is None else WAS_DELETED)
    return window


def _zone_of(window: Window) -> tzinfo:
    """Its zone. Ends the request with 409 where this machine does not know it any more."""
    try:
        return zone_named(window.zone)
    except UnknownZone as problem:
        abort(409, str(problem))


def _change() -> Change:
    user = person()
    return Change(user.name if user else "", place(), parts().now())


def _before(text: str | None) -> datetime | None:
    """The moment that an address names; None for anything else, which is the first page."""
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
