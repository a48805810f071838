"""/maintenance: whether Holystone can restart the registry, the button that frees space, and the runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from flask import Blueprint, Response, abort, make_response, request, url_for

from webapp.maintenance import listing
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.models import KeeperReadiness, KeeperSeen, Run, RunKind, RunOutcome
from webapp.maintenance.records import output_of
from webapp.maintenance.run import NoKeeper, RunUnderWay, cancel, preflight
from webapp.maintenance.run import run as carry_out
from webapp.maintenance.running import StepFailed
from webapp.pages.addresses import row_id
from webapp.pages.answers import go_to, page_answer, page_or_fragment
from webapp.pages.background import StillLooking
from webapp.pages.current import background, is_administrator, parts, person, place
from webapp.pages.permits import Who, why_not
from webapp.parts import Parts

log = logging.getLogger(__name__)
bp = Blueprint("maintenance", __name__, url_prefix="/maintenance")

START_WITHIN_S = 10.0

HOW_TO_PUT_A_KEEPER = """python3 webapp/runtime/keeper.py --folder KEEPER_FOLDER --store REGISTRY_STORE \\
    --address HOST:PORT --drain 90 registry CONFIG"""
WHAT_HAPPENS = (
    ("Pushes", "are refused until the collection has ended. What was pushed before stays."),
    ("Pulls", "pause for a moment twice, while the registry restarts, and work in between."),
    ("Frees", "what no manifest needs any more, in all repositories. Manifests without a tag are kept."),
    ("Ends", "by itself: the registry comes back read-write, also when Holystone is stopped meanwhile."),
)


@bp.get("")
def index() -> Response:
    """Show what the keeper said last, and the runs."""
    with parts().reading() as session:
        seen = listing.keeper_seen(session)
        live = listing.live_run(session)
        found = listing.runs(session, request.args.get("before", type=row_id))
        last = listing.last_run(session)
    ready = seen is not None and seen.readiness == KeeperReadiness.READY
    return page_answer(
        "maintenance/index.html",
        keeper=_keeper(seen),
        may_free=is_administrator() and ready,
        why_not=why_not(Who.ADMINISTRATORS),
        facts=_facts(seen, last),
        live_run={"id": live.id, "words": _title(live) + " is under way."} if live else None,
        runs=[_line(each) for each in found.runs],
        next_page=url_for(".index", before=found.before) if found.before else "",
        first_page=url_for(".index") if request.args.get("before") else "",
    )


@bp.route("/free-space", methods=["GET", "POST"])
def free_space() -> Response:
    """Say what will happen, and begin when the button is pressed."""
    if request.method == "GET":
        return _dialog(_what_stands_in_the_way())
    user = person()
    started = _start(parts(), user.name if user else "", place())
    try:
        run_id = started.result(START_WITHIN_S)
    except (RunUnderWay, NoKeeper) as error:
        return _dialog(error.sentence, status=409)
    except TimeoutError:
        return go_to(url_for(".index"), "The run is about to begin.")
    return go_to(url_for(".run", run_id=run_id))


@bp.get("/runs/<row:run_id>")
def run(run_id: int) -> Response:
    """Show a run: its steps as they happen, and what came of it."""
    with parts().reading() as session:
        found = listing.find_run(session, run_id) or abort(404, "There is no such run.")
        lines, is_cut = listing.log_of(session, run_id)
    return page_or_fragment(
        "maintenance/run.html",
        "maintenance/_run.html",
        run=_details(found),
        steps=listing.step_lines(found),
        log_lines=lines,
        log_is_cut=is_cut,
    )


@bp.post("/runs/<row:run_id>/stop")
def stop_run(run_id: int) -> Response:
    """Ask the keeper to end the order of a run that is under way."""
    with parts().reading() as session:
        found = listing.find_run(session, run_id) or abort(404, "There is no such run.")
    folder = parts().settings.KEEPER_FOLDER
    if found.outcome is None and folder is not None:
        cancel(folder, found.token)
    return go_to(url_for(".run", run_id=run_id))


@bp.get("/runs/<row:run_id>/log")
def log_file(run_id: int) -> Response:
    """Everything that the collector printed in a run, as a download."""
    with parts().reading() as session:
        if listing.find_run(session, run_id) is None:
            abort(404, "There is no such run.")
        text = output_of(session, run_id)
    response = make_response(text)
    response.mimetype = "text/plain"
    response.headers["Content-Disposition"] = f'attachment; filename="run-{run_id}.log"'
    return response


def _start(of: Parts, actor: str, where: str) -> Future[int]:
    """Begin a run in a thread of its own; the future is its id, as soon as it is written down."""
    started: Future[int] = Future()

    def work() -> None:
        try:
            carry_out(of.maintainer, RunKind.COLLECT, actor, where, started.set_result)
        except (RunUnderWay, NoKeeper) as error:
            started.set_exception(error)
        except BaseException as error:
            log.exception("The run failed")  # the next start, or the next minute, finds out how it ended
            if not started.done():
                started.set_exception(error)

    threading.Thread(target=work, name="run", daemon=True).start()
    return started


def _what_stands_in_the_way() -> str:
    """Why a run could not begin now, asked afresh; '' where nothing does."""
    folder = parts().settings.KEEPER_FOLDER
    if folder is None:
        return NoKeeper.sentence
    maintainer = parts().maintainer
    try:
        background().ask(lambda: look_at_keeper(maintainer))
        background().ask(lambda: preflight(maintainer, folder))
    except StepFailed as failure:
        return failure.sentence
    except StillLooking:
        return "The registry has not answered within 5 seconds."
    return ""


def _dialog(problem: str, status: int = 200) -> Response:
    return page_or_fragment(
        "maintenance/dialog.html",
        "maintenance/_dialog.html",
        status,
        action=url_for(".free_space"),
        back=url_for(".index"),
        lines=WHAT_HAPPENS,
        warnings=[],
        error={"sentence": problem, "remedy": "Nothing was changed. Try again when this is mended."}
        if problem
        else None,
        as_of=parts().now(),
    )


def _keeper(seen: KeeperSeen | None) -> dict[str, str]:
    if seen is None:
        return {"state": "missing", "sentence": "The keeper has not been looked at yet.", "remedy": "", "lines": ""}
    if seen.readiness == KeeperReadiness.MISSING:
        remedy = (
            "Put the keeper in front of the registry: whatever starts the registry today starts this instead, and "
            "HOLYSTONE_KEEPER_FOLDER names its folder. README.md says what each word means."
        )
        return {"state": "missing", "sentence": seen.sentence, "remedy": remedy, "lines": HOW_TO_PUT_A_KEEPER}
    return {"state": seen.readiness.value, "sentence": seen.sentence, "remedy": "", "lines": ""}


def _facts(seen: KeeperSeen | None, last: Run | None) -> Sequence[str]:
    version = listing.version_words(seen.registry_version) if seen else ""
    return [each for each in (version, "no run yet" if last is None else "") if each]


def _title(found: Run) -> str:
    return "Dry run" if found.kind == RunKind.DRY_RUN else "Freeing space"


def _line(found: Run) -> dict[str, Any]:
    return {
        "id": found.id,
        "started_at": found.started_at,
        "actor": found.actor,
        "outcome": found.outcome.value if found.outcome else "under way",
        "outcome_kind": listing.outcome_kind(found),
        "bytes_freed": found.bytes_freed,
        "blobs": found.blobs,
        "seconds": (found.finished_at - found.started_at).total_seconds() if found.finished_at else None,
        "seconds_without_push": found.seconds_without_push,
        "is_dry_run": found.kind == RunKind.DRY_RUN,
    }


def _details(found: Run) -> dict[str, Any]:
    is_live = found.outcome is None
    return {
        **_line(found),
        "title": f"{_title(found)}, run {found.id}",
        "is_live": is_live,
        "may_stop": is_live and is_administrator(),
        "sentence": _sentence(found),
        "remedy": _remedy(found),
        "ended_at": found.finished_at,
        "bytes_predicted": found.bytes_predicted,
        "manifests": found.manifests,
    }


def _sentence(found: Run) -> str:
    if found.outcome is None:
        return ""
    if found.outcome == RunOutcome.SUCCEEDED:
        return "The dry run succeeded; nothing was changed." if found.kind == RunKind.DRY_RUN else "The run succeeded."
    return f"The run {_PAST[found.outcome]}. {found.reason}"


_PAST = {
    RunOutcome.FAILED: "failed",
    RunOutcome.STOPPED: "was stopped",
    RunOutcome.INTERRUPTED: "was interrupted",
    RunOutcome.SKIPPED: "did not begin",
}


def _remedy(found: Run) -> str:
    if found.outcome in (None, RunOutcome.SUCCEEDED):
        return ""
    return "Status says whether the registry takes writes."
