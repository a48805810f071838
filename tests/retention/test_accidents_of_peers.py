"""What rules of others deleted, and people lost, does not happen here. Each on a real registry; the numbers are theirs."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from demo.build import Built, image, layer
from demo.push import Pusher
from tests.removal.stage import API, build, fingerprint_of_files
from tests.retention.rules_stage import RulesStage
from webapp.catalogue.referrers import NAMED_AFTER
from webapp.database import Base
from webapp.retention.preview import Means
from webapp.retention.rules import Line

WEB = "team/web"


def sign(stage: RulesStage, built: Built) -> str:
    """Push a signature of an image as cosign does; returns its tag."""
    tag = f"{built.digest.replace(':', '-')}.sig"
    stage.at.pusher.push(API, build(f"signature of {built.digest}"), [tag])
    return tag


def test_a_sibling_of_a_tag_that_stays_is_not_lost_with_the_digest(stage: RulesStage) -> None:
    """Portus 2238, Harbor 8717: retention deleted by digest, and with it the tags that were to stay."""
    release = stage.push("1.2", days_ago=90, of="release")
    stage.retag("build-771", release, days_ago=400)
    stage.push("build-772", days_ago=300)
    stage.push("build-900", days_ago=1)
    stage.rule(keep_days=30, keep_tags=("1.*",))

    stage.run()

    assert stage.at.tags() == {"1.2", "build-771", "build-900"}
    assert all(stage.at.pulls(tag) for tag in ("1.2", "build-771", release.digest))


def test_an_image_of_which_all_tags_are_old_is_not_lost_as_a_whole(stage: RulesStage) -> None:
    """Portus 2241 and 2330: whole images were gone, since nobody had pushed them for 30 days."""
    for number in range(4):
        stage.push(f"1.{number}", days_ago=400 - number)
    stage.rule(keep_days=30)

    stage.run()

    assert stage.at.tags() == {"1.3"}
    assert stage.at.pulls("1.3")


def test_the_newest_are_counted_in_each_repository_and_not_in_all_together(stage: RulesStage) -> None:
    """Portus: `keep_latest` counted the tags of the whole registry."""
    for number in range(3):
        stage.push(f"1.{number}", days_ago=90 - number, repository=WEB, of=f"web {number}")
        stage.push(f"2.{number}", days_ago=9 - number)
    stage.rule(keep_newest=2)

    stage.run()

    assert (stage.at.tags(WEB), stage.at.tags()) == ({"1.1", "1.2"}, {"2.1", "2.2"})


def test_nothing_is_taken_by_a_registry_without_rules_nor_by_a_rule_that_was_only_made(stage: RulesStage) -> None:
    """Portus 2005 and 2096: 'Portus deletes by itself after 30 days'."""
    stage.push("1.0", days_ago=4000)
    stage.push("1.1", days_ago=3000)
    assert stage.run().parts == []
    stage.rule(is_on=False, keep_days=1, may_take_last_tag=True)
    assert stage.run().parts == []
    assert stage.at.tags() == {"1.0", "1.1"}


def test_a_preview_changes_nothing_in_the_store_and_nothing_in_the_records(stage: RulesStage) -> None:
    """Harbor 15332 and 20996, and zot's `verify-feature retention`: a dry run that deleted."""
    for number in range(5):
        stage.push(f"1.{number}", days_ago=90 - number)
    rule_id = stage.rule(is_on=False, keep_newest=1, untagged_days=1)
    before = fingerprint_of_files(stage.at.registry.store)
    records = _dump(stage)

    assert len(stage.foresee(only_rule=rule_id)[0].tags) == 4

    assert fingerprint_of_files(stage.at.registry.store) == before
    assert _dump(stage) == records


def test_an_image_that_was_built_long_ago_and_pushed_today_stays(stage: RulesStage) -> None:
    """Rules by the time of the build take what is built reproducibly, or was mirrored, in the moment it is pushed."""
    old = image([layer("built long ago")], created="2015-01-01T00:00:00Z")
    Pusher(stage.at.registry.url).push(API, old, ["mirrored"])
    stage.age(0, "mirrored")
    stage.push("1.0", days_ago=90)
    stage.rule(keep_days=30)

    stage.run()

    assert stage.at.tags() == {"mirrored"}


