"""The list of repositories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from webapp.catalogue import listing
from webapp.catalogue.listing import RepositoryOrder
from webapp.catalogue.models import RegistryMode, RegistryState, Repository
from webapp.catalogue.namespaces import folders
from webapp.catalogue.totals import Total, size_of_registry
from webapp.pages.answers import page_or_fragment
from webapp.pages.current import is_administrator, parts, visibility
from webapp.pages.filters import counted, moment
from webapp.pages.first_steps import first_steps, is_anything_to_do
from webapp.pages.sorting import Sorting, asked_sorting, heads, options

bp = Blueprint("repositories", __name__)

LONGEST_SEARCH = 300
SORTS = {
    RepositoryOrder.NAME: "Name",
    RepositoryOrder.CHANGED: "Last change",
    RepositoryOrder.SIZE: "Size",
    RepositoryOrder.TAGS: "Tags",
}


@dataclass(frozen=True, slots=True)
class RepositoryLine:
    """One line of the list."""

    name: str
    tags: int
    size: Total
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FirstSync:
    """How far the first look at the registry is."""

    done: int
    about: int | None
    words: str


class View(StrEnum):
    """How the top of the registry is shown: every repository, or namespaces as folders."""

    ALL = "all"
    FOLDERS = "folders"


@bp.get("/", endpoint="home")
@bp.get("/repositories")
def index(was_searched: bool = False) -> Response:
    """List the repositories that have tags, or their namespaces. `was_searched`: in place of what a search had found."""
    query, sorting = searched(), asked_sorting(RepositoryOrder, RepositoryOrder.NAME)
    under = "" if query else request.args.get("under", "").strip("/")[:LONGEST_SEARCH]
    view = request.args.get("view", "")
    cursor = request.args.get("after", "")

    def address(sort: str = sorting.words, after: str | None = None, view: str = view) -> str:
        return url_for(".index", q=query or None, under=under or None, view=view or None, sort=sort, after=after)

    with parts().reading() as session:
        in_folders = not (query or under) and _shows_folders(session, view)
        found = _found(session, query, sorting, cursor, under, in_folders)
        state = session.get(RegistryState, 1)
        steps = first_steps(session) if is_administrator() else []
        return page_or_fragment(
            "repositories/list.html",
            "repositories/_rows.html",
            repositories=[] if in_folders else [line_of(each) for each in found.rows],
            folders=found.rows if in_folders else [],
            query=query,
            under=under,
            view=view,
            other_view="" if query or under else address(view=View.ALL if in_folders else View.FOLDERS),
            in_folders=in_folders,
            was_searched=was_searched,
            sort=sorting.words,
            sorts=options(SORTS, sorting),
            heads=heads(RepositoryOrder, sorting, address, {RepositoryOrder.NAME}),
            here=address(),
            shown=found.total if in_folders else found.matching,
            total=found.total,
            size=_size(session, under),
            next_page=address(after=found.next) if found.next else "",
            first_page=address() if cursor else "",
            first_sync=first_sync(state),
            first_steps=steps if is_anything_to_do(steps) and not under else [],
            unreachable=held_when(state),
        )


def _shows_folders(session: Session, view: str) -> bool:
    """Namespaces are folders as soon as the repositories do not fit on a page, unless somebody chose."""
    if view in {each.value for each in View}:
        return view == View.FOLDERS
    return listing.count_repositories(session, visibility()) > listing.PAGE_SIZE


def _found(
    session: Session, query: str, sorting: Sorting[RepositoryOrder], cursor: str, under: str, in_folders: bool
) -> listing.Page[Any]:
    """A page of folders, or of repositories."""
    if in_folders:
        return folders(session, visibility(), sorting.order, cursor, turned=sorting.turned)
    return listing.repositories(session, visibility(), query, sorting.order, cursor, turned=sorting.turned, under=under)


def searched() -> str:
    """What somebody searches for."""
    return request.args.get("q", "").strip()[:LONGEST_SEARCH]


def held_when(state: RegistryState | None) -> str | None:
    """Of when the list is, while the registry does not answer, or why it may not be whole. The banner says more."""
    if state is None or state.sync_finished_at is None:
        return None
    if state.sync_complete_at is None:
        return f"The registry has not been read completely yet. {state.sync_problem}"
    if state.mode == RegistryMode.UNREACHABLE:
        return f"The registry does not answer. This is what it held on {moment(state.sync_complete_at)}."
    return None


def first_sync(state: RegistryState | None) -> FirstSync | None:
    """How far the first look is, until one has ended."""
    if state and (state.sync_complete_at or state.sync_finished_at):
        return None
    if state is None or state.sync_started_at is None:
        return FirstSync(0, None, "Reading the registry has not begun yet.")
    done, total = state.repositories_done, state.repositories_total
    if total is None:
        return FirstSync(0, None, "Reading the registry: its list of repositories.")
    return FirstSync(done, total, f"Reading the registry: {done} of {counted(total, 'repository', 'repositories')}.")


def line_of(row: Repository) -> RepositoryLine:
    """What the lists say of a repository."""
    return RepositoryLine(row.name, row.tag_count, Total(row.size_bytes, row.left_out), row.changed_at)


def _size(session: Session, under: str) -> Total:
    if under:
        return listing.size_under(session, visibility(), under)
    return size_of_registry(session, visibility())
