"""After a restore of an old backup nothing is run or deleted by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from config import Settings
from demo.build import image, layer
from demo.push import Pusher
from tests.backups.asked import ask
from tests.backups.conftest import settings_in
from tests.records import Clock, Records, open_records
from tests.registry_process import RegistryProcess
from tests.windows.plans import a_window
from webapp import scheduler
from webapp.backups.backup import back_up
from webapp.backups.restore import restore
from webapp.backups.restored import PUT_OFF
from webapp.backups.schema import bring_to_newest
from webapp.catalogue.sync import sync
from webapp.parts import Parts
from webapp.registry.client import RegistryClient
from webapp.removal.execute import preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.models import Removal, RemovalState
from webapp.removal.trash_models import TrashItem
from webapp.removal.wanted import Wanted
from webapp.retention.models import RetentionOutcome, RetentionRule, RetentionRun
from webapp.retention.records import RESTORED, Change, Plan, make, standing, switch_on
from webapp.retention.rules import Terms
from webapp.retention.run import NO_RULE_IS_ON, carry_out_rules
from webapp.windows.due import is_anything_due
from webapp.windows.models import Occurrence, OccurrenceState

NIGHT = datetime(2026, 12, 2, 3, 10, tzinfo=UTC)
JOBS = (scheduler.beat, scheduler.look_up_removals, scheduler.look_at_windows, scheduler.ask_the_registry)


@pytest.fixture
def registry_settings(tmp_path: Path, registry: RegistryProcess) -> Settings:
    (tmp_path / "data").mkdir()
    bring_to_newest(tmp_path / "data" / "holystone.db")
    return settings_in(tmp_path / "data", REGISTRY_URL=registry.url, REGISTRY_USERNAME="", REGISTRY_PASSWORD="")


@contextmanager
def opened(settings: Settings, client: RegistryClient, clock: Clock) -> Iterator[tuple[Records, Parts]]:
    """The records as an application has them open."""
    records = open_records(settings.DATA_DIR / "holystone.db")
    yield records, Parts(settings, client, records.reading, records.writing, clock, lambda: 0.0)
    records.engine.dispose()


def test_a_window_whose_time_it_is_does_not_begin_and_its_next_time_does(
    registry_settings: Settings, client: RegistryClient, clock: Clock, tmp_path: Path
) -> None:
    clock.at = NIGHT - timedelta(days=3)
    with opened(registry_settings, client, clock) as (records, _parts):
        window = a_window(records.writing, clock(), starts=time(3), zone="UTC")
        clock.at = NIGHT - timedelta(days=2)
        with records.writing() as session:  # its run was about to begin when the backup was made
            session.add(Occurrence(window_id=window, planned_at=clock(), noted_at=clock(), sentence=""))
        backup = back_up(registry_settings, tmp_path / "made.db", clock()).file
    clock.at = NIGHT
    restore(registry_settings.DATA_DIR / "holystone.db", backup, clock(), "alice")
    with opened(registry_settings, client, clock) as (records, parts):
        with records.reading() as session:
            assert not is_anything_due(session, clock())
        for job in JOBS:
            job(parts)
        with records.reading() as session:
            rows = session.scalars(select(Occurrence)).all()
            assert [(each.state, each.run_id) for each in rows] == [(OccurrenceState.SKIPPED, None)]
            assert is_anything_due(session, clock() + timedelta(days=1))


def test_a_removal_that_was_under_way_then_deletes_nothing_now(
    registry_settings: Settings, client: RegistryClient, pusher: Pusher, clock: Clock, tmp_path: Path
) -> None:
    """The backup is made when its intents are written and nothing is deleted; then it ends, and both tags come back."""
    pusher.push("team/api", image([layer("a")]), ["1.0", "1.1"])
    with opened(registry_settings, client, clock) as (_records, parts):
        wanted = Wanted("team/api", ("1.0", "1.1"))
        shown = preview(parts.remover, wanted)
        made = []

        def back_up_once_begun(_removal_id: int) -> None:
            made.append(back_up(registry_settings, tmp_path / "made.db", clock()).file)

        agreement = Agreement(request_key="k", fingerprint=shown.plan.fingerprint, actor="alice", place="")
        remove(parts.remover, wanted, agreement, back_up_once_begun)
    assert client.tags("team/api") == []
    assert ask(made[0], "SELECT state FROM removals") == [("open",)]
    pusher.push("team/api", image([layer("a")]), ["1.0", "1.1"])

    clock.advance(days=3)
    restore(registry_settings.DATA_DIR / "holystone.db", made[0], clock(), "alice")
    with opened(registry_settings, client, clock) as (records, parts):
        for job in JOBS:
            job(parts)
        with records.reading() as session:
            assert session.scalars(select(Removal.state)).one() not in (RemovalState.OPEN, RemovalState.DONE)
    assert sorted(client.tags("team/api")) == ["1.0", "1.1"]


def test_what_was_in_the_trash_gets_its_whole_term_again(
    registry_settings: Settings, client: RegistryClient, pusher: Pusher, clock: Clock, tmp_path: Path
) -> None:
    built = pusher.push("team/api", image([layer("a")]), ["1.0"])
    with opened(registry_settings, client, clock) as (_records, parts):
        wanted = Wanted("team/api", ("1.0",))
        shown = preview(parts.remover, wanted)
        remove(parts.remover, wanted, Agreement(shown.plan.fingerprint, "k", "alice", ""))
    backup = back_up(registry_settings, tmp_path / "made.db", clock()).file

    clock.advance(days=400)
    restore(registry_settings.DATA_DIR / "holystone.db", backup, clock(), "alice")
    with opened(registry_settings, client, clock) as (records, parts):
        for job in JOBS:
            job(parts)
        assert parts.maintainer.clear() == f"{NO_RULE_IS_ON} Nothing in the trash is past its date."
        with records.reading() as session:
            [item] = session.scalars(select(TrashItem)).all()
        assert (item.until, item.note) == (clock() + timedelta(days=14), PUT_OFF)
    assert client.head_manifest("team/api", built.digest).digest == built.digest


def test_rules_that_were_on_then_are_off_and_take_nothing(
    registry_settings: Settings, client: RegistryClient, pusher: Pusher, clock: Clock, tmp_path: Path
) -> None:
    """What was pushed since, nobody has seen in a preview."""
    pusher.push("team/api", image([layer("a")]), ["1.0"])
    with opened(registry_settings, client, clock) as (records, parts):
        with records.writing() as session:
            change = Change("alice", "test", clock())
            plan = Plan("CI", ("*",), Terms(keep_days=1, may_take_last_tag=True))
            rule = session.get_one(RetentionRule, make(session, plan, change))
            switch_on(session, rule, standing(session, rule), change)
        sync(parts.catalogue)
        backup = back_up(registry_settings, tmp_path / "made.db", clock()).file
    clock.advance(days=30)
    restore(registry_settings.DATA_DIR / "holystone.db", backup, clock(), "alice")
    with opened(registry_settings, client, clock) as (records, parts):
        for job in JOBS:
            job(parts)
        assert carry_out_rules(parts.retainer) == NO_RULE_IS_ON
        with records.reading() as session:
            (rule,) = session.scalars(select(RetentionRule)).all()
            assert (rule.is_on, rule.why_off) == (False, RESTORED)
    assert client.tags("team/api") == ["1.0"]


def test_a_start_lets_no_rule_run(
    registry_settings: Settings, client: RegistryClient, pusher: Pusher, clock: Clock
) -> None:
    """However often Holystone starts, and whatever its jobs do: rules wait for a window or a person (law 6)."""
    pusher.push("team/api", image([layer("a")]), ["1.0"])
    with opened(registry_settings, client, clock) as (records, parts):
        with records.writing() as session:
            change = Change("alice", "test", clock())
            plan = Plan("CI", ("*",), Terms(keep_days=1, may_take_last_tag=True))
            rule = session.get_one(RetentionRule, make(session, plan, change))
            switch_on(session, rule, standing(session, rule), change)
            session.add(RetentionRun(started_at=clock(), actor="alice", place="", outcome=None))
        sync(parts.catalogue)
        clock.advance(days=30)
        for job in JOBS:
            job(parts)
        with records.reading() as session:
            (run,) = session.scalars(select(RetentionRun)).all()
            assert run.outcome == RetentionOutcome.INTERRUPTED
    assert client.tags("team/api") == ["1.0"]
