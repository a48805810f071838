"""Put activities together as people read them: by day, and what belongs to one removal as one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, tzinfo
from itertools import groupby

from webapp.activities.models import Activity, ActivityKind, Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list: one activity, or all of one removal, newest first."""

    items: tuple[Activity, ...]

    @property
    def head(self) -> Activity:
        """The activity that speaks for the line: the image's, when a whole image was deleted, else the newest."""
        return next((each for each in self.items if each.kind is ActivityKind.IMAGE_DELETED), self.items[0])

    @property
    def is_group(self) -> bool:
        """Whether the line unfolds to several activities."""
        return len(self.items) > 1

    @property
    def tags(self) -> tuple[Activity, ...]:
        """The activities of single tags; what the group's line counts."""
        return tuple(each for each in self.items if each.kind is ActivityKind.TAG_DELETED)

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many tags ended how, in the order of Outcome; of a line without tags, its head."""
        counted = Counter(each.outcome for each in self.tags or (self.head,))
        return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day of the reader's time zone, newest first."""

    date: date
    lines: tuple[Line, ...]


def grouped_by_day(items: Iterable[Activity], zone: tzinfo) -> tuple[Day, ...]:
    """Group activities, which come newest first, by the days of `zone`, and each day's by removal."""
    by_day = groupby(items, key=lambda activity: activity.at.astimezone(zone).date())
    return tuple(Day(day, _lines(activities)) for day, activities in by_day)


def line_of(activity: Activity) -> Hashable:
    """Return what is equal for the activities of one line: those of one person's one removal in a repository."""
    if activity.removal_id is None:
        return activity.id
    return activity.removal_id, activity.actor, activity.repository


def _lines(activities: Iterable[Activity]) -> tuple[Line, ...]:
    lines: dict[Hashable, list[Activity]] = {}
    for activity in activities:
        lines.setdefault(line_of(activity), []).append(activity)
    return tuple(Line(tuple(items)) for items in lines.values())
