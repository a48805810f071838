"""/retention: the rules in their order, what waits for a decision, and what the runs did. For administrators."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request, url_for
from sqlalchemy.orm import Session

from webapp.leases import is_held
from webapp.pages.addresses import row_id
from webapp.pages.answers import go_to, page_answer, page_or_fragment
from webapp.pages.current import parts, person, place
from webapp.pages.retention_words import rule_line, run_line, waiting_line
from webapp.retention import records
from webapp.retention.limits import ALWAYS, MOST_TAGS
from webapp.retention.listing import all_rules, in_order, past_runs, terms_of, waiting_parts
from webapp.retention.models import RetentionRule
from webapp.retention.preview import Means, Totals, foresee
from webapp.retention.records import Change, ChangedSince, TooManyRules
from webapp.retention.run import LEASE
from webapp.retention.typed import LABELS, Typed, read_plan, typed_of
from webapp.retention.words import lines_of

bp = Blueprint("retention", __name__, url_prefix="/retention")

UNPROCESSABLE = 422
NO_SUCH = "There is no such rule. It may have been deleted."


@bp.get("")
def index() -> Response:
    """List the rules, what waits, and the runs."""
    before = _before(request.args.get("before"))
    with parts().reading() as session:
        rules = all_rules(session)
        runs, older = past_runs(session, before)
        is_live = is_held(session, LEASE)
        waiting, more_waiting = waiting_parts(session)
        return page_answer(
            "retention/index.html",
            rules=[rule_line(each, number) for number, each in enumerate(rules, 1)],
            any_on=any(each.is_on for each in rules),
            waiting=[waiting_line(each) for each in waiting],
            more_waiting=more_waiting,
            runs=[run_line(each, is_live) for each in runs],
            next_page=url_for(".index", before=older) if older else "",
            first_page=url_for(".index") if before else "",
            is_live=is_live,
        )


@bp.route("/rules/new", methods=["GET", "POST"])
def new() -> Response:
    """Make a rule. It is the last in the order and switched off; its preview comes next."""
    if request.method == "GET":
        return _form(Typed(), {}, None)
    typed = _typed()
    plan, errors = read_plan(typed)
    if plan is None:
        return _form(typed, errors, None)
    try:
        with parts().writing() as session:
            rule_id = records.make(session, plan, change_by())
    except TooManyRules as problem:
        return _form(typed, {"name": problem.sentence}, None)
    return go_to(url_for(".preview", rule=rule_id), f"Made the rule {plan.name}. It is switched off.")


@bp.route("/rules/<row:rule_id>/change", methods=["GET", "POST"])
def change(rule_id: int) -> Response:
    """Change a rule, which switches it off."""
    with parts().reading() as session:
        rule = rule_or_404(session, rule_id)
    if request.method == "GET":
        return _form(typed_of(rule), {}, rule)
    typed = _typed()
    plan, errors = read_plan(typed)
    if plan is None:
        return _form(typed, errors, rule)
    with parts().writing() as session:
        records.alter(session, rule_or_404(session, rule_id), plan, change_by())
    return go_to(url_for(".preview", rule=rule_id), f"Changed the rule {plan.name}.")


@bp.post("/rules/<row:rule_id>/move")
def move(rule_id: int) -> Response:
    """Let a rule change places with the one above or below it."""
    with parts().writing() as session:
        rule = rule_or_404(session, rule_id)
        was_on = {each.id for each in all_rules(session) if each.is_on}
        records.move(session, rule, request.form.get("way") == "up", change_by())
        off = [each.name for each in all_rules(session) if each.id in was_on and not each.is_on]
    trouble = f"Switched off by that: {', '.join(off)}. {records.ABOVE_CHANGED}" if off else ""
    return go_to(url_for(".index"), "" if trouble else f"Moved the rule {rule.name}.", trouble)


@bp.post("/rules/<row:rule_id>/on")
def switch_on(rule_id: int) -> Response:
    """Switch a rule on, as its preview showed it."""
    seen = request.form.get("seen", "")
    with parts().reading() as session:
        is_same = seen == seen_of(session, rule_or_404(session, rule_id))
        standing = records.standing(session, rule_or_404(session, rule_id))
    here = url_for(".preview", rule=rule_id)
    if not is_same:
        return go_to(here, trouble=ChangedSince.sentence)
    try:
        with parts().writing() as session:
            rule = rule_or_404(session, rule_id)
            records.switch_on(session, rule, standing, change_by())
    except ChangedSince as error:
        return go_to(here, trouble=error.sentence)
    return go_to(here, f"Switched on the rule {rule.name}. It takes nothing before the next window.")


@bp.post("/rules/<row:rule_id>/off")
def switch_off(rule_id: int) -> Response:
    """Switch a rule off."""
    with parts().writing() as session:
        rule = rule_or_404(session, rule_id)
        records.switch_off(session, rule, change_by())
    return go_to(url_for(".preview", rule=rule_id), f"Switched off the rule {rule.name}. All that it stands for stays.")


@bp.route("/rules/<row:rule_id>/delete", methods=["GET", "POST"])
def delete(rule_id: int) -> Response:
    """Ask, and delete a rule."""
    with parts().reading() as session:
        rule = rule_or_404(session, rule_id)
    if request.method == "GET":
        return page_or_fragment(
            "retention/delete_dialog.html",
            "retention/_delete_dialog.html",
            name=rule.name,
            lines=lines_of(terms_of(rule)),
            action=url_for(".delete", rule_id=rule_id),
            back=url_for(".preview", rule=rule_id),
        )
    with parts().writing() as session:
        records.delete(session, rule_or_404(session, rule_id), change_by())
    return go_to(url_for(".index"), f"Deleted the rule {rule.name}.")


def means() -> Means:
    """What decides beside the rules."""
    return parts().retainer.means


def seen_of(session: Session, rule: RetentionRule) -> str:
    """The fingerprint of what the preview of a rule shows: the rule, and every tag and manifest that would go."""
    totals = Totals()
    rules = in_order(all_rules(session))
    totals.count(foresee(session, rules, means(), parts().now(), only_rule=rule.id))
    return f"{records.standing(session, rule)}.{totals.fingerprint}"


def rule_or_404(session: Session, rule_id: int) -> RetentionRule:
    """A rule. Ends the request with 404 where it is not there."""
    return session.get(RetentionRule, rule_id) or abort(404, NO_SUCH)


def change_by() -> Change:
    """Who changes something now."""
    user = person()
    return Change(user.name if user else "", place(), parts().now())


def _typed() -> Typed:
    """What the form brought."""
    fields = ("name", "repositories", "newest", "days", "tags", "untagged", "last_tag")
    return Typed(**{each: request.form.get(each, "").strip() for each in fields})


def _form(typed: Typed, errors: dict[str, str], rule: RetentionRule | None) -> Response:
    settings = parts().settings
    return page_answer(
        "retention/form.html",
        UNPROCESSABLE if errors else 200,
        title="New rule" if rule is None else f"Change {rule.name}",
        action=url_for(".new") if rule is None else url_for(".change", rule_id=rule.id),
        back=url_for(".index") if rule is None else url_for(".preview", rule=rule.id),
        button_label="Make the rule" if rule is None else "Change the rule",
        is_on=rule is not None and rule.is_on,
        typed=typed,
        errors=errors,
        labels=LABELS,
        share=settings.RETENTION_MAX_SHARE,
        most=MOST_TAGS,
        always=ALWAYS,
        protected=", ".join(settings.PROTECTED_TAGS),
    )


def _before(text: str | None) -> int | None:
    """The run that an address names; None for anything else, which is the first page."""
    try:
        return row_id(text or "")
    except ValueError:
        return None
