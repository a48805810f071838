"""The last step before the registry steps aside: a moment in which no upload moves, and a dry run that is not old."""

from __future__ import annotations

from webapp.maintenance.comparison import compare
from webapp.maintenance.limits import refuse_where_it_does_not_fit, spare_s
from webapp.maintenance.models import Question
from webapp.maintenance.rehearsal import rehearse
from webapp.maintenance.running import Running, StepFailed, stop_if_asked
from webapp.maintenance.uploads import wait_for_quiet

DRY_RUN_IS_GOOD_FOR_S = 600.0


def wait_for_uploads(running: Running) -> str:
    """Wait for a moment without a push under way. A push that the hand-over cuts has to be repeated.

    Raises:
        StepFailed: there was none within ten minutes, or while its window had time for the run: a person is asked.
        Skipped: the run does not fit into what is left of its window.
    """
    sentence = _wait(running)
    dry_run = running.found.dry_run
    if dry_run and running.maintainer.monotonic() - dry_run.ended_s > DRY_RUN_IS_GOOD_FOR_S:
        rehearse(running)
        compare(running)
        sentence += " The dry run was made anew, since over ten minutes had gone by."
    refuse_where_it_does_not_fit(running)
    return sentence


def _wait(running: Running) -> str:
    maintainer = running.maintainer
    if maintainer.store is None:
        return "Uploads under way cannot be seen; one that is cut off has to be repeated."
    if Question.UPLOADS in running.agreed:
        return "Uploads were not waited for; one that is cut off has to be repeated."

    def go_on() -> bool:
        stop_if_asked(running)
        return True

    spare, quiet_s = spare_s(running), maintainer.quiet_s
    within_s = maintainer.quiet_within_s if spare is None else spare
    if not wait_for_quiet(maintainer.store, maintainer.monotonic, within_s, quiet_s, go_on):
        how_long = f"For {within_s / 60:g} minutes" if spare is None else "For as long as the window had time for a run"
        raise StepFailed(f"{how_long} there was always an upload under way.", Question.UPLOADS)
    return "No upload is moving."
