"""The lines of the list of untagged manifests: what each is, and what holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.catalogue.untagged import UntaggedRow
from webapp.removal.trash import day_words


@dataclass(frozen=True, slots=True)
class UntaggedLine:
    """One line. `held_by` is an index without a tag, `until` the day until which the trash holds the manifest; or ''."""

    digest: str
    kind: str
    platforms: tuple[str, ...]
    size_bytes: int | None
    first_seen_at: datetime | None
    held_by: str
    until: str

    @property
    def is_free(self) -> bool:
        """Whether nothing holds it, so that it can go alone."""
        return not (self.held_by or self.until)


def untagged_lines(rows: Sequence[UntaggedRow], in_trash: Mapping[str, datetime]) -> list[UntaggedLine]:
    """The lines of some manifests; `in_trash` are those that the trash holds, each with the date."""
    return [_line(row, in_trash.get(row.digest)) for row in rows]


def _line(row: UntaggedRow, until: datetime | None) -> UntaggedLine:
    words = day_words(until) if until else ""
    return UntaggedLine(row.digest, row.kind, row.platforms, row.size_bytes, row.first_seen_at, row.held_by, words)
