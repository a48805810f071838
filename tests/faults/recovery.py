"""What a dashboard does that comes back, or goes on: as the scheduler calls it."""

from __future__ import annotations

from tests.maintenance.house import House
from webapp.maintenance.reconcile import end_interrupted_runs


def recover(house: House) -> None:
    """Bring to its end what was under way."""
    end_interrupted_runs(house.maintainer)
