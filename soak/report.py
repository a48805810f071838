"""How many of each, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from soak.administrator import Administrator
from soak.faults import Faults
from soak.invariants import failed_pulls
from soak.ledger import Ledger, Standing
from soak.stage import Stage
from soak.traffic import Traffic
from soak.watch import Watch
from webapp.maintenance.models import Run, RunKind
from webapp.windows.models import Occurrence


def lines(
    stage: Stage, traffic: Traffic, ledger: Ledger, administrator: Administrator, watch: Watch, faults: Faults
) -> Iterator[str]:
    """The report, line by line."""
    with stage.records.reading() as session:
        yield from _counts("pushes", traffic.pushes)
        yield _line("pulls that were right", traffic.pulls)
        failed = failed_pulls(session, traffic, faults.done)
        yield from _counts("pulls without an answer", {when: len(at) for when, at in failed.items()}, "by what went on")
        yield from _counts("deletions", administrator.deletions)
        yield from _counts("runs", _outcomes(session))
        yield from _counts("  started by hand", administrator.by_hand)
        yield from _counts("windows", _windows(session))
        yield _line("bytes freed", session.scalar(select(func.sum(Run.bytes_freed))) or 0)
        yield from _counts("faults", Counter(each.name for each in faults.done))
    for name, why in faults.skipped.items():
        yield f"  skipped: {name}: {why}"
    longest = watch.longest()
    yield _line("longest without push, seconds", longest.seconds if longest else 0.0)
    yield from _counts("tags and manifests", Counter({each.value: len(ledger.entries(each)) for each in Standing}))
    yield _line("links left empty by a killed registry, removed by hand", len(administrator.torn_links))


def _outcomes(session: Session) -> Counter[str]:
    rows = session.execute(select(Run.strategy, Run.outcome).where(Run.kind == RunKind.COLLECT))
    return Counter(f"{strategy}: {outcome or 'without an end'}" for strategy, outcome in rows)


def _windows(session: Session) -> Counter[str]:
    return Counter(str(state) for state in session.scalars(select(Occurrence.state)))


def _counts(title: str, counts: Mapping[str, int], note: str = "") -> Iterator[str]:
    total = sum(number for name, number in counts.items() if not name.startswith(" "))
    yield _line(f"{title}{f', {note}' if note else ''}", total)
    for name, number in sorted(counts.items(), key=lambda item: (item[0].startswith(" "), -item[1], item[0])):
        if number:
            yield _line(f"  {name}", number)


def _line(name: str, value: float) -> str:
    return f"{name:58}{value:>14,.1f}" if isinstance(value, float) else f"{name:58}{value:>14,}"
