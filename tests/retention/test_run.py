"""A run takes what the preview showed, on a real registry, and writes it down before and after."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Meddler, build, once
from tests.retention.rules_stage import RulesStage, kept_in
from webapp.leases import held
from webapp.registry.capabilities import NO_SUCH_DIGEST
from webapp.registry.client import RegistryClient
from webapp.registry.errors import DeletesDisabled, ReadOnly, RegistryError
from webapp.retention.listing import waiting_parts
from webapp.retention.models import PartState, RetentionOutcome, RetentionRule
from webapp.retention.preview import Means
from webapp.retention.records import ABOVE_CHANGED, ChangedSince, Plan, alter, delete, move, standing, switch_on
from webapp.retention.rules import Terms
from webapp.retention.run import (
    DELETES_OFF,
    LEASE,
    NO_RULE_IS_ON,
    Agreed,
    RulesUnderWay,
    carry_out_rules,
    look_up_interrupted,
)
from webapp.retention.take import LAST, NEW_SIBLING, NOT_THERE, OTHER_RULE, PUSHED_AGAIN

WEB = "team/web"


def five(stage: RulesStage, repository: str = API) -> None:
    """Five tags, a day apart: 1.0 is the oldest."""
    for number in range(5):
        stage.push(f"1.{number}", days_ago=10 - number, repository=repository, of=f"{repository} {number}")


def test_a_rule_takes_what_no_line_keeps_and_each_is_an_activity_of_the_rule(stage: RulesStage) -> None:
    five(stage)
    stage.rule(keep_newest=3)

    run = stage.run()

    assert stage.at.tags() == {"1.2", "1.3", "1.4"}
    assert all(stage.at.pulls(tag) for tag in ("1.2", "1.3", "1.4"))
    assert stage.deleted_by() == [("retention: CI", "1.0", "done"), ("retention: CI", "1.1", "done")]
    assert (run.outcome, run.sentence) == (RetentionOutcome.DONE, "Deleted 2 tags of 1 repository.")
    assert [(part.repository, part.state, part.tags_foreseen, part.tags_taken) for part in run.parts] == [
        (API, PartState.DONE, 2, 2)
    ]


def test_a_run_shows_the_figures_of_the_preview(stage: RulesStage) -> None:
    five(stage)
    five(stage, WEB)
    stage.rule(keep_newest=4)
    foreseen = {each.repository.name: len(each.tags) for each in stage.foresee()}

    run = stage.run()

    assert {part.repository: part.tags_foreseen for part in run.parts} == foreseen == {API: 1, WEB: 1}
    assert run.tags_foreseen == run.tags_taken == 2
    assert run.bytes_foreseen and all(part.bytes_foreseen for part in run.parts)
    assert stage.foresee()[0].tags == []


def test_the_first_rule_that_fits_counts_also_while_it_is_off(stage: RulesStage) -> None:
    five(stage)
    five(stage, WEB)
    stage.rule("Web", WEB, is_on=False, keep_newest=5)
    stage.rule("All", "*", keep_newest=4)

    stage.run()

    assert stage.at.tags() == {"1.1", "1.2", "1.3", "1.4"}
    assert stage.at.tags(WEB) == {"1.0", "1.1", "1.2", "1.3", "1.4"}


def test_a_repository_that_no_rule_fits_keeps_everything(stage: RulesStage) -> None:
    five(stage)
    stage.rule(repositories="other/*", keep_newest=1)
    assert stage.run().parts == []
    assert len(stage.at.tags()) == 5


def test_a_tag_that_was_pushed_again_since_stays_and_is_named(stage: RulesStage, client: RegistryClient) -> None:
    five(stage)
    stage.rule(keep_newest=3)
    meddler = Meddler(client)
    meddler.before_list = once(lambda: stage.at.push("something new", "1.0"))

    run = stage.run(meddler)

    assert stage.at.tags() == {"1.0", "1.2", "1.3", "1.4"}
    assert kept_in(run.parts[0]) == {"1.0": PUSHED_AGAIN}
    assert (run.tags_foreseen, run.tags_taken) == (2, 1)


def test_a_tag_that_somebody_deleted_since_is_named(stage: RulesStage, client: RegistryClient) -> None:
    five(stage)
    stage.rule(keep_newest=3)
    meddler = Meddler(client)
    meddler.before_list = once(lambda: stage.at.remove("1.0"))

    run = stage.run(meddler)

    assert kept_in(run.parts[0]) == {"1.0": NOT_THERE}
    assert run.tags_taken == 1


def test_between_the_look_and_the_plan_a_push_still_saves_a_tag(
    registry: RegistryProcess, stage: RulesStage, client: RegistryClient
) -> None:
    """Without a store the catalogue's looks and the plan's are requests: the second list is the plan's."""
    stage = replace(stage, at=replace(stage.at, store=None))
    for number in range(3):
        stage.at.push(f"{number}", f"1.{number}")
        stage.at.sync()
        stage.at.clock.advance(days=1)
    stage.rule(keep_newest=1)
    meddler, lists = Meddler(client), []

    def meddle() -> None:
        lists.append(1)
        if len(lists) == 2:
            stage.at.push("something new", "1.0")

    meddler.before_list = meddle

    run = stage.run(meddler)

    assert stage.at.tags() == {"1.0", "1.2"}
    assert kept_in(run.parts[0]) == {"1.0": PUSHED_AGAIN}


