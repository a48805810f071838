"""What a preview says would come back is what the plans of the removals say, and what a collection of them could free."""

from __future__ import annotations

from demo.build import image, index, layer
from tests.removal.stage import API
from tests.retention.rules_stage import RulesStage
from webapp.removal.execute import preview, space_together
from webapp.removal.wanted import Wanted
from webapp.retention.preview import Sum, Totals

WEB = "team/web"


def total(stage: RulesStage) -> Sum:
    totals = Totals()
    totals.count(stage.foresee())
    with stage.at.records.reading() as session:
        return totals.end(session)


def planned(stage: RulesStage) -> int:
    """What the plans say of the same tags, together."""
    wanted = [
        Wanted(each.repository.name, tuple(tag.name for tag in each.tags), tuple(one.digest for one in each.untagged))
        for each in stage.foresee()
        if each.tags or each.untagged
    ]
    return space_together(stage.at.remover, [preview(stage.at.remover, each) for each in wanted]).bytes_freed


def push(stage: RulesStage, tag: str, days_ago: float, *layers: str, repository: str = API) -> None:
    built = image([layer(each, 5_000) for each in layers], labels={"of": f"{repository}:{tag}"})
    stage.at.pusher.push(repository, built, [tag])
    stage.age(days_ago, tag, repository)


def test_a_layer_that_something_needs_which_stays_does_not_count(stage: RulesStage) -> None:
    push(stage, "old", 90, "base", "old alone", "both old")
    push(stage, "older", 91, "base", "both old")
    push(stage, "new", 1, "base", "new alone")
    push(stage, "other", 1, "old in another", repository=WEB)
    stage.rule(keep_days=30)

    assert total(stage).freed.together == planned(stage) > 10_000


def test_what_two_repositories_share_counts_once_and_only_together(stage: RulesStage) -> None:
    for repository in (API, WEB):
        push(stage, "old", 90, "shared", f"of {repository}", repository=repository)
        push(stage, "new", 1, "new", repository=repository)
    stage.rule(keep_days=30)

    found = total(stage)

    assert found.freed.together == planned(stage)
    assert 0 < sum(found.freed.of_each.values()) <= found.freed.together - 5_000


def test_indexes_signatures_and_untagged_manifests_count_with_what_they_take_along(stage: RulesStage) -> None:
    top, children = stage.push_index("old", 90, "old")
    stage.retag("arm64", children[1], days_ago=1)
    signature = image([layer("signature")], labels={"of": top.digest})
    stage.at.pusher.push(API, signature, [f"{top.digest.replace(':', '-')}.sig"])
    stage.push("latest", 1, of="first")
    first = stage.push("latest", 1, of="second")
    stage.push("latest", 1, of="third")
    stage.age_manifest(50, first.digest)
    nested = index(children)
    stage.at.pusher.put_manifest(API, "list", nested)
    stage.age(1, "list")
    stage.rule(keep_days=30, untagged_days=20)

    assert total(stage).freed.together == planned(stage) > 0


def test_a_run_in_which_nothing_changed_meanwhile_frees_what_was_foreseen(stage: RulesStage) -> None:
    push(stage, "old", 90, "base", "old")
    push(stage, "new", 1, "base", "new")
    stage.rule(keep_days=30)

    run = stage.run()

    removal = stage.at.removal(run.parts[0].removal_id or 0)
    assert removal.bytes_freed == run.bytes_foreseen == run.parts[0].bytes_foreseen
