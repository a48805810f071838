"""All manifests of a repository, tagged or not: from the store, from the keeper's dry run, or not known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.build import attestation, index
from demo.push import Pusher
from tests.maintenance.house import open_records
from tests.records import Clock, Records, clock, records, records_template
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Stage, build, platforms
from tests.runtime.keeper_process import KeeperProcess
from webapp.catalogue.models import Manifest, Repository, RepositoryManifest
from webapp.catalogue.revisions import LOOKING, read_in_store, revisions_in, stamp_in_store, tags_in_store, unknown
from webapp.catalogue.untagged import UntaggedRow, untagged
from webapp.leases import KEEPER_LEASE, held, is_held
from webapp.registry.client import RegistryClient, open_registry

__all__ = ["clock", "open_records", "records", "records_template"]


@pytest.fixture
def stage(registry: RegistryProcess, client: RegistryClient, pusher: Pusher, records: Records, clock: Clock) -> Stage:
    """A registry whose store can be read."""
    return Stage(registry, client, pusher, records, clock, store=registry.store)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[KeeperProcess]:
    with KeeperProcess(tmp_path / "kept") as process:
        yield process


def recorded(stage: Stage, repository: str = API) -> set[str]:
    """The manifests that the catalogue has of a repository."""
    with stage.records.reading() as session:
        return set(
            session.scalars(
                select(Manifest.digest)
                .join(RepositoryManifest, RepositoryManifest.manifest_id == Manifest.id)
                .join(Repository, Repository.id == RepositoryManifest.repository_id)
                .where(Repository.name == repository)
            )
        )


def test_the_store_tells_tagged_and_untagged_manifests(stage: Stage) -> None:
    old, children = stage.push_index("old", "latest")
    new = stage.push("new", "latest")

    assert read_in_store(stage.registry.store, API) == {old.digest, new.digest, *(each.digest for each in children)}


def test_a_deleted_manifest_is_not_among_them_although_its_folder_stays(stage: Stage) -> None:
    built = stage.push("one", "1.0")
    stage.client.delete_manifest(API, built.digest)

    assert read_in_store(stage.registry.store, API) == frozenset()
    assert (stage.links / "revisions" / built.digest.replace(":", "/")).is_dir()


def test_a_store_without_the_repository_knows_nothing(tmp_path: Path) -> None:
    assert read_in_store(tmp_path, API) is None
    assert stamp_in_store(tmp_path, API) == ()
    assert tags_in_store(tmp_path, API) == {}


def test_a_manifest_that_was_never_there_changes_the_stamp(stage: Stage) -> None:
    stage.push("one", "1.0")
    before = stamp_in_store(stage.registry.store, API)
    stage.client.delete_manifest(API, stage.push("two", "2.0").digest)

    assert stamp_in_store(stage.registry.store, API) != before


def test_the_store_tells_what_each_tag_is_on(stage: Stage) -> None:
    built = stage.push("one", "1.0", "latest")
    (stage.links / "tags/broken/current").mkdir(parents=True)
    (stage.links / "tags/broken/current/link").write_text("sha256:12")

    assert tags_in_store(stage.registry.store, API) == {"1.0": built.digest, "latest": built.digest}


def test_a_sync_learns_what_was_never_tagged(stage: Stage) -> None:
    children = platforms("untagged")
    stage.push("one", "1.0")
    untagged = stage.pusher.push_index(API, children)
    stage.sync()

    assert {untagged.digest, *(each.digest for each in children)} <= recorded(stage)


def test_a_sync_learns_of_repositories_without_a_tag(stage: Stage) -> None:
    built = stage.pusher.push("team/untagged", build("one"))
    stage.push("one", "1.0")
    stage.sync()

    assert recorded(stage, "team/untagged") == {built.digest}


def test_a_sync_forgets_what_is_gone_from_the_store(stage: Stage) -> None:
    built, _ = stage.push_index("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()
    stage.client.delete_manifest(API, built.digest)
    stage.sync()

    assert built.digest not in recorded(stage)


def test_a_store_that_is_moved_away_makes_nothing_forgotten(stage: Stage) -> None:
    stage.push_index("one", "1.0")
    stage.sync()
    before = recorded(stage)
    shutil.move(stage.registry.store / "docker", stage.registry.store / "elsewhere")
    stage.sync()

    assert recorded(stage) == before


def test_the_store_of_another_registry_is_not_believed(stage: Stage, tmp_path: Path) -> None:
    stage.push("one", "1.0")
    with RegistryProcess(tmp_path / "other") as other:
        Pusher(other.url).push(API, build("two"), ["1.0"])
        mistaken = Stage(stage.registry, stage.client, stage.pusher, stage.records, stage.clock, store=other.store)

        assert mistaken.look("1.0").plan.revisions_known is False
        assert mistaken.look("1.0").space.is_exact is False


def test_a_dry_run_of_the_keeper_tells_the_same_as_the_store(keeper: KeeperProcess, records: Records) -> None:
    pusher = Pusher(keeper.url)
    pusher.push_index(API, platforms("old"), ["latest"])
    pusher.push(API, build("new"), ["latest"])
    pusher.push("team/web", build("one"), ["1.0"])
    lookup = revisions_in(None, keeper.folder, records.writing)()

    for repository in (API, "team/web"):
        assert lookup(repository) == read_in_store(keeper.store, repository)
    assert lookup("team/nothing") is None
    with records.reading() as session:
        assert not is_held(session, KEEPER_LEASE)


def test_with_a_keeper_the_figures_are_exact_without_a_readable_store(
    keeper: KeeperProcess, records: Records, clock: Clock
) -> None:
    pusher, client = Pusher(keeper.url), open_registry(keeper.url)
    shared = build("shared")
    pusher.push_index(API, [shared, build("old")], ["latest"])  # becomes an index without a tag, never seen
    pusher.push(API, index([shared]), ["1.0"])
    pusher.push(API, build("new"), ["latest"])
    stage = Stage(keeper, client, pusher, records, clock, folder=keeper.folder)  # type: ignore[arg-type]
    stage.sync()

    looked = stage.look("1.0")

    assert looked.space.is_exact
    assert [each.name for each in looked.plan.kept] == [shared.digest]


def test_while_a_run_holds_the_keeper_the_manifests_are_not_known(keeper: KeeperProcess, records: Records) -> None:
    with held(records.writing, KEEPER_LEASE, owner="a run"):
        assert revisions_in(None, keeper.folder, records.writing)()(API) is None


def test_without_store_and_keeper_nobody_knows(records: Records, tmp_path: Path) -> None:
    assert revisions_in(None, None, records.writing) is unknown
    assert unknown()(API) is None
    assert revisions_in(None, tmp_path, records.writing)()(API) is None
    assert LOOKING


def test_an_untagged_index_holds_its_children_and_a_tagged_one_hides_them(stage: Stage) -> None:
    old, children = stage.push_index("old", "latest")
    both = platforms("both")
    stage.pusher.push_index(API, both, ["latest"])
    shared = stage.pusher.push(API, index([*children[:1], *both]))
    inner = stage.pusher.push(API, index([old]))
    stage.sync()

    held_by = {row.digest: row.held_by for row in listed_untagged(stage)}
    assert held_by == {
        inner.digest: "",
        shared.digest: "",
        old.digest: inner.digest,
        children[0].digest: shared.digest,
        children[1].digest: old.digest,
    }


def test_what_refers_to_an_untagged_image_is_not_listed_for_itself(stage: Stage) -> None:
    old = stage.push("old", "latest")
    stage.pusher.push(API, attestation(old))
    stage.push("new", "latest")
    stage.sync()

    assert [row.digest for row in listed_untagged(stage)] == [old.digest]


def listed_untagged(stage: Stage) -> list[UntaggedRow]:
    with stage.records.reading() as session:
        return untagged(session, session.scalars(select(Repository).where(Repository.name == API)).one()).rows
