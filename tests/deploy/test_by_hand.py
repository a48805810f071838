"""docs/by-hand.md, typed within docs/administrator.md: on a registry of its own, with other paths, ports and no users."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import requests

from config import Settings
from demo.build import OCI_MANIFEST, image, layer
from demo.push import Pusher
from deploy.local.supervisor_config import WITH_ITS_PARENT
from tests.certificates import make_certificate
from tests.deploy import nginx_process
from tests.deploy.checkout import ROOT, answers, copy_checkout, plain_environment
from tests.deploy.nginx_process import AROUND as AROUND_NGINX
from tests.deploy.test_supervisor import AROUND as AROUND_SUPERVISOR
from tests.registry_process import BINARY
from tests.runtime.keeper_process import PYTHON, accepts_writes, reserved_port, wait_for

GUIDES = (ROOT / "docs/administrator.md", ROOT / "docs/by-hand.md")
KEPT = image([layer("kept")])
PASSWORD = "soft stone on deck"
WAIT_S = 60.0
CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {store}}}
http: {{addr: {address}}}
"""
WHAT_STEP_2_SAYS = "  delete: {enabled: true}\n"
PLAIN = """\
[program:registry]
command = {binary} serve {config}
"""

# What needs root, or another machine's packages.
LEFT_OUT = ("adduser ", "git ", "python3 -m venv ", ".venv/bin/python -m pip ")


class Machine:
    """An administrator's machine in a folder: its /etc, /var, /opt and /usr/local, a supervisord, a plain registry."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._reserved = [reserved_port() for _ in range(6)]
        ports = [each.getsockname()[1] for each in self._reserved]
        self.registry_port, _reads, _moved, self.dashboard_port, self.nginx_port, plain_port = ports
        self._changes = [
            (r"listen 80;", f"listen 127.0.0.1:{plain_port};"),
            (r"listen 443 ssl;", f"listen 127.0.0.1:{self.nginx_port} ssl;"),
            (r"/etc/ssl/certs/holystone.pem", "/etc/ssl/127.0.0.1.pem"),
            (r"/etc/ssl/private/holystone.key", "/etc/ssl/127.0.0.1.key"),
            (r"listen 5000;", f"listen 127.0.0.1:{self.registry_port};"),
            (r"--address :5000", f"--address 127.0.0.1:{self.registry_port}"),
            *((rf"\b{old}\b", str(new)) for old, new in zip((5000, 5001, 5002, 8000), ports, strict=False)),
            (r"(?<![\w.])/(etc|opt|var|usr/local)/", rf"{home}/\1/"),
            (r"-C /(?=\s)", f"-C {home}"),
            (r"/usr/bin/docker-registry", BINARY),
            (r"/usr/bin/python3", PYTHON),
            (r" -o \w+(-registry)? -g [\w-]+", ""),
            (r"runuser -u holystone -- ", ""),
            (r"user = .*\n", ""),
            (r"(holystone users create.*)", rf"echo '{PASSWORD}' | \1 --password-stdin"),
            (r"--drain 70", "--drain 15"),
        ]
        for folder in ("etc/docker/registry", "etc/supervisor/conf.d", "etc/nginx/conf.d", "etc/ssl", "bin", "nginx"):
            (home / folder).mkdir(parents=True)
        self.certificate = make_certificate(home / "etc/ssl", "127.0.0.1")
        for folder in (
            "var/lib/docker-registry",
            "var/lib/holystone",
            "var/log",
            "var/backups",
            "usr/local/bin",
            "usr/local/share",
            "opt",
        ):
            (home / folder).mkdir(parents=True)
        self.config = home / "etc/docker/registry/config.yml"
        self._check_out()
        self._make_programs()

    def changed(self, text: str) -> str:
        """With the paths, ports and users of this machine."""
        for pattern, new in self._changes:
            text = re.sub(pattern, new, text)
        return text

    def type(self, block: str) -> str:
        """What a block of the guide prints, typed here."""
        lines = [line for line in block.splitlines(keepends=True) if not line.startswith(LEFT_OUT)]
        path = f"{self.home}/bin:{self.home}/usr/local/bin:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-ec", self.changed("".join(lines))],
            env={**plain_environment(), "PATH": path},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serves(self) -> bool:
        """Whether the registry takes writes, and its keeper says that it serves."""
        state = self.home / "var/lib/registry-keeper" / "state"
        return accepts_writes(self.url) and state.is_file() and json.loads(state.read_text())["phase"] == "serving"

    def _check_out(self) -> None:
        """A copy, whose files for supervisor and nginx name this machine's paths."""
        checkout = copy_checkout(self.home / "opt" / "holystone")
        for name in (
            "supervisor/registry.conf",
            "supervisor/holystone.conf",
            "nginx/registry.conf",
            "nginx/holystone.conf",
        ):
            file = checkout / "deploy" / name
            file.write_text(self.changed(file.read_text()))

    def _make_programs(self) -> None:
        """supervisorctl and nginx, each with the configuration of this machine, as they are on one of its own."""
        self.supervisor = self.home / "supervisord.conf"
        around = AROUND_SUPERVISOR.format(home=self.home)
        self.supervisor.write_text(
            around.replace(f"{self.home}/registry.conf", f"{self.home}/etc/supervisor/conf.d/*.conf")
        )
        around = AROUND_NGINX.format(home=self.home / "nginx")
        around = around.replace(f"{self.home}/nginx/site.conf", f"{self.home}/etc/nginx/conf.d/*.conf")
        # A reload takes a master and its workers, which are somebody else where the master is root.
        around = around.replace("master_process off;", "user root root;" if os.geteuid() == 0 else "")
        (self.home / "nginx" / "nginx.conf").write_text(around)
        programs = {
            "supervisorctl": f"{sys.executable} -m supervisor.supervisorctl -c {self.supervisor}",
            "nginx": f"{nginx_process.BINARY} -p {self.home}/nginx -c {self.home}/nginx/nginx.conf",
        }
        for name, command in programs.items():
            program = self.home / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            program.chmod(0o755)

    @property
    def url(self) -> str:
        """Where people push and pull, before and after."""
        return f"http://127.0.0.1:{self.registry_port}"

    def __enter__(self) -> Machine:
        store = self.home / "var/lib/docker-registry"
        self.config.write_text(CONFIG.format(store=store, address=f"127.0.0.1:{self.registry_port}"))
        plain = self.home / "etc/supervisor/conf.d/registry.conf"
        plain.write_text(PLAIN.format(binary=BINARY, config=self.config))
        supervisord = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.supervisor)]
        nginx = [str(self.home / "bin" / "nginx")]
        self._processes = [
            subprocess.Popen(
                [*WITH_ITS_PARENT, *each], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=plain_environment()
            )
            for each in (supervisord, nginx)
        ]
        wait_for(lambda: accepts_writes(self.url), "the plain registry answers", WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(WAIT_S)
        for taken in self._reserved:
            taken.close()


def blocks() -> list[str]:
    """What is typed, in its order: a section of the one guide in the place of one of the other."""
    administrator, by_hand = map(blocks_of, GUIDES)
    order = [*by_hand["1234"], *administrator["456789"], *by_hand["5"]]
    return [*administrator["12"], *order, *administrator[("11",)]]


def blocks_of(guide: Path) -> Sections:
    """The blocks of a guide by the numbers of their sections."""
    sections = re.split(r"^## (\d+)\. ", guide.read_text(), flags=re.MULTILINE)
    found = zip(sections[1::2], sections[2::2], strict=True)
    return Sections(
        {number: re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) for number, text in found}
    )


