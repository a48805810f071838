"""/maintenance: whether Holystone can restart the registry, the button that frees space, and the runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from flask import Blueprint, Response, request, url_for

from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.checks import Check, CheckState
from webapp.maintenance import listing
from webapp.maintenance.confirmations import confirm
from webapp.maintenance.emergency import StillNotReadWrite, make_read_write
from webapp.maintenance.hold_records import hold_under_way, named, sentence_of, until_words
from webapp.maintenance.holds import why_refused
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.models import Hold, KeeperReadiness, KeeperSeen, Question, Run, RunKind, Strategy
from webapp.maintenance.preflight import NOT_CHECKED, preflight, what_refuses
from webapp.maintenance.run import NoKeeper, RunUnderWay, strategy_of
from webapp.maintenance.run import run as carry_out
from webapp.maintenance.running import Within
from webapp.pages.addresses import row_id
from webapp.pages.answers import go_to, page_answer, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, is_administrator, parts, person, place
from webapp.pages.permits import Who, why_not
from webapp.pages.run_chart import MOST_RUNS, ChartRun, run_chart
from webapp.pages.run_words import FORETOLD_BY_DRY_RUN, run_line, strategy_choices, title_of
from webapp.pages.window_words import windows_section
from webapp.parts import Parts

log = logging.getLogger(__name__)
bp = Blueprint("maintenance", __name__, url_prefix="/maintenance")

START_WITHIN_S = 10.0

HOW_TO_PUT_A_KEEPER = """python3 webapp/runtime/keeper.py --folder KEEPER_FOLDER --store REGISTRY_STORE \\
    --address HOST:PORT --drain 90 registry CONFIG"""
ENDS = "By itself: the registry comes back read-write, also when Holystone is stopped meanwhile."
FREES = "What no manifest needs any more, in all repositories. Manifests without a tag are kept."
ENDS_EARLY = "A restart of the keeper, or of its machine, ends it early."
NO_ANSWER = "The registry has not answered within 5 seconds."
READ_WRITE_LATER = "The keeper was asked to make the registry read-write. This takes longer than 5 seconds; look again."


@bp.get("")
def index() -> Response:
    """Show what the keeper said last, and the runs."""
    with parts().reading() as session:
        seen = listing.keeper_seen(session)
        live = listing.live_run(session)
        hold = hold_under_way(session)
        found = listing.runs(session, request.args.get("before", type=row_id))
        last = listing.last_run(session)
        windows = windows_section(session, parts().now())
        chart = run_chart([_of_chart(each) for each in listing.ended_collections(session, MOST_RUNS)])
    ready = seen is not None and seen.readiness == KeeperReadiness.READY
    return page_answer(
        "maintenance/index.html",
        keeper=_keeper(seen),
        may_free=is_administrator() and ready,
        may_make_read_write=is_administrator(),
        why_not=why_not(Who.ADMINISTRATORS),
        facts=_facts(seen, last),
        live_run={"id": live.id, "words": title_of(live) + " is under way."} if live else None,
        windows=windows,
        hold=_hold(hold) if hold else None,
        chart=chart,
        runs=[run_line(each) for each in found.runs],
        next_page=url_for(".index", before=found.before) if found.before else "",
        first_page=url_for(".index") if request.args.get("before") else "",
    )


@bp.route("/free-space", methods=["GET", "POST"])
def free_space() -> Response:
    """Say what will happen, and begin when a button is pressed."""
    if request.method == "GET":
        return _dialog(*looked())
    kind = RunKind.DRY_RUN if request.form.get("kind") == RunKind.DRY_RUN else RunKind.COLLECT
    asked = request.form.get("strategy", "")
    strategy = Strategy(asked) if asked in list(Strategy) else None
    agreed = frozenset(Question(each) for each in request.form.getlist("agreed") if each in list(Question))
    started = start_run(parts(), kind, strategy, agreed)
    try:
        run_id = started.result(START_WITHIN_S)
    except (RunUnderWay, NoKeeper) as error:
        return _dialog([], why_refused(parts().maintainer, error), status=409)
    except TimeoutError:
        return go_to(url_for(".index"), "The run is about to begin.")
    return go_to(url_for(".run", run_id=run_id))


@bp.post("/read-write")
def read_write() -> Response:
    """Whatever the records say: end what the keeper does, and prove that the registry takes writes."""
    here = parts()
    user = person()
    actor, where = user.name if user else "", place()

    def act() -> str:
        proof, outcome = "", Outcome.FAILED
        try:
            proof = make_read_write(here.registry, here.settings.KEEPER_FOLDER, here.monotonic)
            outcome = Outcome.DONE
        except StillNotReadWrite as failure:
            proof = failure.sentence
            raise
        finally:
            with here.writing() as session:
                kind = ActivityKind.MADE_READ_WRITE
                record(session, at=here.now(), actor=actor, kind=kind, outcome=outcome, reason=proof, place=where)
        return proof

    try:
        return go_to(url_for(".index"), background().ask(act))
    except StillNotReadWrite as failure:
        return go_to(url_for(".index"), trouble=failure.sentence)
    except StillLooking:
        return go_to(url_for(".index"), trouble=READ_WRITE_LATER)


@bp.post("/checked")
def confirm_checked() -> Response:
    """Take an administrator's word that no cache outlives a collection."""
    user = person()
    with parts().writing() as session:
        confirm(session, user.name if user else "", place(), parts().now())
    return go_to(url_for(".index"), "Recorded. Space can be freed now.")


