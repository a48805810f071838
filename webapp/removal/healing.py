"""Tags that go and that a DELETE left dangling: a registry that dies inside one leaves them listed, and 404 for ever.

No deletion by digest heals that. They were agreed on, so they are taken away by themselves (machine.md).
"""

from __future__ import annotations

from webapp.leases import Lease, still_ours
from webapp.registry.capabilities import deletes_tags
from webapp.registry.errors import DeletesDisabled, Denied, ReadOnly, Unauthorised
from webapp.removal.ground import Ground
from webapp.removal.journal import begin_tags, end_tags
from webapp.removal.looks import list_tags, look_at
from webapp.removal.remover import Remover
from webapp.removal.stand_in import new_token, stand_in_of
from webapp.removal.untag import Journal, untag_by_name, untag_by_stand_in


def heal(remover: Remover, lease: Lease, ground: Ground, removal_id: int, journal: Journal) -> None:
    """Take away what dangles of the tags that were to go with their manifests, where the registry deletes at all.

    Raises:
        RegistryError: the registry cannot be asked.
        LeaseLost: the removal is somebody else's by now; nothing was done.
    """
    dangling = _left_dangling(ground)
    if not dangling:
        return
    try:
        token = "" if deletes_tags(ground.client) else new_token()
    except (ReadOnly, DeletesDisabled, Denied, Unauthorised):
        return  # it is put back instead
    with remover.writing() as session:
        still_ours(session, lease)
        begin_tags(session, removal_id, dangling, token, remover.now())
    by_stand_in = untag_by_stand_in(ground, dangling, stand_in_of(token), journal) if token else {}
    found = by_stand_in or untag_by_name(ground, dangling)
    ground.settled.update(found)
    with remover.writing() as session:
        still_ours(session, lease)
        end_tags(session, removal_id, {tag: (result.state, result.reason) for tag, result in found.items()})


def _left_dangling(ground: Ground) -> list[str]:
    gone = {tag for tag, on in ground.going.items() if on in ground.deleted and tag not in ground.settled}
    if not gone:
        return []
    listed = gone & list_tags(ground.client, ground.repository)
    now_on = look_at(ground.client, ground.executor, ground.repository, sorted(listed))
    return [tag for tag, on in now_on.items() if on is None]
