"""What stands in the records of the states of /space that are drawn: what was added up, and a registry that is large."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from webapp.catalogue.models import Repository
from webapp.catalogue.space import InTrash, Measured, Versions, add_up, keep
from webapp.catalogue.space_models import DailySize, MeasuredSpace
from webapp.catalogue.state import registry_state
from webapp.maintenance.models import Run, RunStep

NOW = datetime.now(UTC)
GB = 10**9
DAYS = 200
DRY_RUN = 2
LONG = "the-team-that-builds-everything-else/a-service-with-a-name-that-goes-on-and-on-for-longer-than-a-line"
TEAMS = (
    "billing",
    "data",
    "edge",
    "identity",
    "infra",
    "ml",
    "mobile",
    "payments",
    "search",
    "web",
    "qa",
    "docs",
    "hr",
)


def added_up(session: Session) -> None:
    """Add up what the records hold, as after a sync."""
    versions = Versions(registry_state(session).content_version, "0/0/0")
    session.flush()
    keep(session, add_up(session, InTrash()), versions, NOW)


def not_added_up(session: Session) -> None:
    """Before the first sync has ended."""
    session.execute(delete(MeasuredSpace))


def large_space(session: Session) -> None:
    """Some two hundred repositories of fourteen teams, and figures of two hundred days."""
    rows = [_repository(number) for number in range(210)]
    for row in rows:
        session.add(_listed(row))
    namespaces = [_namespace(name, rows) for name in sorted({str(row["namespace"]) for row in rows})]
    whole = {"repositories": len(rows), "namespaces": len(namespaces), "left_out": 3, "shared_blobs": 8_412}
    whole |= {"size_bytes": 3_412 * GB, "saved_bytes": 1_204 * GB, "shared_bytes": 402 * GB, "in_trash_bytes": 48 * GB}
    kept = add_up(session, InTrash())
    versions = Versions(registry_state(session).content_version, "3/3/6")
    keep(session, Measured(whole, rows, namespaces, kept.tags, kept.layers), versions, NOW - timedelta(minutes=4))
    session.execute(delete(RunStep).where(RunStep.run_id > DRY_RUN))
    session.execute(delete(Run).where(Run.id > DRY_RUN))
    session.execute(delete(DailySize))
    for number in range(DAYS):
        size = (1_900 + 7 * number + 60 * (number % 30 // 5) - (400 if number > 150 else 0)) * GB
        day = NOW.date() - timedelta(days=DAYS - 1 - number)
        known = 120 * GB if number % 9 else None
        session.add(DailySize(day=day, size_bytes=size, in_trash_bytes=(number % 40) * GB, collectable_bytes=known))


def _repository(number: int) -> dict[str, object]:
    name = _name(number)
    size = 900 * GB // (number + 2) + number * 7_001
    trash = size // 20 if number % 7 == 3 else 0
    return {
        "repository_id": 10_000 + number,
        "name": name,
        "namespace": name.partition("/")[0] if "/" in name else "",
        "size_bytes": size,
        "exclusive_bytes": size * (number * 37 % 101) // 100,
        "left_out": 3 if number == 4 else 0,
        "in_trash_bytes": trash,
    }


def _name(number: int) -> str:
    if number == 3:
        return LONG
    if number % 20 == 6:
        return f"tool-{number}"
    return f"{TEAMS[number * number % len(TEAMS)]}/service-{number}"


def _listed(row: dict[str, object]) -> Repository:
    return Repository(
        id=row["repository_id"], name=row["name"], namespace=row["namespace"], first_seen_at=NOW,
        tag_count=0 if row["repository_id"] == 10_009 else 5, image_count=5, size_bytes=row["size_bytes"],
    )  # fmt: skip


def _namespace(name: str, rows: list[dict[str, object]]) -> dict[str, object]:
    own = [row for row in rows if row["namespace"] == name]
    counted = sum(int(str(row["size_bytes"])) for row in own)
    return {
        "namespace": name,
        "repositories": len(own),
        "size_bytes": counted * 8 // 10,
        "exclusive_bytes": counted // 2,
        "counted_bytes": counted,
        "left_out": sum(int(str(row["left_out"])) for row in own),
        "in_trash_bytes": sum(int(str(row["in_trash_bytes"])) for row in own),
    }
