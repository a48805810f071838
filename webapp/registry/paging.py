"""Lists that come page by page: the catalogue, tags, referrers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests.utils

from webapp.registry.errors import Nonsense
from webapp.registry.transport import Answer


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
