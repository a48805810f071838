"""What a run means to take of a repository: its rows are written from this before anything is taken (law 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from webapp.retention.listing import RuleInOrder
from webapp.retention.preview import Foreseen


@dataclass(frozen=True, slots=True)
class Intended:
    """What goes of one repository.

    Attributes:
        tags: the digest that each tag is on, and when it was pushed.
        tag_count: how many tags the repository has that are subject to rules.
        why_it_waits: why a person is asked first; '' where nobody is.
    """

    repository: str
    repository_id: int
    rule: RuleInOrder
    tags: Mapping[str, tuple[str, datetime | None]]
    untagged: tuple[str, ...]
    tag_count: int
    why_it_waits: str
    bytes_foreseen: int = 0


def intended(foreseen: Foreseen) -> Intended:
    """What goes of what is foreseen."""
    return Intended(
        repository=foreseen.repository.name,
        repository_id=foreseen.repository.id,
        rule=foreseen.rule,
        tags={each.name: (each.digest, each.at) for each in foreseen.tags},
        untagged=tuple(each.digest for each in foreseen.untagged),
        tag_count=foreseen.tag_count,
        why_it_waits=foreseen.why_it_waits,
    )
