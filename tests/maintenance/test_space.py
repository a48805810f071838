"""When it is added up, what is kept, and the figure of each day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from demo.build import image, layer
from demo.push import Pusher
from tests.query_plans import statements_of
from tests.records import Clock, Records
from tests.registry_process import RegistryProcess
from webapp.catalogue.daily_sizes import KEPT, daily_sizes, note_day
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.space_models import RepositorySpace
from webapp.catalogue.state import registry_state
from webapp.catalogue.sync import sync
from webapp.leases import held
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.maintenance.space import LEASE, Collectable, collectable, is_sync_under_way, measure_space
from webapp.registry.client import open_registry

TODAY = date(2026, 3, 12)


@pytest.fixture
def catalogue(records: Records, registry: RegistryProcess, clock: Clock) -> Catalogue:
    """An empty catalogue in front of an empty registry."""
    return Catalogue(open_registry(registry.url), records.reading, records.writing, clock, None)


def add_up(records: Records, clock: Clock) -> None:
    measure_space(records.reading, records.writing, clock())


def sizes(records: Records) -> dict[str, tuple[int, int]]:
    with records.reading() as session:
        rows = session.scalars(select(RepositorySpace))
        return {row.name: (row.size_bytes, row.exclusive_bytes) for row in rows}


def days(records: Records) -> list[tuple[date, int, int, int | None]]:
    with records.reading() as session:
        return list(daily_sizes(session))


def test_nothing_is_added_up_before_the_registry_was_read(records: Records, clock: Clock) -> None:
    add_up(records, clock)
    assert sizes(records) == {}
    assert days(records) == []


def test_it_is_added_up_after_a_sync_and_again_after_a_change(
    records: Records, catalogue: Catalogue, pusher: Pusher, clock: Clock
) -> None:
    base = layer("base", 9_000)
    pusher.push("team/api", image([base, layer("api")]), ["1.0"])
    sync(catalogue)
    add_up(records, clock)
    ((size, exclusive),) = sizes(records).values()
    assert size == exclusive
    pusher.push("team/web", image([base, layer("web")]), ["1.0"])
    sync(catalogue)
    add_up(records, clock)
    found = sizes(records)
    assert found["team/api"][0] == size
    assert all(whole - exclusive == len(base.raw) for whole, exclusive in found.values())


def test_where_nothing_has_changed_nothing_is_read_of_it_and_nothing_written(
    records: Records, catalogue: Catalogue, pusher: Pusher, clock: Clock
) -> None:
    pusher.push("team/api", image([layer("api")]), ["1.0"])
    sync(catalogue)
    add_up(records, clock)
    with statements_of(records) as sent:
        add_up(records, clock)
    assert not [statement for statement, _given in sent if "FROM manifest" in statement]
    assert not [statement for statement, _given in sent if statement.startswith(("INSERT", "UPDATE", "DELETE"))]


def test_a_repository_that_is_gone_leaves_the_list(
    records: Records, catalogue: Catalogue, pusher: Pusher, clock: Clock
) -> None:
    built = pusher.push("team/api", image([layer("api")]), ["1.0"])
    pusher.push("team/web", image([layer("web")]), ["1.0"])
    sync(catalogue)
    add_up(records, clock)
    catalogue.client.delete_manifest("team/api", built.digest)
    sync(catalogue)
    add_up(records, clock)
    assert sizes(records).keys() == {"team/web"}


def test_only_one_process_adds_up_at_a_time(
    records: Records, catalogue: Catalogue, pusher: Pusher, clock: Clock
) -> None:
    pusher.push("team/api", image([layer("api")]), ["1.0"])
    sync(catalogue)
    with held(records.writing, LEASE, owner="another"):
        add_up(records, clock)
        assert sizes(records) == {}
    add_up(records, clock)
    assert sizes(records).keys() == {"team/api"}


def test_the_last_figure_of_a_day_stays_and_each_day_has_one(
    records: Records, catalogue: Catalogue, pusher: Pusher, clock: Clock
) -> None:
    pusher.push("team/api", image([layer("1")]), ["1.0"])
    sync(catalogue)
    add_up(records, clock)
    ((day, before, in_trash, collectable_bytes),) = days(records)
    assert (day, in_trash, collectable_bytes) == (TODAY, 0, None)
    pusher.push("team/api", image([layer("2", 5_000)]), ["2.0"])
    clock.advance(hours=3)
    sync(catalogue)
    add_up(records, clock)
    ((day, after, *_rest),) = days(records)
    assert (day, after > before) == (TODAY, True)
    clock.advance(days=1)
    add_up(records, clock)
    assert [(day, size) for day, size, *_rest in days(records)] == [(TODAY, after), (TODAY + timedelta(days=1), after)]


def test_a_day_on_which_the_registry_does_not_answer_has_no_figure(
    records: Records, catalogue: Catalogue, pusher: Pusher, clock: Clock
) -> None:
    pusher.push("team/api", image([layer("1")]), ["1.0"])
    sync(catalogue)
    with records.writing() as session:
        registry_state(session).mode = RegistryMode.UNREACHABLE
    add_up(records, clock)
    assert sizes(records)
    assert days(records) == []


def test_five_years_are_kept(records: Records) -> None:
    with records.writing() as session:
        for back in (timedelta(0), KEPT, KEPT + timedelta(days=1)):
            note_day(session, TODAY - back, 7, 0, None)
        note_day(session, TODAY, 8, 1, 2)
    assert days(records) == [(TODAY - KEPT, 7, 0, None), (TODAY, 8, 1, 2)]


def test_a_sync_is_under_way_until_it_has_ended(records: Records, clock: Clock) -> None:
    def says(started: datetime | None, finished: datetime | None) -> bool:
        with records.writing() as session:
            state = registry_state(session)
            state.sync_started_at, state.sync_finished_at = started, finished
        with records.reading() as session:
            return is_sync_under_way(session)

    assert not says(None, None)
    assert says(clock(), None)
    assert not says(clock(), clock())


def told(records: Records) -> Collectable | None:
    with records.reading() as session:
        return collectable(session)


def add_run(records: Records, number: int, kind: RunKind, outcome: RunOutcome, **more: object) -> None:
    at = datetime(2026, 3, number, tzinfo=UTC)
    with records.writing() as session:
        session.add(
            Run(
                id=number, kind=kind, actor="alice", place="", activity_id=1, token=str(number), fencing_token=1,
                started_at=at, finished_at=at + timedelta(minutes=1), outcome=outcome, **more,
            )
        )  # fmt: skip


def test_a_dry_run_tells_what_could_be_collected_and_a_collection_that_nothing_is_left(records: Records) -> None:
    assert told(records) is None
    add_run(records, 1, RunKind.DRY_RUN, RunOutcome.SUCCEEDED, dry_run_s=1.0, bytes_predicted=700)
    assert told(records) == Collectable(700, False, True, 1, datetime(2026, 3, 1, tzinfo=UTC))
    add_run(records, 2, RunKind.COLLECT, RunOutcome.SUCCEEDED, dry_run_s=1.0, bytes_predicted=700, bytes_freed=700)
    assert told(records) == Collectable(0, False, False, 2, datetime(2026, 3, 2, 0, 1, tzinfo=UTC))
    add_run(records, 3, RunKind.COLLECT, RunOutcome.FAILED)
    assert told(records) == Collectable(0, False, False, 2, datetime(2026, 3, 2, 0, 1, tzinfo=UTC))
    more = {"dry_run_s": 1.0, "bytes_predicted": 9, "blobs_of_unknown_size": 2}
    add_run(records, 4, RunKind.DRY_RUN, RunOutcome.SUCCEEDED, **more)
    assert told(records) == Collectable(9, True, True, 4, datetime(2026, 3, 4, tzinfo=UTC))
