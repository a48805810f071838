"""What a dialog of a removal is about: one tag, one manifest, ticked tags or manifests, all that a filter finds, the whole image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from flask import request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from webapp.catalogue.listing import find_repository, matching_tags
from webapp.pages.current import is_administrator, parts, visibility
from webapp.pages.filters import counted, short_digest
from webapp.pages.tag_filters import Filters, read_filters
from webapp.registry.names import is_digest, is_tag
from webapp.removal.wanted import Referrers, Siblings, Wanted

LEAVE = "leave"
NOTHING_TICKED = "No tag is ticked. Tick the tags that are to go, then press the button again; nothing was deleted."
NO_FILTER = "A filter cannot be read. Load the list again; nothing was deleted."
NO_MANIFEST = "One of these is no digest. Load the list again; nothing was deleted."
NO_TAG = "One of these is no tag. Load the list again; nothing was deleted."

Choice = TypeVar("Choice", bound=StrEnum)


class Scope(StrEnum):
    """How it was said what is to go."""

    TAG = "tag"
    MANIFEST = "manifest"
    TAGS = "tags"
    MANIFESTS = "manifests"
    MATCHING = "matching"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about, with the choices that go with it.

    Attributes:
        tags: by name; for `matching` those that `filters` find now, for a manifest or the whole image none.
        digests: of manifests without a tag; none for all else.
        for_good: whether it does not go into the trash; administrators only.
        then: 'leave' where the page that it was opened from will be gone, or has no list.
    """

    repository: str
    scope: Scope
    tags: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    siblings: Siblings = Siblings.KEEP
    referrers: Referrers = Referrers.REMOVE
    include_protected: bool = False
    for_good: bool = False
    then: str = ""
    digests: tuple[str, ...] = ()

    @property
    def is_image(self) -> bool:
        """Whether it is about the whole image."""
        return self.scope == Scope.IMAGE

    @property
    def tag(self) -> str | None:
        """The one tag that it is about; None where it is about several, or the image."""
        return self.tags[0] if len(self.tags) == 1 and self.scope != Scope.MATCHING else None

    @property
    def digest(self) -> str:
        """The one manifest that it is about; '' for all else."""
        return self.digests[0] if self.scope == Scope.MANIFEST else ""

    @property
    def wanted(self) -> Wanted:
        """What `removal` is asked to remove."""
        siblings = Siblings.KEEP if self.is_image else self.siblings
        choices = (siblings, self.referrers, self.include_protected, self.for_good)
        return Wanted(self.repository, self.tags, self.digests, self.is_image, *choices)

    @property
    def name(self) -> str:
        """As people write it."""
        if self.tag:
            return f"{self.repository}:{self.tag}"
        if self.digest:
            return f"{self.repository}@{short_digest(self.digest)}"
        return self.repository if self.is_image else f"{self.several} of {self.repository}"

    @property
    def several(self) -> str:
        """How many tags or manifests it is about; '' where it is about one, or about the image."""
        if self.scope == Scope.MANIFESTS:
            return counted(len(self.digests), "manifest")
        return "" if self.is_image or self.tag or self.digest else counted(len(self.tags), "tag")

    @property
    def subject(self) -> str:
        """What the dialog's key is bound to: the same names, or the same filter, whatever it finds by then."""
        if self.is_image:
            return Scope.IMAGE
        if self.digest:
            return f"{self.scope}:{self.digest}"
        is_filter = self.scope == Scope.MATCHING
        said = sorted(self.filters.fields.items()) if is_filter else sorted(self.tags or self.digests)
        return f"{self.scope}:{hashlib.sha256(json.dumps(said).encode()).hexdigest()}"

    @property
    def address(self) -> str:
        """Of the dialog."""
        then = self.then or None
        if self.scope == Scope.TAG:
            return url_for("removals.delete_tag", repository=self.repository, tag=self.tag, then=then)
        if self.digest:
            return url_for("removals.delete_manifest", repository=self.repository, digest=self.digest, then=then)
        return url_for("removals.delete_repository", repository=self.repository, then=then)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What the dialog's form says again, so that its button is about the same."""
        if self.scope == Scope.TAGS:
            return [("tag", tag) for tag in self.tags]
        if self.scope == Scope.MANIFESTS:
            return [("digest", digest) for digest in self.digests]
        if self.scope == Scope.MATCHING:
            return [("matching", "1"), *self.filters.fields.items()]
        return [("image", "1")] if self.is_image else []

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The choices that are other than usual, as the fields of a form."""
        made = [("siblings", self.siblings.value)] if self.siblings == Siblings.REMOVE else []
        made += [("referrers", self.referrers.value)] if self.referrers == Referrers.KEEP else []
        made += [("include_protected", "1")] if self.include_protected else []
        return made + ([("for_good", "1")] if self.for_good else [])

    @property
    def list_address(self) -> str:
        """Of the list that it stands in."""
        is_untagged = self.scope == Scope.MANIFESTS
        return url_for("tags.index", repository=self.repository, untagged=1 if is_untagged else None)


def tag_asked(repository: str, tag: str) -> Asked:
    """What the request asks about one tag."""
    return _asked(repository, Scope.TAG, (tag,))


def manifest_asked(repository: str, digest: str) -> Asked:
    """What the request asks about one manifest without a tag."""
    return _asked(repository, Scope.MANIFEST, digests=(digest,))


def repository_asked(session: Session, repository: str) -> Asked:
    """What the request asks about a repository: some of its tags by name or by the filter, or all of it.

    Raises:
        BadRequest: a form says nothing of that: it must not be taken for the whole image.
    """
    tags = request.values.getlist("tag")
    if request.values.get("matching"):
        filters = _filters()
        row = find_repository(session, visibility(), repository)
        found = matching_tags(session, row, filters.wanted(parts().now())) if row else ()
        return _asked(repository, Scope.MATCHING, found, filters)
    if tags:
        if not all(map(is_tag, tags)):
            raise BadRequest(NO_TAG)
        return _asked(repository, Scope.TAGS, sorted(set(tags)))
    digests = request.values.getlist("digest")
    if digests:
        if not all(map(is_digest, digests)):
            raise BadRequest(NO_MANIFEST)
        return _asked(repository, Scope.MANIFESTS, digests=sorted(set(digests)))
    if request.method == "POST" and not request.form.get("image"):
        raise BadRequest(NOTHING_TICKED)
    return _asked(repository, Scope.IMAGE)


def _filters() -> Filters:
    """The filters that say which tags are to go. One that cannot be read would let more go than was shown.

    Raises:
        BadRequest: there is such a one, or they show no tags at all.
    """
    filters = read_filters(request.values)
    if filters.unread or filters.untagged:
        raise BadRequest(NO_FILTER)
    return filters


def _asked(
    repository: str,
    scope: Scope,
    tags: Iterable[str] = (),
    filters: Filters | None = None,
    digests: Iterable[str] = (),
) -> Asked:
    given = request.values
    return Asked(
        repository,
        scope,
        tuple(tags),
        filters or Filters(),
        siblings=_chosen(Siblings, given.get("siblings"), Siblings.KEEP),
        referrers=_chosen(Referrers, given.get("referrers"), Referrers.REMOVE),
        include_protected=bool(given.get("include_protected")) and is_administrator(),
        for_good=bool(given.get("for_good")) and is_administrator(),
        then=LEAVE if given.get("then") == LEAVE else "",
        digests=tuple(digests),
    )


def _chosen(choices: type[Choice], given: str | None, usual: Choice) -> Choice:
    return choices(given) if given in {each.value for each in choices} else usual
