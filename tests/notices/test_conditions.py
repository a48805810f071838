"""Each kind of notice begins once, and ends once, and neither wavers nor cries for what is meant."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.notices.conftest import Scene
from tests.windows.plans import a_window
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import KeeperReadiness, RunKind, RunOutcome, Strategy
from webapp.notices.conditions import Around, conditions, full_disks
from webapp.notices.disks import GB, Disk, look_at_disks
from webapp.notices.models import Delivery, Notice, NoticeKind
from webapp.notices.words import path_of, solved
from webapp.windows.models import OccurrenceState, Window

REFUSED = "The registry does not answer (connection refused)."


def told(scene: Scene) -> list[str]:
    """All that was told, in order: what began and what ended."""
    with scene.records.reading() as session:
        rows = session.execute(select(Delivery.event, Notice.kind).join(Notice).order_by(Delivery.id)).all()
    return [f"{event} {kind}" for event, kind in rows]


def notices(scene: Scene) -> list[Notice]:
    with scene.records.reading() as session:
        return list(session.scalars(select(Notice).order_by(Notice.id)))


def test_nothing_is_told_where_nothing_is_wrong(scene: Scene) -> None:
    scene.go_on(scene.all_well, minutes=10)
    assert told(scene) == []


def test_a_failed_run_is_told_once_and_ends_with_the_next_that_succeeds(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED, reason="The disk is full.")
    scene.go_on(scene.all_well, minutes=5)
    assert told(scene) == ["began run_failed"]
    assert notices(scene)[0].sentence == "Run 1 failed. The disk is full."
    scene.run(RunOutcome.STOPPED)
    scene.run(RunOutcome.SUCCEEDED, kind=RunKind.DRY_RUN)
    scene.go_on(scene.all_well, minutes=6)
    assert told(scene) == ["began run_failed"]
    scene.run(RunOutcome.SUCCEEDED)
    scene.go_on(scene.all_well, minutes=5)
    assert told(scene) == ["began run_failed", "ended run_failed"]
    assert solved(notices(scene)[0]) == "solved after 12 minutes"


def test_a_window_whose_zone_is_lost_is_told_until_its_zone_is_known(scene: Scene) -> None:
    window_id = a_window(scene.records.writing, scene.clock(), zone="UTC")
    scene.go_on(scene.all_well, minutes=2)
    assert told(scene) == []
    for zone, expected in (("Mars/Base", ["began window_without_zone"]), ("UTC", ["ended window_without_zone"])):
        with scene.records.writing() as session:
            session.get_one(Window, window_id).zone = zone
        scene.go_on(scene.all_well, minutes=2)
        assert told(scene)[-1:] == expected
    (notice,) = notices(scene)
    assert notice.subject == str(window_id)
    assert "the time zone Mars/Base is not known" in notice.sentence
    assert path_of(notice.kind, notice.subject) == f"/maintenance/windows/{window_id}"


def test_a_second_run_that_fails_is_told_as_well_and_both_end_together(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED)
    scene.look()
    scene.run(RunOutcome.INTERRUPTED)
    scene.look()
    assert [each.subject for each in notices(scene)] == ["1", "2"]
    scene.run(RunOutcome.SUCCEEDED)
    scene.look()
    assert told(scene) == ["began run_failed"] * 2 + ["ended run_failed"] * 2


def test_a_run_that_failed_long_ago_is_no_news(scene: Scene) -> None:
    scene.run(RunOutcome.FAILED)
    scene.clock.advance(days=30)
    scene.all_well()
    scene.look()
    assert told(scene) == []


def test_a_registry_is_unreachable_after_five_minutes_of_it(scene: Scene) -> None:
    def away() -> None:
        scene.mode(RegistryMode.UNREACHABLE, REFUSED)
        scene.synced()

    scene.go_on(away, minutes=5)
    assert told(scene) == []
    scene.go_on(away, minutes=7)
    assert told(scene) == ["began registry_unreachable"]
    assert notices(scene)[0].sentence == REFUSED
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began registry_unreachable", "ended registry_unreachable"]
    assert solved(notices(scene)[0]) == "solved after 12 minutes"


def test_a_registry_that_comes_and_goes_is_not_unreachable(scene: Scene) -> None:
    for _time in range(5):
        scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=4)
        scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == []


def test_what_nobody_has_asked_lately_is_not_called_unreachable(scene: Scene) -> None:
    scene.mode(RegistryMode.UNREACHABLE, REFUSED)
    scene.go_on(scene.synced, minutes=30)
    assert told(scene) == []


def test_a_holystone_that_was_down_does_not_call_the_registry_unreachable_at_its_start(scene: Scene) -> None:
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=2)
    scene.clock.advance(hours=3)
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=4)
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == []
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=6)
    assert told(scene) == ["began registry_unreachable"]


def test_what_began_before_a_break_is_told_since_somebody_looks_again(scene: Scene) -> None:
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=2)
    scene.clock.advance(hours=3)
    again = scene.clock()
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=6)
    assert notices(scene)[0].began_at > again


@pytest.mark.parametrize("jump", [{"days": 2}, {"days": -2}])
def test_a_clock_that_is_set_makes_nothing_unreachable(scene: Scene, jump: dict[str, float]) -> None:
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=1)
    scene.clock.advance(**jump)
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=3)
    assert told(scene) == []


def test_a_registry_that_a_run_has_stopped_is_not_called_unreachable(scene: Scene) -> None:
    run = scene.run(None)
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=20)
    assert told(scene) == []
    scene.end_run(run, RunOutcome.STOPPED)
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=6)
    assert told(scene) == ["began registry_unreachable"]


def test_a_hold_that_stopped_the_registry_is_why_it_is_away_until_its_end(scene: Scene) -> None:
    scene.hold(Strategy.STOP)
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=60)
    assert told(scene) == []
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=12)
    assert told(scene) == ["began registry_unreachable"]


def test_a_hold_whose_keeper_is_gone_is_no_reason_to_be_away(scene: Scene) -> None:
    def away() -> None:
        scene.mode(RegistryMode.UNREACHABLE, REFUSED)
        scene.keeper(KeeperReadiness.MISSING, "No keeper lives in this folder.")

    scene.hold(Strategy.STOP)
    scene.go_on(away, minutes=6)
    assert told(scene) == ["began keeper_silent", "began registry_unreachable"]


def test_nor_is_one_during_which_pulls_work(scene: Scene) -> None:
    scene.hold(Strategy.READ_ONLY)
    scene.go_on(lambda: scene.mode(RegistryMode.UNREACHABLE, REFUSED), minutes=6)
    assert told(scene) == ["began registry_unreachable"]


def test_read_only_is_foretold_by_a_run_and_told_when_it_lasts_longer(scene: Scene) -> None:
    run = scene.run(None)
    until = scene.clock() + timedelta(minutes=10)

    def busy() -> None:
        scene.mode(RegistryMode.READ_ONLY, "Space is being freed.", until)
        scene.synced()

    scene.go_on(busy, minutes=15)
    assert told(scene) == []
    scene.go_on(busy, minutes=5)
    assert told(scene) == ["began read_only_too_long"]
    assert notices(scene)[0].began_at == until
    scene.end_run(run, RunOutcome.SUCCEEDED)
    scene.go_on(scene.all_well, minutes=5)
    assert told(scene) == ["began read_only_too_long", "ended read_only_too_long"]


def test_read_only_without_a_run_or_a_hold_is_told(scene: Scene) -> None:
    hold = scene.hold()
    scene.go_on(lambda: scene.mode(RegistryMode.READ_ONLY), minutes=10)
    assert told(scene) == []
    scene.end_of_hold(hold, RunOutcome.SUCCEEDED)
    scene.go_on(lambda: scene.mode(RegistryMode.READ_ONLY), minutes=1)
    assert told(scene) == []
    scene.go_on(lambda: scene.mode(RegistryMode.READ_ONLY), minutes=2)
    assert told(scene) == ["began read_only_unexplained"]
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began read_only_unexplained", "ended read_only_unexplained"]


def test_a_hold_that_ends_before_its_time_is_told_once_and_ends_when_another_is_held(scene: Scene) -> None:
    hold = scene.hold()
    scene.go_on(scene.all_well, minutes=12)
    scene.end_of_hold(hold, RunOutcome.INTERRUPTED, "The keeper, or its machine, was restarted.")
    scene.go_on(scene.all_well, hours=3)
    assert told(scene) == ["began hold_broken"]
    (notice,) = notices(scene)
    began = notice.began_at
    assert notice.sentence == (
        f"The hold by alice (backup) did not last until {began + timedelta(minutes=48):%H:%M} UTC: it had ended by "
        f"{began:%H:%M} UTC. The keeper, or its machine, was restarted. What was copied meanwhile may not be whole: "
        "copy it again."
    )
    assert (notice.subject, path_of(notice.kind, notice.subject)) == (str(hold), "/maintenance")
    scene.hold()
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began hold_broken", "ended hold_broken"]


def test_a_hold_that_broke_is_told_for_a_day_and_not_at_all_when_that_is_past(scene: Scene) -> None:
    hold = scene.hold()
    scene.end_of_hold(hold, RunOutcome.FAILED, "Somebody else has started a registry.")
    scene.go_on(scene.all_well, hours=24)
    assert told(scene) == ["began hold_broken"]
    scene.go_on(scene.all_well, hours=2)
    assert told(scene) == ["began hold_broken", "ended hold_broken"]
    old = scene.hold()
    scene.end_of_hold(old, RunOutcome.INTERRUPTED)
    scene.clock.advance(days=2)
    scene.go_on(scene.all_well, minutes=2)
    assert told(scene) == ["began hold_broken", "ended hold_broken"]


@pytest.mark.parametrize(
    ("outcome", "stopped_by"),
    [(RunOutcome.SUCCEEDED, ""), (RunOutcome.STOPPED, "bob"), (RunOutcome.FAILED, "bob")],
)
def test_a_hold_that_ended_as_it_was_meant_to_is_not_told(scene: Scene, outcome: RunOutcome, stopped_by: str) -> None:
    hold = scene.hold()
    scene.end_of_hold(hold, outcome, stopped_by=stopped_by)
    scene.go_on(scene.all_well, minutes=5)
    assert told(scene) == []


def test_a_hold_that_was_never_proved_is_not_told_as_broken(scene: Scene) -> None:
    hold = scene.hold(held_at=None)
    scene.end_of_hold(hold, RunOutcome.FAILED, "Writes were not refused.")
    scene.go_on(scene.all_well, minutes=5)
    assert told(scene) == []


def test_a_registry_that_stays_read_only_after_a_hold_is_told_once_until_it_takes_writes(scene: Scene) -> None:
    hold = scene.hold()
    until = scene.clock() + timedelta(hours=1)

    def held() -> None:
        scene.mode(RegistryMode.READ_ONLY, "It is held read-only by alice: backup.", until)
        scene.synced()

    def still_read_only() -> None:
        scene.mode(RegistryMode.READ_ONLY, "The keeper does not answer.")
        scene.synced()

    scene.go_on(held, minutes=60)
    scene.go_on(still_read_only, minutes=2)
    scene.end_of_hold(hold, RunOutcome.FAILED, "The keeper does not answer.")
    scene.go_on(still_read_only, minutes=3)
    assert told(scene) == []
    scene.go_on(still_read_only, minutes=5)
    assert told(scene) == ["began read_only_too_long"]
    (notice,) = notices(scene)
    assert notice.sentence.startswith(f"The hold by alice (backup) was to end by {until:%d %b %Y, %H:%M} UTC, and ")
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began read_only_too_long", "ended read_only_too_long"]


def test_what_was_told_as_unexplained_is_not_called_solved_because_its_time_is_over(scene: Scene) -> None:
    hold = scene.hold()
    until = scene.clock() + timedelta(hours=1)
    scene.mode(RegistryMode.READ_ONLY, "It is held read-only by alice: backup.", until)
    scene.end_of_hold(hold, RunOutcome.FAILED, "The keeper does not answer.", stopped_by="bob")

    def still_read_only() -> None:
        scene.mode(RegistryMode.READ_ONLY, "The keeper has not come to the end of its last order.")
        scene.synced()

    scene.go_on(still_read_only, minutes=10)
    assert told(scene) == ["began read_only_unexplained"]
    assert notices(scene)[0].sentence.startswith("The keeper has not come to the end of its last order. Nothing can be")
    scene.go_on(still_read_only, minutes=70)
    assert "ended read_only_unexplained" not in told(scene)
    scene.go_on(scene.all_well, minutes=1)
    assert "ended read_only_unexplained" in told(scene)


@pytest.mark.parametrize("readiness", [KeeperReadiness.MISSING, KeeperReadiness.REFUSED])
def test_a_silent_keeper_is_told_after_two_minutes(scene: Scene, readiness: KeeperReadiness) -> None:
    scene.go_on(lambda: scene.keeper(readiness, "No keeper lives in this folder."), minutes=1)
    scene.go_on(scene.all_well, minutes=1)
    scene.go_on(lambda: scene.keeper(readiness, "No keeper lives in this folder."), minutes=2)
    assert told(scene) == []
    scene.go_on(lambda: scene.keeper(readiness, "No keeper lives in this folder."), minutes=1)
    assert told(scene) == ["began keeper_silent"]
    scene.go_on(lambda: scene.keeper(KeeperReadiness.BUSY), minutes=1)
    assert told(scene) == ["began keeper_silent", "ended keeper_silent"]


def test_without_a_keeper_none_is_missed(scene: Scene) -> None:
    scene.keeper(KeeperReadiness.MISSING)
    with scene.records.reading() as session:
        around = Around(scene.clock(), scene.clock(), has_keeper=False, sync_interval_s=300)
        assert conditions(session, around) == []


def test_nothing_synced_for_an_hour_is_told_and_ends_with_a_sync(scene: Scene) -> None:
    scene.go_on(minutes=59)
    assert told(scene) == []
    scene.go_on(minutes=2)
    assert told(scene) == ["began not_synced"]
    scene.synced()
    scene.look()
    assert told(scene) == ["began not_synced", "ended not_synced"]


def test_a_holystone_that_was_down_has_an_hour_to_sync(scene: Scene) -> None:
    scene.clock.advance(days=3)
    scene.go_on(minutes=59)
    assert told(scene) == []


def test_a_longer_interval_of_syncs_is_waited_for(scene: Scene) -> None:
    with scene.records.writing() as session:
        registry_state(session).sync_complete_at = scene.clock() - timedelta(hours=5)
    with scene.records.reading() as session:
        for interval_s, expected in ((7200, []), (300, [NoticeKind.NOT_SYNCED])):
            around = Around(scene.clock(), scene.clock() - timedelta(hours=4), False, interval_s)
            found = conditions(session, around)
            assert [each.kind for each in found if each.begins] == expected


def test_a_disk_is_nearly_full_until_it_has_a_quarter_more() -> None:
    def of(free_bytes: int | None) -> list[bool]:
        return [each.begins for each in full_disks([Disk("store", free_bytes, 100 * GB)])]

    assert of(6_300_000_000) == []
    assert of(5_100_000_000) == [False]
    assert of(4_900_000_000) == [True]
    assert of(None) == [False]


@pytest.mark.parametrize(
    ("total", "least"), [(4000 * GB, 50 * GB), (100 * GB, 5 * GB), (15 * GB, GB), (5 * GB, GB // 2), (0, 0)]
)
def test_how_much_is_nearly_full_depends_on_the_disk(total: int, least: int) -> None:
    assert Disk("store", 0, total).least_bytes == least


def test_two_folders_on_one_disk_are_one_and_one_that_is_gone_is_not_known(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    one, gone = look_at_disks({"store": folder, "records": folder, "other": folder / "none"})
    assert one.name == "store"
    assert one.holds == "the registry's storage and of Holystone's records"
    assert (one.free_bytes or 0) > 0
    assert gone == Disk("other", None)


MISSED = (OccurrenceState.MISSED, OccurrenceState.DOES_NOT_FIT, OccurrenceState.NOT_READY, OccurrenceState.PUSHES)


@pytest.mark.parametrize("state", MISSED)
def test_a_missed_window_is_told_and_ends_when_it_goes_well(scene: Scene, state: OccurrenceState) -> None:
    window = scene.window()
    scene.occurrence(window, state, "Holystone was down.")
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began window_missed"]
    assert notices(scene)[0].sentence == "Nightly, 12 Mar 2026, 09:00 UTC: Holystone was down."
    assert notices(scene)[0].subject == f"{window}/2026-03-12T09:00Z"
    scene.occurrence(window, OccurrenceState.SKIPPED)
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began window_missed"]
    scene.occurrence(window, OccurrenceState.RUN, run=scene.run(RunOutcome.SUCCEEDED))
    scene.go_on(scene.all_well, minutes=1)
    assert told(scene) == ["began window_missed", "ended window_missed"]


@pytest.mark.parametrize(
    "state", [each for each in OccurrenceState if each not in MISSED and each != OccurrenceState.RUN] + [None]
)
def test_a_window_that_went_as_meant_is_not_told(scene: Scene, state: OccurrenceState | None) -> None:
    scene.occurrence(scene.window(), state)
    scene.look()
    assert told(scene) == []


def test_a_run_of_a_window_that_asks_a_question_is_a_missed_window(scene: Scene) -> None:
    run = scene.run(RunOutcome.SKIPPED, reason="12 of the 60 tags are gone.")
    scene.occurrence(scene.window(), OccurrenceState.RUN, run=run)
    scene.look()
    assert told(scene) == ["began window_missed"]
    assert "12 of the 60 tags are gone." in notices(scene)[0].sentence


def test_a_run_of_a_window_that_failed_is_told_as_a_run(scene: Scene) -> None:
    scene.occurrence(scene.window(), OccurrenceState.RUN, run=scene.run(RunOutcome.FAILED))
    scene.look()
    assert told(scene) == ["began run_failed"]


def test_three_windows_missed_at_once_are_told_once_and_a_later_one_again(scene: Scene) -> None:
    window = scene.window()
    for _day in range(3):
        scene.occurrence(window, OccurrenceState.MISSED)
        scene.clock.advance(hours=1)
    scene.all_well()
    scene.look()
    assert told(scene) == ["began window_missed"]
    scene.occurrence(window, OccurrenceState.NOT_READY)
    scene.look()
    assert told(scene) == ["began window_missed"] * 2


def test_a_window_that_is_not_meant_any_more_is_not_missed(scene: Scene) -> None:
    window = scene.window()
    scene.occurrence(window, OccurrenceState.MISSED)
    scene.look()
    with scene.records.writing() as session:
        session.get_one(Window, window).ended_at = scene.clock()
    scene.look()
    assert told(scene) == ["began window_missed", "ended window_missed"]
