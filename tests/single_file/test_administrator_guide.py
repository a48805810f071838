"""docs/administrator.md, typed as root on a disposable copy of this machine, with its own paths, ports and users."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import key_of, make_certificate
from tests.dashboard_process import PASSWORD
from tests.deploy import nginx_process
from tests.deploy.test_by_hand import GUIDES, blocks_of
from tests.runtime.keeper_process import wait_for
from tests.single_file.disposable import DisposableMachine, can_be_made

pytestmark = pytest.mark.skipif(
    not nginx_process.BINARY or not shutil.which("openssl"), reason="nginx or openssl is missing"
)

NAME = "holystone.example"
WAIT_S = 60.0
ANSWERED = f"--yes --password-stdin --administrator alice --server-name {NAME}"
PUSH = """\
from demo.build import image, layer
from demo.push import Pusher
pusher = Pusher("http://127.0.0.1:5000")
pusher.push("team/api", image([layer("kept")]), ["1.0"])
pusher.push_blob("team/api", layer("needed by nothing"))
"""
STATUS = """\
import requests, sys
print(requests.get(sys.argv[1], verify=sys.argv[2], timeout=5).status_code)
"""


@pytest.fixture
def machine(tmp_path: Path, built: Path) -> Iterator[DisposableMachine]:
    """A registry with an image and a layer that nothing needs, nginx, a certificate, and the file in /srv."""
    if not can_be_made():
        pytest.skip("a process may not be given mounts of its own here")
    certificate = make_certificate(tmp_path, NAME)
    with DisposableMachine(tmp_path / "machine", ":5000", own_network=True) as machine:
        machine.write("/etc/ssl/certs/holystone.pem", certificate.read_text())
        machine.write("/etc/ssl/private/holystone.key", key_of(certificate).read_text())
        machine.run("sh", "-c", f"echo 127.0.0.1 {NAME} >> /etc/hosts")
        machine.put(built / "holystone", "/srv/holystone")
        assert machine.run("nginx").returncode == 0
        wait_for(lambda: python(machine, PUSH).returncode == 0, "the plain registry takes a push", WAIT_S)
        yield machine


def python(machine: DisposableMachine, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a Python of the tests in there."""
    return machine.run(sys.executable, "-c", code, *words, environment={"PYTHONPATH": str(GUIDES[0].parents[1])})


def test_whoever_types_the_guide_has_a_registry_that_looks_after_itself(machine: DisposableMachine) -> None:
    said = ""
    for block in blocks_of(GUIDES[0])[[str(number) for number in range(1, 12)]]:
        typed = block.replace("holystone setup\n", f"holystone setup {ANSWERED}\n")
        done = machine.run("sh", "-ec", f"cd /srv\n{typed}", given=PASSWORD + "\n")
        assert done.returncode == 0, f"{typed}\n{done.stdout}{done.stderr}"
        said += done.stdout
        if "supervisorctl" in block or "holystone setup\n" in block:
            wait_for(lambda: serves(machine), "the registry answers behind its keeper", WAIT_S)
    assert "team/api" in said
    assert "A collection would free" in said
    assert said.count("Freed ") == 2
    assert said.count("It was restored once for proof.") == 2
    assert said.count("are in place; everybody has to sign in again.") == 2
    assert "good     The records: They can be read" in said
    assert "/usr/local/lib/holystone/keeper.py: as it is." in said
    page = python(machine, STATUS, f"https://{NAME}/sign-in", "/etc/ssl/certs/holystone.pem")
    assert page.stdout == "200\n", page.stderr
    users = json.loads(machine.run("holystone", "users", "list", "--json").stdout)["users"]
    assert [each["name"] for each in users] == ["alice"]


def serves(machine: DisposableMachine) -> bool:
    """Whether the keeper says that it serves, and the registry answers."""
    state = machine.read("/var/lib/registry-keeper/state")
    return '"phase": "serving"' in state and python(machine, STATUS, "http://127.0.0.1:5000/v2/", "").stdout == "200\n"
