"""What lists of tags are ordered by is what their manifests and their siblings say, whatever happened before."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from demo.build import index
from demo.push import Pusher
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from tests.removal.stage import API, Stage, build
from webapp.catalogue.models import Manifest, Tag
from webapp.registry.client import open_registry


@pytest.fixture
def stage(registry: RegistryProcess, records: Records, clock: Clock) -> Stage:
    """A registry whose store can be read, since the times of pushes are in it."""
    return Stage(registry, open_registry(registry.url), Pusher(registry.url), records, clock, registry.store)


def copied(session: Session) -> dict[str, tuple[object, ...]]:
    rows = session.execute(select(Tag.name, Tag.size_bytes, Tag.platforms, Tag.image, Tag.image_pushed_at)).all()
    return {name: tuple(values) for name, *values in rows}


def meant(session: Session) -> dict[str, tuple[object, ...]]:
    """The same, each asked for where it comes from."""
    same = aliased(Tag)
    newest = select(func.max(same.pushed_at)).where(same.digest == Tag.digest).scalar_subquery()
    rows = session.execute(select(Tag, Manifest, newest).outerjoin(Manifest, Manifest.id == Tag.manifest_id)).all()
    return {
        tag.name: (
            -1 if image is None or image.image_size_bytes is None else image.image_size_bytes,
            image.platforms if image else "",
            tag.digest or "",
            pushed_at or tag.pushed_at,
        )
        for tag, image, pushed_at in rows
    }


def expect_true(stage: Stage, *names: str) -> None:
    stage.sync()
    with stage.records.reading() as session:
        found = copied(session)
        assert found == meant(session)
    assert sorted(found) == sorted(names)


def test_the_copies_follow_pushes_moves_and_removals(stage: Stage) -> None:
    one, two = stage.push("one", "1.0", "latest"), stage.push("two", "2.0")
    expect_true(stage, "1.0", "2.0", "latest")

    stage.retag("latest", two)
    stage.retag("stable", one)
    expect_true(stage, "1.0", "2.0", "latest", "stable")

    stage.remove("stable")
    with stage.records.reading() as session:
        assert copied(session) == meant(session)

    stage.client.delete_manifest(API, two.digest)
    expect_true(stage, "1.0")


def test_a_tag_that_lost_its_manifest_is_on_no_image_any_more(stage: Stage) -> None:
    lost = stage.push("lost", "1.0", "1.1")
    stage.push("other", "2.0")
    stage.sync()
    stage.untag_on_disk(lost.digest)
    expect_true(stage, "1.0", "1.1", "2.0")


def test_an_index_gets_its_size_when_its_last_child_is_known(stage: Stage) -> None:
    child = stage.pusher.push(API, build("child"))
    stage.pusher.push(API, index([child]), ["multi"])
    stage.client.delete_manifest(API, child.digest)
    expect_true(stage, "multi")

    stage.pusher.push("team/other", child, ["there"])
    expect_true(stage, "multi", "there")
    with stage.records.reading() as session:
        assert session.scalar(select(Tag.size_bytes).where(Tag.name == "multi")) > len(child.raw)
