"""Whether a run may begin: each thing that could make it dangerous, as a check with a sentence and a remedy.

Nothing here changes anything. What cannot be known is 'unknown', never 'good'.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select

from webapp.catalogue.models import Manifest, ManifestDescriptor, RegistryState
from webapp.checks import Check, CheckState
from webapp.maintenance.comparison import NAMED, needs_first_look, needs_otherwise, still_there, sync_now
from webapp.maintenance.confirmations import is_confirmed
from webapp.maintenance.keeper_checks import keeper_checks
from webapp.maintenance.models import Strategy
from webapp.maintenance.other_digests import KEPT, REMEDY, WHY
from webapp.maintenance.proofs import ProofFailed, prove_writes_accepted, prove_writes_refused
from webapp.maintenance.pull_proof import newest_tags, pulling_now
from webapp.maintenance.registry_config import config_checks, needs_confirmation
from webapp.maintenance.running import Maintainer, Running, StepFailed
from webapp.maintenance.store_checks import store_faults
from webapp.maintenance.waiting import RESTART, hangs, hangs_words
from webapp.removal.journal import any_unfinished
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, KeeperState, Phase

KEEPER_VERSION = "1"
NOT_CHECKED = (
    "It is not known whether the registry has a descriptor cache in redis, or is a pull-through cache: after a collection "
    'the one loses pushes, the other its images. Set HOLYSTONE_REGISTRY_CONFIG, or record "I have checked".'
)


def look_before(running: Running) -> str:
    """The first step of a run. Raises StepFailed with the first check that is bad."""
    maintainer = running.maintainer
    checks = whole_preflight(maintainer, running.folder, running.strategy)
    refusal = what_refuses(checks)
    if refusal:
        raise StepFailed(refusal)
    if needs_first_look(maintainer):
        sync_now(running)
    with maintainer.reading() as session:
        tags = [(repository, tag) for repository, tag, _digest in newest_tags(session)]
    running.found.pulls = pulling_now(maintainer.client, tags)
    doubtful = [each.name for each in checks if each.state != CheckState.GOOD]
    looked = f"{len(checks)} checks, {len(checks) - len(doubtful)} good."
    return f"{looked} Not good: {', '.join(doubtful)}." if doubtful else looked


def what_refuses(checks: Sequence[Check]) -> str:
    """Why no run may begin: the first check that is bad, or one that an administrator has to answer; '' for none."""
    bad = next((each for each in checks if each.state == CheckState.BAD), None)
    if bad:
        return " ".join(filter(None, (bad.sentence, bad.remedy, bad.lines)))
    if needs_confirmation(checks):
        return NOT_CHECKED
    return ""


def preflight(maintainer: Maintainer, folder: Path, strategy: Strategy) -> list[Check]:
    """The checks that take a moment, in the order in which they depend on each other."""
    try:
        state = orders.read_state(folder)
    except KeeperError as error:
        remedy = "Start the registry behind the keeper; docs/deploying.md says how."
        return [Check("The keeper answers", CheckState.BAD, str(error), remedy)]
    return [
        _keeper_is_ready(state, folder),
        _strategy_is_possible(state, maintainer, strategy),
        _takes_writes(maintainer),
        *_others_refuse(maintainer),
        _catalogue_is_sure(maintainer),
        _no_blob_is_named_otherwise(maintainer),
        _no_removal_is_open(maintainer),
        *_keeper_is_of_this_registry(maintainer, state, folder),
        *config_checks(maintainer.config, state.variables, state.drain_s, is_confirmed(maintainer)),
    ]


def whole_preflight(maintainer: Maintainer, folder: Path, strategy: Strategy) -> list[Check]:
    """All checks with those that walk the whole store, which may take longer than a dialog waits."""
    checks = preflight(maintainer, folder, strategy)
    return (
        checks if any(each.state == CheckState.BAD for each in checks) else [*checks, *store_faults(maintainer.store)]
    )


def _keeper_is_of_this_registry(maintainer: Maintainer, state: KeeperState, folder: Path) -> list[Check]:
    with maintainer.reading() as session:
        row = session.get(RegistryState, 1)
        seen = session.execute(select(func.count()).select_from(Manifest)).scalar_one()
        named = session.execute(select(func.count()).select_from(ManifestDescriptor)).scalar_one()
        samples = [(repository, tag, digest) for repository, tag, digest in newest_tags(session) if digest]
    return keeper_checks(
        state,
        maintainer.store,
        folder,
        url=maintainer.client.url,
        generation=row.generation if row else "",
        samples=samples,
        objects=seen + named,
        config=maintainer.config,
    )


def _keeper_is_ready(state: KeeperState, folder: Path) -> Check:
    name = "The keeper answers"
    if state.version != KEEPER_VERSION:
        remedy = "Install the keeper of this version and restart the registry."
        return Check(name, CheckState.BAD, f"The keeper has version {state.version}, not {KEEPER_VERSION}.", remedy)
    if hangs(folder, state):
        return Check(name, CheckState.BAD, hangs_words(state), RESTART)
    if state.phase != Phase.SERVING or state.token is not None:
        return Check(name, CheckState.BAD, f"The keeper is not ready: {state.sentence or state.phase}")
    return Check(name, CheckState.GOOD, "The keeper is serving.")


def _strategy_is_possible(state: KeeperState, maintainer: Maintainer, strategy: Strategy) -> Check:
    name = "Pulls meanwhile"
    if strategy != Strategy.OVERLAPPED:
        return Check(name, CheckState.GOOD, f"The strategy is {strategy}.")
    if maintainer.reads is None:
        remedy = "Set HOLYSTONE_REGISTRY_READS_URL, or choose read-only."
        return Check(name, CheckState.BAD, "No address for reads is set.", remedy)
    if state.reads_address is None:
        remedy = "Start the keeper with --reads-address, or choose read-only."
        return Check(name, CheckState.BAD, "The keeper has no address for reads.", remedy)
    return Check(name, CheckState.GOOD, f"A read-only registry answers at {maintainer.reads.url} meanwhile.")


def _takes_writes(maintainer: Maintainer) -> Check:
    name = "The registry takes writes"
    try:
        return Check(name, CheckState.GOOD, prove_writes_accepted(maintainer.client))
    except ProofFailed as error:
        return Check(name, CheckState.BAD, error.sentence, "See on the Status page what keeps it from that.")


def _others_refuse(maintainer: Maintainer) -> list[Check]:
    name = "Other registries on the storage refuse writes"
    if not maintainer.others:
        return []
    try:
        return [Check(name, CheckState.GOOD, prove_writes_refused(maintainer.others))]
    except ProofFailed as error:
        remedy = "Make it read-only (storage: maintenance: readonly: enabled: true) for the time of the run."
        return [Check(name, CheckState.BAD, error.sentence, remedy)]


def _catalogue_is_sure(maintainer: Maintainer) -> Check:
    name = "The catalogue is sure of what is there"
    with maintainer.reading() as session:
        row = session.get(RegistryState, 1)
        doubt = row.doubt if row else ""
    if doubt:
        return Check(name, CheckState.BAD, f"{doubt} A collection would delete it all.", "Status says what to do.")
    return Check(name, CheckState.GOOD, "Nothing that it held has vanished.")


def _no_blob_is_named_otherwise(maintainer: Maintainer) -> Check:
    name = f"Blobs are named by {KEPT}"
    with maintainer.reading() as session:
        suspects = needs_otherwise(session)[:NAMED]  # the comparison asks about all of them
    try:
        found = still_there(maintainer, suspects)
    except StepFailed as failure:
        return Check(name, CheckState.BAD, failure.sentence)
    if found:
        return Check(name, CheckState.BAD, f"{found[0]}. {WHY}", REMEDY, "\n".join(map(str, found[1:])))
    return Check(name, CheckState.GOOD, f"No manifest in the catalogue names a blob by another digest than {KEPT}.")


def _no_removal_is_open(maintainer: Maintainer) -> Check:
    name = "No removal is under way"
    with maintainer.reading() as session:
        if any_unfinished(session):
            sentence = "A removal is under way, or it is not known how one ended."
            return Check(name, CheckState.BAD, sentence, "Wait for its end; Activities lists it.")
    return Check(name, CheckState.GOOD, "Every removal has ended.")
