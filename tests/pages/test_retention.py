"""/retention: rules, their preview, and runs by hand, in front of a real registry with the demo fleet."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask

from tests.pages.conftest import MakeApp, Visitor, fields_of, parts_of, text_of, wait_for
from tests.registry_process import RegistryProcess
from webapp.activities.models import Activity, ActivityKind
from webapp.leases import held, is_held
from webapp.pages.retention_runs import CHANGED
from webapp.retention.listing import all_rules, past_runs
from webapp.retention.models import RetentionOutcome, RetentionRun
from webapp.retention.records import Change, ChangedSince, Plan, TooManyRules, make
from webapp.retention.rules import Terms
from webapp.retention.run import DELETES_OFF, LEASE, NO_RULE_IS_ON, RulesUnderWay
from webapp.retention.typed import SAYS_NOTHING

SOME = {"name": "CI", "repositories": "team/api", "tags": "1.4*,latest"}


def made(visitor: Visitor, **typed: str) -> str:
    """Make a rule; returns the address of its preview."""
    answer = visitor.post("/retention/rules/new", **{**SOME, **typed})
    assert answer.status_code == 303, text_of(answer)
    return answer.location


def seen_in(visitor: Visitor, preview: str) -> tuple[str, str]:
    """Where the preview's button leads, and what it carries."""
    page = visitor.get(preview).get_data(as_text=True)
    action, seen = (
        re.search(r'action="(/retention/rules/\d+/on)"', page),
        re.search(r'name="seen" value="([^"]+)"', page),
    )
    assert action and seen
    return action[1], unescape(seen[1])


def switch_on(visitor: Visitor, preview: str) -> None:
    """Press the preview's button."""
    action, seen = seen_in(visitor, preview)
    assert visitor.post(action, seen=seen).status_code == 303


def on(app: Flask) -> list[bool]:
    with parts_of(app).reading() as session:
        return [each.is_on for each in all_rules(session)]


def last_run(app: Flask) -> RetentionRun | None:
    """The newest run, once none is under way."""

    def is_at_rest() -> bool:
        with parts_of(app).reading() as session:
            return not is_held(session, LEASE)

    wait_for(is_at_rest)
    with parts_of(app).reading() as session:
        return next(iter(past_runs(session)[0]), None)


@pytest.fixture
def app(make_app: MakeApp, synced_template: object, fleet_registry: RegistryProcess) -> Flask:
    """A registry of which rules take what they show; a quarter is too much elsewhere."""
    return make_app(fleet_registry.url, synced_template, RETENTION_MAX_SHARE="100")


def test_a_rule_is_made_previewed_switched_on_and_run(app: Flask, alice: Visitor) -> None:
    preview = made(alice)
    shown = text_of(alice.get(preview))
    assert "It is switched off: this is what it would delete if it were on." in shown
    assert "no line of the rule keeps it" in shown
    stays = text_of(alice.get(f"{preview}&show=stays"))
    assert "like 1.4*" in stays and "no line of the rule keeps it" not in stays

    switch_on(alice, preview)
    assert on(app) == [True]
    dialog = alice.get("/retention/run")
    assert "Let the rules delete now?" in text_of(dialog)
    answer = alice.press("/retention/run", fields_of(dialog))

    assert answer.status_code == 303, text_of(answer)
    run = last_run(app)
    assert run and run.outcome == RetentionOutcome.DONE and run.tags_taken == run.tags_foreseen > 0
    ended = text_of(alice.get(answer.location))
    assert run.sentence in ended and "team/api" in ended
    assert run.sentence in text_of(alice.get("/retention"))
    activities = text_of(alice.get("/activities?person=retention: CI"))
    assert "retention: CI deleted" in activities


def test_the_dialog_of_a_run_shows_the_figures_of_the_preview(app: Flask, alice: Visitor) -> None:
    preview = made(alice)
    switch_on(alice, preview)
    shown = re.search(r"(\d+) tags would go", text_of(alice.get(preview)))
    assert shown
    assert f"Delete {shown[1]} tags" in text_of(alice.get("/retention/run"))


def test_a_rule_is_not_switched_on_without_its_preview(app: Flask, alice: Visitor) -> None:
    action, _seen = seen_in(alice, made(alice))
    for seen in ({}, {"seen": ""}, {"seen": "made up"}):
        answer = alice.post(action, **seen)
        assert ChangedSince.sentence in text_of(alice.get(answer.location))
    assert on(app) == [False]


