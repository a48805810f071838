"""What an administrator has to see to before all is well: on the list of repositories until then, on Status always."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from flask import url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.catalogue.checks import DELETE_LINES, NAMED
from webapp.catalogue.mode import check_registry
from webapp.catalogue.models import RegistryMode, RegistryState, Repository
from webapp.catalogue.sync import sync_if_free
from webapp.maintenance.keeper_look import look_at_keeper
from webapp.maintenance.listing import keeper_seen
from webapp.maintenance.models import KeeperReadiness
from webapp.pages.banner import Link
from webapp.pages.current import parts
from webapp.pages.filters import counted

DONE, TO_DO, SKIPPED = "done", "todo", "skipped"
WORDS = {DONE: "done", TO_DO: "to do", SKIPPED: "skipped"}


class Step(StrEnum):
    """The lines of the panel, as the forms name them that look again at one."""

    ANSWERS = "answers"
    LIST = "list"
    DELETE = "delete"
    SYNC = "sync"
    NAME = "name"
    MAINTENANCE = "maintenance"


TITLES = {
    Step.ANSWERS: "The registry answers",
    Step.LIST: "Holystone may list what it holds",
    Step.DELETE: "Holystone may delete",
    Step.SYNC: "The first sync",
    Step.NAME: "Its public name",
    Step.MAINTENANCE: "Maintenance",
}


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One line of the panel: done, to do or skipped, with its remedy."""

    step: Step
    state: str
    sentence: str = ""
    lines: str = ""
    link: Link | None = None

    @property
    def title(self) -> str:
        """What it is about."""
        return TITLES[self.step]

    @property
    def word(self) -> str:
        """How far it is, as people say it."""
        return WORDS[self.state]

    @property
    def words(self) -> str:
        """All of it, for who hears it."""
        return f"{self.title}: {self.word}. {self.sentence}".strip()


def first_steps(session: Session) -> list[FirstStep]:
    """All steps, in the order in which they are taken."""
    state = session.get(RegistryState, 1) or RegistryState(mode=RegistryMode.UNKNOWN, mode_sentence="", sync_problem="")
    return [_answers(state), _may_list(state), _may_delete(state), _synced(session, state), _named(), _keeper(session)]


def look_again_at(step: Step) -> Callable[[], object]:
    """What asks anew about one line; to be called in the background. The public name is only read when Holystone starts."""
    catalogue, maintainer = parts().catalogue, parts().maintainer
    if step == Step.SYNC:
        return lambda: sync_if_free(catalogue)
    if step == Step.MAINTENANCE:
        return lambda: look_at_keeper(maintainer)
    return (lambda: None) if step == Step.NAME else (lambda: check_registry(catalogue))


def is_anything_to_do(steps: list[FirstStep]) -> bool:
    """Whether the panel is worth its place."""
    return any(each.state == TO_DO for each in steps)


def _answers(state: RegistryState) -> FirstStep:
    """Done once it was read: that it is away for a while is for the banner to say."""
    if state.sync_complete_at is None and state.checked_at is None:
        return FirstStep(Step.ANSWERS, TO_DO, "It has not been asked yet.")
    if state.sync_complete_at is None and state.mode == RegistryMode.UNREACHABLE:
        sentence = f"{state.mode_sentence} HOLYSTONE_REGISTRY_URL is {parts().settings.REGISTRY_URL}."
        return FirstStep(Step.ANSWERS, TO_DO, sentence)
    is_away = state.mode == RegistryMode.UNREACHABLE
    return FirstStep(Step.ANSWERS, DONE, f"Not at the moment: {state.mode_sentence}" if is_away else "")


def _may_list(state: RegistryState) -> FirstStep:
    if state.may_list:
        return FirstStep(Step.LIST, DONE)
    if state.may_list is False and parts().settings.REPOSITORIES:
        return FirstStep(Step.LIST, SKIPPED, NAMED)
    remedy = (
        "HOLYSTONE_REGISTRY_USERNAME needs the right to read the registry's catalogue,"
        " or HOLYSTONE_REPOSITORIES names the repositories."
    )
    return FirstStep(Step.LIST, TO_DO, remedy)


def _may_delete(state: RegistryState) -> FirstStep:
    if state.may_delete:
        return FirstStep(Step.DELETE, DONE)
    if state.may_delete is None:
        return FirstStep(Step.DELETE, TO_DO, "It is not known yet whether the registry lets Holystone delete.")
    sentence = "The registry refuses deletes. Put these lines into its configuration and restart it."
    return FirstStep(Step.DELETE, TO_DO, sentence, DELETE_LINES)


def _synced(session: Session, state: RegistryState) -> FirstStep:
    if state.sync_complete_at is None:
        return FirstStep(Step.SYNC, TO_DO, state.sync_problem or "Holystone is reading the registry.")
    counts = select(func.count(), func.coalesce(func.sum(Repository.tag_count), 0)).where(Repository.tag_count > 0)
    repositories, tags = cast("tuple[int, int]", session.execute(counts).one())
    return FirstStep(Step.SYNC, DONE, f"{counted(repositories, 'repository', 'repositories')}, {counted(tags, 'tag')}.")


def _named() -> FirstStep:
    settings = parts().settings
    if settings.REGISTRY_PUBLIC_NAME:
        return FirstStep(Step.NAME, DONE, f"Pull commands show {settings.public_name}.")
    sentence = f"Pull commands show {settings.public_name}. HOLYSTONE_REGISTRY_PUBLIC_NAME sets another name."
    return FirstStep(Step.NAME, SKIPPED, sentence)


def _keeper(session: Session) -> FirstStep:
    seen = keeper_seen(session)
    how = Link("How to let it", url_for("maintenance.index"))
    if parts().settings.KEEPER_FOLDER is None:
        return FirstStep(
            Step.MAINTENANCE, SKIPPED, "Holystone cannot restart this registry yet, so it cannot free space.", link=how
        )
    if seen is None:
        return FirstStep(Step.MAINTENANCE, TO_DO, "The keeper has not been looked at yet.", link=how)
    if seen.readiness in (KeeperReadiness.READY, KeeperReadiness.BUSY):
        return FirstStep(Step.MAINTENANCE, DONE, seen.sentence)
    return FirstStep(Step.MAINTENANCE, TO_DO, seen.sentence, link=how)
