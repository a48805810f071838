"""Addresses: the names in them are parsed by the grammar of registries, and where one leads next is checked.

`-` cannot be a component of a repository's name, so `/repositories/<repository>/-/tags/<tag>` has one meaning only,
also for repositories called `team/delete` or `a/b/manifests`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request, url_for
from werkzeug.routing import BaseConverter, IntegerConverter, Map, ValidationError

from webapp.registry.names import is_digest, is_repository_name, is_tag

LARGEST_ROW = 2**63 - 1
PLAIN_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)


class RepositoryConverter(BaseConverter):
    """A repository's name, slashes and all, up to a component `-`."""

    regex = r"(?!-/)[^/]+(?:/(?!-(?:/|\Z))[^/]+)*"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Return the name; what cannot be one is an address that does not exist."""
        if not is_repository_name(value):
            raise ValidationError
        return value

    def to_url(self, value: str) -> str:
        """Return the name as it is: its grammar has nothing that an address would have to quote."""
        return value


class TagConverter(BaseConverter):
    """A tag."""

    def to_python(self, value: str) -> str:
        """Return the tag; what cannot be one is an address that does not exist."""
        if not is_tag(value):
            raise ValidationError
        return value


class DigestConverter(BaseConverter):
    """A digest."""

    def to_python(self, value: str) -> str:
        """Return the digest; what cannot be one is an address that does not exist."""
        if not is_digest(value):
            raise ValidationError
        return value


class RowConverter(IntegerConverter):
    """The number of a row in the records, which cannot be larger than the records count."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, min=1, max=LARGEST_ROW)


def register(app: Flask) -> None:
    """Let rules name repositories, tags, digests and rows."""
    app.url_map.converters.update(
        repository=RepositoryConverter, tag=TagConverter, digest=DigestConverter, row=RowConverter
    )


def row_id(text: str) -> int:
    """The number of a row that an address names after `?`. Raises ValueError where there can be no such row."""
    number = int(text)
    if not 0 < number <= LARGEST_ROW:
        raise ValueError(text)
    return number


def in_a_plain_prefix(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Take the sub-path that a proxy names (`X-Forwarded-Prefix`) only where it is one: `//host` would be a site."""

    def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        prefix = environ.get("SCRIPT_NAME", "").removesuffix("/")
        environ["SCRIPT_NAME"] = prefix if PLAIN_PREFIX.fullmatch(prefix) else ""
        return app(environ, start_response)

    return plain


def sub_path() -> str:
    """The path on this host under which all of our addresses are: `/`, or one such as `/holystone/`."""
    return f"{request.root_path}/"


def home() -> str:
    """The address of the list of repositories."""
    return url_for("repositories.index")


def safe_next(address: str | None) -> str:
    """Return an address of ours to go to, or the list of repositories for anything that could lead elsewhere.

    `//host` and `/\\host` are other sites to a browser, which also drops control characters before it reads; beside a
    sub-path of ours are other applications.
    """
    if not address or address == sub_path() or not address.startswith(sub_path()) or address.startswith("//"):
        return home()
    climbs = ".." in address.partition("?")[0].lower().replace("%2e", ".").split("/")
    if "\\" in address or not address.isprintable() or climbs:
        return home()
    return address


def this_page() -> str:
    """The page that somebody is on: what was asked for, or, where htmx asks, the page that it asks from."""
    if "HX-Request" in request.headers:
        return path_of(request.headers.get("HX-Current-URL"))
    if request.method == "GET":
        return safe_next(request.root_path + request.full_path.rstrip("?"))
    return path_of(request.referrer)


def path_of(address: str | None) -> str:
    """The path and query of an address on this site; the list of repositories for one that is not."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return home()
    if parts.netloc and parts.netloc != request.host:
        return home()
    return safe_next(parts.path + (f"?{parts.query}" if parts.query else ""))
