"""The list of repositories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, Response, request, url_for

from webapp.catalogue import listing
from webapp.catalogue.listing import RepositoryOrder
from webapp.catalogue.models import RegistryMode, RegistryState, Repository
from webapp.catalogue.totals import Total, size_of_registry
from webapp.pages.answers import page_or_fragment
from webapp.pages.current import is_administrator, parts, visibility
from webapp.pages.filters import counted, moment
from webapp.pages.first_steps import first_steps, is_anything_to_do

bp = Blueprint("repositories", __name__)

LONGEST_SEARCH = 300

Order = TypeVar("Order", bound=StrEnum)


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


@bp.get("/", endpoint="home")
@bp.get("/repositories")
def index() -> Response:
    """List the repositories that have tags."""
    query, order = searched(), chosen(RepositoryOrder, RepositoryOrder.NAME)
    cursor = request.args.get("after", "")

    def address(sort: RepositoryOrder, after: str | None = None) -> str:
        return url_for(".index", q=query or None, sort=sort.value, after=after)

    with parts().reading() as session:
        found = listing.repositories(session, visibility(), query, order, cursor)
        state = session.get(RegistryState, 1)
        steps = first_steps(session) if is_administrator() else []
        return page_or_fragment(
            "repositories/list.html",
            "repositories/_rows.html",
            repositories=[_line(each) for each in found.rows],
            query=query,
            sort=order.value,
            sort_links={each.value: address(each) for each in RepositoryOrder},
            shown=found.matching,
            total=found.total,
            size=size_of_registry(session, visibility()),
            next_page=address(order, found.next) if found.next else "",
            first_page=address(order) if cursor else "",
            first_sync=first_sync(state),
            first_steps=steps if is_anything_to_do(steps) else [],
            unreachable=held_when(state),
        )


def searched() -> str:
    """What somebody searches for."""
    return request.args.get("q", "").strip()[:LONGEST_SEARCH]


def chosen(orders: type[Order], usual: Order) -> Order:
    """The order that an address asks for; the usual one where it asks for none that there is."""
    asked = request.args.get("sort", "")
    return orders(asked) if asked in {each.value for each in orders} else usual


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


def _line(row: Repository) -> RepositoryLine:
    return RepositoryLine(row.name, row.tag_count, Total(row.size_bytes, row.left_out), row.changed_at)
