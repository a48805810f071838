"""A manifest without a tag gets a name: its own bytes, under a tag that was on nothing; the records say how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from demo.build import Built, image, layer
from tests.removal.killed import let_the_lease_run_out, look_up, named_by_one_that_dies
from tests.removal.stage import API, Stage, blob_file, build, once
from tests.removal.watching import all_pull
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.activities.record import record
from webapp.catalogue.details import find_tag
from webapp.catalogue.models import Repository
from webapp.catalogue.rows import update_repository
from webapp.catalogue.seen import SeenRepository, SeenTag
from webapp.catalogue.untagged import untagged
from webapp.leases import held
from webapp.registry.client import RegistryClient
from webapp.registry.errors import ReadOnly, RegistryError, RegistryTimeout
from webapp.registry.manifests import ManifestBytes
from webapp.removal.naming import Naming, NeedsAnotherName, NotNamed, give_name
from webapp.removal.recovery import recover
from webapp.removal.remover import RemovalUnderWay, lease_name
from webapp.removal.stand_in import new_token, stand_in_of

MORE_THAN_ALL_MOMENTS = 30


def name_it(stage: Stage, digest: str, tag: str, client: RegistryClient | None = None) -> None:
    give_name(stage.remover_with(client or stage.client), Naming(API, digest, tag, "alice", "192.0.2.1"))


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """With a store that can be read."""
    return replace(stage, store=stage.registry.store)


@pytest.fixture
def left(stage: Stage) -> Built:
    """What a re-pushed `latest` leaves behind."""
    old = stage.push("old", "latest")
    stage.push("new", "latest")
    stage.sync()
    return old


def untagged_digests(stage: Stage) -> list[str]:
    with stage.records.reading() as session:
        repository = session.query(Repository).filter_by(name=API).one()
        return [row.digest for row in untagged(session, repository).rows]


def told(stage: Stage) -> list[tuple[str | None, str, str]]:
    return stage.activities()


class TestGiving:
    def test_the_tag_has_the_manifests_own_bytes(self, stage: Stage, left: Built) -> None:
        name_it(stage, left.digest, "1.0")

        answer = stage.client.get_manifest(API, "1.0")
        assert (answer.raw, answer.digest, answer.media_type) == (left.raw, left.digest, left.media_type)
        assert all_pull(stage, {"1.0", "latest"})

    def test_an_index_gets_a_name_and_pulls_with_its_children(self, stage: Stage) -> None:
        index, _children = stage.push_index("old", "latest")
        stage.push("new", "latest")
        stage.sync()
        name_it(stage, index.digest, "1.0")

        assert stage.client.get_manifest(API, "1.0").raw == index.raw
        assert stage.pulls("1.0")

    def test_the_catalogue_knows_it_at_once(self, stage: Stage, left: Built) -> None:
        assert untagged_digests(stage) == [left.digest]
        name_it(stage, left.digest, "1.0")

        assert stage.catalogued() == {"1.0", "latest"}
        assert untagged_digests(stage) == []
        with stage.records.reading() as session:
            repository = session.query(Repository).filter_by(name=API).one()
            tag = find_tag(session, repository, "1.0")
            assert tag and (tag.digest, tag.pushed_at, tag.problem) == (left.digest, stage.clock.at, "")
            assert tag.size_bytes > 0
            assert (repository.tag_count, repository.image_count) == (2, 2)

    def test_the_next_sync_finds_nothing_else(self, stage: Stage, left: Built) -> None:
        name_it(stage, left.digest, "1.0")
        before = stage.catalogued()
        stage.sync()

        assert stage.catalogued() == before == stage.tags()
        assert untagged_digests(stage) == []

    def test_an_activity_says_who_gave_it_to_what(self, stage: Stage, left: Built) -> None:
        name_it(stage, left.digest, "1.0")

        with stage.records.reading() as session:
            row = session.query(Activity).one()
            assert (row.kind, row.outcome, row.reason) == (ActivityKind.TAG_GIVEN, Outcome.DONE, "")
            assert (row.actor, row.place, row.repository) == ("alice", "192.0.2.1", API)
            assert (row.tag, row.digest) == ("1.0", left.digest)

    def test_giving_it_twice_is_giving_it_once(self, stage: Stage, left: Built) -> None:
        name_it(stage, left.digest, "1.0")
        name_it(stage, left.digest, "1.0")

        assert len(told(stage)) == 1

    def test_the_intent_stands_before_the_act(self, stage: Stage, left: Built) -> None:
        seen: list[object] = []
        client = Putting(stage.client, before=lambda: seen.extend(told(stage)))
        name_it(stage, left.digest, "1.0", client)

        assert seen == [("1.0", "unknown", "Under way.")]


class TestRefusing:
    @pytest.mark.parametrize("tag", ["", "-1", ".1", "a/b", "a b", "x" * 129, "1.0\n", "ä"])
    def test_what_is_no_tag(self, stage: Stage, left: Built, tag: str) -> None:
        with pytest.raises(NeedsAnotherName, match="A tag has letters"):
            name_it(stage, left.digest, tag)
        assert told(stage) == []

    @pytest.mark.parametrize("suffix", ["", ".sig", ".att"])
    def test_what_is_called_as_a_signature_is(self, stage: Stage, left: Built, suffix: str) -> None:
        with pytest.raises(NeedsAnotherName, match="counts as a signature"):
            name_it(stage, left.digest, left.digest.replace(":", "-") + suffix)

    def test_a_tag_that_is_on_another_manifest(self, stage: Stage, left: Built) -> None:
        before = stage.client.get_manifest(API, "latest")
        with pytest.raises(NeedsAnotherName, match="latest is taken"):
            name_it(stage, left.digest, "latest")

        assert stage.client.get_manifest(API, "latest") == before
        assert told(stage) == []

    def test_a_tag_that_the_catalogue_does_not_know_yet(self, stage: Stage, left: Built) -> None:
        stage.push("third", "3.0")
        with pytest.raises(NeedsAnotherName):
            name_it(stage, left.digest, "3.0")

    def test_a_tag_that_dangles(self, stage: Stage, left: Built) -> None:
        stage.tag_on_disk("2.0", build("never there").digest)
        with pytest.raises(NeedsAnotherName, match="has no manifest for it"):
            name_it(stage, left.digest, "2.0")

    def test_a_manifest_that_is_gone(self, stage: Stage, left: Built) -> None:
        stage.client.delete_manifest(API, left.digest)
        with pytest.raises(NotNamed, match="does not have this manifest any more"):
            name_it(stage, left.digest, "1.0")
        assert (stage.tags(), told(stage)) == ({"latest"}, [])

    def test_a_stand_in(self, stage: Stage, left: Built) -> None:
        stand_in = stand_in_of(new_token())
        stage.client.put_manifest(API, stand_in.digest, stand_in.media_type, stand_in.raw)
        with pytest.raises(NotNamed, match="stand-in"):
            name_it(stage, stand_in.digest, "1.0")

    def test_while_a_removal_holds_the_repository(self, stage: Stage, left: Built) -> None:
        with held(stage.records.writing, lease_name(API)), pytest.raises(RemovalUnderWay):
            name_it(stage, left.digest, "1.0")
        assert stage.tags() == {"latest"}

    def test_while_the_registry_is_read_only(self, stage: Stage, left: Built) -> None:
        client = Putting(stage.client, before=_raise(ReadOnly()))
        with pytest.raises(ReadOnly):
            name_it(stage, left.digest, "1.0", client)
        assert told(stage) == [("1.0", "failed", "The registry is read-only at present.")]

    def test_while_it_is_away(self, stage: Stage, left: Built) -> None:
        stage.registry.stop()
        with pytest.raises(RegistryError):
            name_it(stage, left.digest, "1.0")
        assert told(stage) == []

    def test_an_image_whose_layer_is_gone(self, stage: Stage) -> None:
        """The registry looks for the blobs of what is put, and remembers them until it is restarted."""
        built = image([layer("to be lost")])
        stage.pusher.push(API, built, ["latest"])
        stage.push("new", "latest")
        stage.sync()
        lost = built.blobs[-1].digest.replace(":", "/")
        (stage.links.parent / "_layers" / lost / "link").unlink()
        blob_file(stage.registry.store, built.blobs[-1].digest).unlink()
        stage.registry.restart()
        with pytest.raises(RegistryError, match="unknown"):
            name_it(stage, built.digest, "1.0")
        assert [outcome for _tag, outcome, _reason in told(stage)] == ["failed"]
        assert "1.0" not in stage.tags()


class TestMeanwhile:
    def test_a_push_between_the_look_and_the_put_stays(self, stage: Stage, left: Built) -> None:
        theirs: list[Built] = []
        client = Putting(stage.client, before=once(lambda: theirs.append(stage.push("theirs", "1.0"))))
        with pytest.raises(NotNamed, match="stays as they pushed it"):
            name_it(stage, left.digest, "1.0", client)

        assert stage.client.get_manifest(API, "1.0").digest == theirs[0].digest
        assert [outcome for _tag, outcome, _reason in told(stage)] == ["failed"]

    def test_whose_lease_ran_out_puts_nothing(self, stage: Stage, left: Built) -> None:
        client = Reading(stage.client, before=lambda: let_the_lease_run_out(stage))
        with pytest.raises(RemovalUnderWay):
            name_it(stage, left.digest, "1.0", client)
        assert (stage.tags(), told(stage)) == ({"latest"}, [])

    def test_a_look_that_began_before_does_not_undo_it(self, stage: Stage, left: Built) -> None:
        with stage.records.reading() as session:
            repository = session.query(Repository).filter_by(name=API).one()
            version, latest = repository.version, find_tag(session, repository, "latest")
            assert latest
        name_it(stage, left.digest, "1.0")
        seen = SeenRepository(API, (SeenTag("latest", latest.digest, "", None),), frozenset(), "")
        with stage.records.writing() as session:
            update_repository(session, seen, version, stage.clock())
        assert stage.catalogued() == {"1.0", "latest"}

    def test_a_put_that_times_out_and_was_carried_out_is_done(self, stage: Stage, left: Built) -> None:
        client = Putting(stage.client, after=_raise(RegistryTimeout()))
        name_it(stage, left.digest, "1.0", client)

        assert told(stage) == [("1.0", "done", "")]

    def test_a_put_that_times_out_and_was_not_carried_out_has_failed(self, stage: Stage, left: Built) -> None:
        client = Putting(stage.client, before=_raise(RegistryTimeout()))
        with pytest.raises(NotNamed, match="was not given"):
            name_it(stage, left.digest, "1.0", client)
        assert told(stage) == [("1.0", "failed", "It was not given: the registry has no such tag.")]

    def test_where_the_registry_dies_it_is_asked_again_later(self, stage: Stage, left: Built) -> None:
        client = Putting(stage.client, after=stage.registry.stop)
        with pytest.raises(NotNamed, match="not known whether"):
            name_it(stage, left.digest, "1.0", client)
        assert [outcome for _tag, outcome, _reason in told(stage)] == ["unknown"]
        recover(stage.remover)
        assert [outcome for _tag, outcome, _reason in told(stage)] == ["unknown"]

        stage.registry.start()
        recover(stage.remover)
        assert told(stage) == [("1.0", "done", "")]
        assert "1.0" in stage.catalogued()


class TestInterrupted:
    def intend(self, stage: Stage, digest: str) -> None:
        """What a process leaves that dies before it puts the tag."""
        with stage.records.writing() as session:
            record(
                session,
                at=stage.clock(),
                actor="alice",
                kind=ActivityKind.TAG_GIVEN,
                outcome=Outcome.UNKNOWN,
                reason="Under way.",
                repository=API,
                tag="1.0",
                digest=digest,
            )

    @pytest.mark.parametrize(("put", "outcome"), [("left", "done"), ("", "failed"), ("other", "failed")])
    def test_what_was_left_open_ends_with_the_truth(self, stage: Stage, left: Built, put: str, outcome: str) -> None:
        self.intend(stage, left.digest)
        if put:
            stage.retag("1.0", left if put == "left" else stage.push("other"))
        recover(stage.remover)

        assert [found for _tag, found, _reason in told(stage)] == [outcome]
        assert ("1.0" in stage.catalogued()) == (put == "left")

    def test_killed_at_any_moment_the_records_say_whether_the_name_was_given(self, stage: Stage, left: Built) -> None:
        ends = []
        for moment in range(1, MORE_THAN_ALL_MOMENTS):
            before = len(told(stage))
            lived = named_by_one_that_dies(stage, Naming(API, left.digest, f"{moment}.0", "alice", ""), moment)
            look_up(stage)
            ends.append(f"{moment}.0" in stage.tags())
            outcomes = [outcome for _tag, outcome, _reason in told(stage)[before:]]
            assert outcomes in ([["done"]] if ends[-1] else [[], ["failed"]])
            assert stage.catalogued() == stage.tags()
            if lived:
                break
        else:
            pytest.fail("it has no end")
        assert (ends[0], ends[-1]) == (False, True)
        assert ends == sorted(ends)

    def test_one_that_is_under_way_is_left_alone(self, stage: Stage, left: Built) -> None:
        self.intend(stage, left.digest)
        with held(stage.records.writing, lease_name(API)):
            recover(stage.remover)
        assert told(stage) == [("1.0", "unknown", "Under way.")]

    def test_a_removal_looks_first(self, stage: Stage, left: Built) -> None:
        """Else the tag that it deletes would have never been given."""
        self.intend(stage, left.digest)
        stage.retag("1.0", left)
        stage.sync()
        stage.remove("1.0")

        assert [outcome for _tag, outcome, _reason in told(stage)] == ["done", "done"]


class Putting(RegistryClient):
    """A client around whose PUT something else happens."""

    def __init__(
        self,
        client: RegistryClient,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(client._transport)
        self.before, self.after = before, after

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        self.before()
        digest = super().put_manifest(repository, reference, media_type, raw)
        self.after()
        return digest


class Reading(Putting):
    """A client before whose GET something else happens."""

    def get_manifest(self, repository: str, reference: str) -> ManifestBytes:
        self.before()
        return super().get_manifest(repository, reference)


def _raise(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act
