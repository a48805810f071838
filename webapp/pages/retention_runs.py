"""/retention/run and /retention/runs/<id>: letting the rules take what they show, by hand, and what became of it."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future

from flask import Response, abort, request, url_for

from webapp.leases import is_held
from webapp.pages.addresses import row_id
from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.current import parts, person, place
from webapp.pages.filters import counted
from webapp.pages.removal_dialog import WRONG_NAME
from webapp.pages.retention import bp, means
from webapp.pages.retention_words import part_line, run_line, space_words
from webapp.parts import Parts
from webapp.retention.limits import MOST_TAGS
from webapp.retention.listing import all_rules, find_run, in_order, parts_of_run
from webapp.retention.models import PartState, RetentionPart
from webapp.retention.preview import Foreseen, Sum, foresee, sum_of_run
from webapp.retention.records import ChangedSince
from webapp.retention.run import DELETES_OFF, LEASE, NO_RULE_IS_ON, Agreed, RulesUnderWay, run_rules
from webapp.retention.space import freed_by

__all__ = ["bp"]

log = logging.getLogger(__name__)

START_WITHIN_S = 20.0
MOST_UNNAMED = 20
CHANGED = "This changed since you looked. Look again before you delete."
NO_RUN = "There is no such run of the rules."
NOT_WAITING = "This repository does not wait for a decision any more."
BEGINS = "The run is about to begin."


@bp.route("/run", methods=["GET", "POST"])
def run() -> Response:
    """Say what a run would delete now, and begin it when the button is pressed."""
    with parts().reading() as session:
        rules = in_order(all_rules(session))
        total = sum_of_run(session, rules, means(), parts().now())
        any_on = any(each.is_on for each in rules)
    problem = "" if parts().settings.DELETE_ENABLED else DELETES_OFF
    if request.method == "GET" or problem or not any_on:
        return _dialog(total, problem if any_on else NO_RULE_IS_ON)
    if request.form.get("seen") != total.fingerprint:
        return _dialog(total, "", CHANGED, 409)
    return _begin(None) or _dialog(total, RulesUnderWay.sentence, status=409)


@bp.route("/waiting/<row:part_id>", methods=["GET", "POST"])
def go_on(part_id: int) -> Response:
    """Ask whether a repository that waits may lose so many tags this once, and let it."""
    with parts().reading() as session:
        part = session.get(RetentionPart, part_id)
        if part is None or part.state != PartState.WAITING:
            abort(404, NOT_WAITING)
        rules = in_order(all_rules(session))
        found = next(foresee(session, rules, means(), parts().now(), repository=part.repository), None)
    if found is None:
        abort(404, NOT_WAITING)
    problem = "" if parts().settings.DELETE_ENABLED else DELETES_OFF
    if request.method == "GET" or problem:
        return _waiting_dialog(part, found, problem)
    if request.form.get("seen") != found.fingerprint:
        return _waiting_dialog(part, found, "", CHANGED, 409)
    typed = request.form.get("typed_name", "").strip()
    if len(found.tags) > MOST_UNNAMED and typed != part.repository:
        return _waiting_dialog(part, found, "", status=422, typed=typed, typed_error=WRONG_NAME)
    answer = _begin(Agreed(part.repository, found.fingerprint))
    return answer or _waiting_dialog(part, found, RulesUnderWay.sentence, status=409)


@bp.get("/runs/<row:run_id>")
def show_run(run_id: int) -> Response:
    """Show a run: what was foreseen of each repository, and what became of it."""
    try:
        after = row_id(request.args.get("after", ""))
    except ValueError:
        after = 0
    with parts().reading() as session:
        found = find_run(session, run_id) or abort(404, NO_RUN)
        some, last = parts_of_run(session, run_id, after)
        is_live = is_held(session, LEASE)
    return page_or_fragment(
        "retention/run.html",
        "retention/_run.html",
        run=run_line(found, is_live),
        parts=[part_line(each) for each in some],
        here=url_for(".show_run", run_id=run_id, after=after or None),
        next_page=url_for(".show_run", run_id=run_id, after=last) if last else "",
        first_page=url_for(".show_run", run_id=run_id) if after else "",
    )


def _begin(agreed: Agreed | None) -> Response | None:
    """Begin a run and show it; None where another one is under way."""
    try:
        run_id = start_rules(parts(), agreed).result(START_WITHIN_S)
    except RulesUnderWay:
        return None
    except ChangedSince:
        return go_to(url_for(".index"), trouble=CHANGED)
    except TimeoutError:
        return go_to(url_for(".index"), BEGINS)
    return go_to(url_for(".show_run", run_id=run_id))


def start_rules(of: Parts, agreed: Agreed | None = None) -> Future[int]:
    """Begin a run of whoever asks, in a thread of its own; the future is its id, as soon as it is written down."""
    started: Future[int] = Future()
    user = person()
    actor, where = user.name if user else "", place()

    def work() -> None:
        try:
            run_rules(of.retainer, actor, where, started.set_result, agreed)
        except (RulesUnderWay, ChangedSince) as error:
            started.set_exception(error)
        except BaseException as error:
            log.exception("The run of the rules failed")  # the next minute finds out how far it came
            if not started.done():
                started.set_exception(error)

    threading.Thread(target=work, name="retention", daemon=True).start()
    return started


def _dialog(total: Sum, problem: str, notice: str = "", status: int = 200) -> Response:
    going = _going(total.tags_going, total.untagged_going)
    is_more = total.tags_going > MOST_TAGS
    return page_or_fragment(
        "retention/run_dialog.html",
        "retention/_run_dialog.html",
        status,
        action=url_for(".run"),
        back=url_for(".index"),
        preview=url_for(".preview"),
        question="Let the rules delete now?",
        going=f"{going}, of which one run takes at most {MOST_TAGS} tags" if is_more else going,
        stays=f"{counted(total.tags_staying, 'tag')}, and every repository that no rule stands for",
        waiting=total.waiting,
        space=space_words(total.freed.together),
        trash_days=parts().remover.retention.days,
        is_anything=bool(total.tags_going or total.untagged_going),
        button_label=f"Delete up to {MOST_TAGS} tags" if is_more else f"Delete {going}",
        seen=total.fingerprint,
        problem=problem,
        notice=notice,
        asks_name="",
        typed="",
        typed_error="",
    )


def _waiting_dialog(
    part: RetentionPart,
    found: Foreseen,
    problem: str,
    notice: str = "",
    status: int = 200,
    typed: str = "",
    typed_error: str = "",
) -> Response:
    with parts().reading() as session:
        freed = freed_by(session, found.manifests()).together
    going = _going(len(found.tags), len(found.untagged))
    return page_or_fragment(
        "retention/run_dialog.html",
        "retention/_run_dialog.html",
        status,
        action=url_for(".go_on", part_id=part.id),
        back=url_for(".index"),
        preview=url_for(".preview", rule=part.rule_id),
        question=f"Delete {going} of {part.repository} this once?",
        going=f"{going} of {part.repository}, by the rule {part.rule_name}",
        stays=counted(found.tag_count - len(found.tags), "tag"),
        waiting=0,
        space=space_words(freed),
        trash_days=parts().remover.retention.days,
        is_anything=bool(found.tags or found.untagged),
        button_label=f"Delete {going}",
        seen=found.fingerprint,
        problem=problem,
        notice=notice,
        asks_name=part.repository if len(found.tags) > MOST_UNNAMED else "",
        typed=typed,
        typed_error=typed_error,
    )


def _going(tags: int, untagged: int) -> str:
    if not untagged:
        return counted(tags, "tag")
    manifests = counted(untagged, "untagged manifest")
    return f"{counted(tags, 'tag')} and {manifests}" if tags else manifests
