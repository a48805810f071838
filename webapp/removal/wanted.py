"""What somebody wants removed from one repository, and the choices that go with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Siblings(StrEnum):
    """What becomes of other tags of the same digest."""

    KEEP = "keep"
    REMOVE = "remove"


class Referrers(StrEnum):
    """What becomes of signatures, attestations and whatever else refers to what goes."""

    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some tags, some manifests by their digests, or the whole image; all of one repository.

    `include_protected` takes tags along that the setting PROTECTED_TAGS protects. `for_good` is without the trash;
    `leaving` are items of the trash whose manifests these are, and which do not hold them any more.
    """

    repository: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    whole_image: bool = False
    siblings: Siblings = Siblings.KEEP
    referrers: Referrers = Referrers.REMOVE
    include_protected: bool = False
    for_good: bool = False
    leaving: tuple[int, ...] = ()

    def as_json(self) -> str:
        """The same as text, for the records."""
        return json.dumps(
            {
                "tags": self.tags,
                "digests": self.digests,
                "whole_image": self.whole_image,
                "siblings": self.siblings,
                "referrers": self.referrers,
                "include_protected": self.include_protected,
                "for_good": self.for_good,
                "leaving": self.leaving,
            }
        )


def wanted_from_json(repository: str, text: str) -> Wanted:
    """What `as_json` wrote."""
    found: dict[str, Any] = json.loads(text)
    return Wanted(
        repository,
        tuple(found["tags"]),
        tuple(found["digests"]),
        found["whole_image"],
        Siblings(found["siblings"]),
        Referrers(found["referrers"]),
        found["include_protected"],
        found.get("for_good", True),
        tuple(found.get("leaving", ())),
    )
