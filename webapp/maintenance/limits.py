"""What a window allows its run: until when, and for how little it is not worth to stop pushes.

A run outside a window has neither limit.
"""

from __future__ import annotations

from datetime import timedelta

from webapp.maintenance.models import Obstacle, Run
from webapp.maintenance.running import Running, Skipped

SHORTEST_S = 1.0
UNKNOWN_SIZES = "Whether that is worth it nobody can say, since some sizes are not known; so it goes on."
DRY_RUN_WAS_CUT = "The window ended before the dry run did."


def longest_s(running: Running) -> float:
    """How long an order may take, in seconds: what is allowed, and no longer than the window."""
    left = left_s(running)
    longest = running.maintainer.longest_s
    return longest if left is None else min(longest, max(SHORTEST_S, left))


def left_s(running: Running) -> float | None:
    """How many seconds the window has left; None outside a window."""
    if running.within is None:
        return None
    return (running.within.ends_by - running.maintainer.now()) / timedelta(seconds=1)


def spare_s(running: Running) -> float | None:
    """For how many seconds the run may wait and still fit into its window; None outside a window."""
    left = left_s(running)
    return None if left is None else max(0.0, left - _most_s(running))


def look_at_limits(running: Running) -> str:
    """Compare what a dry run has told with what the window allows; a sentence where that cannot be known.

    Raises:
        Skipped: too little would come back, or it would take too long.
    """
    told = _worth(running)
    refuse_where_it_does_not_fit(running)
    return told


def refuse_where_it_does_not_fit(running: Running) -> None:
    """Raise Skipped where the run, as it was foretold at most, is longer than what is left of its window."""
    left, most = left_s(running), _most_s(running)
    if left is not None and most > left:
        sentence = f"It may take up to {most:,.1f} s, and the window has {max(0.0, left):,.1f} s left."
        raise Skipped(sentence, Obstacle.DOES_NOT_FIT)


def refuse_where_over(running: Running) -> None:
    """Raise Skipped where the window has ended."""
    left = left_s(running)
    if left is not None and left <= 0:
        raise Skipped(DRY_RUN_WAS_CUT, Obstacle.DOES_NOT_FIT)


def _worth(running: Running) -> str:
    """'' where enough would come back; what is said where nobody can know. Raises Skipped where it is too little."""
    dry_run, least = running.found.dry_run, running.within.least_bytes if running.within else 0
    if not least or dry_run is None:
        return ""
    known = dry_run.bytes_known or 0
    if known >= least:
        return ""
    if dry_run.of_unknown_size:
        return UNKNOWN_SIZES
    sentence = f"It would free {known:,} bytes, and the window asks for at least {least:,}."
    raise Skipped(sentence, Obstacle.NOT_WORTH_IT)


def _most_s(running: Running) -> float:
    """For how long pushes would stop at most, in seconds, as the latest dry run has foretold."""
    with running.maintainer.reading() as session:
        return session.get_one(Run, running.run_id).estimated_most_s or 0.0
