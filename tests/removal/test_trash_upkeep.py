"""After every sync: what is tagged again has left the trash, the rest is known to be restorable or not, and not too large."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.removal.stage import Stage
from tests.removal.trashing import collect, in_trash
from webapp.removal.empty import due
from webapp.removal.trash_models import Restorable, TrashItem, TrashState
from webapp.removal.trash_space import in_trash as held
from webapp.removal.trash_upkeep import TOO_MUCH, check_new_items, look_after_trash


@pytest.fixture
def trash(stage: Stage) -> Stage:
    """A stage whose removals go into the trash."""
    return in_trash(stage)


def look_after(trash: Stage, max_bytes: int = 0) -> list[TrashItem]:
    trash.sync()
    look_after_trash(trash.remover, max_bytes)
    return trash.items()


def test_a_tag_that_is_pushed_again_with_its_manifest_leaves_the_trash(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    trash.push("api 1.0", "1.0")
    [item] = look_after(trash)
    assert (item.state, item.note) == (TrashState.STAYS, "It is tagged 1.0 again.")


def test_a_manifest_that_gets_another_tag_leaves_the_trash(trash: Stage) -> None:
    built = trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    trash.clock.advance(minutes=5)
    trash.retag("kept", built)
    [item] = look_after(trash)
    assert (item.state, item.note) == (TrashState.STAYS, "It is tagged kept again.")


def test_a_sibling_that_was_there_all_along_leaves_the_item_in_the_trash(trash: Stage) -> None:
    trash = replace(trash, store=None)  # the times in it are not those of the test's clock
    trash.push("api 1.0", "1.0", "latest")
    trash.sync()
    trash.clock.advance(minutes=5)
    trash.remove("1.0")
    trash.clock.advance(minutes=5)
    [item] = look_after(trash)
    assert (item.state, item.size_bytes) == (TrashState.IN_TRASH, 0)


def test_the_size_of_an_item_is_what_its_emptying_alone_would_free(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    freed = trash.look("1.0").space.bytes_freed
    trash.remove("1.0")
    [item] = look_after(trash)
    assert (item.restorable, item.missing, item.size_bytes) == (Restorable.YES, "[]", freed)


def test_what_a_collection_with_m_took_is_told_as_not_restorable(trash: Stage) -> None:
    """`-m` deletes untagged manifests, and with them what the trash holds: Holystone never passes it."""
    trash.push("api 1.0", "1.0")
    trash.push("stays", "2.0")
    trash.sync()
    trash.remove("1.0")
    trash.registry.stop()
    trash.registry.collect("-m")
    trash.registry.start()
    [item] = look_after(trash)
    assert (item.state, item.restorable) == (TrashState.IN_TRASH, Restorable.NO)
    assert json.loads(item.missing)[0].startswith("blob sha256:")


def test_what_was_deleted_for_good_is_forgotten_when_a_collection_took_its_blobs(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.push("stays", "2.0")
    trash.sync()
    trash.remove("1.0", for_good=True)
    [item] = look_after(trash)
    assert (item.state, item.restorable) == (TrashState.DELETED, Restorable.FROM_JOURNAL)
    collect(trash)
    [item] = look_after(trash)
    assert item.state == TrashState.LOST


def test_a_registry_that_cannot_be_asked_changes_nothing(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    look_after(trash)
    trash.registry.stop()
    look_after_trash(trash.remover, 0)
    [item] = trash.items()
    assert (item.state, item.restorable) == (TrashState.IN_TRASH, Restorable.YES)
    trash.registry.start()


def test_a_trash_that_is_too_large_lets_the_dates_of_the_oldest_come_and_says_so(trash: Stage) -> None:
    for number in range(5):
        trash.push(f"api {number}", f"{number}.0")
    trash.sync()
    for number in range(5):
        trash.remove(f"{number}.0")
    look_after(trash)
    with trash.records.reading() as session:
        limit = held(session).size_bytes - held(session, trash.items()[1].id).size_bytes
    items = look_after(trash, max_bytes=limit)
    assert [item.note for item in items] == [TOO_MUCH, TOO_MUCH, "", "", ""]
    with trash.records.reading() as session:
        assert due(session, trash.clock()) == [items[0].id, items[1].id]
    assert [item.tag for item in items if item.state == TrashState.IN_TRASH] == [f"{number}.0" for number in range(5)]


def test_a_trash_within_its_limit_keeps_its_dates(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    [item] = look_after(trash, max_bytes=10**9)
    assert (item.note, item.until) == ("", trash.removals()[0].until)


def test_what_was_just_deleted_is_looked_at_before_the_next_sync(trash: Stage) -> None:
    trash.push("api 1.0", "1.0")
    trash.sync()
    trash.remove("1.0")
    check_new_items(trash.remover)
    [item] = trash.items()
    assert (item.restorable, item.checked_at) == (Restorable.YES, trash.clock())
    trash.clock.advance(hours=1)
    check_new_items(trash.remover)
    assert trash.items()[0].checked_at == item.checked_at
