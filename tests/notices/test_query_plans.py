"""What is asked every 20 seconds, and by every page, is found by an index, however much has been told by then."""

from __future__ import annotations

import pytest
from sqlalchemy import Select, exists, func, select, text

from tests.records import Clock, Records
from webapp.notices.deliver import due
from webapp.notices.models import Delivery, Notice
from webapp.windows.models import Occurrence

OPEN = select(Notice).where(Notice.ended_at.is_(None))
ENDED = select(Notice).where(Notice.ended_at.is_not(None)).order_by(Notice.began_at.desc(), Notice.id.desc()).limit(51)


def plan_of(records: Records, query: Select[tuple[object, ...]]) -> str:
    words = query.compile(records.engine, compile_kwargs={"literal_binds": True})
    with records.reading() as session:
        return "\n".join(row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {words}")))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (OPEN, "SEARCH notices USING"),
        (select(func.count()).select_from(Notice).where(Notice.ended_at.is_(None)), "SEARCH notices USING"),
        (ENDED, "ix_notices_began_at"),
        (due(Clock()()), "ix_deliveries_due"),
        (select(Delivery).where(Delivery.notice_id.is_(None), Delivery.made_at < Clock()()), "ix_deliveries_notice_id"),
        (
            select(Occurrence).where(
                Occurrence.planned_at > Clock()(), ~exists().where(Delivery.occurrence_id == Occurrence.id)
            ),
            "ix_occurrences_planned_at",
        ),
    ],
)
def test_it_is_found_by_its_index(records: Records, query: Select[tuple[object, ...]], index: str) -> None:
    plan = plan_of(records, query)
    assert index in plan
    assert "SCAN deliveries" not in plan
    assert "SCAN occurrences" not in plan
