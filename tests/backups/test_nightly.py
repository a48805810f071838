"""One backup a day by itself, seven kept; one that fails is seen on Status and told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select

from config import Settings
from tests.backups.asked import ask, is_whole
from tests.backups.disks import small_disk
from tests.pages.conftest import Visitor, text_of
from tests.records import Clock, Records, open_records
from webapp import create_app, scheduler
from webapp.backups.backup import BackupFailed
from webapp.backups.checks import backup_checks
from webapp.backups.models import NightlyBackup
from webapp.backups.nightly import back_up_if_due, folder_of
from webapp.checks import Check, CheckState
from webapp.notices.models import Notice, NoticeKind
from webapp.notices.watch import look
from webapp.parts import Parts
from webapp.registry.client import open_registry


@pytest.fixture
def opened(records: Path) -> Iterator[Records]:
    """`records`, as an application has them open."""
    opened = open_records(records)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def parts(settings: Settings, opened: Records, clock: Clock) -> Parts:
    return Parts(settings, open_registry(settings.REGISTRY_URL), opened.reading, opened.writing, clock, lambda: 0.0)


def made(settings: Settings) -> list[str]:
    return sorted(each.name for each in folder_of(settings).iterdir())


def night(parts: Parts, clock: Clock) -> None:
    """What the scheduler does, at a time that the clock says; the file is as old as that."""
    scheduler.back_up_the_records(parts)
    for each in folder_of(parts.settings).glob(f"nightly-{clock():%Y-%m-%d}.db"):
        os.utime(each, (clock().timestamp(), clock().timestamp()))


def check(parts: Parts) -> Check:
    with parts.reading() as session:
        (found,) = backup_checks(session, parts.settings, parts.now())
    return found


def test_there_is_one_a_day_and_seven_are_kept(parts: Parts, settings: Settings, clock: Clock) -> None:
    for _hour in range(24 * 9 + 1):
        scheduler.back_up_the_records(parts)
        clock.advance(hours=1)
    assert made(settings) == [f"nightly-2026-12-{day:02}.db" for day in range(4, 11)]
    assert all(is_whole(folder_of(settings) / each) for each in made(settings))
    assert folder_of(settings).stat().st_mode & 0o777 == 0o700
    (note,) = ask(settings.DATA_DIR / "holystone.db", "SELECT problem FROM nightly_backup")
    assert note == ("",)


def test_backups_of_before_an_upgrade_and_others_are_not_counted(
    parts: Parts, settings: Settings, clock: Clock
) -> None:
    folder_of(settings).mkdir()
    others = ["before-upgrade-2020-01-01T000000Z-0001.db", "by-hand.db"]
    for each in others:
        (folder_of(settings) / each).touch()
    for _day in range(9):
        scheduler.back_up_the_records(parts)
        clock.advance(days=1)
    assert len(made(settings)) == 9
    assert set(others) < set(made(settings))


def test_two_processes_make_one(
    settings: Settings, opened: Records, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.backups import nightly

    both, counted, back_up = Barrier(2), list[Path](), nightly.back_up

    def counting(settings: Settings, file: Path, *more: object) -> object:
        counted.append(file)
        return back_up(settings, file, *more)  # type: ignore[arg-type]

    def one() -> None:
        both.wait()
        back_up_if_due(settings, opened.reading, opened.writing, clock())

    monkeypatch.setattr(nightly, "back_up", counting)
    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(one) for _ in range(2)]:
            each.result()
    assert len(counted) == 1
    assert len(made(settings)) == 1


def test_status_says_how_old_and_how_large_the_newest_is(parts: Parts, settings: Settings, clock: Clock) -> None:
    assert (check(parts).state, check(parts).sentence) == (CheckState.UNKNOWN, "None has been made yet.")
    night(parts, clock)
    assert check(parts) == Check(
        "The nightly backup", CheckState.GOOD, f"{SAYS.format('less than an hour')}; 1 is kept."
    )
    clock.advance(hours=5)
    assert check(parts).sentence == f"{SAYS.format('5 hours')}; 1 is kept."
    clock.advance(hours=21)
    night(parts, clock)
    assert check(parts).sentence == f"{SAYS.format('less than an hour')}; 2 are kept."
    clock.advance(days=4)
    assert check(parts).state == CheckState.BAD
    assert check(parts).sentence == f"{SAYS.format('4 days')}; 2 are kept."
    shutil.rmtree(folder_of(settings))
    assert check(parts).state == CheckState.UNKNOWN


SAYS = "The newest is {} old, 0.6 MB"


def test_one_that_fails_is_seen_on_status_with_its_reason_and_tried_again(
    parts: Parts, settings: Settings, clock: Clock
) -> None:
    night(parts, clock)
    folder_of(settings).rename(settings.DATA_DIR / "away")
    with small_disk(folder_of(settings), 128 * 1024):
        clock.advance(days=1)
        with pytest.raises(BackupFailed):
            back_up_if_due(settings, parts.reading, parts.writing, clock())
        assert made(settings) == []
        assert check(parts).state == CheckState.BAD
        assert check(parts).sentence.startswith("No backup was made: ")
        assert str(settings.DATA_DIR) not in check(parts).sentence
    folder_of(settings).rmdir()
    (settings.DATA_DIR / "away").rename(folder_of(settings))
    assert check(parts).state == CheckState.WARNING
    night(parts, clock)
    assert check(parts).state == CheckState.GOOD


def notices(parts: Parts) -> list[tuple[str, bool]]:
    with parts.reading() as session:
        rows = session.scalars(select(Notice).where(Notice.kind == NoticeKind.NOT_BACKED_UP).order_by(Notice.id))
        return [(each.sentence, each.ended_at is not None) for each in rows]


def go_on(parts: Parts, clock: Clock, **length: float) -> None:
    until = clock() + timedelta(**length)
    watch = parts.watch
    while clock() < until:
        clock.advance(minutes=1)
        look(watch, clock())


def test_one_that_fails_is_told_once_where_it_fails_again_and_once_when_one_is_made(
    parts: Parts, settings: Settings, clock: Clock
) -> None:
    night(parts, clock)
    go_on(parts, clock, hours=2)
    assert notices(parts) == []
    with parts.writing() as session:
        session.merge(NightlyBackup(id=1, tried_at=clock(), problem="No backup was made: disk full."))
    go_on(parts, clock, minutes=25)
    assert notices(parts) == []
    go_on(parts, clock, minutes=20)
    says = "The nightly backup was not made. The newest is of 01 Dec 2026, 09:00 UTC. Status says why."
    assert notices(parts) == [(says, False)]
    clock.at = clock.at.replace(hour=23)
    clock.advance(hours=2)
    night(parts, clock)
    go_on(parts, clock, minutes=5)
    assert notices(parts) == [(says, True)]


def test_one_that_is_not_tried_at_all_is_told(parts: Parts, clock: Clock) -> None:
    night(parts, clock)
    for age_h, told in ((25, 0), (26.5, 1)):
        at = clock().timestamp() - age_h * 3600
        os.utime(folder_of(parts.settings) / made(parts.settings)[0], (at, at))
        go_on(parts, clock, minutes=40)
        assert len(notices(parts)) == told
    assert [is_over for _sentence, is_over in notices(parts)] == [False]


def test_the_status_page_lists_it(settings: Settings, parts: Parts, cheap_passwords: None) -> None:
    app = create_app(settings)
    alice = Visitor(app).sign_in("alice")
    assert "The nightly backup not known None has been made yet." in text_of(alice.get("/status"))
    scheduler.back_up_the_records(app.extensions["holystone"])
    text = text_of(alice.get("/status"))
    assert "The records well They can be read, and have the tables of this version" in text
    assert f"The nightly backup well {SAYS.format('less than an hour')}; 1 is kept." in text


def test_a_scheduler_that_starts_makes_it(settings: Settings, records: Path) -> None:
    app = create_app(settings)
    parts = app.extensions["holystone"]
    running = scheduler.start(parts)
    try:
        assert "back_up_the_records" in [each.id for each in running.get_jobs()]
    finally:
        running.shutdown()
    assert len(made(settings)) == 1
