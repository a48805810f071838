"""What is past its date is deleted for good: exactly that, and a collection then frees what was said."""

from __future__ import annotations

import json

import pytest

from demo.build import attestation
from tests.removal.stage import API, Stage
from tests.removal.trashing import collect, in_trash, store_bytes
from webapp.removal.empty import DATE_HAS_COME, due, empty, empty_what_is_due, look_at_emptying
from webapp.removal.trash_models import TrashState


@pytest.fixture
def trash(stage: Stage) -> Stage:
    """A stage whose removals go into the trash."""
    return in_trash(stage)


def past_its_date(trash: Stage) -> None:
    trash.clock.advance(days=14, seconds=1)


def test_nothing_is_deleted_before_its_date(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    assert empty_what_is_due(trash.remover, "window") == "Nothing in the trash is past its date."
    assert trash.has(built.digest)


def test_what_is_past_its_date_is_deleted_and_a_collection_frees_what_was_said(trash: Stage) -> None:
    first, _children = trash.push_index("first", "1.0")
    second = trash.push("second", "2.0")
    trash.push("stays", "3.0")
    trash.sync()
    trash.remove("1.0")
    trash.remove("2.0")
    collect(trash)  # what the stand-ins of the removals took
    past_its_date(trash)
    with trash.records.reading() as session:
        ids = due(session, trash.clock())
    predicted = sum(each.space.bytes_freed for each in look_at_emptying(trash.remover, ids))
    done = empty(trash.remover, ids, DATE_HAS_COME, "window")
    assert (done.deleted, done.kept, done.left, done.bytes_freed) == (2, 0, 0, predicted)
    assert not trash.has(first.digest)
    assert not trash.has(second.digest)
    before = store_bytes(trash)
    collect(trash)
    assert before - store_bytes(trash) == predicted
    assert trash.tags() == {"3.0"}


def test_emptying_is_an_activity_of_the_trash(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    past_its_date(trash)
    sentence = empty_what_is_due(trash.remover, "window")
    assert sentence == "Deleted for good, past its date in the trash: 1 item."
    assert trash.removals()[-1].actor == DATE_HAS_COME


def test_what_is_tagged_again_meanwhile_stays_and_leaves_the_trash(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    trash.retag("back", built)
    past_its_date(trash)
    empty_what_is_due(trash.remover, "window")
    assert trash.pulls("back")
    [item] = trash.items()
    assert (item.state, item.note) == (TrashState.STAYS, "It is tagged back.")


def test_of_two_items_on_one_digest_the_later_one_holds_it(trash: Stage) -> None:
    built = trash.push("api", "1.0", "1.1")
    trash.sync()
    trash.remove("1.0")
    trash.clock.advance(days=7)
    trash.remove("1.1")
    trash.clock.advance(days=8)
    empty_what_is_due(trash.remover, "window")
    assert trash.has(built.digest)
    first, second = trash.items()
    assert first.state == TrashState.STAYS
    assert first.note.startswith("It is in the trash until ")
    assert second.state == TrashState.IN_TRASH
    trash.clock.advance(days=8)
    empty_what_is_due(trash.remover, "window")
    assert not trash.has(built.digest)


def test_a_signature_that_was_pushed_since_is_not_taken(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    signature = f"sha256-{built.digest.removeprefix('sha256:')}.sig"
    trash.push("signed afterwards", signature)
    past_its_date(trash)
    empty_what_is_due(trash.remover, "window")
    assert not trash.has(built.digest)
    assert trash.pulls(signature)


def test_while_the_registry_is_read_only_everything_stays_in_the_trash(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    past_its_date(trash)
    trash.registry.restart(read_only=True)
    sentence = empty_what_is_due(trash.remover, "window")
    assert "Left for the next time: 1 item." in sentence
    assert [item.state for item in trash.items()] == [TrashState.IN_TRASH]


def test_an_emptied_item_is_restorable_until_the_next_collection(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    past_its_date(trash)
    empty_what_is_due(trash.remover, "window")
    assert not trash.has(built.digest)
    trash.restore()
    assert trash.client.head_manifest(API, "1.0").digest == built.digest


def test_a_missing_manifest_is_said_to_be_gone(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    trash.client.delete_manifest(API, built.digest)
    past_its_date(trash)
    empty_what_is_due(trash.remover, "window")
    [item] = trash.items()
    assert (item.state, item.note) == (TrashState.LOST, "It is not in the registry any more.")


def test_a_referrer_in_the_trash_leaves_its_list_when_it_is_deleted_for_good(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    gone, stays = (trash.pusher.push(API, attestation(built, statement=each)) for each in ("built", "scanned"))
    the_list = built.digest.replace(":", "-")
    before = trash.pusher.push_index(API, [gone, stays], [the_list])
    trash.sync()
    trash.remove(gone.digest)
    assert trash.client.head_manifest(API, the_list).digest == before.digest
    past_its_date(trash)
    predicted = empty_what_is_due(trash.remover, "window")
    assert predicted == "Deleted for good, past its date in the trash: 1 item."
    assert not trash.has(gone.digest)
    listed = json.loads(trash.client.get_manifest(API, the_list).raw)["manifests"]
    assert [each["digest"] for each in listed] == [stays.digest]
