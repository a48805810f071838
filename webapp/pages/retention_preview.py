"""/retention/preview: exactly which tags would go and which stay, and by which line of which rule. Reads records only."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from webapp.catalogue.keyset import read_cursor, write_cursor
from webapp.catalogue.models import RegistryState
from webapp.pages.addresses import row_id
from webapp.pages.answers import page_answer
from webapp.pages.current import parts
from webapp.pages.retention import bp, means, rule_or_404
from webapp.pages.retention_words import group_lines, rule_line, sum_facts
from webapp.retention.listing import all_rules, in_order
from webapp.retention.models import RetentionRule
from webapp.retention.preview import Totals, foresee
from webapp.retention.records import standing
from webapp.retention.shown import Show, page_of

__all__ = ["bp"]

SHOWN = {Show.GOES: "Goes", Show.STAYS: "Stays", Show.ALL: "All"}


@bp.get("/preview")
def preview() -> Response:
    """Show what a rule would take if it were on, or what all that are on take."""
    show, after = _asked_show(), _asked_after()
    with parts().reading() as session:
        rule = _asked_rule(session)
        rules = all_rules(session)
        totals = Totals()
        only = rule.id if rule else None
        found = totals.watch(foresee(session, in_order(rules), means(), parts().now(), only_rule=only))
        page = page_of(found, show, after)
        total = totals.end(session)
        state = session.get(RegistryState, 1)
        seen = f"{standing(session, rule)}.{total.fingerprint}" if rule else ""
    place = list(rules).index(rule) + 1 if rule else 0
    return page_answer(
        "retention/preview.html",
        rule=rule_line(rule, place) if rule else None,
        is_first=place == 1,
        is_last=place == len(rules),
        any_on=any(each.is_on for each in rules),
        facts=sum_facts(total),
        waiting=total.waiting,
        seen=seen,
        as_of=state.sync_complete_at if state else None,
        groups=[
            group_lines(each, total.freed.of_each.get(each.foreseen.repository.id, 0), rule) for each in page.groups
        ],
        shows=[(label, _address(rule, each), each == show) for each, label in SHOWN.items()],
        show=show.value,
        next_page=_address(rule, show, write_cursor(page.after)) if page.after else "",
        first_page=_address(rule, show) if after else "",
    )


def _asked_rule(session: Session) -> RetentionRule | None:
    """The rule that the address names; None for all that are on."""
    asked = request.args.get("rule")
    if not asked:
        return None
    try:
        return rule_or_404(session, row_id(asked))
    except ValueError:
        return rule_or_404(session, 0)


def _asked_show() -> Show:
    asked = request.args.get("show", "")
    return Show(asked) if asked in list(Show) else Show.GOES


def _asked_after() -> tuple[str, str] | None:
    values = read_cursor(request.args.get("after", ""), [str, str])
    return (values[0], values[1]) if values else None


def _address(rule: RetentionRule | None, show: Show, after: str = "") -> str:
    asked = {"rule": str(rule.id) if rule else "", "show": "" if show == Show.GOES else show.value, "after": after}
    given = urlencode({name: value for name, value in asked.items() if value})
    return f"{url_for('.preview')}?{given}" if given else url_for(".preview")
