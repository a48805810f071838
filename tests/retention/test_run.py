"""A run takes what the preview showed, on a real registry, and writes it down."""

from __future__ import annotations

from tests.removal.stage import API
from tests.retention.rules_stage import RulesStage
from webapp.retention.models import PartState, RetentionOutcome


def test_a_rule_takes_what_no_line_keeps_and_each_is_an_activity_of_the_rule(stage: RulesStage) -> None:
    for number in range(5):
        stage.push(f"1.{number}", days_ago=10 - number)
    stage.rule(keep_newest=3)

    run = stage.run()

    assert stage.at.tags() == {"1.2", "1.3", "1.4"}
    assert all(stage.at.pulls(tag) for tag in ("1.2", "1.3", "1.4"))
    assert stage.deleted_by() == [("retention: CI", "1.0", "done"), ("retention: CI", "1.1", "done")]
    assert (run.outcome, run.sentence) == (RetentionOutcome.DONE, "Deleted 2 tags of 1 repository.")
    assert [(part.repository, part.state, part.tags_foreseen, part.tags_taken) for part in run.parts] == [
        (API, PartState.DONE, 2, 2)
    ]
