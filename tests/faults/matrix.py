"""The faults of reliability.md, section 3, one after the other: what is injected, how, and what is expected.

H1 to H7 are those of a hold, U1 to U3 records that cannot be read for longer than five minutes.

After each of them the four invariants hold (invariants.py), whatever is said here of its outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tests.faults.inject import collector, disks, holds, processes, pushes, records, registry, windows
from tests.faults.inject.processes import killed_at, killed_in
from tests.faults.inject.registry import told
from tests.faults.scene import Fault
from tests.maintenance.kill_points import Point
from webapp.maintenance.models import Hold, Run, RunOutcome, StepName, Strategy
from webapp.runtime.orders import Phase

SUCCEEDED, FAILED, STOPPED = RunOutcome.SUCCEEDED, RunOutcome.FAILED, RunOutcome.STOPPED
INTERRUPTED, SKIPPED = RunOutcome.INTERRUPTED, RunOutcome.SKIPPED
NO_RUN = None
STAYS, GOES, EITHER = True, False, None
"""What becomes of the deleted image, which a collection takes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault.

    Attributes:
        number: as reliability.md counts; H and U as above.
        what: is injected, in words.
        how: injects it, in the middle of a run where it needs one.
        outcome: of the last run, or hold; NO_RUN where none was written down, or its row was lost.
        stays: whether the deleted image's manifest is still in the store then.
        says: words of its reason.
        alone: whether nobody comes to recover before the invariants hold.
        of: what the outcome is of.
    """

    number: str
    what: str
    how: Fault
    outcome: RunOutcome | None
    stays: bool | None
    says: str = ""
    alone: bool = False
    of: type[Run | Hold] = Run

    def __str__(self) -> str:
        return f"{self.number} {self.what}"


OWN = Strategy.OVERLAPPED
NOT_BACK = "has not come back read-write"
LOST_GO = "No space left on device"
HOUR = timedelta(hours=1)

MATRIX = (
    Row("F1", "kill -9 before anything is done", killed_at(Point("run")), INTERRUPTED, STAYS, "had not been asked"),
    Row("F1", "kill -9 at a window's claim", windows.killed_before_its_run, SUCCEEDED, GOES),
    Row("F2", "kill -9 while a reader is started", killed_in(Phase.DRAINING, "reader"), SUCCEEDED, GOES),
    Row("F3", "kill -9 before the go", killed_at(Point(StepName.PROVE_READ_ONLY, 2)), SUCCEEDED, GOES),
    Row("F4", "kill -9 in a collection", killed_in(Phase.COLLECTING, "collect"), SUCCEEDED, GOES),
    Row("F4", "and the collector hangs", processes.killed_and_the_collector_hangs, FAILED, STAYS, "seconds were over"),
    Row("F5", "kill -9 before the writer is back", killed_in(Phase.RETURNING, "writer"), SUCCEEDED, GOES),
    Row("F5", "a cache in redis", registry.cache_in_redis, SKIPPED, STAYS, "redis"),
    Row("F6", "kill -9 before the proof", killed_at(Point(StepName.PROVE_READ_WRITE)), SUCCEEDED, GOES),
    Row("F6", "kill -9 before the end", killed_at(Point("end"), before=True), SUCCEEDED, GOES),
    Row("F7", "nobody comes back before the go", processes.killed_for_good, INTERRUPTED, STAYS, alone=True),
    Row("F7", "nor later", killed_in(Phase.COLLECTING, "collect"), SUCCEEDED, GOES, alone=True),
    Row("F8", "a restart in a collection", processes.machine_restarts, INTERRUPTED, STAYS),
    Row("F9", "no reader starts", told("fail", "reader"), FAILED, STAYS, "read-only registry ended with code 3"),
    Row("F9", "nor at its own address", told("fail", "reader", OWN), FAILED, STAYS, "ended with code 3"),
    Row("F9", "the network is cut before the proof", registry.network_cut_before_the_proof, FAILED, STAYS),
    Row("F10", "read-only is ignored", told("writable", "reader"), FAILED, STAYS, "still takes writes"),
    Row("F10", "at its own address", told("writable", "reader", OWN), FAILED, STAYS, "still takes writes"),
    Row("F11", "the writer does not start", registry.writer_does_not_start, FAILED, GOES, NOT_BACK),
    Row("F11", "its port is taken", registry.port_is_taken, FAILED, GOES, NOT_BACK),
    Row("F11", "the network is cut before the end", registry.network_cut_before_the_end, FAILED, GOES, NOT_BACK),
    Row("F12", "another registry takes writes", registry.another_takes_writes, SKIPPED, STAYS, "still takes writes"),
    Row("F12", "later", registry.another_begins_to_take_writes, FAILED, STAYS, "still takes writes"),
    Row("F13", "the collector fails where it marks", collector.fails_where_it_marks, FAILED, STAYS, "failed to mark"),
    Row("F14", "and where it sweeps", collector.fails_where_it_sweeps, FAILED, STAYS, "operation not permitted"),
    Row("F15", "it hangs", collector.hangs, FAILED, STAYS, "2 seconds were over."),
    Row("F16", "kill -9 of it in its sweep", collector.killed_in_its_sweep, FAILED, EITHER, "exit code -9"),
    Row("F17", "a push straddles the run", pushes.straddles_the_run, SUCCEEDED, GOES),
    Row("F18", "the same push afterwards", pushes.same_image_afterwards, SUCCEEDED, STAYS),
    Row("F19", "an upload ends in the drain", pushes.drained, SUCCEEDED, GOES),
    Row("F19", "an upload does not end", pushes.cut_off, SUCCEEDED, GOES),
    Row("F20", "the store is full", disks.full_store, SUCCEEDED, GOES),
    Row("F20", "and stays full", disks.store_that_stays_full, FAILED, GOES, "could not be pushed"),
    Row("F20", "the keeper's folder is full", disks.full_folder(StepName.PROVE_READ_ONLY), FAILED, STAYS, LOST_GO),
    Row("F20", "in a collection", disks.full_folder(StepName.COLLECT), FAILED, GOES),
    Row("F21", "the records are full", disks.full_records(None), NO_RUN, STAYS),
    Row("F21", "before the order", disks.full_records(StepName.ORDER), INTERRUPTED, STAYS),
    Row("F21", "in a collection", disks.full_records(StepName.COLLECT), SUCCEEDED, GOES),
    Row("F22", "the records are locked", records.locked(None), NO_RUN, STAYS),
    Row("F22", "before the go", records.locked(StepName.PROVE_READ_ONLY), INTERRUPTED, STAYS),
    Row("F22", "in a collection", records.locked(StepName.COLLECT), SUCCEEDED, GOES),
    Row("F23", "the records are destroyed", records.destroyed, NO_RUN, STAYS),
    Row("F23", "they are deleted", records.deleted, NO_RUN, STAYS),
    Row("F24", "the power is cut", disks.power_is_cut_after_the_intent, INTERRUPTED, STAYS),
    Row("F25", "the clock jumps forward", records.clock_jumps(HOUR), SUCCEEDED, GOES),
    Row("F25", "and back", records.clock_jumps(-HOUR), SUCCEEDED, GOES),
    Row("F25", "the machine sleeps", processes.machine_sleeps, FAILED, STAYS),
    Row("F25", "it jumps over a window", windows.clock_jumps_over_it, NO_RUN, STAYS),
    Row("F25", "and back over one", windows.clock_jumps_back_over_it, SUCCEEDED, GOES),
    Row("F26", "an hour is left out", windows.night_of(windows.SPRING), SUCCEEDED, GOES),
    Row("F26", "an hour comes twice", windows.night_of(windows.AUTUMN), SUCCEEDED, GOES),
    Row("F27", "two people begin a run", processes.two_at_once, SUCCEEDED, GOES),
    Row("F27", "two dashboards at a window's time", windows.two_dashboards, SUCCEEDED, GOES),
    Row("F28", "SIGSTOP beyond the lease", processes.paused_beyond_its_lease, SUCCEEDED, GOES),
    Row("F29", "a person in a window's run", windows.a_person_in_its_run, SUCCEEDED, GOES),
    Row("F29", "a window in a person's run", windows.it_comes_in_a_run, SUCCEEDED, GOES),
    Row("F29", "a run is stopped", collector.stopped_by_a_person, STOPPED, STAYS, "bob stopped it"),
    Row("F38", "events that are lost", pushes.events_are_lost, SUCCEEDED, GOES),
    Row("F40", "an upgrade of the scheduler", windows.upgraded, SUCCEEDED, GOES),
    Row("F41", "a dry run", collector.dry_run, SUCCEEDED, STAYS),
    Row("F42", "an old backup", records.restored_from_mid_run(0), SUCCEEDED, GOES),
    Row("F42", "an older one", records.restored_from_mid_run(1), INTERRUPTED, GOES),
    Row("H1", "kill -9 in a hold", holds.killed, SUCCEEDED, STAYS, alone=True, of=Hold),
    Row("H1", "and before its proof", holds.killed_before_its_proof, SUCCEEDED, STAYS, of=Hold),
    Row("H2", "kill -9 of the keeper in a hold", holds.keeper_killed, INTERRUPTED, STAYS, "was restarted", of=Hold),
    Row("H2", "a restart in a hold", holds.machine_restarts, INTERRUPTED, STAYS, "was restarted", of=Hold),
    Row("H3", "the keeper hangs past its end", holds.keeper_hangs, FAILED, STAYS, NOT_BACK, of=Hold),
    Row("H4", "another registry in a hold", holds.another_takes_writes, FAILED, STAYS, "took writes", of=Hold),
    Row("H5", "a hold that is ignored", holds.read_only_is_ignored, FAILED, STAYS, "still takes writes", of=Hold),
    Row("H6", "the clock jumps in a hold", holds.clock_jumps(HOUR), SUCCEEDED, STAYS, of=Hold),
    Row("H6", "and back in one", holds.clock_jumps(-HOUR), SUCCEEDED, STAYS, of=Hold),
    Row("H7", "a hold is ended early", holds.ended_by_a_person, STOPPED, STAYS, "bob ended it early.", of=Hold),
    Row("U1", "unreadable before the go", holds.unreadable_before_the_go, INTERRUPTED, STAYS),
    Row("U2", "unreadable in a collection", holds.unreadable_in_a_collection, SUCCEEDED, GOES),
    Row("U3", "unreadable in a hold", holds.unreadable_in_a_hold, SUCCEEDED, STAYS, of=Hold),
)
