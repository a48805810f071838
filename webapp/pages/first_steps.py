"""What an administrator has to see to before all is well: on the list of repositories until then, on Status always."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.catalogue.checks import DELETE_LINES, NAMED
from webapp.catalogue.models import RegistryMode, RegistryState, Repository
from webapp.maintenance.listing import keeper_seen
from webapp.maintenance.models import KeeperReadiness
from webapp.pages.banner import Link
from webapp.pages.current import parts
from webapp.pages.filters import counted

DONE, TO_DO, SKIPPED = "done", "todo", "skipped"


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One line of the panel: done, to do or skipped, with its remedy."""

    title: str
    state: str
    sentence: str = ""
    lines: str = ""
    link: Link | None = None


def first_steps(session: Session) -> list[FirstStep]:
    """All steps, in the order in which they are taken."""
    state = session.get(RegistryState, 1) or RegistryState(mode=RegistryMode.UNKNOWN, mode_sentence="", sync_problem="")
    return [_answers(state), _may_list(state), _may_delete(state), _synced(session, state), _named(), _keeper(session)]


def is_anything_to_do(steps: list[FirstStep]) -> bool:
    """Whether the panel is worth its place."""
    return any(each.state == TO_DO for each in steps)


def _answers(state: RegistryState) -> FirstStep:
    """Done once it was read: that it is away for a while is for the banner to say."""
    title = "The registry answers"
    if state.sync_complete_at is None and state.checked_at is None:
        return FirstStep(title, TO_DO, "It has not been asked yet.")
    if state.sync_complete_at is None and state.mode == RegistryMode.UNREACHABLE:
        sentence = f"{state.mode_sentence} HOLYSTONE_REGISTRY_URL is {parts().settings.REGISTRY_URL}."
        return FirstStep(title, TO_DO, sentence)
    return FirstStep(title, DONE)


def _may_list(state: RegistryState) -> FirstStep:
    title = "Holystone may list what it holds"
    if state.may_list:
        return FirstStep(title, DONE)
    if state.may_list is False and parts().settings.REPOSITORIES:
        return FirstStep(title, SKIPPED, NAMED)
    remedy = (
        "HOLYSTONE_REGISTRY_USERNAME needs the right to read the registry's catalogue,"
        " or HOLYSTONE_REPOSITORIES names the repositories."
    )
    return FirstStep(title, TO_DO, remedy)


def _may_delete(state: RegistryState) -> FirstStep:
    title = "Holystone may delete"
    if state.may_delete:
        return FirstStep(title, DONE)
    if state.may_delete is None:
        return FirstStep(title, TO_DO, "It is not known yet whether the registry lets Holystone delete.")
    sentence = "The registry refuses deletes. Put these lines into its configuration and restart it."
    return FirstStep(title, TO_DO, sentence, DELETE_LINES)


def _synced(session: Session, state: RegistryState) -> FirstStep:
    title = "The first sync"
    if state.sync_complete_at is None:
        return FirstStep(title, TO_DO, state.sync_problem or "Holystone is reading the registry.")
    counts = select(func.count(), func.coalesce(func.sum(Repository.tag_count), 0)).where(Repository.tag_count > 0)
    repositories, tags = cast("tuple[int, int]", session.execute(counts).one())
    return FirstStep(title, DONE, f"{counted(repositories, 'repository', 'repositories')}, {counted(tags, 'tag')}.")


def _named() -> FirstStep:
    settings = parts().settings
    if settings.REGISTRY_PUBLIC_NAME:
        return FirstStep("Its public name", DONE, f"Pull commands show {settings.public_name}.")
    sentence = f"Pull commands show {settings.public_name}. HOLYSTONE_REGISTRY_PUBLIC_NAME sets another name."
    return FirstStep("Its public name", SKIPPED, sentence)


def _keeper(session: Session) -> FirstStep:
    title = "Maintenance"
    seen = keeper_seen(session)
    how = Link("How to let it", url_for("maintenance.index"))
    if parts().settings.KEEPER_FOLDER is None:
        return FirstStep(
            title, SKIPPED, "Holystone cannot restart this registry yet, so it cannot free space.", link=how
        )
    if seen is None:
        return FirstStep(title, TO_DO, "The keeper has not been looked at yet.", link=how)
    if seen.readiness in (KeeperReadiness.READY, KeeperReadiness.BUSY):
        return FirstStep(title, DONE, seen.sentence)
    return FirstStep(title, TO_DO, seen.sentence, link=how)
