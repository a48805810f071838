"""What is well with the registry and with our view of it, from the records only. The Status page lists it."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.checks import Check, CheckState

SCHEDULER_SILENT_AFTER = timedelta(minutes=2)
DELETE_LINES = "storage:\n  delete:\n    enabled: true"
NOT_NOW = "Not known while the registry does not answer."
NAMED = "The registry does not list its repositories; Holystone looks after those that HOLYSTONE_REPOSITORIES names."
RESTART_IT = "Restart Holystone; its log says what keeps the jobs from running."


def registry_checks(
    state: RegistryState | None, now: datetime, sync_interval_s: float, are_named: bool = False
) -> list[Check]:
    """All checks of the catalogue, in the order in which they depend on each other.

    Args:
        state: the row about the registry; None before anything was asked.
        sync_interval_s: time between two syncs.
        are_named: whether HOLYSTONE_REPOSITORIES names what to look after.
    """
    known = state or RegistryState(mode=RegistryMode.UNKNOWN, mode_sentence="", sync_problem="", doubt="")
    ours = [_last_sync(known, now, sync_interval_s), _scheduler(known, now)]
    return [*what_it_allows(known, are_named), *ours]


def what_it_allows(state: RegistryState, are_named: bool = False) -> list[Check]:
    """The checks of the registry itself, which need no sync: whether it answers comes first."""
    return [_answers(state), _may_list(state, are_named), _may_delete(state), _mode(state)]


def _answers(state: RegistryState) -> Check:
    name = "The registry answers"
    if state.checked_at is None:
        return Check(name, CheckState.UNKNOWN, "It has not been asked yet.")
    if state.mode == RegistryMode.UNREACHABLE:
        remedy = "See whether it runs, and whether HOLYSTONE_REGISTRY_URL and its user name and password are right."
        return Check(name, CheckState.BAD, state.mode_sentence, remedy)
    return Check(name, CheckState.GOOD, "It answered when it was last asked.")


def _may_list(state: RegistryState, are_named: bool) -> Check:
    name = "Holystone may list what it holds"
    if state.mode == RegistryMode.UNREACHABLE:
        return Check(name, CheckState.UNKNOWN, NOT_NOW)
    if state.may_list is None:
        return Check(name, CheckState.UNKNOWN, "It has not been asked yet.")
    if state.may_list:
        return Check(name, CheckState.GOOD, "The registry lists its repositories.")
    if are_named:
        return Check(name, CheckState.GOOD, NAMED)
    remedy = (
        "Give the user of HOLYSTONE_REGISTRY_USERNAME the right to read the registry's catalogue,"
        " or name the repositories in HOLYSTONE_REPOSITORIES."
    )
    return Check(name, CheckState.BAD, state.mode_sentence or "The registry does not list its repositories.", remedy)


def _may_delete(state: RegistryState) -> Check:
    name = "Holystone may delete"
    if state.mode == RegistryMode.UNREACHABLE:
        return Check(name, CheckState.UNKNOWN, NOT_NOW)
    if state.may_delete:
        return Check(name, CheckState.GOOD, "The registry accepts deletes.")
    if state.may_delete is None:
        return Check(name, CheckState.UNKNOWN, "The registry did not say.")
    remedy = "Put these lines into the registry's configuration and restart it."
    return Check(name, CheckState.BAD, "The registry refuses deletes.", remedy, DELETE_LINES)


def _mode(state: RegistryState) -> Check:
    name = "The registry is read-write"
    if state.mode == RegistryMode.READ_WRITE:
        return Check(name, CheckState.GOOD, "Images can be pushed and deleted.")
    if state.mode == RegistryMode.READ_ONLY:
        remedy = "While a run is under way this is meant to be so. Else take `readonly` out of its configuration."
        return Check(name, CheckState.WARNING, "It is read-only: nothing can be pushed or deleted.", remedy)
    return Check(name, CheckState.UNKNOWN, NOT_NOW if state.mode == RegistryMode.UNREACHABLE else "It did not say.")


def _last_sync(state: RegistryState, now: datetime, sync_interval_s: float) -> Check:
    name = "The last sync"
    if state.doubt:
        return Check(name, CheckState.WARNING, state.doubt, "Look at the registry's storage: is it mounted?")
    if state.sync_complete_at is None:
        problem = state.sync_problem or "None has ended yet."
        return Check(name, CheckState.WARNING if state.sync_problem else CheckState.UNKNOWN, problem)
    if state.sync_problem:
        return Check(name, CheckState.WARNING, state.sync_problem, "Holystone tries again at the next sync.")
    late = now - state.sync_complete_at > timedelta(seconds=3 * sync_interval_s)
    if late and state.sync_finished_at is not None:
        return Check(name, CheckState.WARNING, "No sync has ended for a long time.", RESTART_IT)
    return Check(name, CheckState.GOOD, "Everything was read.")


def _scheduler(state: RegistryState, now: datetime) -> Check:
    name = "The scheduler is alive"
    if state.scheduler_seen_at is None:
        return Check(name, CheckState.UNKNOWN, "It has not run yet.")
    if now - state.scheduler_seen_at > SCHEDULER_SILENT_AFTER:
        return Check(name, CheckState.BAD, "It has not been seen for more than two minutes.", RESTART_IT)
    return Check(name, CheckState.GOOD, "It was seen within the last two minutes.")