def start_run(
    of: Parts, kind: RunKind, strategy: Strategy | None, agreed: frozenset[Question], within: Within | None = None
) -> Future[int]:
    """Begin a run of whoever asks, in a thread of its own; the future is its id, as soon as it is written down."""
    started: Future[int] = Future()
    user = person()
    actor, where = user.name if user else "", place()

    def work() -> None:
        try:
            maintainer, note = of.maintainer, started.set_result
            carry_out(maintainer, kind, actor, where, note, strategy=strategy, agreed=agreed, within=within)
        except (RunUnderWay, NoKeeper) as error:
            started.set_exception(error)
        except BaseException as error:
            log.exception("The run failed")  # the next start, or the next minute, finds out how it ended
            if not started.done():
                started.set_exception(error)

    threading.Thread(target=work, name="run", daemon=True).start()
    return started


def looked() -> tuple[Sequence[Check], str]:
    """The checks, made afresh, and why a run could not begin now; '' where nothing stands in its way."""
    folder = parts().settings.KEEPER_FOLDER
    if folder is None:
        return [], NoKeeper.sentence
    maintainer = parts().maintainer

    def look() -> list[Check]:
        look_at_keeper(maintainer)
        return preflight(maintainer, folder, strategy_of(maintainer))

    try:
        checks = background().ask(look)
    except StillLooking:
        return [], NO_ANSWER
    return checks, what_refuses(checks)


def _dialog(checks: Sequence[Check], problem: str, status: int = 200) -> Response:
    with parts().reading() as session:
        foretold = listing.last_foretold(session)
    has_reader = parts().maintainer.reads is not None
    return page_or_fragment(
        "maintenance/dialog.html",
        "maintenance/_dialog.html",
        status,
        action=url_for(".free_space"),
        back=url_for(".index"),
        choices=strategy_choices(has_reader, foretold),
        frees=FREES,
        ends=ENDS,
        foretold=foretold,
        not_foretold=FORETOLD_BY_DRY_RUN,
        checks=checks,
        is_warned=any(each.state == CheckState.WARNING for each in checks),
        may_confirm=problem == NOT_CHECKED,
        checks_not_good=[each for each in checks if each.state != CheckState.GOOD],
        error={"sentence": problem, "remedy": "Nothing was changed. Try again when this is mended."}
        if problem
        else None,
        as_of=parts().now(),
    )


def _hold(row: Hold) -> dict[str, object]:
    now = parts().now()
    words = sentence_of(row, now)
    if row.held_at and not row.stopped_by and now <= row.until:  # the banner says what it means
        words = f"The hold by {named(row)} ends by itself at {until_words(row.until, now)}. {ENDS_EARLY}"
    return {"id": row.id, "words": words, "is_being_ended": bool(row.stopped_by)}


def _of_chart(run: Run) -> ChartRun:
    outcome = run.outcome.value if run.outcome else ""
    return ChartRun(run.id, run.started_at, outcome, run.bytes_freed, run.seconds_without_push)


def _keeper(seen: KeeperSeen | None) -> dict[str, str]:
    if seen is None:
        return {"state": "missing", "sentence": "The keeper has not been looked at yet.", "remedy": "", "lines": ""}
    if seen.readiness == KeeperReadiness.MISSING:
        remedy = (
            "Put the keeper in front of the registry: whatever starts the registry today starts this instead, and "
            "HOLYSTONE_KEEPER_FOLDER names its folder. docs/deploying.md says how."
        )
        return {"state": "missing", "sentence": seen.sentence, "remedy": remedy, "lines": HOW_TO_PUT_A_KEEPER}
    return {"state": seen.readiness.value, "sentence": seen.sentence, "remedy": "", "lines": ""}


def _facts(seen: KeeperSeen | None, last: Run | None) -> Sequence[str]:
    version = listing.version_words(seen.registry_version) if seen else ""
    return [each for each in (version, "no run yet" if last is None else "") if each]
