"""/maintenance/windows: the form, what a window's page says, its buttons, and the banner a day ahead."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.maintenance.house import utc_now
from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of, wait_for
from tests.records import Clock
from tests.runtime.keeper_process import KeeperProcess
from tests.windows.plans import a_window, occurrences, window_of
from webapp.activities.models import Activity, ActivityKind
from webapp.maintenance.listing import last_run
from webapp.maintenance.models import KeeperReadiness, KeeperSeen, Run, RunKind, RunOutcome
from webapp.windows.models import Occurrence, OccurrenceState, Window

NEW = "/maintenance/windows/new"
IT = "/maintenance/windows/1"
FIELDS: dict[str, Any] = {
    "name": "Weekend",
    "weekdays": ["5", "6"],
    "starts": "02:30",
    "zone": "Europe/Berlin",
    "longest": "90",
    "least": "1.5",
    "strategy": "stop",
}


@pytest.fixture
def app(shown_app: Flask, clock: Clock) -> Flask:
    """Windows are shown from the records alone, by a clock that stands at 12 March 2026, 09:00 UTC."""
    shown_app.extensions["holystone"] = replace(parts_of(shown_app), now=clock)
    return shown_app


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nightly(app: Flask, clock: Clock) -> int:
    return a_window(parts_of(app).writing, clock())


def test_a_window_is_made_from_what_was_typed(app: Flask, alice: Visitor) -> None:
    answer = alice.post(NEW, **FIELDS)
    assert (answer.status_code, answer.location) == (303, IT)
    window = window_of(parts_of(app).reading, 1)
    assert (window.name, window.weekdays, window.starts, window.zone) == ("Weekend", "5,6", "02:30", "Europe/Berlin")
    assert (window.longest_s, window.least_bytes, window.strategy) == (5400, 1_500_000_000, "stop")
    text = text_of(alice.get(IT))
    assert "Saturday and Sunday at 02:30 Europe/Berlin, for at most 1 hour 30 minutes" in text
    assert "only if at least 1.50 GB would come back" in text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Write a name of at most 60 characters."),
        ("name", "x" * 61, "Write a name of at most 60 characters."),
        ("weekdays", [], "Choose at least one day."),
        ("weekdays", ["7", "²", ""], "Choose at least one day."),
        ("starts", "25:00", "Write a time such as 03:00."),
        ("starts", "", "Write a time such as 03:00."),
        ("zone", "Europe/Atlantis", "There is no time zone “Europe/Atlantis”."),
        ("zone", "", "There is no time zone “”."),
        ("longest", "0", "Write whole minutes"),
        ("longest", "1e9", "Write whole minutes"),
        ("longest", "NaN", "Write whole minutes"),
        ("least", "-1", "Write a number of GB"),
        ("least", "much", "Write a number of GB"),
        ("strategy", "hope", "Choose one of these."),
    ],
)
def test_what_cannot_be_meant_is_said_beside_its_field_and_the_rest_stays(
    app: Flask, alice: Visitor, field: str, value: Any, sentence: str
) -> None:
    answer = alice.post(NEW, **{**FIELDS, field: value})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert f'href="#{field}"' in page
    assert f'id="{field}"' in page
    kept = {name: given for name, given in FIELDS.items() if name != field and isinstance(given, str)}
    for name, given in kept.items():
        assert f'value="{given}"' in page, name
    assert parts_of(app).reading is not None
    with parts_of(app).reading() as session:
        assert session.scalars(select(Window)).all() == []


def test_a_window_is_changed_and_its_form_shows_what_it_is(app: Flask, alice: Visitor, nightly: int) -> None:
    page = alice.get(f"{IT}/change").get_data(as_text=True)
    assert len(re.findall(r'name="weekdays" value="\d" checked', page)) == 7
    assert 'value="Nightly"' in page
    assert alice.post(f"{IT}/change", **FIELDS).location == IT
    assert window_of(parts_of(app).reading, 1).name == "Weekend"
    assert "There is no time zone" in text_of(alice.post(f"{IT}/change", **{**FIELDS, "zone": "x"}))


def test_the_page_says_the_next_three_in_words_and_local_time(bob: Visitor, nightly: int) -> None:
    text = text_of(bob.get(IT))
    assert "Friday 13 Mar, 03:00 Europe/Berlin (02:00 UTC), for at most 1 hour" in text
    assert "Saturday 14 Mar, 03:00" in text
    assert "Sunday 15 Mar, 03:00" in text
    assert "Monday 16 Mar" not in text
    assert (
        "<form"
        not in re.sub(r"(?s)<header.*?</header>", "", bob.get(IT).get_data(as_text=True))
        .split("<main")[1]
        .partition("</main>")[0]
    )


def test_the_page_says_what_daylight_saving_does(app: Flask, bob: Visitor, clock: Clock) -> None:
    a_window(parts_of(app).writing, clock(), starts=time(2, 30))
    clock.at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert "there is no 02:30, so it begins at 03:00." in text_of(Visitor(app).sign_in("alice").get(IT))
    clock.at = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert "shows 02:30 twice: it begins at the first." in text_of(Visitor(app).sign_in("alice").get(IT))


def test_the_next_one_is_skipped_and_taken_back(app: Flask, alice: Visitor, nightly: int) -> None:
    alice.post(f"{IT}/skip")
    page = alice.get(IT)
    assert "Friday 13 Mar, 03:00 Europe/Berlin (02:00 UTC), for at most 1 hour skipped" in text_of(page)
    assert "Monday 16 Mar" in text_of(page)
    (begins,) = re.findall(r'name="begins" value="([^"]+)"', page.get_data(as_text=True))
    alice.post(f"{IT}/take-back", begins=begins)
    assert "skipped" not in text_of(alice.get(IT)).replace("is not skipped any more", "")
    assert occurrences(parts_of(app).reading) == []
    alice.post(f"{IT}/take-back", begins=begins)
    assert "Its time has come already." in text_of(alice.get(IT))
    assert alice.post(f"{IT}/take-back", begins="soon").status_code == 404


def test_it_rests_until_a_day_and_can_be_resumed(app: Flask, alice: Visitor, nightly: int) -> None:
    assert alice.post(f"{IT}/pause", until="2026-03-20").status_code == 303
    text = text_of(alice.get(IT))
    assert "Paused until Friday 20 Mar, 00:00 Europe/Berlin" in text
    assert "Friday 20 Mar, 03:00 Europe/Berlin (02:00 UTC), for at most 1 hour" in text
    assert "Friday 13 Mar" not in text
    assert "paused, then Friday 20 Mar" in text_of(alice.get("/maintenance"))
    alice.post(f"{IT}/resume")
    assert "Friday 13 Mar" in text_of(alice.get(IT))


@pytest.mark.parametrize("until", ["", "soon", "2026-03-12", "2020-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_meant_is_said_beside_the_field(alice: Visitor, nightly: int, until: str) -> None:
    answer = alice.post(f"{IT}/pause", until=until)
    assert answer.status_code == 422
    assert "Write a date" in text_of(answer)
    assert f'type="date" value="{until}"' in answer.get_data(as_text=True)


def test_a_window_is_deleted_after_a_question_and_stays_to_be_read(app: Flask, alice: Visitor, nightly: int) -> None:
    assert "Delete the window Nightly?" in text_of(alice.get(f"{IT}/delete", htmx=True))
    assert alice.post(f"{IT}/delete").location == "/maintenance"
    assert "No window yet." in text_of(alice.get("/maintenance"))
    text = text_of(alice.get(IT))
    assert "This window was deleted" in text
    assert "Skip the next one" not in text
    for path in ("skip", "pause", "resume", "take-back", "run", "delete", "change"):
        assert alice.post(f"{IT}/{path}", begins="2026-03-13T02:00:00+00:00").status_code == 404


def test_each_change_is_an_activity_that_names_the_window(app: Flask, alice: Visitor) -> None:
    alice.post(NEW, **FIELDS)
    alice.post(f"{IT}/change", **{**FIELDS, "longest": "30"})
    alice.post(f"{IT}/pause", until="2026-03-20")
    alice.post(f"{IT}/resume")
    alice.post(f"{IT}/skip")
    alice.post(f"{IT}/delete")
    with parts_of(app).reading() as session:
        found = session.scalars(select(Activity).where(Activity.kind.like("window_%")).order_by(Activity.id)).all()
    assert [each.kind for each in found] == [
        ActivityKind.WINDOW_MADE, ActivityKind.WINDOW_CHANGED, ActivityKind.WINDOW_PAUSED,
        ActivityKind.WINDOW_RESUMED, ActivityKind.WINDOW_SKIPPED, ActivityKind.WINDOW_DELETED,
    ]  # fmt: skip
    assert {each.actor for each in found} == {"alice"}
    text = text_of(alice.get("/activities"))
    assert "alice made the window “Weekend”" in text
    assert "alice deleted the window “Weekend”" in text
    assert "Weekend: Saturday and Sunday at 02:30 Europe/Berlin, for at most 30 minutes" in text


def test_windows_that_overlap_are_named_on_each_others_page(app: Flask, alice: Visitor, nightly: int) -> None:
    other = a_window(parts_of(app).writing, parts_of(app).now(), name="Weekend", starts=time(3, 30))
    apart = a_window(parts_of(app).writing, parts_of(app).now(), name="Noon", starts=time(12))
    assert "It overlaps with Weekend ." in text_of(alice.get(IT))
    assert "It overlaps with Nightly ." in text_of(alice.get(f"/maintenance/windows/{other}"))
    assert "overlaps" not in text_of(alice.get(f"/maintenance/windows/{apart}"))


def test_what_became_of_it_is_listed_by_pages_and_leads_to_its_runs(app: Flask, alice: Visitor, nightly: int) -> None:
    now = parts_of(app).now()
    with parts_of(app).writing() as session:
        run = Run(
            kind=RunKind.COLLECT, actor="window: Nightly", place="window", activity_id=1, token="t", fencing_token=1,
            started_at=now, finished_at=now, outcome=RunOutcome.SUCCEEDED, bytes_freed=48_200_000, seconds_without_push=8.4,
        )  # fmt: skip
        session.add(run)
        session.flush()
        for day in range(1, 70):
            has_run = day == 1
            session.add(
                Occurrence(
                    window_id=1, planned_at=now - timedelta(days=day), noted_at=now,
                    state=OccurrenceState.RUN if has_run else OccurrenceState.MISSED,
                    sentence="" if has_run else f"Why on day {day}.", run_id=run.id if has_run else None,
                )
            )  # fmt: skip
    first = alice.get(IT)
    assert "succeeded 48.2 MB" in text_of(first)
    assert "/maintenance/runs/1" in first.get_data(as_text=True)
    of_the_run = alice.get("/maintenance/runs/1")
    assert f'by the window <a href="{IT}">Nightly</a>' in of_the_run.get_data(as_text=True)
    assert "planned for Wednesday 11 Mar, 10:00 Europe/Berlin (09:00 UTC)" in text_of(of_the_run)
    seen, page = [], first
    for _ in range(3):
        seen += re.findall(r"Why on day (\d+)\.", text_of(page))
        following = re.search(r'href="([^"]+)" rel="next"', page.get_data(as_text=True))
        page = alice.get(following[1].replace("&amp;", "&")) if following else page
    assert seen == [str(day) for day in range(2, 70)]
    assert alice.get(f"{IT}?before=nonsense").status_code == 200


def test_a_zone_that_this_machine_has_lost_is_said_and_breaks_no_page(app: Flask, alice: Visitor, nightly: int) -> None:
    with parts_of(app).writing() as session:
        session.execute(text("UPDATE windows SET zone = 'Mars/Base'"))
    for path in (IT, "/maintenance"):
        answer = alice.get(path)
        assert answer.status_code == 200
        assert "There is no time zone “Mars/Base”." in text_of(answer)
    status = text_of(alice.get("/status"))
    assert "The time zones of the windows broken Window “Nightly”: the time zone Mars/Base is not known" in status
    assert alice.post(f"{IT}/skip").status_code == 409
    assert alice.post(f"{IT}/pause", until="2026-03-20").status_code == 409
    assert alice.get(f"{IT}/change").status_code == 200


def see_keeper(app: Flask, readiness: KeeperReadiness = KeeperReadiness.READY) -> None:
    with parts_of(app).writing() as session:
        session.merge(KeeperSeen(id=1, readiness=readiness, sentence="So it is.", seen_at=parts_of(app).now()))


def add_run(app: Flask, seconds: float) -> None:
    now = parts_of(app).now()
    with parts_of(app).writing() as session:
        session.add(
            Run(
                kind=RunKind.COLLECT, actor="alice", place="", activity_id=1, token="t", fencing_token=1, started_at=now,
                finished_at=now, outcome=RunOutcome.SUCCEEDED, dry_run_s=1.0, seconds_without_push=seconds,
            )
        )  # fmt: skip


@pytest.mark.parametrize(
    ("starts", "now", "words"),
    [
        (time(3), datetime(2026, 3, 14, 9, tzinfo=UTC), "tonight at about 03:00 (Europe/Berlin)"),
        (time(23), datetime(2026, 3, 14, 9, tzinfo=UTC), "tonight at about 23:00 (Europe/Berlin)"),
        (time(3), datetime(2026, 3, 14, 1, tzinfo=UTC), "tonight at about 03:00 (Europe/Berlin)"),
        (time(15), datetime(2026, 3, 14, 9, tzinfo=UTC), "today at about 15:00 (Europe/Berlin)"),
        (time(9), datetime(2026, 3, 14, 9, tzinfo=UTC), "tomorrow at about 09:00 (Europe/Berlin)"),
        (time(3), datetime(2026, 3, 14, 3, tzinfo=UTC), "tomorrow at about 03:00 (Europe/Berlin)"),
    ],
)
def test_who_signs_in_is_told_a_day_ahead(app: Flask, clock: Clock, starts: time, now: datetime, words: str) -> None:
    clock.at = now
    see_keeper(app)
    add_run(app, 118.0)
    a_window(parts_of(app).writing, clock(), starts=starts)
    visitor = Visitor(app).sign_in("bob")
    assert f"Pushes pause {words} for about 2 minutes." in text_of(visitor.get("/repositories"))


def test_in_utc_the_banner_names_no_zone_and_without_a_past_it_says_how_long_at_most(
    app: Flask, bob: Visitor, clock: Clock
) -> None:
    see_keeper(app)
    a_window(parts_of(app).writing, clock(), zone="UTC", least_bytes=1)
    assert "Pushes may pause tonight at about 03:00 for at most 1 hour." in text_of(bob.get("/repositories"))


def test_nobody_is_told_of_what_will_not_take_place(app: Flask, alice: Visitor, clock: Clock, nightly: int) -> None:
    def is_told() -> bool:
        return "Pushes pause" in text_of(alice.get("/repositories"))

    assert not is_told()  # nothing can restart the registry
    see_keeper(app)
    assert is_told()
    alice.post(f"{IT}/skip")
    assert not is_told()
    with parts_of(app).writing() as session:
        session.execute(text("DELETE FROM occurrences"))
    assert is_told()
    alice.post(f"{IT}/pause", until="2026-03-20")
    assert not is_told()
    alice.post(f"{IT}/resume")
    see_keeper(app, KeeperReadiness.MISSING)
    assert not is_told()


def test_a_stranger_is_not_told(make_app: MakeApp, synced_template: Path) -> None:
    app = make_app(template=synced_template, ANONYMOUS_VIEW="true")
    see_keeper(app)
    a_window(parts_of(app).writing, utc_now())
    assert "Pushes pause" in text_of(Visitor(app).sign_in("bob").get("/repositories"))
    assert "Pushes pause" not in text_of(Visitor(app).get("/repositories"))


@pytest.fixture
def kept_app(make_app: MakeApp, synced_template: Path, tmp_path: Path, fleet_store: Path) -> Iterator[Flask]:
    """The application in front of a registry behind its keeper."""
    home = tmp_path / "keeper"
    shutil.copytree(fleet_store, home / "store")
    with KeeperProcess(home) as keeper:
        folders = {"KEEPER_FOLDER": keeper.folder, "REGISTRY_STORE": keeper.store, "REGISTRY_CONFIG": keeper.config}
        yield make_app(keeper.url, synced_template, **{name: str(each) for name, each in folders.items()})


def test_run_it_now_is_a_run_of_the_person_with_the_windows_settings(kept_app: Flask) -> None:
    alice = Visitor(kept_app).sign_in("alice")
    a_window(parts_of(kept_app).writing, utc_now(), least_bytes=10**12, strategy="stop")
    dialog = alice.get(f"{IT}/run", htmx=True)
    assert "Run Nightly now?" in text_of(dialog)
    assert "only if at least 1.00 TB would come back" in text_of(dialog)
    its_page = alice.post(f"{IT}/run").location
    wait_for(lambda: "and the window asks for at least 1,000,000,000,000." in text_of(alice.get(its_page)))
    with parts_of(kept_app).reading() as session:
        run = last_run(session)
    assert run is not None
    assert (run.actor, run.strategy, run.outcome) == ("alice", "stop", RunOutcome.SKIPPED)
    assert run.ends_by is not None
    assert timedelta(minutes=59) < run.ends_by - run.started_at <= timedelta(hours=1)
    assert occurrences(parts_of(kept_app).reading) == []


def test_without_a_keeper_it_cannot_be_run_now(alice: Visitor, nightly: int) -> None:
    assert "no keeper is set" in text_of(alice.get(f"{IT}/run", htmx=True))
    assert alice.post(f"{IT}/run").status_code == 409