def test_a_rule_is_not_switched_on_when_what_it_would_take_has_changed(
    app: Flask, alice: Visitor, fleet_registry: RegistryProcess
) -> None:
    action, seen = seen_in(alice, made(alice))
    alice.delete("/repositories/team/api/-/tags/1.3.0/delete")
    answer = alice.post(action, seen=seen)
    assert ChangedSince.sentence in text_of(alice.get(answer.location))
    assert on(app) == [False]


def test_a_change_of_the_rule_switches_it_off(app: Flask, alice: Visitor) -> None:
    preview = made(alice)
    switch_on(alice, preview)
    form = preview.replace("/preview?rule=", "/rules/") + "/change"
    assert "A change switches the rule off" in text_of(alice.get(form))
    assert alice.post(form, **{**SOME, "name": "Another name"}).status_code == 303
    assert on(app) == [True]
    assert alice.post(form, **{**SOME, "newest": "3"}).status_code == 303
    assert on(app) == [False]
    assert "The rule was changed. Look at its preview" in text_of(alice.get(preview))


def test_what_cannot_be_meant_is_told_beside_its_field(app: Flask, alice: Visitor) -> None:
    wrong = {"name": "", "repositories": "Team API", "newest": "0", "days": "-1", "tags": "a b", "untagged": "many"}
    answer = alice.post("/retention/rules/new", **wrong)
    assert answer.status_code == 422
    words = text_of(answer)
    assert "Write a name of at most 60 characters." in words
    assert "Write patterns of repositories such as" in words and "Write patterns of tags such as" in words
    assert words.count("Write a whole number from 1 to") == 3
    assert on(app) == []


def test_a_rule_that_would_do_nothing_is_refused(app: Flask, alice: Visitor) -> None:
    answer = alice.post("/retention/rules/new", name="CI", repositories="*")
    assert answer.status_code == 422
    assert SAYS_NOTHING in text_of(answer)


