"""Seconds without pull, as somebody sees them who asks all the time."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.keeper_process import wait_for
from webapp.maintenance.pull_watch import Pauses, watching


def test_who_is_always_answered_sees_no_pause() -> None:
    pauses = Pauses()
    for at in range(10):
        pauses.note(True, at, at + 0.5)
    assert pauses.until(100) == 0


def test_a_pause_lasts_from_the_first_question_without_an_answer_to_the_next_answer() -> None:
    pauses = Pauses()
    pauses.note(True, 0, 1)
    pauses.note(False, 2, 3)
    pauses.note(False, 4, 5)
    pauses.note(True, 6, 7)
    assert pauses.until(100) == 5  # from 2 to 7


def test_a_pause_that_is_not_over_counts_until_now() -> None:
    pauses = Pauses()
    pauses.note(False, 2, 3)
    assert (pauses.until(4), pauses.until(10)) == (2, 8)


def test_pauses_add_up() -> None:
    pauses = Pauses()
    for start in (0, 10):
        pauses.note(False, start, start + 1)
        pauses.note(True, start + 2, start + 3)
    pauses.note(False, 20, 21)
    assert pauses.until(22) == 3 + 3 + 2


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 10), st.floats(0, 10))))
def test_pauses_never_last_longer_than_the_watch_and_never_grow_shorter(asked: list[tuple[bool, float, float]]) -> None:
    pauses, now, last = Pauses(), 0.0, 0.0
    for is_answered, waits_s, takes_s in asked:
        asked_at = now + waits_s
        now = asked_at + takes_s
        pauses.note(is_answered, asked_at, now)
        assert last <= pauses.until(now) + 1e-9
        assert pauses.until(now) <= now + 1e-9
        last = pauses.until(now)


def test_a_watch_asks_until_it_is_over() -> None:
    asked: list[bool] = []
    answer = threading.Event()
    clock = iter(range(10**6)).__next__

    def is_answered() -> bool:
        asked.append(answer.is_set())
        return answer.is_set()

    with watching(is_answered, lambda: float(clock())) as pauses:
        wait_for(lambda: len(asked) > 2, "it has asked")
        assert pauses() > 0
        answer.set()
        wait_for(lambda: asked[-2:] == [True, True], "it is answered")
        whole = pauses()
        assert pauses() == whole
    count = len(asked)
    assert not [each for each in threading.enumerate() if each.name == "pulls"]
    assert len(asked) == count


def test_who_asks_and_fails_was_not_answered() -> None:
    asked: list[int] = []

    def is_answered() -> bool:
        asked.append(1)
        raise OSError("no room for a socket")

    clock = iter(range(10**6)).__next__
    with watching(is_answered, lambda: float(clock())) as pauses:
        wait_for(lambda: len(asked) > 2, "it goes on asking")
        assert pauses() > 0
