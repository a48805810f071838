"""The one row about the registry as a whole."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.catalogue.models import RegistryState


def registry_state(session: Session) -> RegistryState:
    """The row, made when it is first needed."""
    state = session.get(RegistryState, 1)
    if state is None:
        state = RegistryState(id=1)
        session.add(state)
        session.flush()
    return state