class Sections(dict[str, list[str]]):
    """Several at once: `sections["123"]`."""

    def __getitem__(self, numbers: Iterable[str]) -> list[str]:
        return [block for number in numbers for block in super(Sections, self).__getitem__(number)]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """It runs a registry with an image and a layer that nothing needs any more."""
    with Machine(tmp_path / "machine") as machine:
        Pusher(machine.url).push("team/api", KEPT, ["1.0"])
        Pusher(machine.url).push_blob("team/api", layer("needed by nothing"))
        yield machine


@pytest.mark.skipif(not nginx_process.BINARY or not shutil.which("openssl"), reason="nginx or openssl is missing")
def test_whoever_types_the_guide_has_a_registry_that_looks_after_itself(machine: Machine) -> None:
    printed = []
    for block in blocks():
        printed.append(machine.type(block))
        if "config.yml.before" in block:
            add_what_step_2_says(machine.config)
        if "supervisorctl" in block:
            wait_for(machine.serves, "the registry answers behind its keeper", WAIT_S)
    said = "".join(printed)
    assert "team/api" in said
    assert '"phase": "serving"' in said
    assert "A collection would free" in said
    assert said.count("Freed ") == 2
    sign_in = f"https://127.0.0.1:{machine.nginx_port}/sign-in"
    wait_for(lambda: answers(sign_in, machine.certificate), "the dashboard answers behind nginx", WAIT_S)
    forged = requests.get(
        sign_in, headers={"X-Forwarded-Prefix": "/forged"}, timeout=5, verify=str(machine.certificate)
    )
    assert "/forged" not in forged.text
    assert (machine.home / "var/backups/holystone/settings.tar.gz").stat().st_size > 0
    assert said.count("It was restored once for proof.") == 2
    assert said.count("are in place; everybody has to sign in again.") == 2
    assert len(list((machine.home / "var/lib/holystone").glob("holystone.db.before-*"))) == 2
    assert "good     The records: They can be read" in said
    assert "== Last runs\n" in said
    pulled = requests.get(f"{machine.url}/v2/team/api/manifests/1.0", headers={"Accept": OCI_MANIFEST}, timeout=5)
    assert pulled.content == KEPT.raw


def test_the_guides_name_files_and_settings_that_there_are() -> None:
    for file in GUIDES:
        guide = file.read_text()
        links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", guide)]
        assert [link for link in links if not (file.parent / link).is_file()] == []
        assert set(re.findall(r"HOLYSTONE_([A-Z_]+)", guide)) <= {each.name for each in fields(Settings)}
        named = re.findall(r"/opt/holystone/((?:deploy|webapp)/[\w./-]+)", guide)
        named += [f"deploy/{each}" for each in re.findall(r"/usr/local/share/holystone/([\w./-]+)", guide)]
        assert named
        assert [name for name in named if not (ROOT / name).is_file()] == []


def add_what_step_2_says(config: Path) -> None:
    """Deletes are enabled, with an editor."""
    text = config.read_text().replace(
        "\nhttp: {", f"\n{WHAT_STEP_2_SAYS}http: {{secret: for tests, draintimeout: 10s, "
    )
    config.write_text(text)
