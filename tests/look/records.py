"""What stands in the records of each state that is drawn: rows made with the models, as the application makes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from demo.build import image, layer
from demo.fleet import API, ETL, WEB
from tests.look.space import added_up
from tests.odd_manifests import add_odd
from webapp.activities.models import Activity, ActivityKind, Outcome
from webapp.activities.record import record
from webapp.backups.models import NightlyBackup
from webapp.catalogue.models import Manifest, RegistryMode, RegistryState, Repository, Tag, UnreadRepository
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import (
    Hold,
    KeeperReadiness,
    KeeperSeen,
    Question,
    Run,
    RunKind,
    RunOutcome,
    RunStep,
    StepName,
    Strategy,
)
from webapp.maintenance.models import StepState as RunStepState
from webapp.maintenance.printed import pack
from webapp.maintenance.states import STEPS
from webapp.maintenance.steps import not_back_words
from webapp.maintenance.waiting import RESTART
from webapp.notices.disks import GB, Disk
from webapp.notices.models import Channel, Delivery, DeliveryState, Notice, NoticeKind
from webapp.notices.watch import new_delivery
from webapp.registry.errors import ReadOnly
from webapp.removal.models import Removal, RemovalState, RemovalStep, RemovedTag, StepKind, StepState
from webapp.removal.trash_models import Restorable, TrashItem, TrashState
from webapp.removal.trash_upkeep import TOO_MUCH
from webapp.removal.wanted import Wanted
from webapp.windows.due import MISSED
from webapp.windows.models import Occurrence, OccurrenceState, Window
from webapp.windows.records import Change, Plan, make, skip_next

Prepare = Callable[[Session], None]

NOW = datetime.now(UTC)
MANY_TAGS = "team/three-hundred"
LONGEST_NAME = "/".join(["team", *["a-component-of-a-name-that-goes-on-and-on"] * 6])[:255].rstrip("-/")
LONGEST_TAG = "v1." + "0123456789" * 12 + "-last"
OTHER_TABLES = (Tag, Repository)
FREED = 41_300_112
KEPT = "It was pushed again as 1.4.3 while this was under way."
REFUSED = "The registry answered 500 to DELETE; nothing is known to be gone."
FAILED_INSIDE = "The registry reports an error of its own: the store cannot be read."
COLLECTOR_FAILED = "The collector ended with code 2: the store's disk is full."


def digest(number: int) -> str:
    """A digest of nothing in particular."""
    return f"sha256:{number:064x}".replace("0000000000", "7be1a93c05")


def everything(session: Session) -> None:
    """The fleet as it was read, and beside it what a fleet has rarely."""
    _spread_over_time(session)
    _add_repository(session, MANY_TAGS, [f"build-{4000 + number}" for number in range(300)])
    _add_repository(session, LONGEST_NAME, [LONGEST_TAG, "1.0"])
    add_odd(session, NOW)
    session.merge(KeeperSeen(id=1, readiness=KeeperReadiness.READY, sentence="Holystone can restart this registry.",
                             registry_version=VERSION, seen_at=NOW))  # fmt: skip
    state = registry_state(session)
    state.scheduler_seen_at, state.size_bytes, state.left_out = NOW + timedelta(hours=1), 98_412_377, 2
    _activities(session)
    _removals(session)
    _trash(session)
    _notices(session)
    _run(session, 1, RunOutcome.SUCCEEDED, timedelta(days=9))
    _run(session, 2, RunOutcome.SUCCEEDED, timedelta(days=2), kind=RunKind.DRY_RUN)
    _run(session, 3, RunOutcome.STOPPED, timedelta(days=1), reason="alice stopped it before anything was collected.")
    _run(session, 4, RunOutcome.SUCCEEDED, timedelta(hours=3))
    added_up(session)


VERSION = "/usr/bin/docker-registry github.com/docker/distribution 2.8.2+ds1"


def empty(session: Session) -> None:
    """A registry that nothing has been pushed to, and a Holystone that nothing was done with."""
    state = registry_state(session)
    state.size_bytes, state.left_out = 0, 0
    for table in (*OTHER_TABLES, TrashItem, RemovedTag, RemovalStep, Removal, RunStep, Run, Activity, Delivery, Notice):
        session.execute(delete(table))
    added_up(session)


def first_sync(session: Session) -> None:
    """The first look at the registry, when 34 of 120 repositories are read."""
    state = registry_state(session)
    state.sync_started_at, state.sync_finished_at, state.sync_complete_at = NOW, None, None
    state.repositories_total, state.repositories_done = 120, 34
    state.size_bytes, state.left_out = None, 0


def first_steps(session: Session) -> None:
    """A registry that refuses deletes and has no keeper: most of what a newcomer has to see to."""
    empty(session)
    state = registry_state(session)
    state.may_delete, state.sync_complete_at, state.may_list = False, None, False
    session.execute(delete(KeeperSeen))


def first_steps_checked(session: Session) -> None:
    """The same, before one of them is looked at again."""
    first_steps(session)


def looked_at(session: Session) -> None:
    """Tags of which nothing newer is known than of hours ago."""
    session.execute(update(Tag).values(checked_at=NOW - timedelta(hours=3)))


def no_keeper(session: Session) -> None:
    """Nothing stands in front of the registry."""
    sentence = "Holystone cannot restart this registry: no keeper is set (HOLYSTONE_KEEPER_FOLDER)."
    session.merge(KeeperSeen(id=1, readiness=KeeperReadiness.MISSING, sentence=sentence, seen_at=NOW))
    session.execute(delete(RunStep))
    session.execute(delete(Run))


def unreachable(session: Session) -> None:
    """A registry that does not answer."""
    _mode(session, RegistryMode.UNREACHABLE, "The registry does not answer (connection refused).")


def read_only(session: Session) -> None:
    """A registry that takes no pushes and no deletes."""
    _mode(session, RegistryMode.READ_ONLY, "")


def deletes_disabled(session: Session) -> None:
    """A registry whose configuration forbids deletes."""
    registry_state(session).may_delete = False


def in_doubt(session: Session) -> None:
    """Much seems to be gone, the scheduler is silent, no backup is made, and the time zone of a window is not known."""
    state = registry_state(session)
    state.doubt = "5 of 8 repositories that had tags are not listed any more. None was marked as gone."
    state.doubt_since, state.doubt_digest = NOW, "0"
    state.scheduler_seen_at = NOW - timedelta(minutes=14)
    state.sync_problem = f"{ETL} could not be read completely. {FAILED_INSIDE}"
    nights = make(session, Plan("Nights", frozenset({1}), time(3), "UTC", 3600), Change("alice", "10.0.0.7", NOW))
    session.get_one(Window, nights).zone = "Europe/Xyz"
    session.merge(NightlyBackup(id=1, tried_at=NOW, problem="No backup was made: database or disk is full."))
    etl = session.scalars(select(Repository).where(Repository.name == ETL)).one()
    etl.revisions_read_at = None
    session.add(UnreadRepository(repository_id=etl.id, sentence=FAILED_INSIDE, since=NOW - timedelta(hours=2)))


def failed_run(session: Session) -> None:
    """A run whose collector failed."""
    _run(session, 5, RunOutcome.FAILED, timedelta(minutes=4), reason=COLLECTOR_FAILED, failed_at=StepName.COLLECT)


def wrong(session: Session) -> None:
    """Three things are wrong, one of them told to a webhook that does not take it."""
    _mode(session, RegistryMode.UNREACHABLE, "The registry does not answer (connection refused).")
    _notice(session, NoticeKind.REGISTRY_UNREACHABLE, 47, "The registry does not answer (connection refused).", "", 5)
    missed = "Weekly, 12 Mar 2026, 03:00 UTC: Holystone was down at that time."
    _notice(session, NoticeKind.WINDOW_MISSED, 180, missed, "1/2026-03-12T03:00Z")
    full = Disk("store", 612_000_000, 20 * GB, "the registry's storage").sentence
    _notice(session, NoticeKind.DISK_NEARLY_FULL, 600, full, "store")


def asking_run(session: Session) -> None:
    """A run that ended with a question."""
    lost = "12 of the 60 tags that the registry had at the last run are gone, and Holystone did not remove them."
    _run(session, 5, RunOutcome.SKIPPED, timedelta(minutes=4), reason=lost, failed_at=StepName.COMPARE)


def live_run(session: Session) -> None:
    """A run that collects."""
    _run(session, 5, None, timedelta(seconds=40))
    _mode(session, RegistryMode.READ_ONLY, "")


def held(session: Session) -> None:
    """A registry that is held for a backup."""
    _hold(session)
    _mode(session, RegistryMode.READ_ONLY, "")


def ending_hold(session: Session) -> None:
    """The same, while somebody ends it."""
    held(session)
    session.get_one(Hold, 1).stopped_by = "bob"


def broken_hold(session: Session) -> None:
    """A hold that a restart of the keeper ended."""
    _hold(session)
    row = session.get_one(Hold, 1)
    row.outcome, row.finished_at = RunOutcome.INTERRUPTED, NOW
    row.reason = "The keeper, or its machine, was restarted."


def hold_not_back(session: Session) -> None:
    """A hold that the keeper did not end, since it hangs."""
    held(session)
    row = session.get_one(Hold, 1)
    row.until = NOW - timedelta(minutes=2)
    row.outcome, row.finished_at = RunOutcome.FAILED, NOW
    registry_state(session).mode_until = row.until
    hangs = "The keeper does not answer: it has been holding for 12 minutes."
    row.reason = f"{hangs} {not_back_words(session, ReadOnly().sentence)}"
    seen = session.get_one(KeeperSeen, 1)
    seen.readiness, seen.sentence = KeeperReadiness.REFUSED, f"{hangs} {RESTART}"


def _hold(session: Session) -> None:
    until = NOW + timedelta(minutes=35)
    session.add(Hold(id=1, token="hold", strategy=Strategy.READ_ONLY, actor="alice", place="10.0.0.7",
                     purpose="backup to the new storage", activity_id=1, fencing_token=1,
                     started_at=NOW - timedelta(minutes=10), held_at=NOW - timedelta(minutes=10), until=until))  # fmt: skip
    registry_state(session).mode_until = until


def windows(session: Session) -> None:
    """Three windows: one every night, with a past of its own; one at the weekend that overlaps with it; one that rests."""
    change = Change("alice", "10.0.0.7", NOW - timedelta(days=40))
    begins = (NOW + timedelta(hours=7)).replace(minute=0, second=0, microsecond=0)
    every_day = frozenset(range(7))
    nightly = make(session, Plan("Nightly", every_day, begins.time(), "UTC", 3600), change)
    make(session, Plan("Weekend, with more time", frozenset({5, 6}), begins.time(), "UTC", 4 * 3600, 10**9), change)
    rests = make(session, Plan("Moving house", every_day, time(3), "Europe/Berlin", 1800), change)
    session.get_one(Window, rests).paused_until = NOW + timedelta(days=12)
    skip_next(session, session.get_one(Window, nightly), Change("alice", "10.0.0.7", begins + timedelta(seconds=1)))
    for day, (state, sentence) in enumerate(BECAME, 1):
        planned_at = begins - timedelta(days=day)
        session.add(
            Occurrence(
                window_id=nightly, planned_at=planned_at, noted_at=planned_at, state=state, sentence=sentence,
                run_id=RUNS.get(state),
            )
        )  # fmt: skip


RUNS = {OccurrenceState.RUN: 4, OccurrenceState.NOT_WORTH_IT: 2}
BECAME = (
    (OccurrenceState.RUN, ""),
    (OccurrenceState.NOT_WORTH_IT, "It would free 12,300,000 bytes, and the window asks for at least 1,000,000,000."),
    (OccurrenceState.MISSED, MISSED),
    (OccurrenceState.SKIPPED, "alice skipped it."),
    (OccurrenceState.RUN_UNDER_WAY, "Run 3 was under way."),
    (OccurrenceState.DOES_NOT_FIT, "It may take up to 1,240.0 s, and the window has 1,100.0 s left."),
    (OccurrenceState.NOT_READY, "The registry does not answer. See on the Status page what keeps it from that."),
)


def open_removal(session: Session) -> None:
    """A removal that is under way."""
    _removal(session, 3, RemovalState.OPEN, PARTLY[30:] + [StepState.INTENDED] * 30)


def paused_removal(session: Session) -> None:
    """A removal that waits for a registry that became read-only."""
    open_removal(session)
    until = NOW + timedelta(hours=4)
    session.get_one(Removal, 3).pause = (
        "The registry is read-only. The removal goes on when it takes writes again,"
        f" until {until:%d %b %Y, %H:%M} UTC at the latest."
    )
    _mode(session, RegistryMode.READ_ONLY, "")


def stopping_removal(session: Session) -> None:
    """A removal that ends after the step in hand."""
    open_removal(session)
    session.get_one(Removal, 3).stopped_by = "alice"


def stopped_removal(session: Session) -> None:
    """A removal of ticked tags that was stopped, and one that wrote a list of referrers anew."""
    states = [StepState.DELETED] * 3 + [StepState.FAILED] * 5
    _removal(session, 3, RemovalState.PARTLY, states, "Not tried. alice stopped the removal.")
    removal = session.get_one(Removal, 3)
    names = tuple(f"build-{900 + position}" for position in range(len(states)))
    removal.wanted, removal.tag = Wanted(MANY_TAGS, names).as_json(), ", ".join(names)
    removal.stopped_by, removal.notice = "alice", "alice stopped it."
    session.add(
        RemovalStep(
            removal_id=3, position=len(states), kind=StepKind.REWRITE, digest=digest(77), tag="sha256-77",
            replaces=digest(78), state=StepState.REWRITTEN,
        )
    )  # fmt: skip
    session.add(RemovalStep(removal_id=3, position=len(states) + 1, digest=digest(78), state=StepState.DELETED))


def _notices(session: Session) -> None:
    """What went wrong before, and is solved."""
    failed = f"Run 12 failed. {COLLECTOR_FAILED}"
    _notice(session, NoticeKind.RUN_FAILED, 60 * 30, failed, "3", ended=12)
    silent = "No keeper lives in /var/lib/registry-keeper."
    _notice(session, NoticeKind.KEEPER_SILENT, 60 * 24 * 4, silent, ended=60 * 3 + 5)
    _notice(
        session,
        NoticeKind.NOT_SYNCED,
        60 * 24 * 40,
        "The last complete look ended on 12 Mar 2026, 02:13 UTC.",
        ended=95,
    )
    for channel, state, answer in (
        (Channel.WEBHOOK, DeliveryState.SENT, "hooks.example answered 200 OK. ok"),
        (Channel.MAIL, DeliveryState.GIVEN_UP, "mail.example answered 535 5.7.8 Authentication failed"),
    ):
        _delivery(session, None, channel, "test", state, 1, answer)
    called = "switch.example answered 200 OK. OK"
    _delivery(session, None, Channel.DEAD_MANS_SWITCH, "succeeded", DeliveryState.SENT, 1, called)


def _notice(
    session: Session,
    kind: NoticeKind,
    age_min: float,
    sentence: str,
    subject: str = "",
    tries: int = 1,
    ended: float = 0,
) -> None:
    began_at = NOW - timedelta(minutes=age_min)
    ended_at = began_at + timedelta(minutes=ended) if ended else None
    notice = Notice(kind=kind, subject=subject, sentence=sentence, began_at=began_at, ended_at=ended_at)
    session.add(notice)
    session.flush()
    for event in ("began", "ended") if ended else ("began",):
        mail = "mail.example answered 250 2.0.0 Ok: queued as 4D1."
        _delivery(session, notice.id, Channel.MAIL, event, DeliveryState.SENT, 1, mail)
        refused = "hooks.example was not reached, or gave no answer: connection refused."
        state = DeliveryState.WAITING if tries > 1 else DeliveryState.SENT
        answer = refused if tries > 1 else "hooks.example answered 200 OK. ok"
        _delivery(session, notice.id, Channel.WEBHOOK, event, state, tries, answer)


def _delivery(
    session: Session, notice_id: int | None, channel: Channel, event: str, state: DeliveryState, tries: int, answer: str
) -> None:
    delivery = new_delivery(channel, event, {}, NOW - timedelta(minutes=2))
    delivery.notice_id, delivery.state, delivery.tries, delivery.answer = notice_id, state, tries, answer
    delivery.next_try_at = NOW + timedelta(minutes=14)
    session.add(delivery)


def _mode(session: Session, mode: RegistryMode, sentence: str) -> None:
    state: RegistryState = registry_state(session)
    state.mode, state.mode_sentence = mode, sentence
    state.mode_since, state.sync_complete_at = NOW - timedelta(minutes=47), NOW - timedelta(minutes=49)


def _spread_over_time(session: Session) -> None:
    """Everything was pushed a moment ago; let tags be as old as their images say."""
    for tag, created_at in session.execute(select(Tag, Manifest.created_at).join(Manifest)):
        tag.pushed_at = created_at if created_at and created_at.year > 1970 else NOW - timedelta(days=3, hours=tag.id)
        tag.pushed_at_is_seen = tag.name.startswith("2026")
    session.flush()
    for repository in session.scalars(select(Repository)):
        repository.changed_at = max((tag.pushed_at for tag in repository.tags), default=None)


def _add_repository(session: Session, name: str, tags: Sequence[str]) -> None:
    repository = Repository(
        name=name, namespace=name.partition("/")[0], first_seen_at=NOW, synced_at=NOW, changed_at=NOW, revisions_read_at=NOW,
        tag_count=len(tags), image_count=len(tags), size_bytes=48_211_904,
    )  # fmt: skip
    session.add(repository)
    manifest = session.scalars(select(Manifest).where(Manifest.kind == "index").limit(1)).one()
    for number, tag in enumerate(tags):
        known = number % 7 != 3
        repository.tags.append(
            Tag(
                name=tag, digest=manifest.digest if known else digest(number), pushed_at=NOW - timedelta(hours=number),
                pushed_at_is_seen=False, manifest_id=manifest.id if known else None,
                problem="" if known else "its manifest could not be read",
            )
        )  # fmt: skip


def _activities(session: Session) -> None:
    def add(hours: float, actor: str, kind: ActivityKind, outcome: Outcome = Outcome.DONE, **more: object) -> None:
        at = NOW - timedelta(hours=hours)
        record(session, at=at, actor=actor, kind=kind, outcome=outcome, place="10.0.0.7", **more)  # type: ignore[arg-type]

    add(0.2, "alice", ActivityKind.SIGNED_IN)
    add(0.5, "unknown", ActivityKind.SIGN_IN_FAILED, Outcome.FAILED, reason="There is no user called “root”.")
    add(1, "alice", ActivityKind.TAG_DELETED, repository=WEB, tag="1.8", digest=digest(8))
    add(3, "alice", ActivityKind.RUN_FINISHED, run_id=4)
    add(3.1, "alice", ActivityKind.RUN_STARTED, run_id=4)
    add(26, "bob", ActivityKind.TAG_DELETED, Outcome.ALREADY_GONE, repository=WEB, tag="1.7", digest=digest(7))
    add(27, "bob", ActivityKind.TAG_DELETED, Outcome.UNKNOWN, repository=API, tag="1.2.9", digest=digest(9),
        reason="The registry did not answer in time.")  # fmt: skip
    add(28, "bob", ActivityKind.TAG_DELETED, Outcome.KEPT, repository=API, tag="1.2.8", reason=KEPT)
    add(200, "alice", ActivityKind.USER_CREATED, reason="bob, user")
    add(201, "alice", ActivityKind.IMAGE_DELETED, repository=LONGEST_NAME, digest=digest(3))
    add(202, "root", ActivityKind.RECORDS_RESTORED, reason="The backup of 12 Mar 2026, 00:00 UTC.")


PARTLY = [*[StepState.DELETED] * 36, StepState.KEPT, StepState.KEPT, StepState.FAILED, StepState.ALREADY_GONE]


TRASHED = tuple(image([layer(f"trashed {number}", 300_000)], created="2026-03-02T09:30:00Z") for number in range(3))
"""Images without a tag, which the trash holds."""


def _trash(session: Session) -> None:
    """What can be restored, what cannot, and what has left the trash."""
    rows = (
        ("1.0.0-rc.1", TRASHED[0].digest, TrashState.IN_TRASH, Restorable.YES, {}),
        (f"sha256-{TRASHED[0].digest[7:]}.sig", TRASHED[1].digest, TrashState.IN_TRASH, Restorable.YES,
         {"refers_to": TRASHED[0].digest}),
        ("", TRASHED[2].digest, TrashState.IN_TRASH, Restorable.YES, {"until": NOW, "note": TOO_MUCH}),
        ("nightly-7", digest(501), TrashState.IN_TRASH, Restorable.FROM_JOURNAL, {}),
        ("nightly-6", digest(502), TrashState.IN_TRASH, Restorable.NO,
         {"missing": json.dumps([f"blob {digest(600)}", f"blob {digest(601)}"])}),
        ("nightly-5", digest(503), TrashState.IN_TRASH, "", {"size_bytes": None, "checked_at": None}),
        ("0.9.0", digest(504), TrashState.DELETED, Restorable.FROM_JOURNAL, {"until": None, "ended_at": NOW}),
        ("0.8.0", digest(505), TrashState.RESTORED, Restorable.YES, {"restored_as": "0.8.0-old", "ended_at": NOW}),
        ("0.7.0", digest(506), TrashState.STAYS, Restorable.YES, {"note": "It is tagged 0.7.1 again.", "ended_at": NOW}),
    )  # fmt: skip
    for number, (tag, on, state, restorable, more) in enumerate(rows):
        usual = {
            "until": NOW + timedelta(days=14 - number),
            "size_bytes": 48_200_000 // (number + 1),
            "checked_at": NOW,
        }
        session.add(
            TrashItem(
                removal_id=1,
                repository="team/spare",
                tag=tag,
                digest=on,
                actor="alice",
                state=state,
                deleted_at=NOW - timedelta(days=number),
                restorable=restorable,
                **{**usual, **more},
            )
        )


def _removals(session: Session) -> None:
    """One that went well, of forty tags, and one that went partly."""
    _removal(session, 1, RemovalState.DONE, [StepState.DELETED] * 40)
    _removal(session, 2, RemovalState.PARTLY, PARTLY)


def _removal(
    session: Session, number: int, state: RemovalState, steps: Sequence[StepState], refused: str = REFUSED
) -> None:
    at = NOW - (timedelta(seconds=12) if state == RemovalState.OPEN else timedelta(hours=30 * number))
    outcomes = {
        StepState.DELETED: Outcome.DONE, StepState.KEPT: Outcome.KEPT, StepState.FAILED: Outcome.FAILED,
        StepState.ALREADY_GONE: Outcome.ALREADY_GONE,
    }  # fmt: skip
    reasons = {StepState.KEPT: KEPT, StepState.FAILED: refused}
    session.add(
        Removal(
            id=number, request_key=f"look {number}", started_at=at, actor="alice", place="10.0.0.7", repository=MANY_TAGS,
            tag=None, fingerprint="", state=state, fencing_token=number, bytes_freed=FREED,
            finished_at=None if state == RemovalState.OPEN else at + timedelta(seconds=4),
        )
    )  # fmt: skip
    session.flush()
    for position, step in enumerate(steps):
        name, on, reason = f"build-{900 + position}", digest(1000 + position), reasons.get(step, "")
        activity = record(
            session, at=at, actor="alice", kind=ActivityKind.TAG_DELETED, outcome=outcomes.get(step, Outcome.UNKNOWN),
            reason=reason, repository=MANY_TAGS, tag=name, digest=on, removal_id=number, place="10.0.0.7",
        )  # fmt: skip
        session.add(RemovalStep(removal_id=number, position=position, digest=on, state=step, reason=reason))
        session.add(
            RemovedTag(removal_id=number, name=name, digest=on, activity_id=activity.id, state=step, reason=reason)
        )


PROOFS = {
    StepName.PREFLIGHT: "14 checks, 12 good. Not good: Downloads in progress, Foreign lock.",
    StepName.DRY_RUN: "A collection would delete 31 blobs, 48,200,000 bytes, and stop pushes for about 8.1 s.",
    StepName.COMPARE: "Nothing that would be deleted is needed by any of the 214 manifests in the catalogue.",
    StepName.QUIET: "No upload is moving.",
    StepName.ORDER: "The registry has let go of its store; a read-only one answers in its place.",
    StepName.PROVE_READ_ONLY: "7 write methods were refused. team/api:1.4.2 pulls, with its 3 blobs.",
    StepName.COLLECT: "The collector ended with exit code 0 and listed all 31 blobs that it announced.",
    StepName.PROVE_READ_WRITE: "The registry takes writes. team/api:1.4.2 pulls, with its 3 blobs.",
}


def _run(
    session: Session,
    number: int,
    outcome: RunOutcome | None,
    age: timedelta,
    *,
    kind: RunKind = RunKind.COLLECT,
    reason: str = "",
    failed_at: StepName | None = None,
) -> None:
    at, ended = NOW - age, outcome == RunOutcome.SUCCEEDED
    is_real = kind == RunKind.COLLECT
    run = Run(
        id=number, kind=kind, actor="alice", place="10.0.0.7", activity_id=1, token=f"look {number}",
        fencing_token=number, started_at=at, finished_at=at + timedelta(seconds=14.2) if outcome else None,
        outcome=outcome, reason=reason, bytes_freed=FREED if ended and is_real else None,
        bytes_predicted=FREED, blobs=31, manifests=0, seconds_without_push=8.4 if outcome and is_real else None,
        seconds_without_pull=0.1 if outcome and is_real else None, ordered_at=at if is_real else None, dry_run_s=7.9,
        estimated_s=8.1, estimated_least_s=6.9, estimated_most_s=9.3, blobs_deleted=None if outcome else 12,
    )  # fmt: skip
    if outcome == RunOutcome.SKIPPED:
        run.asks = Question.LOST_TAGS
    if outcome is None:
        run.manifests_marked = 214
    lines = [f"blob eligible for deletion: {digest(each)}" for each in range(60)]
    run.output = pack(lambda: lines) if outcome != RunOutcome.STOPPED else None
    names = [each.name for each in STEPS[kind]]
    for position, name in enumerate(names):
        is_last = name == failed_at or (outcome is None and name == StepName.COLLECT)
        state = RunStepState.FAILED if name == failed_at else RunStepState.NOW if is_last else RunStepState.DONE
        begun = at + timedelta(seconds=2 * position)
        run.steps.append(
            RunStep(
                position=position, name=name, state=state, started_at=begun,
                finished_at=None if state == RunStepState.NOW else begun + timedelta(seconds=1.9),
                proof=reason if name == failed_at else "" if is_last else PROOFS[name],
            )
        )  # fmt: skip
        if is_last or outcome == RunOutcome.STOPPED:
            break
    session.add(run)
