"""Write a list of referrers anew, without what goes: under a fallback tag, as whoever pushed a referrer wrote it.

Source: OCI distribution specification 1.1, "Deleting Manifests" and "Referrers Tag Schema".
"""

from __future__ import annotations

from webapp.registry.errors import RegistryError
from webapp.removal.ground import Ground, StepResult
from webapp.removal.looks import head_digest
from webapp.removal.material import Rewrite
from webapp.removal.models import StepState

CHANGED = "Changed since you looked: the list of referrers was pushed anew."


def rewrite(ground: Ground, to_do: Rewrite) -> StepResult:
    """Put the new list under its tag, unless the tag is on something else by now. Raises nothing of the registry's."""
    try:
        on = head_digest(ground.client, ground.repository, to_do.tag)
        if on == to_do.old:
            ground.client.put_manifest(ground.repository, to_do.tag, to_do.media_type, to_do.raw)
    except RegistryError as error:
        state = StepState.UNKNOWN if error.outcome_is_unknown else StepState.FAILED
        return StepResult(state, error.sentence, error)
    return look_at_list(ground, to_do, "The registry accepted the new list, but the tag is not on it.")


def look_at_list(ground: Ground, to_do: Rewrite, if_still_old: str) -> StepResult:
    """Find out which list the tag is on."""
    try:
        on = head_digest(ground.client, ground.repository, to_do.tag)
    except RegistryError as error:
        return StepResult(StepState.UNKNOWN, error.sentence, error)
    if on == to_do.new:
        return StepResult(StepState.REWRITTEN)
    return StepResult(StepState.FAILED, if_still_old) if on == to_do.old else StepResult(StepState.KEPT, CHANGED)
