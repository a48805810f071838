"""`make run`, whole, in a copy of the checkout: what it starts, says, leaves and finds again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from deploy.local.addresses import Address, any_free_port
from tests.deploy.checkout import (
    Running,
    copy_checkout,
    make_run,
    plain_environment,
    processes_in,
    remember,
    wait_for,
)
from tests.registry_process import RegistryProcess


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Its private registry gets a port that the kernel gave, not 5000, which may be somebody's."""
    folder = copy_checkout(tmp_path / "a checkout")
    remember(folder, registry_port=any_free_port())
    return folder


@pytest.fixture
def bind() -> str:
    return str(Address("127.0.0.1", any_free_port()))


def without_fleet(checkout: Path) -> None:
    remember(checkout, registry_port=any_free_port(), fleet_pushed=True)


def catalogue(url: str) -> list[str]:
    names: list[str] = requests.get(f"{url}/v2/_catalog", timeout=10).json()["repositories"]
    return names


def users(checkout: Path) -> list[str]:
    done = subprocess.run(
        ["deploy/local/holystone", "users", "list", "--json"],
        cwd=checkout,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return [user["name"] for user in json.loads(done.stdout)["users"]]


def processes_of(run: Running, command: str) -> set[int]:
    return {pid for pid, text in processes_in(run.checkout).items() if command in text}


def test_the_first_run_tells_what_a_person_needs_and_the_second_finds_everything_as_it_was(
    checkout: Path, bind: str
) -> None:
    with make_run(checkout, HOLYSTONE_BIND=bind) as first:
        assert first.said("Holystone") == f"http://{bind}"
        assert first.said("User") == "admin"
        assert len(first.said("Password").partition(" ")[0]) == 20
        assert requests.get(f"http://{bind}/sign-in", timeout=10).status_code == 200
        registry = first.said("Registry").partition(",")[0]
        fleet = catalogue(registry)
        assert len(fleet) == 6
        assert users(checkout) == ["admin"]

        again = subprocess.run(
            ["make", "--old-file=.venv/complete", "run"],
            cwd=checkout,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert again.returncode != 0
        assert again.stderr.startswith("`make run` is running here already.")

        first.press_ctrl_c()
        first.wait_for_the_end()

    with make_run(checkout, HOLYSTONE_BIND=bind) as second:
        assert "demo fleet" not in second.output
        assert second.said("Password").startswith("as set at the first run; another one: deploy/local/holystone")
        assert second.said("Registry").partition(",")[0] == registry
        assert catalogue(registry) == fleet
        assert users(checkout) == ["admin"]
        second.press_ctrl_c()
        second.wait_for_the_end()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_make_alone_ends_every_process(checkout: Path, bind: str, asked: signal.Signals) -> None:
    without_fleet(checkout)
    with make_run(checkout, HOLYSTONE_BIND=bind) as run:
        os.kill(run.make.pid, asked)
        run.wait_for_the_end()


@pytest.mark.parametrize("killed", ["supervisor.supervisord", "deploy.local.run"])
def test_nothing_lives_on_when_what_is_above_it_is_killed(checkout: Path, bind: str, killed: str) -> None:
    without_fleet(checkout)
    with make_run(checkout, HOLYSTONE_BIND=bind) as run:
        os.kill(processes_of(run, killed).pop(), signal.SIGKILL)
        run.wait_for_the_end()
        assert run.make.returncode != 0


def test_what_is_killed_below_supervisord_comes_back(checkout: Path, bind: str) -> None:
    without_fleet(checkout)
    with make_run(checkout, HOLYSTONE_BIND=bind) as run:
        urls = f"http://{bind}/healthz", run.said("Registry").partition(",")[0] + "/v2/"
        for command in ("docker-registry serve", "keeper.py", "gunicorn"):
            before = processes_of(run, command)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda old=before, name=command: processes_of(run, name) - old)
            run.wait_until_answering(*urls)


def test_another_registry_is_used_as_it_is_and_nothing_is_started_or_pushed(
    checkout: Path, bind: str, registry: RegistryProcess
) -> None:
    with make_run(checkout, HOLYSTONE_BIND=bind, HOLYSTONE_REGISTRY_URL=registry.url) as run:
        assert run.said("Registry") == registry.url
        assert catalogue(registry.url) == []
        assert not any("keeper" in command for command in processes_in(checkout).values())
        assert not (checkout / "var" / "registry").exists()
        run.press_ctrl_c()
        run.wait_for_the_end()