def test_a_tag_is_kept_that_became_the_sibling_of_one_that_stays(stage: RulesStage, client: RegistryClient) -> None:
    stage = replace(stage, at=replace(stage.at, store=None))
    old = stage.at.push("old", "build-1")
    stage.at.sync()
    stage.at.clock.advance(days=40)
    stage.at.push("new", "latest")
    stage.at.sync()
    stage.rule(keep_days=30)
    meddler, lists = Meddler(client), []

    def meddle() -> None:
        lists.append(1)
        if len(lists) == 2:
            stage.at.retag("prod", old)

    meddler.before_list = meddle

    run = stage.run(meddler)

    assert stage.at.tags() == {"build-1", "latest", "prod"}
    assert kept_in(run.parts[0]) == {"build-1": NEW_SIBLING}


def test_the_last_tag_stays_also_where_the_others_went_in_that_moment(
    stage: RulesStage, client: RegistryClient
) -> None:
    stage = replace(stage, at=replace(stage.at, store=None))
    stage.at.push("old", "1.0")
    stage.at.sync()
    stage.at.clock.advance(days=40)
    stage.at.push("new", "1.1")
    stage.at.sync()
    stage.rule(keep_days=30)
    meddler, lists = Meddler(client), []

    def meddle() -> None:
        lists.append(1)
        if len(lists) == 2:
            stage.at.remove("1.1")

    meddler.before_list = meddle

    run = stage.run(meddler)

    assert stage.at.tags() == {"1.0"}
    assert kept_in(run.parts[0]) == {"1.0": LAST}


@pytest.mark.parametrize("is_on_again", [False, True])
def test_a_rule_that_is_changed_while_a_run_goes_on_takes_nothing_more(
    stage: RulesStage, client: RegistryClient, is_on_again: bool
) -> None:
    five(stage)
    rule_id = stage.rule(keep_newest=3)
    meddler = Meddler(client)

    def change() -> None:
        with stage.at.records.writing() as session:
            plan = Plan("CI", ("*",), Terms(keep_newest=4))
            alter(session, session.get_one(RetentionRule, rule_id), plan, stage.change)
        if is_on_again:
            stage.switch_on(rule_id)

    meddler.before_list = once(change)

    run = stage.run(meddler)

    assert len(stage.at.tags()) == 5
    assert set(kept_in(run.parts[0]).values()) == {OTHER_RULE}


def test_a_repository_that_would_lose_too_much_is_not_touched_and_a_person_is_asked(stage: RulesStage) -> None:
    stage = replace(stage, means=Means(share_percent=20))
    five(stage)
    five(stage, WEB)
    stage.rule(repositories=API, keep_newest=2)
    stage.rule("Web", WEB, keep_newest=3)

    run = stage.run()

    assert (len(stage.at.tags()), len(stage.at.tags(WEB))) == (5, 3)
    assert {part.repository: part.state for part in run.parts} == {API: PartState.WAITING, WEB: PartState.DONE}
    assert run.sentence == "Deleted 2 tags of 1 repository. 1 repository waits for a decision."
    waiting = next(part for part in run.parts if part.repository == API)
    assert waiting.sentence.startswith("It would lose 3 of 5 tags; a run takes at most 2 of so many")


def test_what_a_person_agreed_to_goes_this_once(stage: RulesStage) -> None:
    stage = replace(stage, means=Means(share_percent=20))
    five(stage)
    stage.rule(keep_newest=2)
    stage.run()
    foreseen = stage.foresee(repository=API)[0]

    run = stage.run(agreed=Agreed(API, foreseen.fingerprint))

    assert stage.at.tags() == {"1.3", "1.4"}
    assert [(part.state, part.tags_taken) for part in run.parts] == [(PartState.DONE, 3)]
    with stage.at.records.reading() as session:
        assert waiting_parts(session) == ([], False)


def test_what_a_person_did_not_see_does_not_go(stage: RulesStage) -> None:
    stage = replace(stage, means=Means(share_percent=20))
    five(stage)
    stage.rule(keep_newest=2)
    stage.run()
    foreseen = stage.foresee(repository=API)[0]
    stage.push("1.5", days_ago=0)

    with pytest.raises(ChangedSince):
        stage.run(agreed=Agreed(API, foreseen.fingerprint))

    assert len(stage.at.tags()) == 6


