"""What a notice is called, and what is told about it: the JSON document that every channel makes its message of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.notices.models import Notice, NoticeKind

BEGAN, ENDED, TEST, SUCCEEDED = "began", "ended", "test", "succeeded"
TEST_SENTENCE = "This is a test. Notices of Holystone come here."

_TITLES = {
    NoticeKind.RUN_FAILED: "a run on {registry} failed",
    NoticeKind.REGISTRY_UNREACHABLE: "{registry} cannot be reached",
    NoticeKind.KEEPER_SILENT: "the keeper of {registry} does not answer",
    NoticeKind.READ_ONLY_TOO_LONG: "{registry} is read-only for longer than foretold",
    NoticeKind.READ_ONLY_UNEXPLAINED: "{registry} is read-only without a run or a hold",
    NoticeKind.HOLD_BROKEN: "a hold of {registry} ended before its time",
    NoticeKind.WINDOW_MISSED: "a maintenance window of {registry} was missed",
    NoticeKind.WINDOW_WITHOUT_ZONE: "a maintenance window of {registry} does not begin any more",
    NoticeKind.DISK_NEARLY_FULL: "a disk of {registry} is nearly full",
    NoticeKind.NOT_SYNCED: "{registry} was not read for an hour",
    NoticeKind.NOT_BACKED_UP: "Holystone's records of {registry} were not backed up",
}
_PLACES = {
    NoticeKind.RUN_FAILED: "/maintenance/runs/{subject}",
    NoticeKind.HOLD_BROKEN: "/maintenance",
    NoticeKind.WINDOW_MISSED: "/maintenance/windows/{subject}",
    NoticeKind.WINDOW_WITHOUT_ZONE: "/maintenance/windows/{subject}",
}
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Names:
    """How the registry is called, and the address at which people reach Holystone; '' where nobody said."""

    registry: str
    public_url: str


def title_of(kind: NoticeKind, registry: str) -> str:
    """What is wrong, in a few words: 'registry.example cannot be reached'."""
    return _TITLES[kind].format(registry=registry)


def path_of(kind: NoticeKind, subject: str) -> str:
    """The page that says more: of the run, of the window, Maintenance, else Status."""
    return _PLACES.get(kind, "/status").format(subject=subject.partition("/")[0])


def length_in_words(seconds: float) -> str:
    """A length of time in its two largest units: '12 minutes', '3 hours 5 minutes'. Below a second it is one."""
    left, counts = max(1, round(seconds)), list[tuple[int, str]]()
    for unit_s, unit in _UNITS:
        count, left = divmod(left, unit_s)
        counts.append((count, unit))
    largest = next(at for at, (count, _unit) in enumerate(counts) if count)
    smaller = [each for each in counts[largest + 1 : largest + 2] if each[0] and each[1] != "second"]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in (counts[largest], *smaller))


def solved(notice: Notice) -> str:
    """'solved after 12 minutes'; '' while it is open."""
    if notice.ended_at is None:
        return ""
    return f"solved after {length_in_words((notice.ended_at - notice.began_at).total_seconds())}"


def document_of(notice: Notice, event: str, names: Names) -> dict[str, Any]:
    """What is told about a notice; `id` is added for each delivery."""
    words = solved(notice).capitalize()
    return {
        "event": event,
        "kind": notice.kind.value,
        "sentence": f"{words}: {notice.sentence}" if event == ENDED else notice.sentence,
        "subject": notice.subject,
        "began_at": _written(notice.began_at),
        "ended_at": _written(notice.ended_at) if notice.ended_at else None,
        "link": _link(names, path_of(notice.kind, notice.subject)),
        "registry": names.registry,
    }


def document_of_test(now: datetime, names: Names) -> dict[str, Any]:
    """What is told when somebody presses 'Send a test': it has all keys of a notice."""
    return {
        "event": TEST,
        "kind": TEST,
        "sentence": TEST_SENTENCE,
        "subject": "",
        "began_at": _written(now),
        "ended_at": None,
        "link": _link(names, "/notices"),
        "registry": names.registry,
    }


def written(key: str, document: Mapping[str, Any]) -> str:
    """The document of one delivery as JSON."""
    return json.dumps({"id": key, **document}, ensure_ascii=False)


def _link(names: Names, path: str) -> str:
    return names.public_url + path if names.public_url else ""


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
