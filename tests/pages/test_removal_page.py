"""The page of a removal: how far it is, how to stop it, how it ended, what is offered for what is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.pages.conftest import MakeApp, Visitor, fields_of, parts_of, text_of
from webapp.activities.models import ActivityKind, Outcome
from webapp.activities.record import record
from webapp.leases import Lease
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.maintenance.records import begin_run
from webapp.removal.models import Removal, RemovalState, RemovalStep, RemovedTag, StepKind, StepState
from webapp.removal.wanted import Wanted

PAGE = "/removals/1"
GONE, FAILED, KEPT, LEFT = StepState.DELETED, StepState.FAILED, StepState.KEPT, StepState.INTENDED
Write = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Removals are shown from the records."""
    return make_app()


@pytest.fixture
def write(app: Flask) -> Write:
    """Write down a removal of tags, each with its state; one on a digest that stays goes by itself."""

    def write_down(
        tags: dict[str, StepState], state: RemovalState = RemovalState.OPEN, alone: bool = False, **more: Any
    ) -> None:
        parts = parts_of(app)
        wanted = more.pop("wanted", Wanted("team/api", tuple(tags)))
        in_full, steps = more.pop("in_full", wanted.as_json()), more.pop("steps", [])
        with parts.writing() as session:
            row = {"started_at": parts.now() - timedelta(seconds=10), "actor": "alice", "place": "", "fencing_token": 1}
            name = None if wanted.whole_image else ", ".join((*wanted.tags, *wanted.digests))
            named = {"tag": name, "fingerprint": "", "request_key": "x", "bytes_freed": 1_000}
            given = {"repository": "team/api", "state": state, "wanted": in_full, **named, **row, **more}
            session.add(Removal(id=1, **given))
            session.flush()
            for position, (tag, ended) in enumerate(tags.items()):
                digest = f"sha256:{position:064x}"
                activity = record(
                    session, at=parts.now(), actor="alice", kind=ActivityKind.TAG_DELETED, outcome=Outcome.UNKNOWN,
                    repository="team/api", tag=tag, removal_id=1,
                )  # fmt: skip
                reason = "The registry answered 500." if ended == FAILED else ""
                session.add(
                    RemovedTag(
                        removal_id=1, name=tag, digest=digest, activity_id=activity.id, state=ended, reason=reason
                    )
                )
                if not alone:
                    session.add(RemovalStep(removal_id=1, position=position, digest=digest, state=ended, reason=reason))
            for position, step in enumerate(steps, len(tags)):
                session.add(RemovalStep(removal_id=1, position=position, **step))

    return write_down


@pytest.fixture
def page(app: Flask) -> Callable[[], str]:
    """The page as alice reads it."""
    alice = Visitor(app).sign_in("alice")
    return lambda: text_of(alice.get(PAGE))


def test_progress_counts_manifests_with_their_tags_once(write: Write, page: Callable[[], str]) -> None:
    write({"a": GONE, "b": FAILED, "c": LEFT, "d": LEFT})
    text = page()
    assert "Delete 4 tags of team/api" in text
    assert "2 of 4, 1 failed. About 10 s left." in text
    assert "1 failed" in text
    assert "1 deleted" not in text


def test_progress_counts_tags_that_go_by_themselves(write: Write, page: Callable[[], str]) -> None:
    write({"a": GONE, "b": LEFT, "c": LEFT}, alone=True, steps=[{"digest": "sha256:ff", "state": LEFT}])
    assert "1 of 4. About 30 s left." in page()


def test_a_pause_says_why_and_until_when(write: Write, page: Callable[[], str]) -> None:
    write({"a": GONE, "b": LEFT}, pause="The registry is read-only. The removal goes on when it takes writes again.")
    text = page()
    assert "The registry is read-only. The removal goes on when it takes writes again." in text
    assert "1 of 2." in text
    assert "left." not in text


def test_stop_is_asked_for_once_and_shown_until_the_removal_has_ended(app: Flask, write: Write) -> None:
    write({"a": GONE, "b": LEFT})
    alice, bob = Visitor(app).sign_in("alice"), Visitor(app).sign_in("bob")
    assert "Stop</button>" in alice.get(PAGE).get_data(as_text=True)
    assert "Stop</button>" not in bob.get(PAGE).get_data(as_text=True)
    assert bob.post(f"{PAGE}/stop").status_code == 403
    assert alice.post(f"{PAGE}/stop").location == PAGE
    page = alice.get(PAGE)
    assert "Stopping…" in text_of(page)
    assert "left." not in text_of(page)
    assert "Stop</button>" not in page.get_data(as_text=True)
    with parts_of(app).reading() as session:
        assert session.get_one(Removal, 1).stopped_by == "alice"
    assert alice.post("/removals/2/stop").status_code == 404


