"""A window lets the rules run before its collection, which then frees what they took."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select

from demo.build import Built
from tests.maintenance.conftest import empty_records, gone, house, kept
from tests.maintenance.house import House, assert_read_write, proof_of
from tests.windows.plans import a_window
from webapp.activities.models import Activity, ActivityKind
from webapp.catalogue.refresh import Catalogue
from webapp.database import writing_to
from webapp.maintenance.models import RunOutcome, StepName
from webapp.removal.remover import Remover
from webapp.retention.models import RetentionRule, RetentionRun
from webapp.retention.preview import Means
from webapp.retention.records import Change, Plan, make, standing, switch_on
from webapp.retention.rules import Terms
from webapp.retention.run import carry_out_rules
from webapp.retention.take import Retainer
from webapp.windows.due import carry_out_what_is_due

__all__ = ["empty_records", "gone", "house", "kept"]

BEGINS = datetime(2026, 3, 13, 3, 0, tzinfo=UTC)


def retainer_of(house: House) -> Retainer:
    """As the parts of an application make it, with another clock."""
    maintainer = replace(house.maintainer, now=lambda: BEGINS)
    catalogue: Catalogue = maintainer.catalogue
    remover = Remover(
        maintainer.client,
        maintainer.reading,
        maintainer.writing,
        maintainer.now,
        store=maintainer.store,
        revisions=catalogue.revisions,
    )
    return Retainer(remover, catalogue, Means(share_percent=100))


def push_old(house: House, tag: str, days: int) -> Built:
    built = house.push(tag)
    link = house.keeper.store / "docker/registry/v2/repositories/team/api/_manifests/tags" / tag / "current/link"
    at = (BEGINS - timedelta(days=days)).timestamp()
    os.utime(link, (at, at))
    return built


def test_a_window_takes_by_the_rules_what_its_collection_frees(house: House, gone: Built) -> None:
    old, new = push_old(house, "1.0", 90), push_old(house, "1.1", 1)
    house.look()
    writing = writing_to(house.engine)
    with writing() as session:
        change = Change("alice", "test", BEGINS)
        rule = session.get_one(RetentionRule, make(session, Plan("CI", ("*",), Terms(keep_days=30)), change))
        switch_on(session, rule, standing(session, rule), change)
    a_window(writing, BEGINS - timedelta(hours=2), starts=time(3), zone="UTC")
    retainer = retainer_of(house)

    carry_out_what_is_due(replace(house.maintainer, now=lambda: BEGINS, clear=lambda: carry_out_rules(retainer)))

    run = house.the_run()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert proof_of(run, StepName.CLEAR) == "Retention: Deleted 1 tag of 1 repository."
    assert not house.has(old)
    assert house.has(new)
    assert_read_write(house)
    with house.reading() as session:
        (of_rules,) = session.scalars(select(RetentionRun)).all()
        assert (of_rules.actor, of_rules.place, of_rules.tags_taken) == ("window", "window", 1)
        deleted = session.scalars(select(Activity).where(Activity.kind == ActivityKind.TAG_DELETED)).all()
        assert [(each.actor, each.tag) for each in deleted] == [("retention: CI", "1.0")]
