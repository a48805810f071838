"""The alert rules in a running Prometheus that scrapes a served Holystone: each can be evaluated, and alerts begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from flask import Flask

from tests.deploy.prometheus_process import RULES, PrometheusProcess, program
from tests.pages.conftest import MakeApp, cast_template, cheap_passwords, make_app, parts_of, records_template
from tests.pages.scraping import TOKEN, add_run, fill
from tests.runtime.keeper_process import wait_for
from tests.served_app import served
from webapp.maintenance.models import RunOutcome

__all__ = ["cast_template", "cheap_passwords", "make_app", "records_template"]

MISSING = (
    "prometheus is missing: Debian has it in the package of that name, and deploy/local/for-tests takes it out of it"
)
pytestmark = pytest.mark.skipif(program("prometheus") is None, reason=MISSING)

FAILED, DOWN = "HolystoneRunFailed", "HolystoneDown"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Records with a bit of everything, and a last collection that failed."""
    app = make_app(METRICS_TOKEN=TOKEN)
    with parts_of(app).writing() as session:
        fill(session, parts_of(app).now())
    return app


@pytest.fixture
def prometheus(app: Flask, tmp_path: Path) -> Iterator[PrometheusProcess]:
    with (
        served(app) as address,
        PrometheusProcess(tmp_path / "prometheus", address.removeprefix("http://"), TOKEN) as process,
    ):
        wait_for(lambda: all(each["health"] != "unknown" for each in process.rules_now()), "all rules were looked at")
        wait_for(lambda: _scraped(process) == ["up"], "Holystone was scraped with its token")
        yield process


def _scraped(prometheus: PrometheusProcess) -> list[str]:
    return [each["health"] for each in prometheus.get("targets")["activeTargets"]]


def _expressions(path: Path) -> dict[str, str]:
    (group,) = yaml.safe_load(path.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_it_looks_at_every_rule_without_an_error_and_an_alert_begins_and_ends(
    app: Flask, prometheus: PrometheusProcess
) -> None:
    assert _expressions(prometheus.rules) == _expressions(RULES), "only the waits are shorter"
    wait_for(lambda: FAILED in prometheus.firing(), "the run that failed is an alert")
    rules = prometheus.rules_now()
    assert {each["name"] for each in rules} == set(_expressions(RULES))
    assert [(each["name"], each["health"], each.get("lastError", "")) for each in rules if each["health"] != "ok"] == []
    alerts = prometheus.get("alerts")["alerts"]
    (alert,) = (each for each in alerts if each["labels"]["alertname"] == FAILED)
    assert alert["annotations"]["summary"] == "The last run failed."
    assert DOWN not in prometheus.firing()
    with parts_of(app).writing() as session:
        add_run(session, 5, RunOutcome.SUCCEEDED, parts_of(app).now())
    wait_for(lambda: FAILED not in prometheus.firing(), "the alert ends with the next run that succeeds")


def test_a_holystone_that_does_not_answer_is_an_alert_after_a_while(app: Flask, tmp_path: Path) -> None:
    with (
        served(app) as address,
        PrometheusProcess(tmp_path / "prometheus", address.removeprefix("http://"), "another token") as prometheus,
    ):
        wait_for(lambda: DOWN in prometheus.firing(), "a token that is not ours is told")
        assert "401" in prometheus.get("targets")["activeTargets"][0]["lastError"]
