"""`python -m benchmarks [NAME…]`: measure, print a table, exit with 1 where a target is missed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import first_sync, memory, removal, repository_page
from benchmarks.figure import Figure

MEASUREMENTS = {
    "sync": first_sync.measure,
    "page": repository_page.measure,
    "removal": removal.measure,
    "plan": removal.measure_plans,
    "memory": memory.measure,
}


def main(wanted: list[str]) -> int:
    """Take the measurements that are named, or all; returns the exit code."""
    unknown = set(wanted) - MEASUREMENTS.keys()
    if unknown:
        print(f"There is no measurement {', '.join(sorted(unknown))}: {', '.join(MEASUREMENTS)}.", file=sys.stderr)
        return 2
    print(f"{'':32}{'measured':>12}  {'beside it':40}{'ratio':>7}{'target':>10}")
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
    measured = f"{figure.value:,.1f} {figure.unit}"
    beside = f"{figure.beside_name}: {figure.beside:,.1f} {figure.unit}"
    target = f"{figure.target:g} times" if figure.target_is_ratio else f"{figure.target:g} {figure.unit}"
    return f"{figure.name:32}{measured:>12}  {beside:40}{figure.ratio:>7.2f}{target:>10}  {'ok' if figure.is_ok else 'over'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