def test_a_run_takes_so_many_tags_of_all_repositories_and_the_next_begins_with_the_rest(
    stage: RulesStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.retention.run.MOST_TAGS", 3)
    for repository in ("a/a", "b/b"):
        five(stage, repository)
    stage.rule(keep_newest=3)

    first, second = stage.run(), stage.run()

    assert {part.repository: part.state for part in first.parts} == {"a/a": PartState.DONE, "b/b": PartState.PUT_OFF}
    assert {part.repository: part.state for part in second.parts} == {"b/b": PartState.DONE}


def test_untagged_manifests_go_when_they_are_old_enough(stage: RulesStage) -> None:
    first = stage.push("latest", days_ago=1, of="first")
    second = stage.push("latest", days_ago=0, of="second")
    third = stage.push("latest", days_ago=0, of="third")
    stage.age_manifest(20, first.digest)
    stage.age_manifest(5, second.digest)
    stage.rule(untagged_days=14)

    run = stage.run()

    assert (run.untagged_foreseen, run.untagged_taken, run.tags_taken) == (1, 1, 0)
    assert not stage.at.has(first.digest)
    assert stage.at.has(second.digest) and stage.at.pulls("latest") and stage.at.has(third.digest)
    assert run.sentence == "Deleted 1 untagged manifest of 1 repository."


def test_nothing_happens_while_deleting_is_switched_off_and_it_says_so(stage: RulesStage) -> None:
    stage = replace(stage, may_delete=False)
    five(stage)
    stage.rule(keep_newest=3)

    run = stage.run()

    assert (run.outcome, run.sentence, run.parts) == (RetentionOutcome.REFUSED, DELETES_OFF, [])
    assert len(stage.at.tags()) == 5


@pytest.mark.parametrize(
    ("settings", "why"), [({"read_only": True}, ReadOnly()), ({"deletes": False}, DeletesDisabled())]
)
def test_nothing_happens_at_a_registry_that_takes_no_deletes_and_it_says_so(
    stage: RulesStage, registry: RegistryProcess, settings: dict[str, bool], why: RegistryError
) -> None:
    five(stage)
    stage.rule(keep_newest=3)
    registry.restart(**settings)

    run = stage.run()

    assert (run.outcome, run.parts) == (RetentionOutcome.REFUSED, [])
    assert run.sentence == f"The rules took nothing. {why.sentence}"
    assert len(stage.at.tags()) == 5


def test_nothing_happens_at_a_registry_that_does_not_answer(stage: RulesStage, registry: RegistryProcess) -> None:
    five(stage)
    stage.rule(keep_newest=3)
    registry.stop()

    run = stage.run()

    assert (run.outcome, run.parts) == (RetentionOutcome.REFUSED, [])
    assert "cannot be reached" in run.sentence


def test_a_registry_that_goes_away_ends_the_run_at_that_repository(
    stage: RulesStage, registry: RegistryProcess, client: RegistryClient
) -> None:
    five(stage)
    five(stage, WEB)
    stage.rule(keep_newest=3)
    meddler = Meddler(client)
    meddler.before_list = once(registry.stop)

    run = stage.run(meddler)

    assert (run.outcome, run.tags_taken) == (RetentionOutcome.FAILED, 0)
    assert [part.state for part in run.parts] == [PartState.FAILED, PartState.FAILED]
    assert "not come to" in run.parts[1].sentence


def test_a_window_lets_the_rules_run_and_tells_what_they_did(stage: RulesStage) -> None:
    assert carry_out_rules(stage.retainer) == NO_RULE_IS_ON
    five(stage)
    stage.rule(keep_newest=3)
    assert carry_out_rules(stage.retainer) == "Retention: Deleted 2 tags of 1 repository."
    with held(stage.at.records.writing, LEASE):
        assert carry_out_rules(stage.retainer) == RulesUnderWay.sentence


def test_there_is_one_run_at_a_time(stage: RulesStage) -> None:
    with held(stage.at.records.writing, LEASE), pytest.raises(RulesUnderWay):
        stage.run()


class Killed(BaseException):
    """The process ends here."""


def test_a_run_that_was_killed_is_not_gone_on_with_and_says_so(stage: RulesStage, client: RegistryClient) -> None:
    five(stage, "a/a")
    five(stage, "b/b")
    stage.rule(keep_newest=3)
    meddler, lists = Meddler(client), []

    def kill() -> None:
        lists.append(1)
        if len(lists) == 3:  # the second repository's first look
            raise Killed

    meddler.before_list = kill
    meddler.before_delete = lambda _digest: lists.clear() if len(lists) < 3 else None
    with pytest.raises(Killed):
        stage.run(meddler)
    tags = [stage.at.tags("a/a"), stage.at.tags("b/b")]

    look_up_interrupted(stage.at.records.reading, stage.retainer)

    run = stage.run_row(1)
    assert run.outcome == RetentionOutcome.INTERRUPTED and "nothing goes on by itself" in run.sentence
    assert {part.state for part in run.parts} <= {PartState.DONE, PartState.INTERRUPTED}
    assert PartState.INTERRUPTED in {part.state for part in run.parts}
    assert [stage.at.tags("a/a"), stage.at.tags("b/b")] == tags
    assert stage.run().outcome == RetentionOutcome.DONE
    assert (len(stage.at.tags("a/a")), len(stage.at.tags("b/b"))) == (3, 3)


def test_what_is_meant_is_written_down_before_anything_is_taken(stage: RulesStage, client: RegistryClient) -> None:
    five(stage)
    stage.rule(keep_newest=3)
    seen: list[tuple[int, str]] = []
    meddler = Meddler(client)

    def look(digest: str) -> None:
        if digest != NO_SUCH_DIGEST:
            run = stage.run_row(1)
            seen.append((run.tags_foreseen, run.parts[0].state))

    meddler.before_delete = look

    stage.run(meddler)

    assert set(seen) == {(2, PartState.UNDER_WAY)}


def test_a_rule_cannot_be_switched_on_by_what_was_seen_before_a_change(stage: RulesStage) -> None:
    rule_id = stage.rule(is_on=False, keep_newest=3)
    with stage.at.records.writing() as session:
        rule = session.get_one(RetentionRule, rule_id)
        seen = standing(session, rule)
        alter(session, rule, Plan("CI", ("*",), Terms(keep_newest=1)), stage.change)
    with pytest.raises(ChangedSince), stage.at.records.writing() as session:
        switch_on(session, session.get_one(RetentionRule, rule_id), seen, stage.change)
    assert not stage.rows()[0].is_on


def test_another_name_does_not_switch_a_rule_off_and_another_wording_does(stage: RulesStage) -> None:
    rule_id = stage.rule(keep_newest=3)
    for plan, is_on in (
        (Plan("New", ("*",), Terms(keep_newest=3)), True),
        (Plan("New", ("*",), Terms(keep_newest=4)), False),
    ):
        with stage.at.records.writing() as session:
            alter(session, session.get_one(RetentionRule, rule_id), plan, stage.change)
        assert stage.rows()[0].is_on is is_on


def test_a_rule_is_switched_off_when_one_above_it_is_deleted_and_stays_on_when_one_comes_above_it(
    stage: RulesStage,
) -> None:
    upper = stage.rule("Releases", "release/*", keep_newest=100)
    lower = stage.rule("All", "*", keep_newest=3)
    added = stage.rule("Team", "team/*", keep_newest=9)
    with stage.at.records.writing() as session:
        move(session, session.get_one(RetentionRule, added), True, stage.change)
    assert {each.id: each.is_on for each in stage.rows()} == {upper: True, lower: True, added: False}
    with stage.at.records.writing() as session:
        delete(session, session.get_one(RetentionRule, upper), stage.change)
    assert {each.id: (each.is_on, each.why_off) for each in stage.rows()}[lower] == (False, ABOVE_CHANGED)


def test_a_tag_gets_older_by_the_clock_of_the_dashboard(stage: RulesStage) -> None:
    stage.push("new", days_ago=0)
    stage.push("old", days_ago=29)
    stage.rule(keep_days=30)
    assert stage.run().tags_foreseen == 0
    stage.at.clock.at += timedelta(days=1)
    assert stage.run().tags_taken == 1
    assert stage.at.tags() == {"new"}


def test_rules_take_nothing_of_an_image_that_is_pushed_while_they_run(
    stage: RulesStage, client: RegistryClient
) -> None:
    five(stage)
    stage.rule(keep_newest=3)
    meddler = Meddler(client)
    push = once(lambda: stage.at.pusher.push(API, build("build 1.0"), ["again"]))
    meddler.before_delete = lambda digest: None if digest == NO_SUCH_DIGEST else push()

    stage.run(meddler)

    assert stage.at.pulls("again")


def test_the_children_of_an_untagged_index_go_with_it_and_are_not_decided_of_themselves(stage: RulesStage) -> None:
    index, children = stage.push_index("old", 1, "latest")
    stage.push("latest", days_ago=0, of="new")
    for built in (index, *children):
        stage.age_manifest(20, built.digest)
    stage.rule(untagged_days=14)

    run = stage.run()

    assert (run.untagged_foreseen, run.untagged_taken) == (1, 1)
    assert not any(stage.at.has(each.digest) for each in (index, *children))
    assert stage.at.pulls("latest")
