"""With the trash on, what rules take goes there, and comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from tests.removal.stage import API
from tests.retention.rules_stage import RulesStage
from webapp.registry.client import RegistryClient
from webapp.removal.trash_models import TrashItem, TrashState
from webapp.retention.models import PartState
from webapp.retention.take import Retainer


class TrashStage(RulesStage):
    """Where rules take into the trash."""

    def retainer_with(self, client: RegistryClient) -> Retainer:
        of = super().retainer_with(client)
        return replace(of, remover=replace(of.remover, retention=timedelta(days=14)))


def test_what_a_rule_takes_is_in_the_trash_and_its_manifests_stay(stage: RulesStage) -> None:
    stage = TrashStage(stage.at, stage.means)
    built = [stage.push(f"1.{number}", days_ago=10 - number) for number in range(5)]
    first = stage.push("latest", days_ago=0, of="first")
    stage.push("latest", days_ago=0, of="second")
    stage.age_manifest(50, first.digest)
    stage.rule(keep_newest=4, untagged_days=14)

    run = stage.run()

    assert stage.at.tags() == {"1.2", "1.3", "1.4", "latest"}
    assert all(stage.at.has(each.digest) for each in (*built, first))
    assert (run.tags_foreseen, run.tags_taken, run.untagged_foreseen, run.untagged_taken) == (2, 2, 1, 1)
    assert [part.state for part in run.parts] == [PartState.DONE]
    assert stage.deleted_by()[0] == ("retention: CI", "1.0", "done")
    with stage.at.records.reading() as session:
        items = session.scalars(select(TrashItem)).all()
        assert {(each.tag, each.state, each.actor) for each in items} == {
            ("1.0", TrashState.IN_TRASH, "retention: CI"), ("1.1", TrashState.IN_TRASH, "retention: CI"),
            ("", TrashState.IN_TRASH, "retention: CI"),
        }  # fmt: skip
        assert {each.repository for each in items} == {API}

    again = stage.run()
    assert (again.parts, stage.foresee()[0].untagged) == ([], [])
