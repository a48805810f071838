"""What a view starts and does not wait for to the end: a look at the registry, a removal, a sync.

A dialog that is asked for again while its look is under way joins that look, and a button that is pressed again
while its removal is under way joins that removal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar

from webapp.catalogue.mode import check_registry
from webapp.catalogue.models import RegistryMode, RegistryState
from webapp.catalogue.refresh import check_tags, sync_repository
from webapp.catalogue.sync import sync_if_free
from webapp.parts import Parts
from webapp.registry.capabilities import Mode
from webapp.registry.errors import DeletesDisabled, ReadOnly, RegistryError
from webapp.removal.execute import PlanChanged, Preview, preview, remove
from webapp.removal.journal import Agreement
from webapp.removal.remover import RemovalUnderWay, refuse_while_held
from webapp.removal.wanted import Wanted

log = logging.getLogger(__name__)

LOOK_S = 5.0
REMOVAL_S = 20.0
REMOVALS_AT_ONCE = 16
LOOKS_AT_ONCE = 8
CHECKS_IN_HAND = 8
LONGEST_KEPT_S = 10.0

Value = TypeVar("Value")

EXPECTED = (PlanChanged, RemovalUnderWay, RegistryError)
"""What a removal may end with that has a sentence of its own."""


class StillLooking(Exception):
    """The registry has not answered within the time that a page waits; the look goes on."""


class LookInHand:
    """A look of this process, and when it ended (monotonic seconds)."""

    def __init__(self, future: Future[Preview], monotonic: Callable[[], float]) -> None:
        self.future = future
        self._monotonic = monotonic
        self._ended_at: float | None = None
        future.add_done_callback(self._note_end)

    def is_old(self) -> bool:
        """Whether it ended so long ago that nobody waits for it any more."""
        return self._ended_at is not None and self._monotonic() - self._ended_at > LONGEST_KEPT_S

    def _note_end(self, _future: Future[Preview]) -> None:
        self._ended_at = self._monotonic()


class RemovalInHand:
    """A removal of this process: `started` and `ended` both become its id."""

    def __init__(self) -> None:
        self.started: Future[int] = Future()
        self.ended: Future[int] = Future()

    def wait(self, to_its_end: bool) -> int:
        """Wait until it has begun, or for some time to its end, and return its id.

        Raises:
            StillLooking: it has not begun within the time that a page waits; it may yet.
            PlanChanged, RemovalUnderWay, RegistryError: it did not begin; nothing was deleted.
        """
        both = (self.started, self.ended)
        wait(both, REMOVAL_S, FIRST_EXCEPTION if to_its_end else FIRST_COMPLETED)
        if self.ended.done():
            return self.ended.result()
        if self.started.done():
            return self.started.result()
        raise StillLooking


class Background:
    """The threads of one application.

    Args:
        look_s: for how long a page waits for a look at the registry.
    """

    def __init__(self, parts: Parts, look_s: float = LOOK_S) -> None:
        self.look_s = look_s
        self._parts = parts
        self._lock = threading.Lock()
        self._lookers = ThreadPoolExecutor(LOOKS_AT_ONCE, "look")
        self._checkers = ThreadPoolExecutor(1, "check")
        self._removers = ThreadPoolExecutor(REMOVALS_AT_ONCE, "removal")
        self._looks: dict[Wanted, LookInHand] = {}
        self._removals: dict[str, RemovalInHand] = {}
        self._checked: set[str] = set()

    def look(self, wanted: Wanted) -> Preview:
        """Plan a removal from facts read now.

        Raises:
            StillLooking: not within `look_s`; whoever asks again joins this look.
            RegistryError: the facts cannot be read.
        """
        with self._lock:
            look = self._looks.get(wanted)
            if look is None or look.is_old():
                future = self._lookers.submit(self._plan, wanted)
                look = self._looks[wanted] = LookInHand(future, self._parts.monotonic)
        shown = _wait(look.future, self.look_s)
        with self._lock:
            if self._looks.get(wanted) is look:
                del self._looks[wanted]
        return shown.result()

    def ask(self, question: Callable[[], Value], within_s: float | None = None) -> Value:
        """Ask the registry, or another server, something else.

        Args:
            within_s: None for `look_s`.

        Raises:
            StillLooking: no answer within that time; the question goes on.
        """
        return _wait(self._lookers.submit(question), self.look_s if within_s is None else within_s).result()

    def remove(self, wanted: Wanted, agreement: Agreement) -> RemovalInHand:
        """Start a removal, or join the one that the same dialog has started already."""
        with self._lock:
            known = self._removals.get(agreement.request_key)
            if known:
                return known
            in_hand = self._removals[agreement.request_key] = RemovalInHand()
        work = self._removers.submit(self._carry_out, in_hand, wanted, agreement)
        work.add_done_callback(_log_failure)
        return in_hand

    def sync_soon(self, repository: str) -> None:
        """Bring the catalogue's rows of one repository up to date."""
        self._lookers.submit(self._sync_repository, repository).add_done_callback(_log_failure)

    def check_soon(self, repository: str, tags: Collection[str]) -> bool:
        """See whether some tags of a repository are still on what the catalogue says; False where too much is in hand."""
        with self._lock:
            if repository in self._checked:
                return True
            if len(self._checked) >= CHECKS_IN_HAND:
                return False
            self._checked.add(repository)
        self._checkers.submit(self._check_tags, repository, tags).add_done_callback(_log_failure)
        return True

    def is_checking(self, repository: str) -> bool:
        """Whether some tags of a repository are about to be looked at."""
        with self._lock:
            return repository in self._checked

    def sync_all_soon(self) -> None:
        """Bring the whole catalogue up to date, unless that is under way."""
        self._lookers.submit(sync_if_free, self._parts.catalogue).add_done_callback(_log_failure)

    def _plan(self, wanted: Wanted) -> Preview:
        refuse_while_held(self._parts.remover)
        self._refuse_where_nothing_can_be_deleted()
        return preview(self._parts.remover, wanted)

    def _refuse_where_nothing_can_be_deleted(self) -> None:
        """Where the records say that the registry takes no deletes, ask whether that is still so."""
        with self._parts.reading() as session:
            state = session.get(RegistryState, 1)
            is_fine = state is None or (state.may_delete is not False and state.mode != RegistryMode.READ_ONLY)
        if is_fine:
            return
        found = check_registry(self._parts.catalogue)
        if found.mode == Mode.READ_ONLY:
            raise ReadOnly
        if found.may_delete is False:
            raise DeletesDisabled

    def _carry_out(self, in_hand: RemovalInHand, wanted: Wanted, agreement: Agreement) -> None:
        try:
            removal_id = remove(self._parts.remover, wanted, agreement, in_hand.started.set_result)
        except BaseException as error:
            self._forget(agreement)
            in_hand.ended.set_exception(error)
            raise
        self._forget(agreement)
        in_hand.ended.set_result(removal_id)
        self._sync_repository(wanted.repository)

    def _forget(self, agreement: Agreement) -> None:
        with self._lock:
            self._removals.pop(agreement.request_key, None)

    def _check_tags(self, repository: str, tags: Collection[str]) -> None:
        try:
            check_tags(self._parts.catalogue, repository, tags)
        except RegistryError as error:
            log.warning("The shown tags of %s could not be looked at: %s", repository, error.sentence)
        finally:
            with self._lock:
                self._checked.discard(repository)

    def _sync_repository(self, repository: str) -> None:
        try:
            sync_repository(self._parts.catalogue, repository)
        except RegistryError as error:
            log.warning("The sync of %s after a removal did not work: %s", repository, error.sentence)


def _wait(future: Future[Value], wait_s: float) -> Future[Value]:
    try:
        future.exception(wait_s)
    except NotYet:
        raise StillLooking from None
    return future


def _log_failure(done: Future[Any]) -> None:
    error = done.exception()
    if error and not isinstance(error, EXPECTED):
        log.error("Work in the background failed", exc_info=error)
