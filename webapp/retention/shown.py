"""A page of what is foreseen: some tags at a time, by their repositories, while everything is counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from webapp.retention.preview import Foreseen
from webapp.retention.rules import Decision

PAGE_SIZE = 100


class Show(StrEnum):
    """Which tags and untagged manifests are shown."""

    GOES = "goes"
    STAYS = "stays"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Group:
    """A repository on a page, with the decisions that the page has room for."""

    foreseen: Foreseen
    decisions: Sequence[Decision]


@dataclass(frozen=True, slots=True)
class ShownPage:
    """`after` names the last row, for the page after it: repository and tag or digest; None on the last page."""

    groups: list[Group]
    after: tuple[str, str] | None


def page_of(
    foreseen: Iterable[Foreseen], show: Show, after: tuple[str, str] | None = None, size: int = PAGE_SIZE
) -> ShownPage:
    """The rows after one that is named. All that is foreseen is gone through to its end, as whoever counts it needs."""
    groups: list[Group] = []
    left, last, is_more = size, None, False
    for each in foreseen:
        if after is not None and each.repository.name < after[0]:
            continue
        rows = _after(each, _shown(each, show), after)
        if not rows:
            continue
        is_more = is_more or len(rows) > left
        if left:
            groups.append(Group(each, rows[:left]))
            final = groups[-1].decisions[-1]
            left, last = left - len(groups[-1].decisions), (each.repository.name, final.name or final.digest)
    return ShownPage(groups, last if is_more else None)


def _shown(foreseen: Foreseen, show: Show) -> Sequence[Decision]:
    if show == Show.ALL:
        return foreseen.decisions
    return [each for each in foreseen.decisions if each.goes == (show == Show.GOES)]


def _after(foreseen: Foreseen, rows: Sequence[Decision], after: tuple[str, str] | None) -> Sequence[Decision]:
    """The rows of the repository that come after the named one; all of them where that has left it meanwhile."""
    if after is None or foreseen.repository.name != after[0]:
        return rows
    place = next((place for place, each in enumerate(rows) if (each.name or each.digest) == after[1]), -1)
    return rows[place + 1 :]
