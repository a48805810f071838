"""Laws 2 and 6: no act without its intent; a dry run changes nothing. And the catalogue after a removal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from tests.records import Records
from tests.removal.stage import API, Meddler, Stage, fingerprint_of_files, once, states, steps
from webapp.catalogue.models import RepositoryManifest
from webapp.catalogue.refresh import sync_repository
from webapp.registry.client import HeadAnswer, RegistryClient
from webapp.removal.execute import Preview
from webapp.removal.recovery import recover
from webapp.removal.wanted import Siblings

INTENTS = ("removals", "removal_steps", "removed_tags", "journal_manifests", "activities")


def refuse(records: Records, what: str, table: str) -> None:
    """Make writing to a table fail, as a full disk does."""
    with records.writing() as session:
        session.execute(
            text(f"CREATE TRIGGER full BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
        )


def rows(records: Records) -> dict[str, list[tuple[object, ...]]]:
    with records.reading() as session:
        tables = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        return {table: [tuple(row) for row in session.execute(text(f"SELECT * FROM {table}"))] for table in tables}


@pytest.mark.parametrize("table", INTENTS)
def test_nothing_is_deleted_whose_intent_cannot_be_written(stage: Stage, client: RegistryClient, table: str) -> None:
    stage.push("one", "1.0")
    stage.sync()
    looked = stage.look("1.0")
    refuse(stage.records, "INSERT", table)
    meddler = Meddler(client)

    with pytest.raises(DBAPIError):
        stage.press(looked, meddler)

    assert meddler.deleted == []
    assert stage.pulls("1.0")
    assert (stage.removals(), stage.activities()) == ([], [])


def test_a_step_that_cannot_be_noted_before_is_not_taken(stage: Stage, client: RegistryClient) -> None:
    for name in ("one", "two", "three"):
        stage.push(name, f"{name}.0")
    stage.sync()
    meddler = Meddler(client)
    meddler.after_delete = once(lambda: refuse(stage.records, "UPDATE", "removal_steps"))

    with pytest.raises(DBAPIError):
        stage.press(stage.look(), meddler)

    assert len(meddler.deleted) == 1
    assert len(stage.tags()) == 2


def test_a_database_that_cannot_be_written_deletes_nothing(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0")
    stage.sync()
    looked = stage.look("1.0")
    event.listen(stage.records.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    stage.records.engine.dispose()
    meddler = Meddler(client)

    with pytest.raises(DBAPIError, match="readonly"):
        stage.press(looked, meddler)

    assert meddler.deleted == []


def test_the_intent_has_everything_before_the_first_deletion(stage: Stage, client: RegistryClient) -> None:
    index, children = stage.push_index("one", "1.0", "latest")
    stage.sync()
    found: dict[str, object] = {}
    meddler = Meddler(client)

    def look() -> None:
        removal = stage.removals()[0]
        found.update(
            state=removal.state.value,
            tags=states(removal),
            steps=len(steps(removal)),
            journal=[digest for digest, _, _ in stage.journal(removal.id)],
            activities=stage.activities(),
        )

    meddler.before_delete = once(look)

    stage.press(stage.look("1.0", siblings=Siblings.REMOVE), meddler)

    assert found["state"] == "open"
    assert found["tags"] == {"1.0": "intended", "latest": "intended"}
    assert found["steps"] == 3
    assert found["activities"] == [("1.0", "unknown", "Under way."), ("latest", "unknown", "Under way.")]
    assert isinstance(found["journal"], list)
    assert set(found["journal"]) == {index.digest, *(child.digest for child in children)}
    assert found["journal"][-1] == index.digest


def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    stage.push_index("one", "1.0", "latest")
    stage.push("two", "2.0")
    stage.sync()
    stage.push("three", "3.0")
    before = (fingerprint_of_files(stage.registry.store), rows(stage.records))

    for tags in (("1.0",), ("3.0",), ("nothing",), ()):
        assert isinstance(stage.look(*tags), Preview)

    assert (fingerprint_of_files(stage.registry.store), rows(stage.records)) == before


def test_looking_up_with_nothing_to_look_up_changes_nothing(stage: Stage) -> None:
    stage.push("one", "1.0")
    stage.remove("1.0")
    before = (fingerprint_of_files(stage.registry.store), rows(stage.records))

    recover(stage.remover)

    assert (fingerprint_of_files(stage.registry.store), rows(stage.records)) == before


def test_the_catalogue_forgets_what_was_deleted_and_nothing_else(stage: Stage) -> None:
    stage.push_index("one", "1.0")
    two = stage.push("two", "2.0")
    stage.sync()

    stage.remove("1.0")

    with stage.records.reading() as session:
        seen = session.query(RepositoryManifest).count()
    assert stage.catalogued() == {"2.0"}
    assert seen == 1
    assert stage.has(two.digest)


def test_a_sync_that_began_before_a_removal_does_not_bring_its_tags_back(stage: Stage, client: RegistryClient) -> None:
    stage.push("one", "1.0")
    stage.push("two", "2.0")
    stage.sync()
    removed = []

    class RemovedMeanwhile(RegistryClient):
        """Another thread removes a tag after the sync has looked at it, and before the sync writes what it saw."""

        def head_manifest(self, repository: str, reference: str) -> HeadAnswer:
            answer = super().head_manifest(repository, reference)
            if reference == "1.0" and not removed:
                removed.append(stage.remove("1.0"))
            return answer

    sync_repository(replace(stage.catalogue, client=RemovedMeanwhile(client._transport)), API)

    assert removed
    assert stage.catalogued() == {"2.0"}


def test_the_journal_puts_everything_back(stage: Stage) -> None:
    index, children = stage.push_index("one", "1.0", "latest")
    stage.sync()
    removal = stage.remove("1.0", siblings=Siblings.REMOVE)
    assert not any(stage.has(each.digest) for each in (index, *children))

    for digest, media_type, raw in stage.journal(removal.id):
        stage.client.put_manifest(API, digest, media_type, raw)
    for tag in removal.tags:
        digest, media_type, raw = next(each for each in stage.journal(removal.id) if each[0] == tag.digest)
        stage.client.put_manifest(API, tag.name, media_type, raw)

    assert stage.tags() == {"1.0", "latest"}
    assert all(stage.pulls(tag) for tag in ("1.0", "latest"))
    assert stage.client.get_manifest(API, "1.0").raw == index.raw