def test_a_removal_that_has_ended_is_not_stopped(app: Flask, write: Write) -> None:
    write({"a": GONE}, RemovalState.DONE)
    alice = Visitor(app).sign_in("alice")
    alice.post(f"{PAGE}/stop")
    assert "Stop" not in text_of(alice.get(PAGE)).replace("Stopped", "")
    with parts_of(app).reading() as session:
        assert session.get_one(Removal, 1).stopped_by == ""


def test_a_stopped_removal_says_who_stopped_it_and_offers_the_rest(app: Flask, write: Write) -> None:
    write(
        {"a": GONE, "b": FAILED, "c": FAILED},
        RemovalState.PARTLY,
        stopped_by="alice",
        notice="alice stopped it.",
    )
    alice = Visitor(app).sign_in("alice")
    page = alice.get(PAGE)
    text = text_of(page)
    assert "Deleted 1 of 3 tags. The space comes back at the next collection. alice stopped it." in text
    assert text.index("2 failed") < text.index("1 deleted")
    assert fields_of(page, 'class="actions"') | {"csrf_token": []} == {
        "csrf_token": [],
        "tag": ["b", "c"],
        "then": ["leave"],
    }


def test_what_is_left_is_offered_with_the_choices_that_were_made(app: Flask, write: Write) -> None:
    wanted = Wanted("team/api", ("a", "b"), include_protected=True)
    write({"a": GONE, "b": FAILED}, RemovalState.PARTLY, wanted=wanted)
    page = Visitor(app).sign_in("alice").get(PAGE).get_data(as_text=True)
    assert 'href="/repositories/team/api/-/tags/b/delete?then=leave&amp;include_protected=1"' in page


def test_a_list_of_referrers_that_was_written_anew_has_a_line_of_its_own(write: Write, page: Callable[[], str]) -> None:
    rewrite = {"kind": StepKind.REWRITE, "digest": "sha256:ee", "tag": "sha256-ab", "replaces": "sha256:dd"}
    steps = [{**rewrite, "state": StepState.REWRITTEN}, {"digest": "sha256:dd", "state": GONE}]
    write({"a": GONE}, RemovalState.DONE, steps=steps)
    text = page()
    assert "2 deleted" in text
    assert "list of referrers, as it was" in text
    assert text.index("1 written anew") > text.index("2 deleted")


def test_tags_without_their_image_bring_no_space_back(write: Write, page: Callable[[], str]) -> None:
    write({"a": GONE}, RemovalState.DONE, alone=True)
    text = page()
    assert "Delete team/api:a" in text
    assert "Deleted 1 tag." in text
    assert "at the next collection" not in text


def test_a_manifest_that_was_named_by_its_digest_is_named_so(write: Write, page: Callable[[], str]) -> None:
    digest = f"sha256:{'ab' * 32}"
    steps = [{"digest": digest, "state": GONE}]
    write({}, RemovalState.DONE, wanted=Wanted("team/api", digests=(digest,)), steps=steps)
    text = page()
    assert "Delete the manifest abababababab of team/api" in text
    assert "Deleted 1 manifest. The space comes back at the next collection." in text


def test_a_removal_from_before_everything_was_written_down_is_still_shown(
    write: Write, page: Callable[[], str]
) -> None:
    write({"a": GONE, "b": FAILED}, RemovalState.PARTLY, tag="a, b", in_full="")
    assert "Delete 2 tags of team/api" in page()


def test_a_removal_that_goes_on_is_found_again_from_its_repository(shown_app: Flask) -> None:
    parts = parts_of(shown_app)
    given = {"actor": "alice", "place": "", "fencing_token": 1, "fingerprint": "", "request_key": "x"}
    with parts.writing() as session:
        session.add(Removal(id=7, repository="team/api", state=RemovalState.OPEN, started_at=parts.now(), **given))
    alice = Visitor(shown_app).sign_in("alice")

    assert 'href="/removals/7"' in alice.get("/repositories/team/api").get_data(as_text=True)
    assert "/removals/7" not in alice.get("/repositories/team/web").get_data(as_text=True)


@pytest.mark.parametrize(("ordered", "words"), [(-5, "at the next collection"), (5, "freed on 12 Mar 2026, 03:20")])
def test_a_removal_of_the_past_says_when_its_space_was_freed(
    app: Flask, write: Write, ordered: int, words: str
) -> None:
    removed_at = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)
    write({"1.0": GONE}, RemovalState.DONE, finished_at=removed_at)
    with parts_of(app).writing() as session:
        run_id = begin_run(session, RunKind.COLLECT, "token", "alice", "", Lease("run", "", 1), removed_at)
        run = session.get_one(Run, run_id)
        run.outcome, run.finished_at = RunOutcome.SUCCEEDED, removed_at + timedelta(minutes=20)
        run.ordered_at = removed_at + timedelta(minutes=ordered)

    text = text_of(Visitor(app).sign_in("alice").get(PAGE))

    assert words in text
    assert ("The space comes back at the next collection." in text) is (ordered < 0)
