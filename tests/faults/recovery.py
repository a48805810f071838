"""What a dashboard does that comes back, or goes on: as the scheduler calls it."""

from __future__ import annotations

from tests.maintenance.house import House
from webapp.maintenance.reconcile import Unreadable, reconcile


def recover(house: House) -> None:
    """Bring to its end what was under way."""
    reconcile(house.maintainer, Unreadable())
