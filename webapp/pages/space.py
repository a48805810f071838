"""/space: where the space goes. All of it as it was last added up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from webapp.catalogue import space_listing
from webapp.catalogue.daily_sizes import daily_sizes
from webapp.catalogue.listing import PAGE_SIZE, Page
from webapp.catalogue.models import RegistryState
from webapp.catalogue.space_listing import SpaceOrder
from webapp.catalogue.space_models import MeasuredSpace, NamespaceSpace
from webapp.catalogue.totals import Total, is_every_manifest_known
from webapp.maintenance.space import collectable
from webapp.pages.answers import page_or_fragment, wants_fragment
from webapp.pages.current import may_delete, parts, visibility
from webapp.pages.filters import counted
from webapp.pages.growth_chart import growth
from webapp.pages.repositories import held_when
from webapp.pages.sorting import Sorting, asked_sorting, heads, options
from webapp.pages.space_map import NARROW, WIDE, space_map
from webapp.pages.space_parts import NO_NAMESPACE, address_of_namespace, branches_of, name_of_namespace

bp = Blueprint("space", __name__)

LONGEST_NAME = 300
SORTS = {SpaceOrder.SIZE: "Takes", SpaceOrder.EXCLUSIVE: "Exclusive", SpaceOrder.NAME: "Name"}


class View(StrEnum):
    """What the list names."""

    REPOSITORIES = "repositories"
    NAMESPACES = "namespaces"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list. `address` is '' for a repository without tags, which has no page."""

    name: str
    address: str
    delete_address: str
    note: str
    size: Total
    exclusive: Total
    shared_bytes: int
    in_trash_bytes: int


@bp.get("/space")
def index() -> Response:
    """Show the whole registry, or one namespace of it."""
    asked = request.args.get("namespace", "")[:LONGEST_NAME]
    namespace = None if not asked else "" if asked == NO_NAMESPACE else asked
    sorting, cursor = asked_sorting(SpaceOrder, SpaceOrder.SIZE), request.args.get("after", "")
    with parts().reading() as session:
        whole = space_listing.measured_space(session, visibility())
        view = _view(whole, namespace)

        def address(sort: str = sorting.words, after: str | None = None, view: str = view) -> str:
            kept = view if namespace is None else None
            return url_for(".index", namespace=asked or None, view=kept, sort=sort, after=after)

        found = _found(session, view, namespace, sorting, cursor)
        state = session.get(RegistryState, 1)
        is_first = not cursor and not wants_fragment()
        return page_or_fragment(
            "space/index.html",
            "space/_list.html",
            whole=whole,
            here=_here(session, namespace),
            namespace=asked,
            name=name_of_namespace(namespace) if namespace is not None else "",
            view=view,
            other_view=_other_view(whole, view, address) if namespace is None else "",
            lines=_lines(found, view),
            matching=found.matching,
            sort=sorting.words,
            sorts=options(SORTS, sorting),
            heads=heads(SpaceOrder, sorting, address, {SpaceOrder.NAME}),
            next_page=address(after=found.next) if found.next else "",
            first_page=address() if cursor else "",
            unreachable=held_when(state),
            **(_overview(session, whole, namespace, state) if whole and is_first else {"is_overview": False}),
        )


def _view(whole: MeasuredSpace | None, namespace: str | None) -> View:
    """Namespaces as soon as the repositories do not fit on a page, unless somebody chose."""
    asked = request.args.get("view", "")
    if namespace is not None:
        return View.REPOSITORIES
    if asked in {each.value for each in View}:
        return View(asked)
    return View.NAMESPACES if whole and whole.repositories > PAGE_SIZE else View.REPOSITORIES


def _other_view(whole: MeasuredSpace | None, view: View, address: Callable[..., str]) -> str:
    if whole is None or whole.namespaces < 2:
        return ""
    return address(view=View.REPOSITORIES if view == View.NAMESPACES else View.NAMESPACES)


def _found(session: Session, view: View, namespace: str | None, sorting: Sorting[SpaceOrder], cursor: str) -> Page[Any]:
    if view == View.NAMESPACES:
        return space_listing.namespaces_by_space(session, visibility(), sorting.order, cursor, sorting.turned)
    return space_listing.repositories_by_space(session, visibility(), namespace, sorting.order, cursor, sorting.turned)


def _here(session: Session, namespace: str | None) -> NamespaceSpace | None:
    if namespace is None:
        return None
    return space_listing.namespace_space(session, visibility(), namespace)


def _overview(
    session: Session, whole: MeasuredSpace, namespace: str | None, state: RegistryState | None
) -> dict[str, Any]:
    """What stands around the list on its first page."""
    branches, others = branches_of(session, namespace)
    around = {
        "is_overview": True,
        "maps": [space_map(branches, others, frame) for frame in (WIDE, NARROW)] if branches else [],
    }
    if namespace is not None:
        return around
    return around | {
        "size": Total(whole.size_bytes, whole.left_out),
        "all_known": is_every_manifest_known(session),
        "is_outdated": state is not None and state.content_version != whole.content_version,
        "collectable": collectable(session),
        "growth": growth(daily_sizes(session)),
        "tags": space_listing.largest_tags(session, visibility()),
        "layers": space_listing.largest_layers(session, visibility()),
    }


def _lines(found: Page[Any], view: View) -> list[Line]:
    if view == View.NAMESPACES:
        return [_of_namespace(each) for each in found.rows]
    return [_of_repository(each) for each in found.rows]


def _of_namespace(space: NamespaceSpace) -> Line:
    return Line(
        name_of_namespace(space.namespace),
        address_of_namespace(space.namespace),
        "",
        counted(space.repositories, "repository", "repositories"),
        Total(space.size_bytes, space.left_out),
        Total(space.exclusive_bytes),
        space.shared_bytes,
        space.in_trash_bytes,
    )


def _of_repository(line: space_listing.RepositoryLine) -> Line:
    space = line.space
    return Line(
        space.name,
        url_for("tags.index", repository=space.name) if line.has_tags else "",
        url_for("removals.delete_repository", repository=space.name) if line.has_tags and may_delete() else "",
        "" if line.has_tags else "no tags",
        Total(space.size_bytes, space.left_out),
        Total(space.exclusive_bytes),
        space.shared_bytes,
        space.in_trash_bytes,
    )
