"""Look at the keeper and write down what it says, for pages that answer from the records only."""

from __future__ import annotations

from pathlib import Path

from webapp.maintenance.models import KeeperReadiness, KeeperSeen
from webapp.maintenance.run import Maintainer, NoKeeper
from webapp.maintenance.waiting import RESTART, hangs, hangs_words
from webapp.runtime import orders
from webapp.runtime.orders import KeeperAbsent, KeeperError, KeeperState, Phase


def look_at_keeper(maintainer: Maintainer) -> None:
    """Read the keeper's state and keep it as the row that pages show."""
    readiness, sentence, version = _look(maintainer)
    with maintainer.writing() as session:
        row = session.get(KeeperSeen, 1) or KeeperSeen(id=1)
        row.readiness, row.sentence, row.registry_version = readiness, sentence, version
        row.seen_at = maintainer.now()
        session.add(row)


def _look(maintainer: Maintainer) -> tuple[KeeperReadiness, str, str]:
    if maintainer.folder is None:
        return KeeperReadiness.MISSING, NoKeeper.sentence, ""
    try:
        state = orders.read_state(maintainer.folder)
    except KeeperAbsent as error:
        return KeeperReadiness.MISSING, str(error), ""
    except KeeperError as error:
        return KeeperReadiness.REFUSED, str(error), ""
    return *_said(maintainer.folder, state), state.registry_version


def _said(folder: Path, state: KeeperState) -> tuple[KeeperReadiness, str]:
    if hangs(folder, state):
        return KeeperReadiness.REFUSED, f"{hangs_words(state)} {RESTART}"
    if state.phase == Phase.SERVING:
        return KeeperReadiness.READY, "Holystone can restart this registry."
    if state.phase == Phase.WAITING:
        return KeeperReadiness.REFUSED, state.sentence or "The keeper is waiting."
    return KeeperReadiness.BUSY, f"The keeper carries out an order ({state.phase})."
