"""The alert rules: promtool accepts them, each is raised by what it is for, and all speak of figures that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.prometheus_process import GUIDE, RULES, example, program
from tests.pages.conftest import MakeApp, cast_template, cheap_passwords, make_app, records_template
from tests.pages.scraping import TOKEN, scrape

__all__ = ["cast_template", "cheap_passwords", "make_app", "records_template"]

HERE = Path(__file__).parent
PROMTOOL = program("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: Debian has it in 'prometheus'")


def promtool(*words: str | Path, given: str = "") -> None:
    command = [str(PROMTOOL), *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lint" not in done.stderr


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\bholystone_[a-z_]+\b", text))


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", RULES)


@needs_promtool
@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.yml")), ids=lambda each: each.name)
def test_each_alert_is_raised_by_what_it_is_for_and_by_nothing_else(file: Path) -> None:
    promtool("test", "rules", file)


@needs_promtool
def test_promtool_finds_nothing_to_mend_in_the_names_of_the_figures(make_app: MakeApp) -> None:
    promtool("check", "metrics", given=scrape(make_app(METRICS_TOKEN=TOKEN)))


@needs_promtool
def test_promtool_accepts_the_configuration_in_the_guide(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "prometheus.yml").write_text(example(tmp_path / "token", RULES))
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_rules_and_guide_speak_of_the_figures_that_there_are(make_app: MakeApp) -> None:
    printed = scrape(make_app(METRICS_TOKEN=TOKEN))
    there_are = set(re.findall(r"^# TYPE (\S+)", printed, re.MULTILINE))
    expressions = " ".join(rule["expr"] for rule in rules())
    assert names_in(expressions) <= there_are
    assert {each for each in there_are if each.startswith("holystone_")} == names_in(GUIDE.read_text())


def test_every_alert_has_its_line_in_the_guide_a_case_and_says_what_to_do() -> None:
    cases = "".join(each.read_text() for each in HERE.glob("*.test.yml"))
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description", "remedy"}, rule["alert"]
        assert f"`{rule['alert']}`" in GUIDE.read_text(), rule["alert"]
        assert f'alertname="{rule["alert"]}"' in cases, rule["alert"]


def rules() -> list[dict[str, str]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, str]] = group["rules"]
    return found
