"""The grammar of names, tags and digests: what does not fit never becomes part of a URL.

Source: OCI distribution specification, "Pulling manifests" (name and tag), OCI image specification, descriptor.md
(digest); the limit of 255 is the registry's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from webapp.registry.text import cut

LONGEST_REPOSITORY_NAME = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}", re.ASCII)


class BadName(ValueError):
    """A name, tag or digest outside the grammar. Its text is a sentence."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What somebody named: a repository, or one tag or one digest of it. At most one of the two is set."""

    repository: str
    tag: str | None = None
    digest: str | None = None


def is_repository_name(name: str) -> bool:
    """Whether `name` can be a repository's, such as `team/api`."""
    return len(name) <= LONGEST_REPOSITORY_NAME and _REPOSITORY.fullmatch(name) is not None


def is_tag(name: str) -> bool:
    """Whether `name` can be a tag."""
    return _TAG.fullmatch(name) is not None


def is_digest(text: str) -> bool:
    """Whether `text` is a digest by an algorithm that registries know: sha256, sha384 or sha512."""
    return _DIGEST.fullmatch(text) is not None


def check_repository_name(name: str) -> str:
    """Return `name`. Raises BadName where it cannot be a repository's."""
    if not is_repository_name(name):
        raise BadName(f"{_shown(name)} is not the name of a repository.")
    return name


def check_tag(name: str) -> str:
    """Return `name`. Raises BadName where it cannot be a tag."""
    if not is_tag(name):
        raise BadName(f"{_shown(name)} is not a tag.")
    return name


def check_digest(text: str) -> str:
    """Return `text`. Raises BadName where it is not a digest."""
    if not is_digest(text):
        raise BadName(f"{_shown(text)} is not a digest.")
    return text


def check_reference(text: str) -> str:
    """Return `text`. Raises BadName where it is neither a tag nor a digest."""
    if not (is_tag(text) or is_digest(text)):
        raise BadName(f"{_shown(text)} is neither a tag nor a digest.")
    return text


def split_reference(text: str) -> Reference:
    """Read `repository:tag`, `repository@digest` or `repository`, without a registry's host.

    Raises:
        BadName: it is none of them.
    """
    if "@" in text:
        repository, digest = text.split("@", 1)
        return Reference(check_repository_name(repository), digest=check_digest(digest))
    if ":" in text:
        repository, tag = text.split(":", 1)
        return Reference(check_repository_name(repository), tag=check_tag(tag))
    return Reference(check_repository_name(text))


def namespace_of(repository: str) -> str:
    """The part of a repository's name before its first `/`; empty for the global namespace."""
    namespace, slash, _rest = repository.partition("/")
    return namespace if slash else ""


def _shown(text: str) -> str:
    return ascii(cut(text, 80))
