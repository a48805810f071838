"""Lists that come page by page: the catalogue, tags, referrers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests.utils

from webapp.registry.errors import Nonsense
from webapp.registry.transport import Answer

USUAL_PAGES = frozenset({50, 100, 1000, 10_000})
"""How long registries make their pages. One that is as long may not be the last, though no Link says so."""


def entries(body: bytes, key: str) -> list[Any]:
    """The list under `key` in a page; none or null is an empty one (distribution.md 5.2)."""
    try:
        document: Any = json.loads(body)
        found = document.get(key) or []
    except (ValueError, RecursionError, AttributeError):
        raise Nonsense("a list that is not JSON") from None
    if not isinstance(found, list):
        raise Nonsense("a list that is none")
    return found


def names(body: bytes, key: str) -> list[str]:
    """The same, of texts."""
    found = entries(body, key)
    if not all(isinstance(each, str) for each in found):
        raise Nonsense("a list that is none")
    return found


def next_query(answer: Answer) -> str | None:
    """The query of the next page, from the Link header (RFC 8288); None on the last page.

    Only the query is taken: the path is known, and behind a proxy the registry may know it otherwise.
    """
    for link in requests.utils.parse_header_links(answer.headers.get("Link", "")):
        if link.get("rel") == "next":
            target = urlsplit(urljoin(answer.url, link["url"]))
            if target.hostname != urlsplit(answer.url).hostname:
                raise Nonsense("a next page on another host")
            return target.query
    return None


def query_after(answer: Answer, page: Sequence[str]) -> str | None:
    """The query for what may come after a page without a Link header, which something in between may have dropped.

    None where the page is shorter than was asked for, and so the last one. Source: OCI distribution specification,
    "Listing Tags" (`n`, and `last`: the name after which to begin).
    """
    query = [(key, value) for key, value in parse_qsl(urlsplit(answer.url).query) if key != "last"]
    asked_for = dict(query).get("n", "")
    is_full = len(page) in USUAL_PAGES or (asked_for.isdecimal() and len(page) >= int(asked_for))
    return urlencode([*query, ("last", page[-1])]) if page and is_full else None
