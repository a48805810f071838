"""With a retention a removal takes tags only: what they were on stays, and comes back under its tag."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from demo.build import Built
from tests.removal.stage import API, Stage, blob_file, states, steps, wanted
from tests.removal.trashing import RETENTION, collect, in_trash, raw_of
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.removal.execute import preview
from webapp.removal.restore_looks import look_before
from webapp.removal.trash_models import Restorable, TrashState


@pytest.fixture
def trash(stage: Stage) -> Stage:
    """A stage whose removals go into the trash."""
    return in_trash(stage)


def test_a_removed_tag_leaves_its_manifest_pullable_by_digest(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    removal = trash.remove("1.0")
    assert (removal.state, removal.bytes_freed) == ("done", 0)
    assert removal.until == trash.clock() + RETENTION
    assert (states(removal), steps(removal)) == ({"1.0": "deleted"}, {built.digest: "in-trash"})
    assert trash.tags() == trash.catalogued() == set()
    assert trash.pulls(built.digest)
    [item] = trash.items()
    assert (item.tag, item.digest, item.state, item.refers_to) == ("1.0", built.digest, TrashState.IN_TRASH, "")


def test_the_activity_says_until_when_a_tag_can_be_restored(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    removal = trash.remove("1.0")
    assert removal.until is not None
    [(tag, outcome, reason)] = trash.activities()
    assert (tag, outcome) == ("1.0", "done")
    assert reason == f"It can be restored until {removal.until.day} {removal.until:%b %Y}."


def test_a_restored_tag_is_the_same_byte_for_byte_also_after_two_collections(trash: Stage) -> None:
    trash.push_index("api 1.0", "1.0")
    before = raw_of(trash, "1.0")
    trash.sync()
    trash.remove("1.0")
    collect(trash)
    collect(trash)
    [restored] = trash.restore()
    assert (restored.tag, restored.outcome) == ("1.0", Outcome.DONE)
    assert raw_of(trash, "1.0") == before
    assert trash.pulls("1.0")
    assert trash.catalogued() == {"1.0"}
    assert [item.state for item in trash.items()] == [TrashState.RESTORED]


def test_a_restore_is_an_activity_of_whoever_asked_for_it(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    trash.restore()
    assert trash.activities()[-1] == ("1.0", "done", "")
    with trash.records.reading() as session:
        last = session.query(Activity).order_by(Activity.id.desc()).first()
        assert last is not None
        assert (last.kind, last.actor) == (ActivityKind.TAG_RESTORED, "alice")


def test_a_tag_that_is_there_again_on_another_manifest_asks_for_another_name(trash: Stage) -> None:
    old = trash.push("old", "1.0")
    trash.sync()
    trash.remove("1.0")
    new = trash.push("new", "1.0")
    [refused] = trash.restore()
    assert (refused.outcome, refused.reason) == (
        Outcome.FAILED,
        "1.0 is there again, on another manifest. Restore it under another name.",
    )
    assert trash.client.head_manifest(API, "1.0").digest == new.digest
    [item] = trash.items()
    assert item.state == TrashState.IN_TRASH
    [restored] = trash.restore(item.id, name="1.0-before")
    assert (restored.outcome, restored.tag) == (Outcome.DONE, "1.0-before")
    assert trash.client.head_manifest(API, "1.0-before").digest == old.digest


def test_of_two_that_had_one_tag_the_last_is_restored(trash: Stage) -> None:
    for name in ("old", "new"):
        trash.push(name, "1.0")
        trash.sync()
        trash.remove("1.0")
    old, new = trash.items()
    outcomes = {each.item_id: each.outcome for each in trash.restore()}
    assert outcomes == {old.id: Outcome.FAILED, new.id: Outcome.DONE}
    assert trash.client.head_manifest(API, "1.0").digest == new.digest


def test_signatures_go_into_the_trash_with_their_image_and_come_back_with_it(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    signature = f"sha256-{built.digest.removeprefix('sha256:')}.sig"
    trash.push("a signature", signature)
    trash.sync()
    trash.remove("1.0")
    assert trash.tags() == set()
    image, its_signature = sorted(trash.items(), key=lambda item: bool(item.refers_to))
    assert (its_signature.tag, its_signature.refers_to) == (signature, built.digest)
    collect(trash)
    trash.restore(image.id)
    assert trash.tags() == {"1.0", signature}
    assert trash.pulls(signature)


def test_what_the_trash_holds_stays_whatever_is_deleted_for_good(trash: Stage) -> None:
    """Two indexes that share a child: the one in the trash holds it."""
    shared, children = trash.push_index("shared", "1.0")
    other = trash.pusher.push_index(API, [children[0]], ["2.0"])
    trash.sync()
    removal = trash.remove("1.0")
    assert removal.until is not None
    looked = trash.look("2.0", for_good=True)
    assert {step.digest for step in looked.plan.steps} == {other.digest}
    removed = trash.press(looked)
    assert (removed.state, removed.until) == ("done", None)
    collect(trash)
    assert trash.pulls(shared.digest)
    [item] = [each for each in trash.items() if each.tag == "1.0"]
    assert [each.outcome for each in trash.restore(item.id)] == [Outcome.DONE]


def test_the_dialog_names_what_the_trash_keeps_with_its_date(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0", "1.1")
    trash.sync()
    removal = trash.remove("1.0")
    looked = trash.look("1.1", for_good=True)
    assert removal.until is not None
    until = f"{removal.until.day} {removal.until:%b %Y}"
    assert [(each.name, each.reason) for each in looked.plan.kept] == [
        (built.digest, f"It is in the trash until {until}.")
    ]
    assert looked.space.bytes_freed == 0


def test_an_untagged_manifest_gets_a_row_and_stays_until_its_date(trash: Stage) -> None:
    built = trash.push("old latest", "latest")
    trash.push("new latest", "latest")
    trash.sync()
    removal = trash.remove(built.digest)
    assert (removal.state, steps(removal)) == ("done", {built.digest: "in-trash"})
    assert trash.has(built.digest)
    [item] = trash.items()
    assert (item.tag, item.state) == ("", TrashState.IN_TRASH)
    [restored] = trash.restore(item.id, name="old")
    assert (restored.tag, restored.outcome) == ("old", Outcome.DONE)


def test_a_removal_for_good_is_restorable_until_the_next_collection(trash: Stage) -> None:
    built, children = trash.push_index("api 1.0", "1.0")
    before = raw_of(trash, "1.0")
    trash.sync()
    removal = trash.remove("1.0", for_good=True)
    assert not trash.has(built.digest)
    assert not trash.has(children[0].digest)
    [item] = trash.items()
    assert (item.state, item.until) == (TrashState.DELETED, None)
    [look] = look_before(trash.remover, [item.id])
    assert look.restorable == Restorable.FROM_JOURNAL
    trash.restore(item.id)
    assert raw_of(trash, "1.0") == before
    assert trash.pulls("1.0")
    assert removal.bytes_freed


def test_blobs_that_are_gone_are_named_and_nothing_is_put(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0", for_good=True)
    trash.push("something else", "2.0")
    collect(trash)
    [item] = trash.items()
    [refused] = trash.restore(item.id)
    assert refused.outcome == Outcome.FAILED
    assert refused.reason.startswith("This is gone from the registry: blob sha256:")
    assert refused.reason.endswith("Nothing was put.")
    assert not trash.has(built.digest)
    assert trash.tags() == {"2.0"}


def test_a_blob_that_is_gone_below_an_index_that_is_there_is_named(trash: Stage) -> None:
    _index, children = trash.push_index("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    [item] = trash.items()
    config = trash.client.get_manifest(API, children[0].digest)
    layer = next(each for each in config.raw.decode().split('"') if each.startswith("sha256:"))
    blob_file(trash.registry.store, layer).unlink()
    [refused] = trash.restore(item.id)
    assert (refused.outcome, layer in refused.reason) == (Outcome.FAILED, True)
    assert trash.tags() == set()


def test_a_child_that_somebody_deleted_is_put_back_from_the_journal(trash: Stage) -> None:
    _index, children = trash.push_index("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    trash.client.delete_manifest(API, children[1].digest)
    [restored] = trash.restore()
    assert restored.outcome == Outcome.DONE
    assert trash.pulls("1.0")


def test_without_a_retention_everything_is_deleted_for_good(stage: Stage) -> None:
    built = stage.push("api 1.0", "1.0")
    stage.sync()
    assert stage.remove("1.0").until is None
    assert not stage.has(built.digest)


def test_a_dialog_for_the_trash_is_no_leave_to_delete_for_good(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    agreed = trash.look("1.0").plan.fingerprint
    without = preview(replace(trash, retention=timedelta(0)).remover, wanted("1.0"))
    assert without.plan.fingerprint != agreed


def test_a_sibling_that_stays_keeps_its_manifest_and_the_other_can_be_restored(trash: Stage) -> None:
    built: Built = trash.push("api 1.0", "1.0", "latest")
    trash.sync()
    trash.remove("1.0")
    assert trash.tags() == {"latest"}
    trash.restore()
    assert trash.tags() == {"1.0", "latest"}
    assert trash.client.head_manifest(API, "1.0").digest == built.digest


def test_without_a_store_to_read_the_registry_itself_names_what_is_gone(trash: Stage) -> None:
    trash = replace(trash, store=None)
    built = trash.push("api 1.0", "1.0")
    _index, children = trash.push_index("an index", "2.0")
    trash.sync()
    trash.remove("1.0", "2.0")
    for each in (built, children[0]):
        raw = trash.client.get_manifest(API, each.digest).raw.decode()
        layer = next(part for part in raw.split('"') if part.startswith("sha256:"))
        blob_file(trash.registry.store, layer).unlink()
    trash.registry.restart()
    assert {each.outcome for each in trash.restore()} == {Outcome.FAILED}
    assert all(each.reason.startswith("This is gone from the registry: blob sha256:") for each in trash.restore())
    assert trash.tags() == set()


def test_without_a_store_to_read_everything_comes_back(trash: Stage) -> None:
    trash = replace(trash, store=None)
    trash.push("api 1.0", "1.0")
    _index, children = trash.push_index("an index", "2.0")
    trash.sync()
    trash.remove("1.0", "2.0")
    trash.client.delete_manifest(API, children[0].digest)
    assert {each.outcome for each in trash.restore()} == {Outcome.DONE}
    assert trash.pulls("1.0")
    assert trash.pulls("2.0")
    assert trash.catalogued() == {"1.0", "2.0"}


def test_signatures_go_with_the_last_of_several_siblings(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0", "1.1")
    signature = f"{built.digest.replace(':', '-')}.sig"
    trash.pusher.sign(API, built)
    trash.sync()
    trash.remove("1.0")
    assert trash.tags() == {"1.1", signature}
    removal = trash.remove("1.1")
    assert steps(removal)[built.digest] == "in-trash"
    assert trash.tags() == set()
    last = next(item for item in trash.items() if item.tag == "1.1")
    trash.restore(last.id)
    assert trash.tags() == {"1.1", signature}


def test_a_whole_image_takes_nothing_into_the_trash_twice(trash: Stage) -> None:
    first, _children = trash.push_index("first", "1.0")
    trash.push("second", "2.0")
    trash.sync()
    trash.remove("1.0")
    trash.remove()
    assert sorted(item.tag for item in trash.items()) == ["1.0", "2.0"]
    assert trash.pulls(first.digest)
