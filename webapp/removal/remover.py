"""What removals work with."""

from __future__ import annotations

import fnmatch
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.catalogue.revisions import Revisions, unknown
from webapp.database import Reading, Writing
from webapp.registry.capabilities import takes_writes
from webapp.registry.client import RegistryClient
from webapp.registry.errors import ReadOnly
from webapp.removal.wanted import Wanted

PAUSE_POLL_S = 2.0
LONGEST_PAUSE_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Remover:
    """What removals work with.

    Attributes:
        store: the root directory of the registry's storage where it can be read.
        revisions: tells all manifests of a repository, where they can be known.
        protected: patterns of tags that stay, with `*` and `?`.
        pause_s: while the registry is read-only, a removal looks again after this time.
        longest_pause_s: for so long.
        retention: how long what is taken away stays in the trash; 0 days where it is deleted for good at once.
        why_held: why the registry takes no deletes for a stated time, as a sentence; '' where nobody holds it.
    """

    client: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    store: Path | None = None
    revisions: Revisions = unknown
    protected: tuple[str, ...] = ()
    pause_s: float = PAUSE_POLL_S
    longest_pause_s: float = LONGEST_PAUSE_S
    wait: Callable[[float], object] = threading.Event().wait
    retention: timedelta = timedelta(0)
    why_held: Callable[[Session], str] = lambda _session: ""


def until_of(remover: Remover, wanted: Wanted) -> datetime | None:
    """Until when what is wanted would stay in the trash; None where it is deleted for good."""
    if wanted.for_good or not remover.retention:
        return None
    return remover.now() + remover.retention


class RemovalUnderWay(Exception):
    """Another removal holds the repository, or a restore does."""

    sentence = "Another removal is under way in this repository. Wait until it has ended."


class HeldReadOnly(ReadOnly):
    """Somebody holds the registry read-only for a stated time; `sentence` says who, and until when."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


def refuse_while_held(remover: Remover) -> None:
    """Say who holds the registry, before it is asked to delete something.

    A registry that takes writes is not held, whatever the records say: whoever looks next ends that hold.

    Raises:
        HeldReadOnly: it is held.
    """
    with remover.reading() as session:
        why = remover.why_held(session)
    if why and not takes_writes(remover.client):
        raise HeldReadOnly(why)


def lease_name(repository: str) -> str:
    """The lease that removals of a repository hold."""
    return f"removal:{repository}"


def is_protected(patterns: tuple[str, ...], tag: str) -> bool:
    """Whether one of the patterns fits a tag; `*` stands for any characters, `?` for one, all else for itself."""
    return fitting(patterns).fullmatch(tag) is not None


@lru_cache
def fitting(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """An expression that fits what one of the patterns does; none fits nothing.

    `fnmatch` writes one that takes no longer for many `*`; what it would read as a set of characters is none here.
    """
    return re.compile("|".join(fnmatch.translate(each.replace("[", "[[]")) for each in patterns) or "(?!)")
