"""`make setup` and `make run` say in one sentence what is missing, and what to do, before anything starts."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from deploy.local.addresses import Address, any_free_port
from tests.deploy.checkout import copy_checkout, plain_environment, processes_in

TOOLS = ("sh", "dirname", "env", "setpriv", "tail", "make", "mkdir", "rm", "tee", "touch", "chmod", "cat", "git")
NOBODY = {"id": "echo 1000", "sudo": "exit 1", "apt-get": "echo apt-get was called; exit 100"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with the tools that the scripts call, for a user who may install nothing; nothing else is in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    for name, body in NOBODY.items():
        put(folder, name, body)
    return folder


def put(folder: Path, name: str, body: str) -> None:
    """Put a command `name` into `folder`, in place of the link to the machine's own."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def refused(checkout: Path, *command: str, **settings: str) -> str:
    """Run `command` in `checkout`, see that it fails and leaves no process, and return what it says."""
    done = subprocess.run(
        command,
        check=False,
        cwd=checkout,
        env=plain_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert not processes_in(checkout)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def free_bind() -> str:
    return str(Address("127.0.0.1", any_free_port()))


def run(checkout: Path, **settings: str) -> str:
    return refused(checkout, ".venv/bin/python", "-m", "deploy.local.run", **settings)


def test_a_taken_port_is_named_with_the_remedy(checkout: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        said = run(checkout, HOLYSTONE_BIND=bind)
    assert (
        said
        == f"{bind} cannot be used (Address already in use). Choose another: HOLYSTONE_BIND=127.0.0.1:8001 make run\n"
    )
    assert not (checkout / "var" / "registry").exists()


def test_a_misspelt_setting_is_named(checkout: Path) -> None:
    said = run(checkout, HOLYSTONE_BIND=free_bind(), HOLYSTONE_REGISTRY_URI="http://127.0.0.1:5000")
    assert "Did you mean HOLYSTONE_REGISTRY_URL?" in said


def test_without_root_and_sudo_a_missing_registry_is_named_with_the_remedy(checkout: Path, path: Path) -> None:
    said = run(checkout, PATH=str(path), HOLYSTONE_BIND=free_bind())
    assert said == (
        "Missing: docker-registry. Install it with 'sudo apt-get install docker-registry', then type the command again.\n"
    )


def test_a_python_out_of_range_is_named_with_the_remedy(checkout: Path, path: Path) -> None:
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        put(path, name, '[ "$1" = --version ] && echo "Python 3.10.12"; exit 1')
    said = refused(checkout, "deploy/local/setup", PATH=str(path))
    assert said.startswith(
        "Holystone needs Python 3.11, 3.12 or 3.13, and this machine has Python 3.10.12: install one"
    )
    assert said.count("\n") == 1


def test_without_root_and_sudo_a_missing_ensurepip_is_named_with_the_remedy(checkout: Path, path: Path) -> None:
    (checkout / ".venv").unlink()
    put(path, "python3", "case $2 in *ensurepip*) exit 1 ;; *venv*) echo python3.12-venv ;; esac")
    said = refused(checkout, "deploy/local/setup", PATH=str(path))
    assert said == (
        "Missing: python3.12-venv. Install it with 'sudo apt-get install python3.12-venv', then type the command again.\n"
    )


def test_an_apt_get_that_fails_says_where_it_wrote_why_and_leaves_no_policy_behind(checkout: Path, path: Path) -> None:
    put(path, "id", "echo 0")
    policy = Path("/usr/sbin/policy-rc.d")
    before = policy.exists()
    put(path, "tee", "cat >/dev/null")
    put(path, "chmod", "exit 0")
    said = refused(checkout, "deploy/local/install", "docker-registry", PATH=str(path))
    assert said.endswith("apt-get could not install docker-registry: see var/log/apt-get.log.\n")
    assert policy.exists() == before