def test_there_are_no_more_rules_than_a_page_shows(app: Flask, alice: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.retention.records.MOST_RULES", 1)
    made(alice)
    answer = alice.post("/retention/rules/new", **SOME)
    assert (answer.status_code, TooManyRules.sentence in text_of(answer)) == (422, True)


def test_rules_are_moved_switched_off_and_deleted(app: Flask, alice: Visitor) -> None:
    first, second = made(alice, name="First"), made(alice, name="Second")
    switch_on(alice, first)
    number = second.rpartition("=")[2]
    alice.post(f"/retention/rules/{number}/move", way="up")
    page = text_of(alice.get("/retention"))
    assert page.index("Second") < page.index("First")
    assert on(app) == [False, True]
    alice.post(f"/retention/rules/{first.rpartition('=')[2]}/off")
    assert on(app) == [False, False]
    dialog = f"/retention/rules/{number}/delete"
    assert "Delete the rule Second?" in text_of(alice.get(dialog))
    alice.press(dialog, fields_of(alice.get(dialog)))
    assert len(on(app)) == 1
    assert "Keep everything" in text_of(alice.get("/retention"))
    kinds = {ActivityKind.RULE_MADE, ActivityKind.RULE_MOVED, ActivityKind.RULE_SWITCHED_OFF, ActivityKind.RULE_DELETED}
    with parts_of(app).reading() as session:
        assert kinds <= {each.kind for each in session.query(Activity)}
    assert "alice deleted the rule “Second”" in text_of(alice.get("/activities?kind=rule_deleted"))


def test_the_button_of_an_old_dialog_deletes_nothing(app: Flask, alice: Visitor) -> None:
    switch_on(alice, made(alice))
    fields = fields_of(alice.get("/retention/run"))
    alice.delete("/repositories/team/api/-/tags/1.3.0/delete")
    answer = alice.press("/retention/run", fields)
    assert (answer.status_code, CHANGED in text_of(answer)) == (409, True)
    assert last_run(app) is None


def test_two_runs_at_once_are_one(app: Flask, alice: Visitor) -> None:
    switch_on(alice, made(alice))
    fields = fields_of(alice.get("/retention/run"))
    with held(parts_of(app).writing, LEASE):
        answer = alice.press("/retention/run", fields)
    assert (answer.status_code, RulesUnderWay.sentence in text_of(answer)) == (409, True)
    assert last_run(app) is None


def test_without_a_rule_that_is_on_there_is_no_button(alice: Visitor) -> None:
    made(alice)
    assert "Run now…" not in text_of(alice.get("/retention"))
    answer = alice.get("/retention/run")
    assert NO_RULE_IS_ON in text_of(answer)
    assert "data-busy" not in answer.get_data(as_text=True).partition("dialog-actions")[2].partition("</form>")[0]


def test_where_deleting_is_switched_off_the_dialog_says_so(make_app: MakeApp, synced_template: object) -> None:
    alice = Visitor(make_app(template=synced_template, DELETE_ENABLED="false")).sign_in("alice")
    switch_on(alice, made(alice))
    assert DELETES_OFF in text_of(alice.get("/retention/run"))
    assert DELETES_OFF in text_of(alice.post("/retention/run", seen=""))


def test_what_waits_is_shown_with_its_figures_and_gone_on_with_this_once(
    make_app: MakeApp, synced_template: object, fleet_registry: RegistryProcess
) -> None:
    app = make_app(fleet_registry.url, synced_template, RETENTION_MAX_SHARE="1")
    alice = Visitor(app).sign_in("alice")
    switch_on(alice, made(alice))
    assert "A run does not touch it, and asks." in text_of(alice.get("/retention/preview"))
    dialog = alice.get("/retention/run")
    assert "1 repository that would lose too much at once is not touched; you are asked about it" in text_of(dialog)
    assert "Goes Nothing." in text_of(dialog) and "Ask about 1 repository" in text_of(dialog)
    alice.press("/retention/run", fields_of(dialog))
    run = last_run(app)
    assert run and (run.tags_taken, run.sentence) == (0, "Nothing was deleted. 1 repository waits for a decision.")
    page = text_of(alice.get("/retention"))
    assert "Waits for a decision" in page and "Change the rule, or let it go on this once." in page

    found = re.search(r"/retention/waiting/\d+", alice.get("/retention").get_data(as_text=True))
    assert found
    dialog = alice.get(found[0])
    fields = fields_of(dialog)
    if "typed_name" in dialog.get_data(as_text=True):
        assert alice.press(found[0], fields, typed_name="team/another").status_code == 422
    answer = alice.press(found[0], fields, typed_name="team/api")

    assert answer.status_code == 303
    run = last_run(app)
    assert run and run.tags_taken == run.tags_foreseen > 2
    assert "Waits for a decision" not in text_of(alice.get("/retention"))
    assert alice.get(found[0]).status_code == 404


def test_the_preview_is_answered_in_pages(alice: Visitor) -> None:
    preview = made(alice, repositories="*", tags="nothing-like-this", last_tag="yes")
    names: list[str] = []
    path = preview
    for _ in range(50):
        page = alice.get(path).get_data(as_text=True)
        rows = re.findall(r'<th scope="row" class="wide code">(.*?)</th>', page, re.DOTALL)
        assert len(rows) <= 100
        names += rows
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if not following:
            break
        path = unescape(following[1])
    shown = re.search(r"([\d\u202f ]+) tags would go", text_of(alice.get(preview)))
    assert shown and len(names) == int(re.sub(r"\D", "", shown[1])) > 200


@pytest.mark.parametrize("path", ["/retention/preview?rule=77", "/retention/preview?rule=x", "/retention/runs/77"])
def test_what_is_not_there_is_not_found(alice: Visitor, path: str) -> None:
    assert alice.get(path).status_code == 404


@pytest.mark.parametrize("query", ["after=x", "after=W10", "show=everything", "before=-1", "rule="])
def test_an_address_that_was_made_up_shows_the_first_page(alice: Visitor, query: str) -> None:
    for page in ("/retention", "/retention/preview"):
        assert alice.get(f"{page}?{query}").status_code == 200


def test_names_are_shown_as_text_and_nothing_else(app: Flask, alice: Visitor) -> None:
    name = "<script>alert(1)</script>"
    preview = made(alice, name=name)
    with parts_of(app).writing() as session:
        make(
            session, Plan('"><img src=x>', ("team/*",), Terms(keep_newest=1)), Change("alice", "", parts_of(app).now())
        )
    for path in ("/retention", preview, preview.replace("/preview?rule=", "/rules/") + "/delete", "/activities"):
        page = alice.get(path).get_data(as_text=True)
        assert name not in page and "<img src=x>" not in page
    assert "&lt;script&gt;" in alice.get(preview).get_data(as_text=True)


def test_a_user_has_no_such_page_and_no_link_to_it(bob: Visitor, alice: Visitor) -> None:
    assert bob.get("/retention").status_code == 403
    assert 'href="/retention"' not in bob.get("/repositories").get_data(as_text=True)
    assert 'href="/retention"' in alice.get("/repositories").get_data(as_text=True)


def test_the_pages_ask_the_registry_nothing(alice: Visitor, app: Flask, without_registry: RegistryProcess) -> None:
    preview = made(alice)
    for path in ("/retention", preview, "/retention/preview", "/retention/run"):
        assert alice.get(path).status_code == 200
