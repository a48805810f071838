"""What came of a collection that somebody made by hand: asked of the registry and of its store, nothing is changed."""

from __future__ import annotations

from webapp.catalogue.sync import sync_if_free
from webapp.checks import Check, CheckState
from webapp.maintenance.proofs import ProofFailed, prove_writes_accepted
from webapp.maintenance.pull_proof import newest_tags, pulling_now
from webapp.maintenance.running import Maintainer
from webapp.maintenance.store_checks import store_faults
from webapp.maintenance.store_files import blob_sizes


def look_afterwards(maintainer: Maintainer) -> list[Check]:
    """Whether the registry takes writes, whether its newest images pull whole, and what its store holds now."""
    report = sync_if_free(maintainer.catalogue)
    reading = Check("The registry was read anew", CheckState.GOOD, "Everything in it was read.")
    if report and not report.is_complete:
        problem = report.problem or ", ".join(report.unread[:5])
        reading = Check(reading.name, CheckState.BAD, problem, "Look at what is named: it may have lost its blobs.")
    return [_takes_writes(maintainer), reading, _newest_pull(maintainer), *_of_the_store(maintainer)]


def _takes_writes(maintainer: Maintainer) -> Check:
    name = "The registry takes writes"
    try:
        return Check(name, CheckState.GOOD, prove_writes_accepted(maintainer.client))
    except ProofFailed as error:
        return Check(name, CheckState.BAD, error.sentence, "Start it without the variable that makes it read-only.")


def _newest_pull(maintainer: Maintainer) -> Check:
    name = "Its newest images pull whole"
    with maintainer.reading() as session:
        tags = [(repository, tag) for repository, tag, _digest in newest_tags(session)]
    if not tags:
        return Check(name, CheckState.UNKNOWN, "There is no image to pull.")
    pull = pulling_now(maintainer.client, tags)
    broken = [f"{repository}:{tag}" for repository, tag in tags if (repository, tag) not in pull]
    if broken:
        return Check(name, CheckState.BAD, f"These do not: {', '.join(broken)}.", "Push them again.")
    return Check(name, CheckState.GOOD, f"Tried: {', '.join(f'{repository}:{tag}' for repository, tag in pull)}.")


def _of_the_store(maintainer: Maintainer) -> list[Check]:
    sizes = blob_sizes(maintainer.store)
    if sizes is None:
        return []
    sentence = f"{len(sizes):,} blobs with {sum(sizes.values()):,} bytes."
    return [Check("The store holds now", CheckState.GOOD, sentence), *store_faults(maintainer.store)]