def test_the_platforms_of_an_index_are_not_taken_for_untagged_manifests(stage: RulesStage) -> None:
    """Distribution 3178 and GitLab 1294: the children of an index have no tag, and were swept as untagged."""
    index, children = stage.push_index("two platforms", 400, "1.0")
    for built in (index, *children):
        stage.age_manifest(400, built.digest)
    stage.rule(keep_newest=5, untagged_days=1)

    run = stage.run()

    assert run.parts == []
    assert stage.at.pulls("1.0") and all(stage.at.pulls(child.digest) for child in children)


def test_a_tag_on_a_platform_goes_and_the_index_that_stays_is_whole(stage: RulesStage) -> None:
    """JFrog refuses rules by count for lists, since shared manifests were corrupted."""
    _index, children = stage.push_index("two platforms", 1, "1.0")
    stage.retag("1.0-arm64", children[1], days_ago=100)
    stage.rule(keep_days=30)

    stage.run()

    assert stage.at.tags() == {"1.0"}
    assert stage.at.pulls("1.0") and stage.at.pulls(children[1].digest)


def test_an_index_goes_and_the_platform_of_it_that_another_tag_is_on_stays(stage: RulesStage) -> None:
    index, children = stage.push_index("two platforms", 100, "1.0")
    stage.retag("arm64", children[1], days_ago=1)
    stage.rule(keep_days=30)

    stage.run()

    assert stage.at.tags() == {"arm64"}
    assert stage.at.pulls("arm64") and not stage.at.has(index.digest)


def test_signatures_are_not_counted_and_go_and_stay_with_their_image(stage: RulesStage) -> None:
    """Where `sha256-….sig` counts as a tag, signing twice as often keeps half as many images; and orphans remain."""
    signed = {}
    for number in range(4):
        built = stage.push(f"1.{number}", days_ago=10 - number)
        signed[f"1.{number}"] = sign(stage, built)
    for tag in signed.values():
        stage.age(0, tag)
    stage.rule(keep_newest=2)

    assert all(not NAMED_AFTER.fullmatch(each.name) for each in stage.foresee()[0].decisions)
    stage.run()

    assert stage.at.tags() == {"1.2", "1.3", signed["1.2"], signed["1.3"]}


def test_a_signature_is_not_kept_by_a_pattern_nor_does_it_keep_its_image(stage: RulesStage) -> None:
    built = stage.push("1.0", days_ago=100)
    tag = sign(stage, built)
    stage.age(0, tag)
    stage.push("2.0", days_ago=1)
    stage.rule(keep_days=30, keep_tags=("sha256-*",))

    stage.run()

    assert stage.at.tags() == {"2.0"}


def test_what_is_to_be_spared_has_a_rule_of_its_own_above(stage: RulesStage) -> None:
    """Portus 2261, never given: an exception. Quay: the order of rules is not defined."""
    for repository in (API, "release/api"):
        for number in range(3):
            stage.push(f"1.{number}", days_ago=90 - number, repository=repository, of=f"{repository} {number}")
    stage.rule("Releases", "release/*", keep_tags=("*",))
    stage.rule("The rest", "*", keep_newest=1)

    stage.run()

    assert (stage.at.tags("release/api"), stage.at.tags()) == ({"1.0", "1.1", "1.2"}, {"1.2"})


def test_on_the_first_look_at_an_old_registry_nothing_is_old(stage: RulesStage) -> None:
    """Where no store tells the times of pushes, all were pushed when they were first seen, and none is picked by chance."""
    for number in range(6):
        stage.at.push(f"build {number}", f"1.{number}")
    blind = RulesStage(replace(stage.at, store=None), stage.means)
    blind.at.sync()
    blind.rule(keep_newest=2, keep_days=30)

    decisions = blind.foresee()[0].decisions

    assert {each.line for each in decisions} == {Line.NEWEST}
    assert blind.run().parts == []


def test_a_rule_that_was_written_wrongly_stops_before_it_empties_the_registry(stage: RulesStage) -> None:
    """A pattern that fits nothing keeps nothing: everywhere the loss was noticed when it was complete."""
    stage = replace(stage, means=Means(share_percent=20))
    for number in range(12):
        stage.push(f"v1.{number}", days_ago=90 - number)
    stage.rule(keep_tags=("1.*",))

    run = stage.run()

    assert len(stage.at.tags()) == 12
    assert run.parts[0].sentence.startswith("It would lose 11 of 12 tags")


def _dump(stage: RulesStage) -> list[tuple[object, ...]]:
    """Every row of the records."""
    with stage.at.records.reading() as session:
        return [tuple(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))]
