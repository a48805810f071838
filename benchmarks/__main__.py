"""`python -m benchmarks [NAME…]`: measure, print a table, exit with 1 where a target is missed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import (
    collection,
    dashboard_at_rest,
    due,
    first_sync,
    keeper_at_rest,
    memory,
    reads,
    removal,
    repository_page,
    restore,
    retention,
    scale,
    sync_again,
)
from benchmarks.figure import Figure

MEASUREMENTS = {
    "sync": first_sync.measure,
    "page": repository_page.measure,
    "removal": removal.measure,
    "plan": removal.measure_plans,
    "restore": restore.measure,
    "memory": memory.measure,
    "collection": collection.measure,
    "estimate": collection.measure_estimate,
    "reads": reads.measure,
    "keeper": keeper_at_rest.measure,
    "due": due.measure,
    "rest": dashboard_at_rest.measure,
    "scale": scale.measure,
    "again": sync_again.measure,
    "retention": retention.measure,
}

DIGITS = {"ms": 1, "s": 2, "MB": 1, "%": 2}
"""How many digits a quantity of a unit has after the point; what is counted has none."""


def main(wanted: list[str]) -> int:
    """Take the measurements that are named, or all; returns the exit code."""
    unknown = set(wanted) - MEASUREMENTS.keys()
    if unknown:
        print(f"There is no measurement {', '.join(sorted(unknown))}: {', '.join(MEASUREMENTS)}.", file=sys.stderr)
        return 2
    print(f"{'':36}{'measured':>18}  {'beside it':46}{'ratio':>7}{'target':>20}")
    is_ok = True
    for name, measure in MEASUREMENTS.items():
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for figure in measure(Path(folder)):
                print(line(figure), flush=True)
                is_ok = is_ok and figure.is_ok
    return 0 if is_ok else 1


def line(figure: Figure) -> str:
    """A figure as a line of the table."""
    measured = _quantity(figure.value, figure.unit)
    beside = f"{figure.beside_name}: {_quantity(figure.beside, figure.unit)}"
    return f"{figure.name:36}{measured:>18}  {beside:46}{figure.ratio:>7.2f}{figure.target_words:>20}  {figure.verdict}"


def _quantity(value: float, unit: str) -> str:
    digits = DIGITS.get(unit, 0)
    return f"{value:,.{digits}f} {unit}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
