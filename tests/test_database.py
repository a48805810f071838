"""The records: what a transaction sees, keeps and gives back, and that nobody meets 'database is locked'."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from pysqlite3 import dbapi2
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from tests.records import Records, records, records_template
from webapp.catalogue.models import RegistryMode, RegistryState, Repository, Tag
from webapp.database import DatabaseTooOld, among, refuse_old_sqlite
from webapp.leases import LeaseRow

__all__ = ["records", "records_template"]

THREADS = 16
WRITES = 8


def _lease(name: str, token: int = 0) -> LeaseRow:
    return LeaseRow(name=name, owner="", token=token, boot_id="", ends_boottime_s=0)


def _pragma(session: Session, name: str) -> object:
    return session.execute(text(f"PRAGMA {name}")).scalar()


@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_every_connection_is_durable_and_keeps_foreign_keys(records: Records, kind: str) -> None:
    for _connection in range(2):
        with getattr(records, kind)() as session:
            found = {name: _pragma(session, name) for name in ("journal_mode", "synchronous", "foreign_keys")}
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        records.engine.dispose()


def test_a_write_begins_immediately_and_a_read_does_not(records: Records) -> None:
    """A transaction that reads first and writes later is refused at once when somebody wrote in between."""
    begun: list[str] = []
    event.listen(
        records.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_more: begun.append(statement) if "BEGIN" in statement else None,
    )
    with records.writing() as session:
        session.execute(text("SELECT 1"))
        other = dbapi2.connect(str(records.path), timeout=0, isolation_level=None)
        with pytest.raises(dbapi2.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    with records.reading() as session:
        session.execute(text("SELECT 1"))
    assert begun == ["BEGIN IMMEDIATE", "BEGIN"]


def test_an_error_does_not_repeat_what_was_written(records: Records) -> None:
    """It goes to the log, and what was written may be a token or what somebody typed as a name."""
    with pytest.raises(IntegrityError) as refusal, records.writing() as session:
        session.add_all([_lease("hush-hush"), _lease("hush-hush")])
    assert "hush" not in str(refusal.value)


def test_two_that_read_and_then_write_both_succeed(records: Records) -> None:
    with records.writing() as session:
        session.add(_lease("counter"))
    barrier = threading.Barrier(2)

    def count() -> None:
        barrier.wait(10)
        for _ in range(50):
            with records.writing() as session:
                session.get_one(LeaseRow, "counter").token += 1

    with ThreadPoolExecutor(2) as executor:
        for done in [executor.submit(count), executor.submit(count)]:
            done.result()
    with records.reading() as session:
        assert session.get_one(LeaseRow, "counter").token == 100


def test_many_threads_that_write_at_once_all_get_through(records: Records) -> None:
    def write(thread: int) -> None:
        for number in range(WRITES):
            with records.writing() as session:
                session.add(_lease(f"{thread}/{number}"))
            with records.reading() as session:
                assert session.get(LeaseRow, f"{thread}/{number}") is not None

    with ThreadPoolExecutor(THREADS) as executor:
        for done in [executor.submit(write, thread) for thread in range(THREADS)]:
            done.result()
    with records.reading() as session:
        assert len(session.scalars(select(LeaseRow)).all()) == THREADS * WRITES


def test_a_write_that_fails_leaves_nothing_behind(records: Records) -> None:
    with pytest.raises(ZeroDivisionError), records.writing() as session:
        session.add(_lease("half"))
        session.flush()
        1 / 0  # noqa: B018
    with pytest.raises(IntegrityError), records.writing() as session:
        session.add(_lease("first half"))
        session.flush()
        session.add(Tag(repository_id=4711, name="t", pushed_at=datetime.now(UTC), pushed_at_is_seen=True))
    with records.reading() as session:
        assert session.scalars(select(LeaseRow)).all() == []


def test_a_write_is_seen_by_others_when_it_has_ended_and_not_before(records: Records) -> None:
    with records.writing() as session:
        session.add(_lease("new"))
        session.flush()
        with records.reading() as other:
            assert other.get(LeaseRow, "new") is None
    with records.reading() as other:
        assert other.get(LeaseRow, "new") is not None


def test_reading_sees_one_state_whatever_is_written_meanwhile(records: Records) -> None:
    with records.reading() as session:
        assert session.scalars(select(LeaseRow)).all() == []
        with records.writing() as other:
            other.add(_lease("new"))
        assert session.scalars(select(LeaseRow)).all() == []


def test_reading_changes_nothing(records: Records) -> None:
    with records.writing() as session:
        session.add(_lease("kept", token=7))
    with records.reading() as session:
        session.get_one(LeaseRow, "kept").token = 8
        session.flush()
    with records.reading() as session:
        assert session.get_one(LeaseRow, "kept").token == 7


def test_rows_that_were_read_can_be_used_afterwards(records: Records) -> None:
    with records.writing() as session:
        written = _lease("kept", token=7)
        session.add(written)
    with records.reading() as session:
        read = session.get_one(LeaseRow, "kept")
    assert (written.token, read.token) == (7, 7)


def test_a_moment_comes_back_as_the_same_moment_in_utc(records: Records) -> None:
    moment = datetime(2026, 10, 25, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with records.writing() as session:
        session.add(RegistryState(id=1, checked_at=moment))
    with records.reading() as session:
        found = session.get_one(RegistryState, 1)
    assert found.checked_at == moment
    assert found.checked_at.tzinfo is UTC
    assert found.mode_since is None


def test_a_moment_without_a_time_zone_is_refused(records: Records) -> None:
    with pytest.raises(StatementError, match="without a time zone"), records.writing() as session:
        session.add(RegistryState(id=1, checked_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_states_are_kept_as_their_words(records: Records) -> None:
    with records.writing() as session:
        session.add(RegistryState(id=1, mode=RegistryMode.READ_ONLY))
    with records.reading() as session:
        assert session.execute(text("SELECT mode FROM registry_state")).scalar() == "read-only"
        mode: StrEnum = session.get_one(RegistryState, 1).mode
        assert mode is RegistryMode.READ_ONLY


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 1), (3, 51, 2)])
def test_an_old_sqlite_is_refused_with_the_remedy(version: tuple[int, ...]) -> None:
    found = ".".join(map(str, version))
    with pytest.raises(DatabaseTooOld, match=f"SQLite {found} can corrupt .* Run `make setup`"):
        refuse_old_sqlite(version)


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 53, 0), (4, 0, 0)])
def test_a_sqlite_without_the_bug_is_taken(version: tuple[int, ...]) -> None:
    refuse_old_sqlite(version)


def test_the_sqlite_that_is_used_is_the_one_that_was_looked_at(records: Records) -> None:
    refuse_old_sqlite()
    with records.reading() as session:
        assert session.execute(text("SELECT sqlite_version()")).scalar() == dbapi2.sqlite_version


def test_any_number_of_values_may_be_asked_for(records: Records) -> None:
    with records.writing() as session:
        for name in ("a", 'quote"s', "back\\slash", "ü"):
            session.add(
                Repository(name=name, namespace="", first_seen_at=datetime.now(UTC), tag_count=0, image_count=0)
            )
    wanted = [f"number {number}" for number in range(100_000)] + ['quote"s', "back\\slash", "ü"]
    with records.reading() as session:
        found = session.scalars(select(Repository.name).where(among(Repository.name, wanted))).all()
        assert sorted(found) == ["back\\slash", 'quote"s', "ü"]
        assert session.scalars(select(Repository.name).where(among(Repository.name, []))).all() == []
