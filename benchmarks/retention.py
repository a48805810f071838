"""The preview of retention over 100,000 tags, with what it would free; beside it the bare SELECT of the same tags."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from benchmarks.figure import Figure
from benchmarks.ground import empty_records, fresh_records, now
from benchmarks.synthetic import Size, fill_catalogue
from tests.records import Records
from webapp.retention.listing import all_rules, in_order
from webapp.retention.models import RetentionRule
from webapp.retention.preview import Means, Sum, Totals, foresee
from webapp.retention.records import Change, Plan, make, standing, switch_on
from webapp.retention.rules import Terms
from webapp.retention.shown import Show, page_of

SIZE = Size(tags=100_000, activities=0)
ROUNDS = 3
TARGET_S = 5
BARE = text("SELECT repository_id, name, digest, manifest_id, problem, pushed_at FROM tags ORDER BY repository_id")
TERMS = {
    "some go": Terms(keep_newest=10, keep_days=90, keep_tags=("latest", "*.0"), untagged_days=30),
    "nearly all go": Terms(keep_newest=1, untagged_days=1),
}


def measure(folder: Path) -> list[Figure]:
    """Fill a catalogue, and preview a rule that takes some of each repository, and one that takes nearly all."""
    (folder / "empty").mkdir()
    (folder / "full").mkdir()
    records = fresh_records(empty_records(folder / "empty"), folder / "full")
    try:
        fill_catalogue(records.reading, records.writing, SIZE, now())
        bare = _fastest_s(lambda: _bare(records))
        return [_figure(records, name, terms, bare) for name, terms in TERMS.items()]
    finally:
        records.engine.dispose()


def _figure(records: Records, name: str, terms: Terms, bare_s: float) -> Figure:
    with records.writing() as session:
        change = Change("bench", "", now())
        rule = session.get_one(RetentionRule, make(session, Plan(name, ("*",), terms), change))
        switch_on(session, rule, standing(session, rule), change)
    taken = _fastest_s(lambda: _preview(records))
    with records.writing() as session:
        for each in all_rules(session):
            session.delete(each)
    return Figure(f"preview of 100k tags, {name}", taken, "its tags, bare SQL", bare_s, "s", TARGET_S, False)


def _preview(records: Records) -> Sum:
    """What the page does, but for the drawing."""
    with records.reading() as session:
        totals = Totals()
        page = page_of(totals.watch(foresee(session, in_order(all_rules(session)), Means(), now())), Show.GOES)
        total = totals.end(session)
        assert page.groups and total.tags_going and total.freed.together
        return total


def _bare(records: Records) -> None:
    with records.reading() as session:
        assert len(session.execute(BARE).all()) == SIZE.tags


def _fastest_s(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)
