"""The lists of retention are read by their indexes, however many runs there have been."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.query_plans import plan_of, statements_of
from tests.records import Clock, Records
from webapp.catalogue.models import Repository
from webapp.retention.facts import Named, facts_of
from webapp.retention.listing import all_rules, parts_of_run, past_runs, waiting_parts
from webapp.retention.run_records import end_interrupted, put_off_before
from webapp.retention.space import freed_by

NOW = Clock()()


@pytest.mark.parametrize(
    "asked",
    [
        all_rules,
        past_runs,
        lambda session: past_runs(session, 77),
        lambda session: parts_of_run(session, 1, 5),
        waiting_parts,
        put_off_before,
        lambda session: end_interrupted(session, NOW),
        lambda session: list(facts_of(session, [Named(1, "team/api", 4)], NOW)),
        lambda session: freed_by(session, [(1, f"sha256:{1:064x}")]),
    ],
)
def test_nothing_is_sorted_or_walked_as_a_whole(records: Records, asked: Callable[[Session], object]) -> None:
    with records.writing() as session:
        session.add(Repository(name="team/api", namespace="team", first_seen_at=NOW))
    with records.reading() as session, statements_of(records) as sent:
        asked(session)
    assert sent
    with records.reading() as session:
        for statement, given in sent:
            plan = plan_of(session, statement, given)
            newest_first = "ORDER BY retention_runs.id DESC" in statement  # walks the rows themselves, for a page
            tables = ("retention_parts", "tags", "manifests", "manifest_descriptors")
            for table in tables if newest_first else ("retention_runs", *tables):
                assert f"SCAN {table}\n" not in f"{plan}\n", plan
                assert f"SCAN {table} " not in plan.replace(f"SCAN {table} USING", ""), plan
            if "retention" in statement:
                assert "TEMP B-TREE" not in plan, plan
