"""The search over the whole registry: repositories, tags and manifests together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from webapp.catalogue.listing import PAGE_SIZE, Page
from webapp.catalogue.models import RegistryState
from webapp.catalogue.name_index import SHORTEST
from webapp.catalogue.needle import Needle, read_needle
from webapp.catalogue.search import MOST_COUNTED, find_manifests, find_repositories, find_tags
from webapp.pages import repositories
from webapp.pages.answers import page_or_fragment, wants_fragment
from webapp.pages.current import parts, visibility
from webapp.pages.filters import counted
from webapp.pages.repositories import held_when, line_of, searched

bp = Blueprint("search", __name__)

FEW = 20
"""So many of each group are shown side by side with the others; a page of its own has them all."""


class Kind(StrEnum):
    """The groups of what is found, as addresses name them."""

    REPOSITORIES = "repositories"
    TAGS = "tags"
    MANIFESTS = "manifests"


NOUNS = {
    Kind.REPOSITORIES: ("repository", "repositories"),
    Kind.TAGS: ("tag", "tags"),
    Kind.MANIFESTS: ("manifest", "manifests"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind: some rows, how many there are in words, and where the rest is ('' for none)."""

    kind: str
    rows: list[Any]
    words: str
    more: str
    next_page: str


@bp.get("/search")
def index() -> Response:
    """Find repositories, tags and manifests; `kind` names one, to turn its pages."""
    query = searched()
    if not query and wants_fragment():
        return _all_repositories()
    needle = read_needle(query, parts().settings.public_name)
    only = request.args.get("kind", "")
    cursor = request.args.get("after", "")
    with parts().reading() as session:
        kinds = [each for each in (Kind.TAGS, Kind.MANIFESTS) if each == only] or list(Kind)
        found = [_group(session, kind, needle, query, cursor if kind == only else "", kind == only) for kind in kinds]
        groups = [each for each in found if each.rows]
        return page_or_fragment(
            "search/show.html",
            "search/_found.html",
            query=query,
            groups=groups,
            count=", ".join(each.words for each in groups),
            first_page=url_for(".index", q=query, kind=only) if cursor and only else "",
            everything=url_for(".index", q=query) if kinds != list(Kind) else "",
            only_beginnings=0 < len(needle.name) < SHORTEST and needle.tag is None,
            unreachable=held_when(session.get(RegistryState, 1)),
        )


def _all_repositories() -> Response:
    """The field was emptied: the list as it is without a search."""
    answer = repositories.index(was_searched=True)
    answer.headers["HX-Push-Url"] = url_for("repositories.index")
    return answer


def _group(session: Session, kind: Kind, needle: Needle, query: str, cursor: str, alone: bool) -> Group:
    size = PAGE_SIZE if alone else FEW
    page: Page[Any]
    if kind == Kind.REPOSITORIES:
        page = find_repositories(session, visibility(), needle, size)
        rows = [line_of(each) for each in page.rows]
        more = url_for("repositories.index", q=needle.name)
        return Group(kind, rows, counted(page.matching, *NOUNS[kind]), more if page.next else "", "")
    find = find_tags if kind == Kind.TAGS else find_manifests
    page = find(session, visibility(), needle, cursor, size)
    return Group(
        kind,
        list(page.rows),
        _counted(page.matching, kind),
        url_for(".index", q=query, kind=kind.value) if page.next and not alone else "",
        url_for(".index", q=query, kind=kind.value, after=page.next) if page.next and alone else "",
    )


def _counted(number: int, kind: Kind) -> str:
    if number > MOST_COUNTED:
        return f"more than {counted(MOST_COUNTED, *NOUNS[kind])}"
    return counted(number, *NOUNS[kind])
