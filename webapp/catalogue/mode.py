"""What the registry allows at the moment: asked, and written down for the pages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from webapp.catalogue.models import RegistryMode
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.state import registry_state
from webapp.registry.capabilities import Capabilities, probe


def check_registry(catalogue: Catalogue) -> Capabilities:
    """Ask the registry what it allows at the moment, and write it down for the pages."""
    found = probe(catalogue.client)
    with catalogue.writing() as session:
        _note_capabilities(session, found, catalogue.now())
    return found


def _note_capabilities(session: Session, found: Capabilities, now: datetime) -> None:
    mode = RegistryMode(found.mode.value) if found.reachable else RegistryMode.UNREACHABLE
    state = registry_state(session)
    knows_why = (
        mode == RegistryMode.READ_ONLY == state.mode and state.mode_sentence
    )  # a run's, a hold's, or that none is
    note_mode(session, mode, state.mode_sentence if knows_why else " ".join(found.sentences), now)
    if found.reachable:
        state.may_list, state.may_delete, state.generation = found.may_list, found.may_delete, found.generation


def note_mode(
    session: Session, mode: RegistryMode, sentence: str, now: datetime, until: datetime | None = None
) -> None:
    """Write down what the registry was found to allow, since when, and until about when where that is known."""
    state = registry_state(session)
    if until is not None or mode != RegistryMode.READ_ONLY:
        state.mode_until = until
    if state.mode != mode:
        state.mode, state.mode_since = mode, now
    state.mode_sentence, state.checked_at = sentence, now
