"""The table of states is what the documentation says it is."""

from __future__ import annotations

import re
from pathlib import Path

from webapp.maintenance.models import RunKind, StepName
from webapp.maintenance.run import ACTS, ORDERED
from webapp.maintenance.states import IN_A_WINDOW, STEPS, After

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_documentation_and_its_picture_name_every_step_in_its_order() -> None:
    titles = [each.title for each in STEPS[RunKind.COLLECT]]
    section = (DOCS / "maintenance.md").read_text().partition("## The steps")[2].partition("##")[0]
    assert re.findall(r"^\| ([A-Z][^|]*) \|", section, re.MULTILINE)[1:] == titles
    drawn = re.findall(r'<text x="190\.0" y="[^"]*">([^<]*)</text>', (DOCS / "maintenance.svg").read_text())
    assert drawn[: len(titles)] == titles


def test_every_step_can_be_taken_and_a_dry_run_is_the_beginning_of_a_run() -> None:
    assert {*ACTS, *dict(ORDERED)} == set(StepName) == {each.name for each in IN_A_WINDOW}
    dry_run = STEPS[RunKind.DRY_RUN]
    assert STEPS[RunKind.COLLECT][: len(dry_run)] == dry_run


def test_no_step_of_a_dry_run_asks_the_registry_to_step_aside() -> None:
    assert {each.after_failure for each in STEPS[RunKind.DRY_RUN]} == {After.END}
